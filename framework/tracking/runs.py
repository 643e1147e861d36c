"""What a training sees of tracking; imports nothing of MLflow.

A `Tracker` gives a `Run` for each training. `bike_traffic.tracking.opening` decides from the settings whether and
where trainings are tracked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.evaluation.baselines import FourWeekMean
    from bike_traffic.evaluation.measuring import Evaluation
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry.record_parts import TrackingInfo
    from bike_traffic.registry.records import ModelRecord

Notify = Callable[[str], None]


@attrs.frozen(kw_only=True)
class TrainedModel:
    """A trained model before it is registered.

    Parameters
    ----------
    record : without its `model_uri`.
    pipeline : fitted.
    counts : all rows, clean.
    baseline : fitted on the training rows.
    evaluation : of both, with the held-out rows.
    """

    record: ModelRecord
    pipeline: Pipeline
    counts: pd.DataFrame
    baseline: FourWeekMean
    evaluation: Evaluation


class Run:
    """One training as it is tracked. This class is the null object: it records nothing."""

    run_id: str | None = None
    """The id, which the record gets too."""

    def log(self, trained: TrainedModel, files: Path) -> TrackingInfo | None:  # noqa: ARG002
        """Record what was trained, with its `files` and their manifest; return what the record says of the run."""
        return None

    def registered(self, record: ModelRecord) -> None:
        """Record where the model is."""


class Tracker(ABC):
    """Where runs go."""

    @abstractmethod
    def run(self, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
        """Return a run for the block; it failed if the block raises. Raises nothing itself."""


def start_run(tracker: Tracker | None, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
    """Return a run of the tracker, or the null object if there is no tracker."""
    return nullcontext(Run()) if tracker is None else tracker.run(model_type, test_mode=test_mode)
