"""The conformance kit: what every pipeline and every registry backend promises, ready to run on a plugin's own.

A plugin's tests run it in pytest::

    from bike_traffic.testing import pipeline_checks

    @pipeline_checks("mine")
    def test_promises(check):
        check()

A backend's tests inherit `BackendChecks`, a city's `CityChecks`. ``bt plugins check NAME`` runs the checks of a
pipeline without pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bike_traffic.testing.backends.checks import BackendChecks
    from bike_traffic.testing.backends.event_checks import OpenBackend
    from bike_traffic.testing.cities import CityChecks
    from bike_traffic.testing.pipelines.checks import PIPELINE_CHECKS
    from bike_traffic.testing.pipelines.in_pytest import pipeline_checks
    from bike_traffic.testing.pipelines.subject import CheckFailed, PipelineSubject

__all__ = [
    "PIPELINE_CHECKS",
    "BackendChecks",
    "CheckFailed",
    "CityChecks",
    "OpenBackend",
    "PipelineSubject",
    "pipeline_checks",
]

# Only what is used is imported: `bt plugins check` works where pytest is not installed.
_HOMES = {
    "PIPELINE_CHECKS": "pipelines.checks",
    "BackendChecks": "backends.checks",
    "CheckFailed": "pipelines.subject",
    "CityChecks": "cities",
    "OpenBackend": "backends.event_checks",
    "PipelineSubject": "pipelines.subject",
    "pipeline_checks": "pipelines.in_pytest",
}


def __getattr__(name: str) -> Any:
    if name in ("BackendChecks", "CityChecks", "OpenBackend"):
        import pytest

        # Without it a broken promise would only be an `AssertionError` without the values.
        checks = [f"bike_traffic.testing.{name}" for name in ("backends.checks", "backends.event_checks", "cities")]
        pytest.register_assert_rewrite(*checks)
    if name in _HOMES:
        return getattr(import_module(f"bike_traffic.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bike_traffic.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
