"""Choose the store for the runs of a profile: the MLflow server of the settings, or the profile's own store.

The own store is ``mlruns_dev/`` or ``mlruns_prod/``. Metadata are in ``mlflow.db`` in that folder, the files of a run
in ``<artifacts>/<experiment id>/<run id>/artifacts/``; without the setting `artifacts` that is the same folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import attrs
from filelock import FileLock

from bike_traffic.addresses import shown
from bike_traffic.config import Settings
from bike_traffic.errors import TrackingError
from bike_traffic.tracking.mlflow_client import already_there, quiet

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

DATABASE = "mlflow.db"
_HEALTH_SECONDS = 5.0
_ALIASES = {"gcs://": "gs://", "s3a://": "s3://"}
_ATTEMPTS = 5


@attrs.frozen
class RunStore:
    """The store of the runs of this process.

    Parameters
    ----------
    uri : of the store, without what may be a secret.
    unreachable_server : URI of the server in the settings, if it does not answer.
    """

    client: MlflowClient
    uri: str
    experiment: Experiment
    unreachable_server: str | None = None


def experiment_name(env: str) -> str:
    """Return the experiment of a profile; the name contains the profile, so that both can share a server."""
    return f"bike-traffic-{env}"


def open_run_store(settings: Settings) -> RunStore:
    """Choose the store, and create the store and the experiment if necessary.

    Raises
    ------
    TrackingError, OSError, mlflow.exceptions.MlflowException
    """
    uri = settings.tracking_uri
    if uri is None:
        return _own_store(settings)
    if not uri.startswith(("http://", "https://")):
        raise TrackingError(
            f"tracking_uri must be the URL of an MLflow server (http://… or https://…), not {uri}",
            "tracking-uri-not-http",
            uri=uri,
        )
    if not is_healthy(uri):
        return attrs.evolve(_own_store(settings), unreachable_server=shown(uri))
    return _server(settings, uri)


def is_healthy(uri: str) -> bool:
    """Return whether an MLflow server answers at `uri`."""
    try:
        with urlopen(f"{shown(uri).rstrip('/')}/health", timeout=_HEALTH_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def artifact_root(settings: Settings) -> str:
    """Return the URI below which the profile's own store keeps files."""
    root = settings.artifacts
    if root is None:
        return settings.tracking_folder.resolve().as_uri()
    for alias, scheme in _ALIASES.items():
        root = re.sub(f"^{alias}", scheme, root)
    return root.rstrip("/") if "://" in root else Path(root).resolve().as_uri()


def store_uri(settings: Settings) -> str:
    """Return the tracking URI of the profile's own store, from any working directory."""
    return f"sqlite:///{settings.tracking_folder.resolve() / DATABASE}"


def prepare_own_store(settings: Settings) -> Experiment:
    """Create the profile's store and its experiment if necessary; a lock keeps other processes out."""
    with quiet():
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder, name = settings.tracking_folder, experiment_name(settings.env)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"), quiet():
        # Not through a client: only the store itself can name an experiment's folder after its id.
        store: Any = SqlAlchemyStore(store_uri(settings), artifact_root(settings))  # type: ignore[no-untyped-call]
        experiment: Experiment = store.get_experiment_by_name(name) or store.get_experiment(
            store.create_experiment(name)
        )
        return experiment


def _own_store(settings: Settings) -> RunStore:
    experiment = prepare_own_store(settings)
    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store_uri(settings), registry_uri=store_uri(settings))
    return RunStore(client, settings.own_store, experiment)


def _server(settings: Settings, uri: str) -> RunStore:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    name = experiment_name(settings.env)
    experiment = client.get_experiment_by_name(name) or _new_experiment(client, name, settings)
    return RunStore(client, shown(uri), experiment)


def _new_experiment(client: MlflowClient, name: str, settings: Settings) -> Experiment:
    """Create an experiment on a server, with its files in the `artifacts` of the settings or the server's own root.

    The location of the files contains the id of the experiment, and must be given before the server chooses the id.
    So the id is guessed. If another process took it, the new experiment is deleted and the next id is tried.
    """
    root = None if settings.artifacts is None else artifact_root(settings)
    for _ in range(_ATTEMPTS):
        latest = _latest_id(client)
        guess = str(latest + 1)
        with already_there():
            created = client.create_experiment(name, None if root is None else f"{root}/{guess}")
            if root is not None and created != guess:
                client.rename_experiment(created, f"{name} (given up, {created})")
                client.delete_experiment(created)
                continue
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            return experiment
    raise TrackingError(f"the server did not create the experiment '{name}'", "experiment-not-created", name=name)


def _latest_id(client: MlflowClient) -> int:
    from mlflow.entities import ViewType

    latest = client.search_experiments(ViewType.ALL, 1, order_by=["experiment_id DESC"])
    return max((int(experiment.experiment_id) for experiment in latest), default=0)


def artifact_location_differs(settings: Settings, store: RunStore) -> bool:
    """Return whether the experiment keeps its files elsewhere: it was created before `artifacts` was changed."""
    if settings.artifacts is None and store.uri != settings.own_store:
        return False
    return not str(store.experiment.artifact_location).startswith(f"{artifact_root(settings)}/")
