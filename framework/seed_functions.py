"""The two functions that the project started from, with their old arguments, on the registry of today."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import attrs

from bike_traffic.artifacts import model_files
from bike_traffic.config import load_settings
from bike_traffic.manager import PluginHost
from bike_traffic.pipeline import Pipeline
from bike_traffic.prediction import load_model
from bike_traffic.registry import ModelRecord, Query, open_registry, utc_now
from bike_traffic.signing import Trust


def update_summary(
    summary_path: str,
    model_type: str,
    env: str,
    test_mode: bool,
    model_uri: str,
    run_id: str | None = None,
    timestamp: str | None = None,
    **metrics: float,
) -> dict[str, Any]:
    """Append an entry to a ``summary.json``, and return it.

    The files at `model_uri` are not looked at: the entry has no digests, and loading by it must be allowed.

    Parameters
    ----------
    summary_path : a path, or ``gs://`` or ``s3://``.
    run_id, timestamp : a new id and the time now, where they are not given.
    metrics : such as ``r2=0.71, rmse=54.9``.

    Raises
    ------
    RegistryConflict, MergePending, RegistryUnavailable
    """
    record = ModelRecord.from_json(
        {
            "timestamp": timestamp or utc_now(),
            "model_type": model_type,
            "env": env,
            "test_mode": test_mode,
            "run_id": run_id or uuid4().hex,
            **metrics,
            "model_uri": model_uri,
        }
    )
    open_registry(summary_path).append(record)
    return record.to_json()


def get_best_model_from_summary(
    model_type: str,
    summary_path: str,
    metric: str = "r2",
    env: str = "prod",
    test_mode: bool = False,
    download_dir: str | None = None,
    *,
    allow_unverified: bool = False,
    credentials: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Load the best registered pipeline by a metric, its files checked against the record.

    Parameters
    ----------
    summary_path : a path, ``gs://``, ``s3://`` or ``http(s)://``.
    metric : any registered one; lower is better where it is.
    download_dir : leave a copy of the model's files there.
    allow_unverified : load files whose record has no digests to check them by, such as the original project's.
    credentials : a service account's key as a mapping, such as Streamlit's secrets hold; it is never written down.

    Raises
    ------
    NoRecord, UnknownMetric, IntegrityError, RegistryUnavailable
    """
    settings = load_settings(registry=summary_path)
    if credentials is not None:
        gcs = {**settings.backend_options.get("gcs", {}), "token": dict(credentials)}
        settings = attrs.evolve(settings, backend_options={**settings.backend_options, "gcs": gcs})
    host = PluginHost(only=settings.plugins, strict=settings.strict_plugins)
    registry = open_registry(settings=settings, host=host)
    record = registry.best(metric, Query(model_type=model_type, env=env, test_mode=test_mode))
    trust = Trust.of(settings, unverified=allow_unverified)
    if download_dir is not None:
        with model_files(registry, record, trust) as directory:
            shutil.copytree(directory, download_dir, dirs_exist_ok=True)
    return load_model(registry, record, host, trust).pipeline
