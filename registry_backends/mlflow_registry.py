"""The registry on an MLflow server: one registered model per pipeline, one version per record, files in runs.

Where things are:

- ``bike-traffic-{model_type}`` is a registered model, and each record is one of its versions. The record's whole
  JSON is in the version's tags, written together with the version. `verify` compares it with the copy in the run's
  ``record.json``.
- The runs of the experiment ``bike-traffic-registry`` hold the models' files, and the metrics that `best` searches.
- ``bike-traffic.aliases`` is the log of the events; see `mlflow_events`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bike_traffic.errors import RegistryConflict, RegistryError, SettingsError
from bike_traffic.evaluation.metrics import Metric
from bike_traffic.names import NAME
from bike_traffic.progress import progress
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import all_digests, model_folder, verify
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.queries import Query, compared_entries
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.file_errors import files_conflict, files_gone, read_back_differs
from bike_traffic.registry_backends.mlflow_events import MlflowEventLog
from bike_traffic.registry_backends.mlflow_server import (
    TAG,
    MlflowServer,
    as_tag,
    described,
    in_words,
    joined,
    microseconds,
    pieces,
)
from bike_traffic.tracking.logged_model import MODEL

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.entities import PagedList

_RECORD = "record.json"
_TIED = 50
"""Largest number of runs looked up by their ids, which are in the URL of the request."""


class MlflowRegistry(MlflowEventLog, RegistryBackend):
    """A registry on an MLflow tracking server, or in the SQLite file of one.

    Parameters
    ----------
    uri : the tracking URI behind ``mlflow+``, such as ``mlflow+http://127.0.0.1:5000``.
    prefix : of every name on the server, so that one server can hold several registries.
    """

    name: ClassVar[str] = "mlflow"

    def __init__(self, uri: str, prefix: str = "bike-traffic") -> None:
        if not isinstance(prefix, str) or not NAME.fullmatch(prefix):
            raise SettingsError(
                f"backend 'mlflow': '{prefix}' cannot be a prefix of names", "prefix-malformed", prefix=prefix
            )
        self._prefix = prefix
        self._server = MlflowServer(uri, f"{prefix}-registry")
        self.registry_id = f"{self._server.uri} {prefix}"

    def append(self, record: ModelRecord) -> None:
        """Register a version; of two writers of one run id, the later one deletes its own version again."""
        for part, what in ((record.run_id, "a run id"), (record.model_type, "a model type")):
            if not NAME.fullmatch(part):
                raise RegistryError(f"'{part}' cannot be {what}", "name-malformed", part=part, what=what)
        text = json.dumps(record.to_json(), allow_nan=False)
        with self._server.talking():
            existing = self._versions_of(record.run_id)
            if existing:
                _refuse_another(existing[0], text)
                return
            run = self._run_of(record.run_id) or self._new_run(record.model_type, record.timestamp, record.run_id)
            self._server.log_metrics(run, record)
            name = f"{self._prefix}-{record.model_type}"
            tags = {f"{TAG}run_id": record.run_id} | pieces("record", text)
            tags |= {f"{TAG}{key}": as_tag(value) for key, value in described(record).items()}
            own = self._server.new_version(name, run.info.run_id, tags, in_words(record))
            for other in self._versions_of(record.run_id):
                if other.name != name or int(other.version) < int(own.version):
                    self._server.client.delete_model_version(own.name, own.version)
                    _refuse_another(other, text)
                    return
            self._server.client.log_text(run.info.run_id, text, _RECORD)

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Yield the records that `query` admits, in the order in which their versions were created."""
        entries = [joined(version, "record") for version in self._versions()]
        return (ModelRecord.from_json(entry) for entry in entries if query.admits(entry))

    def version(self) -> str:
        """Return the last change and the newest version of each registered model, from one search."""
        prefixes = (f"{self._prefix}-", self._log_name)
        with self._server.talking():
            models = self._server.models(f"name LIKE '{self._prefix}%'")
        return json.dumps(
            [
                [model.name, model.last_updated_timestamp, [version.version for version in model.latest_versions]]
                for model in sorted(models, key=lambda model: model.name)
                if model.name.startswith(prefixes)
            ]
        )

    def _compare(self, metric: Metric, query: Query) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
        """Search the server for the best record; read all records only if the search is not enough."""
        with self._server.talking():
            best = self._search_best(metric, query)
        return (best, self._search_compared(metric, query)) if best else super()._compare(metric, query)

    def _search_best(self, metric: Metric, query: Query) -> ModelRecord | None:
        """Search the runs ordered by the metric, and return the earliest record of the best runs.

        ``None`` if too many runs are equal, or if a run differs from its record.
        """
        runs = self._search_runs(metric, query, 2 * _TIED)
        if runs is None:
            return None
        for value, tied in groupby(runs, lambda run: run.data.metrics.get(metric.name)):
            ids = [run.info.run_id for run in tied]
            if value is None or len(ids) > _TIED or (runs.token and ids[-1] == runs[-1].info.run_id):
                return None
            for version in self._versions_of_runs(ids):
                entry = joined(version, "record")
                counting = self._versions_of(version.tags[f"{TAG}run_id"])[:1]
                if [(v.name, v.version) for v in counting] != [(version.name, version.version)]:
                    return None
                if entry.get(metric.name) != value:
                    return None
                if query.admits(entry):  # the search cannot express every condition, such as the split
                    return ModelRecord.from_json(entry)
        return None

    def _search_runs(self, metric: Metric, query: Query, limit: int) -> PagedList[Run] | None:
        """Return the best runs by the conditions that the search can express; ``None`` if it cannot search."""
        from mlflow.entities import ViewType

        requested = {"model_type": query.model_type, "env": query.env, "test_mode": query.test_mode}
        wanted = {key: as_tag(value) for key, value in requested.items() if value is not None}
        experiment = self._server.experiment(create=False)
        if experiment is None or not all(NAME.fullmatch(value) for value in wanted.values()):
            return None
        conditions = [f"tags.`{TAG}{key}` = '{value}'" for key, value in wanted.items()]
        conditions += [f"metrics.`{TAG}time` <= {microseconds(query.as_of)}"] if query.as_of else []
        order = [f"metrics.{metric.name} {'DESC' if metric.higher_is_better else 'ASC'}"]
        return self._server.client.search_runs([experiment], " and ".join(conditions), ViewType.ALL, limit, order)

    def _search_compared(self, metric: Metric, query: Query) -> Iterator[Mapping[str, Any]]:
        """Yield the best records, searched when the first is needed: there may be too many to read them all."""
        with self._server.talking():
            ids = [run.info.run_id for run in self._search_runs(metric, query, _TIED) or ()]
            entries = [joined(version, "record") for version in self._versions_of_runs(ids)]
        yield from compared_entries(entries, metric, query)

    def reconcile(self) -> int:
        """Write the ``record.json`` that writers did not come to, and return their number.

        Only where the run says the same as the version: another difference is reported by `verify_records`.
        """
        finished = 0
        for version in self._versions():
            entry = joined(version, "record")
            with self._server.talking():
                if self._server.logged_json(str(version.run_id), _RECORD) is None:
                    finished += self._server.finish(str(version.run_id), ModelRecord.from_json(entry), _RECORD)
        return finished

    def verify_records(self) -> Iterator[Finding]:
        """Compare each version's tags with the ``record.json`` of its run."""
        for version in self._versions():
            entry, run_id = joined(version, "record"), version.tags[f"{TAG}run_id"]
            what = f"version {version.version} of {version.name}"
            with self._server.talking():
                recorded = self._server.logged_json(str(version.run_id), _RECORD)
            if recorded is None:
                yield Finding("unrecorded", run_id, f"it is {what}, but its run has no {_RECORD}", {"where": what})
            elif recorded != entry:
                keys = sorted(key for key in entry.keys() | recorded if entry.get(key) != recorded.get(key))
                detail = f"{', '.join(keys)} in {what} and in {_RECORD} differ"
                yield Finding("edited", run_id, detail, {"keys": keys, "where": what})

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Log the files as an MLflow model, read them back, and only then tag their run with `run_id`."""
        with self._server.talking(), progress(f"mlflow: uploading to {self._server.uri}", None):
            digests = all_digests(directory)
            run = self._run_of(run_id)
            if run is not None and self._server.holds_files(run):
                if self._server.digests_of_files(run) != digests:
                    raise files_conflict(run_id, _uri(run))
                return _uri(run)
            run = self._new_run(model_type, timestamp, run_id, complete=False)
            try:
                self._server.log_model(run, directory)
                if self._server.digests_of_files(run) != digests:
                    raise read_back_differs(_uri(run))
                self._server.client.set_tag(run.info.run_id, f"{TAG}run_id", run_id)
                self._server.client.update_run(run.info.run_id, "FINISHED")
            except BaseException:
                with suppress(Exception):  # the run is not used in any case
                    self._server.client.update_run(run.info.run_id, "FAILED")
                raise
            return _uri(run)

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of `record`, and check each against its digest."""
        with self._server.talking(), progress(f"mlflow: downloading from {self._server.uri}", None):
            run = self._run_of(record.run_id)
            if run is None or not self._server.holds_files(run):
                raise files_gone(record.run_id, self._server.uri, reason="has none")
            self._server.fetch_files(run, directory)
        if record.artifacts is not None:
            verify(directory, record.artifacts, _uri(run))

    def _versions(self) -> list[ModelVersion]:
        with self._server.talking():
            return self._in_order(self._server.versions(f"name LIKE '{self._prefix}-%'"))

    def _versions_of_runs(self, ids: Sequence[str]) -> list[ModelVersion]:
        """Return the valid versions of MLflow's runs, in the order in which they were created."""
        condition = f"run_id IN ({', '.join(repr(run_id) for run_id in ids)})"
        return self._in_order(self._server.versions(condition)) if ids else []

    def _versions_of(self, run_id: str) -> list[ModelVersion]:
        """Return the versions of one record, the valid one first; concurrent writers can briefly make several."""
        if not NAME.fullmatch(run_id):
            return []
        versions = self._server.versions(f"name LIKE '{self._prefix}-%' and tags.`{TAG}run_id` = '{run_id}'")
        return sorted(filter(self._is_record, versions), key=lambda version: (version.name, int(version.version)))

    def _in_order(self, versions: Iterable[ModelVersion]) -> list[ModelVersion]:
        """Return the valid versions, in the order in which they were created."""
        counting: dict[str, ModelVersion] = {}
        for version in sorted(filter(self._is_record, versions), key=lambda v: (v.name, int(v.version))):
            counting.setdefault(version.tags[f"{TAG}run_id"], version)
        return sorted(counting.values(), key=lambda v: (v.creation_timestamp, v.name, int(v.version)))

    def _is_record(self, version: ModelVersion) -> bool:
        """Return whether a version is a record of this registry."""
        named = f"{self._prefix}-{version.tags.get(f'{TAG}model_type')}"
        return f"{TAG}run_id" in version.tags and version.name == named

    def _run_of(self, run_id: str) -> Run | None:
        return self._server.run_tagged("run_id", run_id) if NAME.fullmatch(run_id) else None

    def _new_run(self, model_type: str, timestamp: str, run_id: str, *, complete: bool = True) -> Run:
        tags = {"model_type": model_type} | ({"run_id": run_id} if complete else {})
        return self._server.new_run(model_folder(model_type, timestamp, run_id), tags)


def _refuse_another(existing: ModelVersion, text: str) -> None:
    if joined(existing, "record") != json.loads(text):
        raise RegistryConflict(
            f"another record has the id {existing.tags[f'{TAG}run_id']}",
            "record-conflict",
            name=existing.tags[f"{TAG}run_id"],
        )


def _uri(run: Run) -> str:
    return f"runs:/{run.info.run_id}/{MODEL}"
