"""A training as a run in MLflow: parameters, metrics, features, the model, pictures, and the link to the record."""

from __future__ import annotations

import getpass
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeVar

from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.models import Model
from mlflow.utils import mlflow_tags

from bike_traffic.addresses import shown
from bike_traffic.config import Settings
from bike_traffic.progress import progress
from bike_traffic.registry.record_parts import PluginInfo, TrackingInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.tracking.logged_model import MODEL, mlflow_model
from bike_traffic.tracking.mlflow_client import quiet, reason_of, unreachable
from bike_traffic.tracking.mlflow_tuning import MlflowTuningRun
from bike_traffic.tracking.runs import Notify, Run, Tracker, TrainedModel, TuningRun
from bike_traffic.tracking.stores.store import RunStore, artifact_location_differs, artifact_root, open_run_store

PICTURES = "pictures"
FEATURES = "features.json"
_PARTS_AS_PARAMETERS = ("split", "data", "libraries")
"""The parts of a record that become parameters of the run, such as ``split.kind``."""
_INVALID_IN_METRIC_NAME = re.compile(r"[^\w\-. :/]")
_BATCH_SIZE = 100
"""The number of parameters that MLflow accepts in one request; the limit for metrics is higher."""

Kind = Literal["metadata", "files"]
ItemT = TypeVar("ItemT")


class MlflowTracker(Tracker):
    """Creates runs in one experiment of MLflow."""

    def __init__(self, store: RunStore, env: str, notify: Notify) -> None:
        self._store = store
        self._env = env
        self._notify = notify

    @classmethod
    def open(cls, settings: Settings, notify: Notify) -> MlflowTracker:
        """Choose where runs go, and report it in one line."""
        store = open_run_store(settings)
        before = f"{store.unreachable_server} does not answer, so " if store.unreachable_server else ""
        after = ""
        if artifact_location_differs(settings, store):
            name, location = store.experiment.name, store.experiment.artifact_location
            after = f"; their files go to {location}, the location of experiment '{name}', and not to "
            after += f"{artifact_root(settings)}: rename the experiment in MLflow, and a new one starts there"
        shown = settings.tracking_folder if store.uri == settings.own_store else store.uri
        hint = f"; `bt mlflow --env {settings.env}` shows them" if store.uri == settings.own_store else ""
        notify(f"{before}runs are tracked in {shown}{hint}{after}")
        return cls(store, settings.env, notify)

    @contextmanager
    def run(self, model_type: str, *, test_mode: bool) -> Iterator[Run]:
        """Yield a run of MLflow, or the null object if MLflow cannot create one."""
        try:
            with quiet():
                run = MlflowRun(self._store, self._new_run(model_type, test_mode))
        except Exception as error:
            self._notify(f"{model_type}: not tracked: {shown(reason_of(error))}")
            yield Run()
            return
        try:
            with _ending(run.end):
                yield run
        finally:
            if run.missing:
                self._notify(
                    f"{model_type}: not recorded in {self._store.uri}: {', '.join(run.missing)}: {run.reason}"
                )

    @contextmanager
    def tuning(self, model_type: str) -> Iterator[TuningRun]:
        """Yield a run of MLflow whose children are the trials, or the null object if MLflow cannot create one."""
        name = f"tune-{model_type}"
        new_run = partial(self._new_run, model_type, False, name=name)
        try:
            with quiet():
                run = MlflowTuningRun(self._store, new_run(), lambda tags: new_run(tags=tags))
        except Exception as error:
            self._notify(f"{name}: not tracked: {shown(reason_of(error))}")
            yield TuningRun()
            return
        try:
            with _ending(run.end):
                yield run
        finally:
            if run.failure is not None:
                self._notify(f"{name}: not recorded in {self._store.uri}: {shown(reason_of(run.failure))}")

    def _new_run(
        self, model_type: str, test_mode: bool, *, name: str | None = None, tags: Mapping[str, str] | None = None
    ) -> str:
        client, own = self._store.client, {"env": self._env, "test_mode": str(test_mode).lower()}
        own |= {"model_type": model_type} | _source() | dict(tags or {})
        run_id = str(client.create_run(self._store.experiment.experiment_id, tags=own).info.run_id)
        client.update_run(run_id, name=f"{name or model_type}-{run_id[:8]}")
        return run_id


@contextmanager
def _ending(end: Callable[[str], None]) -> Iterator[None]:
    """Give `end` the status of the block: finished, killed by Ctrl-C, or failed."""
    status = RunStatus.FAILED
    try:
        yield
        status = RunStatus.FINISHED
    except KeyboardInterrupt:
        status = RunStatus.KILLED
        raise
    finally:
        end(RunStatus.to_string(status))


