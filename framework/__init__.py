"""Hourly bicycle counts in Paris: train, evaluate, register, find the best model, predict.

Names are imported on first use, so that ``import bike_traffic`` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bike_traffic.api import backtest, evaluate, forecast, load_best, open_registry, predict, train
    from bike_traffic.at_scale import predict_folder, tune
    from bike_traffic.cities import City, CityColumns, FileForm
    from bike_traffic.data.cleaning import RawCleanerTransformer
    from bike_traffic.data.hours import hours_of
    from bike_traffic.errors import BikeTrafficError
    from bike_traffic.features.calendar import calendar_features
    from bike_traffic.features.history import CountFeatures, HistoryFeatures
    from bike_traffic.features.outages import training_rows
    from bike_traffic.features.recent import RecentLevel
    from bike_traffic.hookspecs import hookimpl
    from bike_traffic.monitoring.city import city_day
    from bike_traffic.monitoring.outages import outages
    from bike_traffic.monitoring.states import states
    from bike_traffic.monitoring.usual import Usual
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.places import Place, place_of, places_of
    from bike_traffic.registry.backend import RegistryBackend
    from bike_traffic.registry.events.event import RegistryEvent
    from bike_traffic.registry.files.artifacts import digest_directory, model_folder
    from bike_traffic.registry.files.artifacts import verify as verify_digests
    from bike_traffic.registry.queries import Query
    from bike_traffic.registry.records import ModelRecord
    from bike_traffic.specs import BackendSpec, PipelineSpec
    from bike_traffic.workspace import Workspace

__all__ = [
    "BackendSpec",
    "BikeTrafficError",
    "City",
    "CityColumns",
    "CountFeatures",
    "FileForm",
    "HistoryFeatures",
    "ModelRecord",
    "Pipeline",
    "PipelineSpec",
    "Place",
    "Query",
    "RawCleanerTransformer",
    "RecentLevel",
    "RegistryBackend",
    "RegistryEvent",
    "Usual",
    "Workspace",
    "backtest",
    "calendar_features",
    "city_day",
    "digest_directory",
    "evaluate",
    "forecast",
    "hookimpl",
    "hours_of",
    "load_best",
    "model_folder",
    "open_registry",
    "outages",
    "place_of",
    "places_of",
    "predict",
    "predict_folder",
    "states",
    "train",
    "training_rows",
    "tune",
    "verify_digests",
]

# Name -> its module, and its name there if that is another.
_HOMES = {
    "BackendSpec": "specs",
    "BikeTrafficError": "errors",
    "CountFeatures": "features.history",
    "HistoryFeatures": "features.history",
    "ModelRecord": "registry.records",
    "Pipeline": "pipeline",
    "PipelineSpec": "specs",
    "Place": "places",
    "Query": "registry.queries",
    "City": "cities",
    "CityColumns": "cities",
    "FileForm": "cities",
    "RawCleanerTransformer": "data.cleaning",
    "RecentLevel": "features.recent",
    "RegistryBackend": "registry.backend",
    "RegistryEvent": "registry.events.event",
    "Usual": "monitoring.usual",
    "Workspace": "workspace",
    "backtest": "api",
    "calendar_features": "features.calendar",
    "city_day": "monitoring.city",
    "digest_directory": "registry.files.artifacts",
    "evaluate": "api",
    "forecast": "api",
    "hookimpl": "hookspecs",
    "hours_of": "data.hours",
    "load_best": "api",
    "model_folder": "registry.files.artifacts",
    "open_registry": "api",
    "outages": "monitoring.outages",
    "place_of": "places",
    "places_of": "places",
    "predict": "api",
    "predict_folder": "at_scale",
    "states": "monitoring.states",
    "train": "api",
    "training_rows": "features.outages",
    "tune": "at_scale",
    "verify_digests": "registry.files.artifacts:verify",
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
