"""Everything a plugin can hook into, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

from bike_traffic.cities import City
from bike_traffic.specs import BackendSpec, PipelineSpec

if TYPE_CHECKING:
    from bike_traffic.registry.records import ModelRecord

hookspec = pluggy.HookspecMarker("bike_traffic")
hookimpl = pluggy.HookimplMarker("bike_traffic")


@hookspec
def bt_pipelines() -> Iterable[PipelineSpec]:  # type: ignore[empty-body]
    """Declare pipelines, without importing the libraries that they use."""


@hookspec
def bt_registry_backends() -> Iterable[BackendSpec]:  # type: ignore[empty-body]
    """Declare registry backends, without importing the libraries that they use."""


@hookspec
def bt_cities() -> Iterable[City]:  # type: ignore[empty-body]
    """Declare cities whose counts can be read, without importing pandas."""


@hookspec
def bt_after_train(record: ModelRecord, metrics: Mapping[str, float]) -> None:
    """Receive a model that was just registered, with its metrics on the held-out rows.

    The training waits until it returns, so it must limit its own time. An exception is reported on standard error,
    and stops nothing.
    """
