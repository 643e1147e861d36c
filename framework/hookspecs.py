"""Everything a plugin can hook into, on one screen."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from bike_traffic.specs import BackendSpec, PipelineSpec

hookspec = pluggy.HookspecMarker("bike_traffic")
hookimpl = pluggy.HookimplMarker("bike_traffic")


@hookspec
def bt_pipelines() -> Iterable[PipelineSpec]:  # type: ignore[empty-body]
    """Declare pipelines, without importing what they are built on."""


@hookspec
def bt_registry_backends() -> Iterable[BackendSpec]:  # type: ignore[empty-body]
    """Declare registry backends, without importing what they are built on."""