class MlflowRun(Run):
    """A run in MLflow. It raises no error: `missing` lists the parts that could not be recorded."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.run_id: str = run_id
        self.missing: list[str] = []
        self.reason = ""
        self._store = store
        self._client = store.client
        self._unreachable: set[Kind] = set()

    def log(self, trained: TrainedModel, files: Path) -> TrackingInfo:
        """Record a training, one part after the other."""
        with progress(f"{trained.record.model_type}: tracking", None):
            self._attempt("metadata", "parameters", partial(self._log_parameters, trained))
            self._attempt("metadata", "metrics", partial(self._log_metrics, trained))
            self._attempt("files", "features", partial(self._log_features, trained))
            self._attempt("files", "the model", partial(self._log_model, files))
            self._attempt("files", "pictures", partial(self._log_pictures, trained))
        experiment_id = str(self._store.experiment.experiment_id)
        return TrackingInfo(run_id=self.run_id, experiment_id=experiment_id, uri=self._store.uri)

    def registered(self, record: ModelRecord) -> None:
        """Record the URI of the registered model."""
        tag = partial(self._client.set_tag, self.run_id, "model_uri", record.model_uri)
        self._attempt("metadata", "the model's URI", tag)

    def end(self, status: str) -> None:
        """Set the final status of the run."""
        self._attempt("metadata", "its status", partial(self._client.set_terminated, self.run_id, status))

    def _attempt(self, kind: Kind, part: str, write: Callable[[], object]) -> None:
        """Write a part; if the server or the file store is unreachable, skip all later parts of that kind."""
        if kind not in self._unreachable:
            try:
                with quiet():
                    write()
                return
            except Exception as error:
                self.reason = shown(reason_of(error))
                if unreachable(error):
                    self._unreachable |= {"files", kind}
        self.missing.append(part)

    def _log_parameters(self, trained: TrainedModel) -> None:
        record = trained.record
        values: dict[str, object] = {"seed": record.split and record.split.seed, **(record.parameters or {})}
        for group in _PARTS_AS_PARAMETERS:
            values |= {f"{group}.{name}": value for name, value in record.to_json()[group].items()}
        values["data.digest"] = trained.fingerprint()
        values |= {f"libraries.{name}": version(name) for name in ("bike-traffic", "mlflow")}
        plugin = record.plugin or PluginInfo()
        tags = [RunTag("plugin", str(plugin.distribution)), RunTag("plugin_version", str(plugin.version))]
        parameters = [Param(name, str(value)) for name, value in values.items()]
        for batch in _batches(parameters):
            self._client.log_batch(self.run_id, params=batch, tags=tags)

    def _log_metrics(self, trained: TrainedModel) -> None:
        record, now = trained.record, int(time.time() * 1000)
        values = {**record.metrics, "fit_seconds": record.fit_seconds or 0.0, "peak_memory_mib": peak_memory()}
        values |= {f"four_week_mean/{name}": value for name, value in (record.baseline or {}).items()}
        values |= {f"recent_level/{name}": value for name, value in (record.recent or {}).items()}
        metrics = [Metric(name, float(value), now, 0) for name, value in values.items()]
        for name, epochs in history_of(trained.pipeline).items():
            metrics += [
                Metric(_INVALID_IN_METRIC_NAME.sub("_", name), value, now, step)
                for step, value in enumerate(epochs, 1)
            ]
        for batch in _batches(metrics):
            self._client.log_batch(self.run_id, metrics=batch)

    def _log_features(self, trained: TrainedModel) -> None:
        features = getattr(trained.pipeline, "feature_names_", None)
        of_model = None if features is None else [str(name) for name in features]
        self._client.log_dict(self.run_id, {"cleaned": list(trained.columns), "model": of_model}, FEATURES)

    def _log_model(self, files: Path) -> None:
        with mlflow_model(files) as folder:
            self._client.log_artifacts(self.run_id, str(folder), MODEL)
            model = Model.load(str(folder)).get_tags_dict() | {"artifact_path": MODEL, "run_id": self.run_id}
        # With this tag, MLflow's pages show the folder as a model with its signature.
        self._client.set_tag(self.run_id, mlflow_tags.MLFLOW_LOGGED_MODELS, json.dumps([model]))

    def _log_pictures(self, trained: TrainedModel) -> None:
        from bike_traffic.pictures.evaluation import draw

        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            draw(trained.pipeline, trained.evaluation, Path(folder))
            self._client.log_artifacts(self.run_id, folder, PICTURES)


def history_of(pipeline: object) -> Mapping[str, Sequence[float]]:
    """Return the values that a pipeline recorded for each epoch."""
    return getattr(pipeline, "history_", None) or {}


def peak_memory() -> float:
    """Return the peak resident memory of this process so far, in MiB; earlier work counts too."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # Linux counts in KiB


def _source() -> dict[str, str]:
    """Return user, command and git commit as tags with MLflow's own names."""
    tags = {mlflow_tags.MLFLOW_SOURCE_NAME: "bike-traffic", mlflow_tags.MLFLOW_SOURCE_TYPE: "LOCAL"}
    with suppress(OSError, KeyError, ImportError):  # the user may have no name on this machine
        tags[mlflow_tags.MLFLOW_USER] = getpass.getuser()
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
        tags[mlflow_tags.MLFLOW_GIT_COMMIT] = commit
    return tags


def _batches(items: Sequence[ItemT]) -> Iterator[Sequence[ItemT]]:
    return (items[start : start + _BATCH_SIZE] for start in range(0, len(items), _BATCH_SIZE))
