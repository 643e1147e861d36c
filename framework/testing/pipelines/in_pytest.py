"""The checks of a pipeline as tests of pytest, one for each promise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import attrs
import pytest

from bike_traffic.errors import BikeTrafficError, no_such
from bike_traffic.manager import PluginHost
from bike_traffic.testing.pipelines.checks import PIPELINE_CHECKS, PipelineCheck
from bike_traffic.testing.pipelines.subject import CheckFailed, PipelineSubject, pipeline_subject

TestT = TypeVar("TestT", bound=Callable[..., Any])


def pipeline_checks(name: str, *, expected_failures: Mapping[str, str] | None = None) -> Callable[[TestT], TestT]:
    """Parametrize a test function with the checks of an installed pipeline, as its argument ``check``.

    The whole test is::

        @pipeline_checks("mine", expected_failures={"check_one_row_is_predicted_as_among_many": "needs a day"})
        def test_promises(check):
            check()

    Parameters
    ----------
    name : of the pipeline, as ``bt models`` lists it.
    expected_failures : the reason why a check is known to fail, by the name of the check. If it passes, its test
        fails: the reason no longer holds.

    Raises
    ------
    ValueError
        `expected_failures` names a check that does not exist.
    """
    failures = dict(expected_failures or {})
    names = [check.__name__ for check in PIPELINE_CHECKS]
    for expected in failures:
        if expected not in names:
            raise ValueError(no_such("check", expected, names))
    subject = _Subject(name)
    parameters = []
    for check in PIPELINE_CHECKS:
        reason = failures.get(check.__name__)
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, raises=CheckFailed, strict=True)]
        parameters.append(pytest.param(partial(_run, check, subject), id=check.__name__, marks=marks))
    return pytest.mark.parametrize("check", parameters)


@attrs.define
class _Subject:
    """The subject of all checks, prepared for the first; if that fails, it fails once and not once a check.

    The check that failed fails again if it is run again, so that a run with a missing plugin never passes.
    """

    name: str
    ready: PipelineSubject | None = None
    fault: str = ""
    failed: str = ""

    def get(self, check: str) -> PipelineSubject:
        """Return the subject; if it cannot be prepared, fail the test of the first check, and skip the others."""
        if self.fault and check != self.failed:
            pytest.skip(f"as said before: {self.fault}")
        if self.ready is None:
            self.failed = check
            try:
                self.ready = pipeline_subject(self.name, PluginHost())
            except BikeTrafficError as error:
                self.fault = str(error)
        if self.ready is None:  # outside of the handler, so that pytest shows no chain of errors
            pytest.fail(
                f"{self.fault}\nThe tests run in the environment of {sys.executable}. The plugin must be installed "
                "there, since it is found by its entry points: pip install --editable .",
                pytrace=False,
            )
        return self.ready


def _run(check: PipelineCheck, subject: _Subject) -> None:
    check(subject.get(check.__name__))
