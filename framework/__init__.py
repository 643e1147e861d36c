"""Hourly bicycle counts in Paris: train, evaluate honestly, register, find the best model again, predict.

Names are imported when they are first used, so that ``import bike_traffic`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bike_traffic.api import load_best, train
    from bike_traffic.cleaning import RawCleanerTransformer
    from bike_traffic.errors import BikeTrafficError
    from bike_traffic.hookspecs import hookimpl
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry import ModelRecord, Query, RegistryBackend, open_registry
    from bike_traffic.specs import BackendSpec, PipelineSpec

__all__ = [
    "BackendSpec",
    "BikeTrafficError",
    "ModelRecord",
    "Pipeline",
    "PipelineSpec",
    "Query",
    "RawCleanerTransformer",
    "RegistryBackend",
    "hookimpl",
    "load_best",
    "open_registry",
    "train",
]

_HOMES = {
    "BackendSpec": "specs",
    "BikeTrafficError": "errors",
    "ModelRecord": "registry",
    "Pipeline": "pipeline",
    "PipelineSpec": "specs",
    "Query": "registry",
    "RawCleanerTransformer": "cleaning",
    "RegistryBackend": "registry",
    "hookimpl": "hookspecs",
    "load_best": "api",
    "open_registry": "registry",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bike-traffic")
    if name in _HOMES:
        return getattr(import_module(f"bike_traffic.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'bike_traffic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
