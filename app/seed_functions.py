"""The two functions of the original project, with their arguments, on the registry."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from bike_traffic.api import open_registry
from bike_traffic.pipeline import Pipeline
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord, utc_now
from bike_traffic.workspace import Workspace


def update_summary(
    summary_path: str,
    model_type: str,
    run_id: str,
    model_uri: str,
    env: str = "prod",
    test_mode: bool = False,
    rmse: float | None = None,
    r2: float | None = None,
    accuracy: float | None = None,
    precision: float | None = None,
    recall: float | None = None,
    f1_score: float | None = None,
    *,
    timestamp: str | None = None,
    **metrics: float,
) -> dict[str, Any]:
    """Append an entry to a ``summary.json``, and return it.

    The files at `model_uri` are not read: the entry has no digests, and only ``allow_unverified`` loads its model.

    Parameters
    ----------
    summary_path : a path, or ``gs://`` or ``s3://``.
    rmse, r2, accuracy, precision, recall, f1_score : ``None`` is not written.
    timestamp : by default the current time.
    metrics : further ones, such as ``mae=20.1``.

    Raises
    ------
    RegistryConflict, MergePending, RegistryUnavailable
    """
    measured = {
        "rmse": rmse,
        "r2": r2,
        "accuracy": accuracy,
        "precision": precision,
        "recall": recall,
        "f1_score": f1_score,
    }
    record = ModelRecord.from_json(
        {
            "timestamp": timestamp or utc_now(),
            "model_type": model_type,
            "env": env,
            "test_mode": test_mode,
            "run_id": run_id,
            **{name: value for name, value in measured.items() if value is not None},
            **metrics,
            "model_uri": model_uri,
        }
    )
    open_registry(summary_path).append(record)
    return record.to_json()


def get_best_model_from_summary(
    model_type: str,
    summary_path: str,
    env: str = "prod",
    metric: str = "rmse",
    test_mode: bool = False,
    download_dir: str | None = None,
    *,
    sample: bool = False,
    allow_unverified: bool = False,
    credentials: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Load the best registered pipeline by a metric, its files checked against the record.

    Withdrawn models are left out.

    Parameters
    ----------
    summary_path : a path, ``gs://``, ``s3://`` or ``http(s)://``.
    metric : any registered one; for errors such as rmse the lowest value wins.
    download_dir : a folder for a copy of the model's files.
    sample : search the models of the generated sample, which are left out otherwise.
    allow_unverified : load files whose record has no digests, unchecked; the original project's have none.
    credentials : of the registry, such as the key of a service account in Streamlit's secrets; see
        `bike_traffic.open_registry`.

    Raises
    ------
    NoRecord, UnknownMetric, IntegrityError, RegistryUnavailable
    """
    workspace = Workspace.open(registry=summary_path, allow_unverified=allow_unverified, credentials=credentials)
    query = Query(model_type=model_type, env=env, test_mode=test_mode, sample=sample)
    record = workspace.registry.best(metric, query)
    if download_dir is not None:
        with model_files(workspace.registry, record, workspace.trust) as directory:
            shutil.copytree(directory, download_dir, dirs_exist_ok=True)
    return workspace.load(record).pipeline
