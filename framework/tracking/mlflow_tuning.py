"""A search for parameters as a run in MLflow, with a run below it for each trial."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlflow.entities import Metric, Param, RunStatus
from mlflow.utils import mlflow_tags

from bike_traffic.tracking.mlflow_client import quiet
from bike_traffic.tracking.runs import TuningRun
from bike_traffic.tracking.stores.store import RunStore


class MlflowTuningRun(TuningRun):
    """A search in MLflow. It raises no error: `failure` is the first of those that were in the way.

    Parameters
    ----------
    new_run : creates the run of a trial with the given further tags, and returns its id.
    """

    def __init__(self, store: RunStore, run_id: str, new_run: Callable[[Mapping[str, str]], str]) -> None:
        self.run_id = run_id
        self.failure: Exception | None = None
        self._client = store.client
        self._new_run = new_run

    def log(
        self, number: int, parameters: Mapping[str, Any], values: Mapping[str, Sequence[float]], state: str
    ) -> None:
        """Make the run of a trial that has ended."""
        if self.failure is not None:
            return
        try:
            with quiet():
                self._log(number, parameters, values, state)
        except Exception as error:  # no error of tracking may stop a search
            self.failure = error

    def end(self, status: str) -> None:
        """Set the final status of the search."""
        try:
            with quiet():
                self._client.set_terminated(self.run_id, status)
        except Exception as error:
            self.failure = self.failure or error

    def _log(
        self, number: int, parameters: Mapping[str, Any], values: Mapping[str, Sequence[float]], state: str
    ) -> None:
        run_id = self._new_run({mlflow_tags.MLFLOW_PARENT_RUN_ID: self.run_id, "trial": str(number), "state": state})
        now = int(time.time() * 1000)
        metrics = [
            Metric(name, sum(folds[: fold + 1]) / (fold + 1), now, fold + 1)
            for name, folds in values.items()
            for fold in range(len(folds))
        ]
        written = [Param(name, str(value)) for name, value in parameters.items()]
        self._client.log_batch(run_id, metrics=metrics, params=written)
        end = RunStatus.FAILED if state == "failed" else RunStatus.FINISHED
        self._client.set_terminated(run_id, RunStatus.to_string(end))
