"""The registry on an MLflow server: a registered model a pipeline, a version a record, files in runs.

What is where:

- ``bike-traffic-{model_type}`` is a registered model, and each record is one of its versions. The record's whole
  JSON stands in the version's tags, written together with the version. A copy in the run's ``record.json`` is
  there to compare with.
- The runs of the experiment ``bike-traffic-registry`` hold the models' files, and the metrics that `best` asks for.
- ``bike-traffic.aliases`` is the log of the aliases: MLflow numbers the versions of a model one by one, so each
  change is a version of it. MLflow's own aliases follow the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bike_traffic.aliases import AliasChange, targets
from bike_traffic.artifacts import all_digests, model_folder, verify
from bike_traffic.errors import IntegrityError, NoRecord, RegistryConflict, RegistryError, SettingsError
from bike_traffic.metrics import Metric, metric_named
from bike_traffic.progress import progress
from bike_traffic.registry import ModelRecord, Query, RegistryBackend, parse_time
from bike_traffic.registry_backends.mlflow_server import PAGE, TAG, MlflowServer, joined, pieces
from bike_traffic.specs import NAME
from bike_traffic.tracking.logged_model import MODEL
from bike_traffic.upkeep import Finding

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_RECORD = "record.json"
_MLFLOW_ALIAS = re.compile(r"(?!(?:[Ll][Aa][Tt][Ee][Ss][Tt]|[vV]\d+)$)[\w-]{1,255}")
_TIED = 50
"""More equal runs than that are not looked up by their ids, which stand in the address of the request."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MlflowRegistry(RegistryBackend):
    """A registry on an MLflow tracking server, or in the SQLite file of one.

    Parameters
    ----------
    uri : the tracking URI behind ``mlflow+``, such as ``mlflow+http://127.0.0.1:5000``.
    prefix : what the names on the server begin with: one server can hold several registries.
    """

    name: ClassVar[str] = "mlflow"

    def __init__(self, uri: str, prefix: str = "bike-traffic", **options: Any) -> None:
        if options:
            raise SettingsError(f"backend 'mlflow' has no option '{min(options)}'")
        if not isinstance(prefix, str) or not NAME.fullmatch(prefix):
            raise SettingsError(f"backend 'mlflow': '{prefix}' cannot be a prefix of names")
        self._prefix = prefix
        self._alias_log = f"{prefix}.aliases"  # the models' names have a hyphen there
        self._server = MlflowServer(uri, f"{prefix}-registry")
        self.place = f"{self._server.uri} {prefix}"

    def append(self, record: ModelRecord) -> None:
        """Register a version; of two writers of one run id, the later one finds the other's and withdraws."""
        for part, what in ((record.run_id, "a run id"), (record.model_type, "a model type")):
            if not NAME.fullmatch(part):
                raise RegistryError(f"'{part}' cannot be {what}")
        text = json.dumps(record.to_json(), allow_nan=False)
        with self._server.talking():
            standing = self._versions_of(record.run_id)
            if standing:
                _refuse_another(standing[0], text)
                return
            run = self._run_of(record.run_id) or self._new_run(record.model_type, record.timestamp, record.run_id)
            self._note_metrics(run, record)
            name, tags = (
                f"{self._prefix}-{record.model_type}",
                {f"{TAG}run_id": record.run_id} | pieces("record", text),
            )
            tags |= {f"{TAG}{key}": _tag(value) for key, value in _described(record).items()}
            own = self._server.new_version(name, run.info.run_id, tags, _in_words(record))
            for other in self._versions_of(record.run_id):
                if other.name != name or int(other.version) < int(own.version):
                    self._server.client.delete_model_version(own.name, own.version)
                    _refuse_another(other, text)
                    return
            self._server.client.log_text(run.info.run_id, text, _RECORD)

    def _note_metrics(self, run: Run, record: ModelRecord) -> None:
        """Let the server's search know what `best` asks for."""
        from mlflow.entities import Metric as Noted
        from mlflow.entities import RunTag

        entry, microseconds = record.to_json(), _microseconds(parse_time(record.timestamp))
        values = {name: float(entry[name]) for name in record.metrics if name in entry}
        values[f"{TAG}time"] = float(microseconds)
        noted = [Noted(name, value, max(microseconds // 1000, 0), 0) for name, value in values.items()]
        tags = [RunTag(TAG + key, _tag(value)) for key, value in _described(record).items()]
        self._server.client.log_batch(run.info.run_id, noted, tags=tags)

    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Give the records that `query` admits, in the order in which their versions were created."""
        entries = [joined(version, "record") for version in self._versions()]
        return (ModelRecord.from_json(entry) for entry in entries if query.admits(entry))

    def best(self, metric: str, query: Query) -> ModelRecord:
        """Return the best record by the server's own search, or by reading all where that does not settle it."""
        measure = metric_named(metric)
        with self._server.talking():
            found = self._search_best(measure, query)
        return found or super().best(metric, query)

    def _search_best(self, metric: Metric, query: Query) -> ModelRecord | None:
        """Ask for the runs in the order of the metric, and take the earliest record of the best that have one.

        ``None`` where too many tie, or where a run says something else than its record.
        """
        from mlflow.entities import ViewType

        asked = {"model_type": query.model_type, "env": query.env, "test_mode": query.test_mode}
        wanted = {key: _tag(value) for key, value in asked.items() if value is not None}
        experiment = self._server.experiment(create=False)
        if experiment is None or not all(NAME.fullmatch(value) for value in wanted.values()):
            return None
        conditions = [f"tags.`{TAG}{key}` = '{value}'" for key, value in wanted.items()]
        conditions += [f"metrics.`{TAG}time` <= {_microseconds(query.as_of)}"] if query.as_of else []
        order = [f"metrics.{metric.name} {'DESC' if metric.higher_is_better else 'ASC'}"]
        runs = self._server.client.search_runs([experiment], " and ".join(conditions), ViewType.ALL, 2 * _TIED, order)
        for value, tied in groupby(runs, lambda run: run.data.metrics.get(metric.name)):
            ids = [run.info.run_id for run in tied]
            if value is None or len(ids) > _TIED or (runs.token and ids[-1] == runs[-1].info.run_id):
                return None
            condition = f"run_id IN ({', '.join(repr(run_id) for run_id in ids)})"
            for version in self._in_order(self._server.versions(condition)):
                entry = joined(version, "record")
                counting = self._versions_of(version.tags[f"{TAG}run_id"])[:1]
                if [(v.name, v.version) for v in counting] != [(version.name, version.version)]:
                    return None
                if entry.get(metric.name) != value:
                    return None
                if query.admits(entry):  # else what the search knows nothing of keeps it out, such as a random split
                    return ModelRecord.from_json(entry)
        return None

    def verify_records(self) -> Iterator[Finding]:
        """Compare each version's tags with the ``record.json`` of its run."""
        for version in self._versions():
            entry, run_id = joined(version, "record"), version.tags[f"{TAG}run_id"]
            what = f"version {version.version} of {version.name}"
            with self._server.talking():
                recorded = self._server.logged_json(str(version.run_id), _RECORD)
            if recorded is None:
                yield Finding("unrecorded", run_id, f"it is {what}, but its run has no {_RECORD}")
            elif recorded != entry:
                keys = sorted(key for key in entry.keys() | recorded if entry.get(key) != recorded.get(key))
                yield Finding("edited", run_id, f"{', '.join(keys)} in {what} and in {_RECORD} differ")

    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Log the files as an MLflow model, read them back, and only then let their run stand for `run_id`."""
        with self._server.talking(), progress(f"mlflow: uploading to {self._server.uri}", None):
            digests = all_digests(directory)
            run = self._run_of(run_id)
            if run is not None and self._server.holds_files(run):
                if self._server.digests_of_files(run) != digests:
                    raise RegistryConflict(f"{_uri(run)} holds other files than those of run {run_id}")
                return _uri(run)
            run = self._new_run(model_type, timestamp, run_id, complete=False)
            try:
                self._server.log_model(run, directory)
                if self._server.digests_of_files(run) != digests:
                    raise IntegrityError(f"{_uri(run)}: what was read back is not what was uploaded")
                self._server.client.set_tag(run.info.run_id, f"{TAG}run_id", run_id)
                self._server.client.update_run(run.info.run_id, "FINISHED")
            except BaseException:
                with suppress(Exception):  # that the run stands for nothing does not depend on it
                    self._server.client.update_run(run.info.run_id, "FAILED")
                raise
            return _uri(run)

    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of `record`, and check each against its digest."""
        with self._server.talking(), progress(f"mlflow: downloading from {self._server.uri}", None):
            run = self._run_of(record.run_id)
            if run is None or not self._server.holds_files(run):
                raise NoRecord(f"the files of run {record.run_id} are gone: {self._server.uri} has none")
            self._server.bring_files(run, directory)
        if record.artifacts is not None:
            verify(directory, record.artifacts, _uri(run))

    def promote(self, run_id: str, alias: str, *, actor: str, reason: str = "") -> AliasChange:
        """Let an alias stand for a run; raise `RegistryError` for a name that MLflow does not take."""
        if NAME.fullmatch(alias) and not _MLFLOW_ALIAS.fullmatch(alias):
            raise RegistryError(
                f"'{alias}' cannot be an alias in MLflow; it takes letters, digits, '_' and '-', not 'latest' or 'v1'"
            )
        return super().promote(run_id, alias, actor=actor, reason=reason)

    def append_alias_change(self, change: AliasChange) -> None:
        """Add a change to the log, and let MLflow's alias follow."""
        with self._server.talking():
            standing = [known for known in self.alias_changes() if known.change_id == change.change_id]
            if standing and standing[0] != change:
                raise RegistryConflict(f"another record stands under the id {change.change_id}")
            if not standing:
                versions = self._versions_of(change.run_id)
                words = f"{change.kind} {change.alias} to {change.run_id} by {change.actor}: {change.reason}"
                self._server.new_version(
                    self._alias_log,
                    versions[0].run_id if versions else None,
                    pieces("change", json.dumps(change.to_json())),
                    words.removesuffix(": ")[:1000],
                )
            self._follow(change.alias)

    def alias_changes(self) -> list[AliasChange]:
        """Return every change of every alias, in the order of the log's versions."""
        with self._server.talking():
            versions = self._server.versions(f"name = '{self._alias_log}'")
        changes: dict[str, AliasChange] = {}
        for version in sorted(versions, key=lambda version: int(version.version)):
            change = AliasChange.from_json(joined(version, "change"))
            changes.setdefault(change.change_id, change)
        return list(changes.values())

    def _follow(self, alias: str) -> None:
        """Let MLflow's alias stand where the log says, on that one model; look again, for others write too."""
        if not _MLFLOW_ALIAS.fullmatch(alias):
            return  # came with a copy of another registry; the log alone answers for it
        client = self._server.client
        while True:
            history = self.alias_history(alias)
            standing = targets(history)
            found = self._versions_of(standing[-1])[:1] if standing else []
            for version in found:
                client.set_registered_model_alias(version.name, alias, version.version)
            for model in client.search_registered_models(f"name LIKE '{self._prefix}-%'", PAGE):
                if alias in model.aliases and model.name not in [version.name for version in found]:
                    client.delete_registered_model_alias(model.name, alias)
            if self.alias_history(alias) == history:
                return

    def _versions(self) -> list[ModelVersion]:
        with self._server.talking():
            return self._in_order(self._server.versions(f"name LIKE '{self._prefix}-%'"))

    def _versions_of(self, run_id: str) -> list[ModelVersion]:
        """Return the versions of one record, the one that counts first; more than one is there for moments only."""
        if not NAME.fullmatch(run_id):
            return []
        found = self._server.versions(f"name LIKE '{self._prefix}-%' and tags.`{TAG}run_id` = '{run_id}'")
        return sorted(filter(self._is_record, found), key=lambda version: (version.name, int(version.version)))

    def _in_order(self, versions: Iterable[ModelVersion]) -> list[ModelVersion]:
        """Return the versions that count, in the order in which they were created."""
        counting: dict[str, ModelVersion] = {}
        for version in sorted(filter(self._is_record, versions), key=lambda v: (v.name, int(v.version))):
            counting.setdefault(version.tags[f"{TAG}run_id"], version)
        return sorted(counting.values(), key=lambda v: (v.creation_timestamp, v.name, int(v.version)))

    def _is_record(self, version: ModelVersion) -> bool:
        """Whether a version is a record of this registry, and not another's or somebody's own."""
        named = f"{self._prefix}-{version.tags.get(f'{TAG}model_type')}"
        return f"{TAG}run_id" in version.tags and version.name == named

    def _run_of(self, run_id: str) -> Run | None:
        return self._server.run_tagged("run_id", run_id) if NAME.fullmatch(run_id) else None

    def _new_run(self, model_type: str, timestamp: str, run_id: str, *, complete: bool = True) -> Run:
        tags = {"model_type": model_type} | ({"run_id": run_id} if complete else {})
        return self._server.new_run(model_folder(model_type, timestamp, run_id), tags)


def _refuse_another(standing: ModelVersion, text: str) -> None:
    if joined(standing, "record") != json.loads(text):
        raise RegistryConflict(f"another record stands under the id {standing.tags[f'{TAG}run_id']}")


def _described(record: ModelRecord) -> dict[str, Any]:
    """Return what people look for in MLflow's pages, and `best` in its search."""
    keys = ("run_id", "model_type", "env", "test_mode", "timestamp")
    return {key: getattr(record, key) for key in keys} | dict(record.metrics)


def _tag(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _in_words(record: ModelRecord) -> str:
    scores = ", ".join(f"{name} {value:.4g}" for name, value in record.metrics.items())
    return f"{record.model_type}, {record.env}{', test mode' if record.test_mode else ''}: {scores}"


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _uri(run: Run) -> str:
    return f"runs:/{run.info.run_id}/{MODEL}"
