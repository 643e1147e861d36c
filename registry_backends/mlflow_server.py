"""The requests of `MlflowRegistry` to an MLflow server: versions, runs, files; and the format of its tags."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bike_traffic.addresses import shown
from bike_traffic.errors import RegistryCorrupt, RegistryError, RegistryUnavailable, SettingsError
from bike_traffic.registry.files.artifacts import FileDigest, all_digests, copy_tree
from bike_traffic.registry.records import ModelRecord, parse_time
from bike_traffic.tracking.logged_model import FILES, MODEL, mlflow_model
from bike_traffic.tracking.mlflow_client import (
    already_there,
    prepare_environment,
    quiet,
    reason_of,
    written,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

TAG = "bike_traffic."
PAGE = 1000
_TAG_LENGTH = 4000
"""Length of one piece of a text: a tag can have 100,000 characters in MLflow 3, 5,000 in older servers."""


class MlflowServer:
    """An MLflow tracking server, or the SQLite file of one; connected on first use."""

    def __init__(self, uri: str, experiment: str) -> None:
        address = uri.removeprefix("mlflow+")
        scheme, _, rest = address.partition("://")
        if scheme not in ("http", "https", "sqlite") or not rest.strip("/"):
            raise SettingsError(
                "backend 'mlflow' keeps a registry at mlflow+http://…, mlflow+https://… or mlflow+sqlite:///…, "
                f"not at {uri}",
                "registry-uri-not-mlflow",
                uri=uri,
            )
        self._address = address
        self._experiment = experiment
        self._database = Path(rest.removeprefix("/")) if scheme == "sqlite" else None
        self.uri = shown(address)

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's own client, which makes the file of SQLite if there is none."""
        from mlflow import MlflowClient

        if self._database is not None:
            self._database.parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=self._address, registry_uri=self._address)

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Turn errors of MLflow and the network into `RegistryUnavailable`, in one line and without a password."""
        prepare_environment()
        with quiet():
            from mlflow import MlflowException

        try:
            yield
        except RegistryError:
            raise
        except (MlflowException, OSError) as error:
            reason = shown(reason_of(error))
            # `from None`: a traceback would show the address with its password
            raise RegistryUnavailable(f"{self.uri}: {reason}", "mlflow-error", uri=self.uri, reason=reason) from None

    def experiment(self, *, create: bool) -> str | None:
        """Return the id of the experiment that holds the runs."""
        if not create and self._database is not None and not self._database.exists():
            return None
        experiment = self.client.get_experiment_by_name(self._experiment)
        if experiment is None and create:
            place = None if self._database is None else (self._database.parent.resolve() / "mlartifacts").as_uri()
            with already_there():
                self.client.create_experiment(self._experiment, place)
            experiment = self.client.get_experiment_by_name(self._experiment)
        return None if experiment is None else str(experiment.experiment_id)

    def versions(self, condition: str) -> list[ModelVersion]:
        """Return the versions of registered models for which `condition` holds, in no particular order."""
        return self._every("search_model_versions", condition)

    def models(self, condition: str) -> list[RegisteredModel]:
        """Return the registered models for which `condition` holds, in no particular order."""
        return self._every("search_registered_models", condition)

    def _every(self, search: str, condition: str) -> list[Any]:
        """Return what a search of the client finds on all its pages.

        Nothing is in a database that does not exist yet; the client would make it.
        """
        if self._database is not None and not self._database.exists():
            return []
        found: list[Any] = []
        token: str | None = None
        while True:
            page = getattr(self.client, search)(condition, PAGE, page_token=token)
            found.extend(page)
            token = page.token
            if not token:
                return found

    def new_version(self, name: str, run_id: str | None, tags: Mapping[str, str], description: str) -> ModelVersion:
        """Add a version to a registered model; the first version also creates the model."""
        source = f"runs:/{run_id}/{MODEL}" if run_id else "bike-traffic:/no-run"
        with already_there():
            self.client.create_registered_model(name)
        create = partial(self.client.create_model_version, name, source, run_id, dict(tags))
        return written(partial(create, description=description, await_creation_for=0))

    def run_tagged(self, key: str, value: str) -> Run | None:
        """Return the latest run with a tag; `value` must need no quoting."""
        from mlflow.entities import ViewType

        experiment = self.experiment(create=False)
        if experiment is None:
            return None
        condition = f"tags.`{TAG}{key}` = '{value}'"
        runs = self.client.search_runs([experiment], condition, ViewType.ALL, 1, ["attributes.start_time DESC"])
        return runs[0] if runs else None

    def new_run(self, name: str, tags: Mapping[str, str]) -> Run:
        """Make a run."""
        experiment = self.experiment(create=True)
        return self.client.create_run(str(experiment), tags={TAG + k: v for k, v in tags.items()}, run_name=name)

    def logged_json(self, run_id: str, name: str) -> dict[str, Any] | None:
        """Return the JSON object in a file of a run; ``None`` if there is no such file."""
        if name not in [file.path for file in self.client.list_artifacts(run_id)]:
            return None
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            path = Path(self.client.download_artifacts(run_id, name, folder))
            return _parse(path.read_text(encoding="utf-8"), f"{name} of run {run_id}")

    def holds_files(self, run: Run) -> bool:
        """Return whether a run has files of a model."""
        return bool(self.client.list_artifacts(run.info.run_id, FILES))

    def fetch_files(self, run: Run, directory: Path) -> None:
        """Copy a run's files of a model."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            path = self.client.download_artifacts(run.info.run_id, FILES, folder)
            copy_tree(Path(path), directory)

    def digests_of_files(self, run: Run) -> dict[str, FileDigest]:
        """Read a run's files back and return their digests, including the manifest's."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            self.fetch_files(run, Path(folder))
            return all_digests(Path(folder))

    def log_metrics(self, run: Run, record: ModelRecord) -> None:
        """Log the metrics and tags of a run by which `best` searches."""
        from mlflow.entities import Metric, RunTag

        entry, time = record.to_json(), microseconds(parse_time(record.timestamp))
        values = {name: float(entry[name]) for name in record.metrics if name in entry}
        values[f"{TAG}time"] = float(time)
        metrics = [Metric(name, value, max(time // 1000, 0), 0) for name, value in values.items()]
        tags = [RunTag(TAG + key, as_tag(value)) for key, value in described(record).items()]
        self.client.log_batch(run.info.run_id, metrics, tags=tags)

    def finish(self, run_id: str, record: ModelRecord, name: str) -> bool:
        """Write a record into its run if the run has its metrics and tags; return whether it has."""
        data = self.client.get_run(run_id).data
        tags = {TAG + key: as_tag(value) for key, value in described(record).items()}
        same = record.metrics.items() <= data.metrics.items() and tags.items() <= data.tags.items()
        if same:
            self.client.log_text(run_id, json.dumps(record.to_json(), allow_nan=False), name)
        return same

    def log_model(self, run: Run, directory: Path) -> None:
        """Store the files of `directory` in a run, inside a model that plain MLflow can load."""
        with mlflow_model(directory) as model:
            self.client.log_artifacts(run.info.run_id, str(model), MODEL)


def as_tag(value: object) -> str:
    """Return the text of a value in a tag: booleans as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def described(record: ModelRecord) -> dict[str, Any]:
    """Return the values shown in MLflow's pages and searched by `best`."""
    keys = ("run_id", "model_type", "env", "test_mode", "timestamp")
    return {key: getattr(record, key) for key in keys} | dict(record.metrics)


