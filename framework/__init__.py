"""Hourly bicycle counts in Paris: train, evaluate honestly, register, find the best model again, predict.

Names are imported when they are first used, so that ``import bike_traffic`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bike_traffic.aliases import AliasChange
    from bike_traffic.api import load_best, train
    from bike_traffic.artifacts import digest_directory, model_folder
    from bike_traffic.artifacts import verify as verify_digests
    from bike_traffic.calendar import calendar_features
    from bike_traffic.cleaning import RawCleanerTransformer, training_rows
    from bike_traffic.errors import BikeTrafficError
    from bike_traffic.features import CountFeatures, HistoryFeatures
    from bike_traffic.hookspecs import hookimpl
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry import ModelRecord, Query, RegistryBackend, open_registry
    from bike_traffic.specs import BackendSpec, PipelineSpec

__all__ = [
    "AliasChange",
    "BackendSpec",
    "BikeTrafficError",
    "CountFeatures",
    "HistoryFeatures",
    "ModelRecord",
    "Pipeline",
    "PipelineSpec",
    "Query",
    "RawCleanerTransformer",
    "RegistryBackend",
    "calendar_features",
    "digest_directory",
    "hookimpl",
    "load_best",
    "model_folder",
    "open_registry",
    "train",
    "training_rows",
    "verify_digests",
]

# Name -> its module, and its name there where that is another.
_HOMES = {
    "AliasChange": "aliases",
    "BackendSpec": "specs",
    "BikeTrafficError": "errors",
    "CountFeatures": "features",
    "HistoryFeatures": "features",
    "ModelRecord": "registry",
    "Pipeline": "pipeline",
    "PipelineSpec": "specs",
    "Query": "registry",
    "RawCleanerTransformer": "cleaning",
    "RegistryBackend": "registry",
    "calendar_features": "calendar",
    "digest_directory": "artifacts",
    "hookimpl": "hookspecs",
    "load_best": "api",
    "model_folder": "artifacts",
    "open_registry": "registry",
    "train": "api",
    "training_rows": "cleaning",
    "verify_digests": "artifacts:verify",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bike-traffic")
    if name in _HOMES:
        module, _, attribute = _HOMES[name].partition(":")
        return getattr(import_module(f"bike_traffic.{module}"), attribute or name)
    raise AttributeError(f"module 'bike_traffic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
