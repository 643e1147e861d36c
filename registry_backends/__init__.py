"""The built-in registry backends, declared like anyone else's."""

from __future__ import annotations

from bike_traffic.hookspecs import hookimpl
from bike_traffic.specs import BackendSpec


@hookimpl
def bt_registry_backends() -> list[BackendSpec]:
    """Declare the backends of this package."""
    return [
        BackendSpec(
            name="local",
            target="bike_traffic.registry_backends.summary:LocalRegistry",
            summary="summary.json and model folders on this machine",
            schemes=("file",),
        ),
    ]
