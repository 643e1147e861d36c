"""Where the runs of a profile go: to the MLflow server of the settings, otherwise to the profile's own store.

The store of a profile is ``mlruns_dev/`` or ``mlruns_prod/``: metadata in ``mlflow.db`` there, the files of a run in
``<artifacts>/<experiment id>/<run id>/artifacts/``, with the folder itself as `artifacts` unless the settings say
another place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import attrs
from filelock import FileLock

from bike_traffic.config import Settings
from bike_traffic.errors import TrackingError
from bike_traffic.tracking.mlflow_client import already_there, quiet, secret_of, without_secret

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

DATABASE = "mlflow.db"
_HEALTH_SECONDS = 5.0
_ALIASES = {"gcs://": "gs://", "s3a://": "s3://"}
_ATTEMPTS = 5


@attrs.frozen
class Place:
    """Where the runs of this process go: an MLflow client, its URI for people, and the experiment.

    `unanswered` is the server that was asked for and does not answer, `secret` what of the URI nobody may read.
    """

    client: MlflowClient
    uri: str
    experiment: Experiment
    secret: str = ""
    unanswered: str | None = None


def experiment_name(env: str) -> str:
    """Return the experiment of a profile; the name contains the profile, so that both can share a server."""
    return f"bike-traffic-{env}"


def open_place(settings: Settings) -> Place:
    """Choose where runs go, and create the store and the experiment if necessary.

    Raises
    ------
    TrackingError, OSError, mlflow.exceptions.MlflowException
    """
    uri = settings.tracking_uri
    if uri is None:
        return _own_store(settings)
    shown = without_secret(uri, secret_of(uri))
    if not uri.startswith(("http://", "https://")):
        raise TrackingError(
            f"tracking_uri must be that of an MLflow server (http://… or https://…), not {shown}",
            "tracking-uri-no-server",
            shown=shown,
        )
    if not is_healthy(uri):
        return attrs.evolve(_own_store(settings), unanswered=shown)
    return _server(settings, uri)


def is_healthy(uri: str) -> bool:
    """Return whether an MLflow server answers at `uri`."""
    try:
        with urlopen(f"{without_secret(uri, secret_of(uri)).rstrip('/')}/health", timeout=_HEALTH_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def artifact_root(settings: Settings) -> str:
    """Return the URI below which the profile's own store keeps files."""
    asked = settings.artifacts
    if asked is None:
        return settings.tracking_folder.resolve().as_uri()
    for alias, scheme in _ALIASES.items():
        asked = re.sub(f"^{alias}", scheme, asked)
    return asked.rstrip("/") if "://" in asked else Path(asked).resolve().as_uri()


def store_uri(settings: Settings) -> str:
    """Return the tracking URI of the profile's own store, from any working directory."""
    return f"sqlite:///{settings.tracking_folder.resolve() / DATABASE}"


def prepare_own_store(settings: Settings) -> Experiment:
    """Create the profile's store and its experiment if necessary, one process at a time."""
    with quiet():
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder, name = settings.tracking_folder, experiment_name(settings.env)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"), quiet():
        # The store itself, because it names an experiment's folder by the experiment's id; a client cannot.
        store: Any = SqlAlchemyStore(store_uri(settings), artifact_root(settings))  # type: ignore[no-untyped-call]
        experiment: Experiment = store.get_experiment_by_name(name) or store.get_experiment(
            store.create_experiment(name)
        )
        return experiment


def _own_store(settings: Settings) -> Place:
    experiment = prepare_own_store(settings)
    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store_uri(settings), registry_uri=store_uri(settings))
    return Place(client, settings.own_store, experiment)


def _server(settings: Settings, uri: str) -> Place:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    name = experiment_name(settings.env)
    experiment = client.get_experiment_by_name(name) or _new_experiment(client, name, settings)
    secret = secret_of(uri)
    return Place(client, without_secret(uri, secret), experiment, secret)


def _new_experiment(client: MlflowClient, name: str, settings: Settings) -> Experiment:
    """Create an experiment on a server: its files go to the place in the settings, or to the server's own.

    A server that has another root gives an experiment the place it is told, and its id only afterwards. So the id
    is guessed, and an experiment whose id another process took meanwhile is given up.
    """
    root = None if settings.artifacts is None else artifact_root(settings)
    for _ in range(_ATTEMPTS):
        latest = _latest_id(client)
        guess = str(latest + 1)
        with already_there():
            made = client.create_experiment(name, None if root is None else f"{root}/{guess}")
            if root is not None and made != guess:
                client.rename_experiment(made, f"{name} (given up, {made})")
                client.delete_experiment(made)
                continue
        found = client.get_experiment_by_name(name)
        if found is not None:
            return found
    raise TrackingError(
        f"the server does not let an experiment '{name}' be made", "experiment-not-created", name=name
    )


def _latest_id(client: MlflowClient) -> int:
    from mlflow.entities import ViewType

    latest = client.search_experiments(ViewType.ALL, 1, order_by=["experiment_id DESC"])
    return max((int(experiment.experiment_id) for experiment in latest), default=0)


def kept_elsewhere(settings: Settings, place: Place) -> bool:
    """Return whether the experiment is older than the setting: MLflow never moves the files of an experiment."""
    if settings.artifacts is None and place.uri != settings.own_store:
        return False
    return not str(place.experiment.artifact_location).startswith(f"{artifact_root(settings)}/")