def in_words(record: ModelRecord) -> str:
    """Return a record as the description of its version: model, environment and metrics."""
    scores = ", ".join(f"{name} {value:.4g}" for name, value in record.metrics.items())
    return f"{record.model_type}, {record.env}{', test mode' if record.test_mode else ''}: {scores}"


def pieces(key: str, text: str) -> dict[str, str]:
    """Cut a text into tags: ``bike_traffic.record.0``, ``.1``, …"""
    starts = range(0, len(text), _TAG_LENGTH)
    return {f"{TAG}{key}.{number}": text[start : start + _TAG_LENGTH] for number, start in enumerate(starts)}


def joined(version: ModelVersion, key: str) -> dict[str, Any]:
    """Join and read the tags of `pieces`; raise `RegistryCorrupt` if it does not parse."""
    prefix = f"{TAG}{key}."
    numbered = {name.removeprefix(prefix): value for name, value in version.tags.items() if name.startswith(prefix)}
    text = "".join(numbered[number] for number in sorted(numbered, key=lambda number: (len(number), number)))
    return _parse(text, f"version {version.version} of {version.name}")


def _parse(text: str, what: str) -> dict[str, Any]:
    """Read a JSON object; raise `RegistryCorrupt` if it is not one."""
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise RegistryCorrupt(
            f"{what} is not a record: {error}", "mlflow-record-malformed", what=what, reason=str(error)
        ) from None
    if not isinstance(entry, dict):
        raise RegistryCorrupt(
            f"{what} is not a record: it holds a {type(entry).__name__}", "mlflow-record-type", what=what
        )
    return entry


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)
