"""The interface between trainings and tracking; it does not import MLflow.

A `Tracker` creates a `Run` for each training. `bike_traffic.tracking.opening` chooses the tracker from the settings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from bike_traffic.evaluation.measuring import Evaluation
    from bike_traffic.evaluation.references import References
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry.record_parts import TrackingInfo
    from bike_traffic.registry.records import ModelRecord

Notify = Callable[[str], None]


@attrs.frozen(kw_only=True)
class TrainedModel:
    """A trained model before it is registered.

    Parameters
    ----------
    record : `model_uri` is still empty.
    pipeline : as it is registered, usually fitted on all rows.
    columns : of the clean rows.
    fingerprint : returns the digest of all rows.
    references : learned from the same rows as the pipeline.
    evaluation : of the measured fit on the held-out rows.
    """

    record: ModelRecord
    pipeline: Pipeline
    columns: Sequence[str]
    fingerprint: Callable[[], str]
    references: References
    evaluation: Evaluation


class Run:
    """One tracked training. This class is the null object: it records nothing."""

    run_id: str | None = None
    """The id of the run; its record has the same."""

    def log(self, trained: TrainedModel, files: Path) -> TrackingInfo | None:  # noqa: ARG002
        """Record a training; `files` is the folder of the model. Return the record's reference to the run."""
        return None

    def registered(self, record: ModelRecord) -> None:
        """Record the URI of the registered model."""


class TuningRun:
    """One tracked search for parameters. This class is the null object: it records nothing."""

    def log(
        self, number: int, parameters: Mapping[str, Any], values: Mapping[str, Sequence[float]], state: str
    ) -> None:
        """Record a trial that has ended: its parameters, its metric for each fold, and how it ended."""


class Tracker(ABC):
    """Creates runs."""

    @abstractmethod
    def run(self, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
        """Return the run as a context manager, which raises no error of its own.

        An exception in its block marks the run as failed.
        """

    def tuning(self, model_type: str) -> AbstractContextManager[TuningRun]:  # noqa: ARG002
        """Return the run of a search, which raises no error of its own either."""
        return nullcontext(TuningRun())


def start_run(tracker: Tracker | None, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
    """Return a run of the tracker, or the null object if there is no tracker."""
    return nullcontext(Run()) if tracker is None else tracker.run(model_type, test_mode=test_mode)


def start_tuning(tracker: Tracker | None, model_type: str) -> AbstractContextManager[TuningRun]:
    """Return the run of a search, or the null object if there is no tracker."""
    return nullcontext(TuningRun()) if tracker is None else tracker.tuning(model_type)
