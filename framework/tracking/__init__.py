"""Tracking: each training is a run in MLflow, and none fails because of it.

What training sees is this module, which imports nothing of MLflow. `open_tracker` decides from the settings whether
and where trainings are tracked; a `Tracker` gives a `Run` for each of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.errors import TrackingError

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.config import Settings
    from bike_traffic.evaluation import Evaluation, FourWeekMean
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry import ModelRecord

Notify = Callable[[str], None]

NOT_INSTALLED = (
    "runs are not tracked: MLflow is not installed (pip install 'bike-traffic[mlflow]'; "
    "with --no-track this is not said)"
)


@attrs.frozen(kw_only=True)
class TrainedModel:
    """What a training has to show before it is registered.

    Parameters
    ----------
    record : without its `model_uri`.
    pipeline : fitted.
    counts : all rows, with the City's headers.
    held_out : those of them that the metrics were measured on.
    baseline : fitted on the training rows.
    evaluation : of both, on the held-out rows.
    """

    record: ModelRecord
    pipeline: Pipeline
    counts: pd.DataFrame
    held_out: pd.DataFrame
    baseline: FourWeekMean
    evaluation: Evaluation


class Run:
    """One training as it is tracked; this one, of a training that is not, tells nobody."""

    run_id: str | None = None
    """The id that the record takes as well, so that both are found by the same letters."""

    def log(self, trained: TrainedModel, files: Path) -> dict[str, Any]:  # noqa: ARG002
        """Tell what was trained, its `files` and their manifest among it; return what the record says of the run."""
        return {}

    def registered(self, record: ModelRecord) -> None:
        """Tell where the model is."""


class Tracker(ABC):
    """Where runs go."""

    @abstractmethod
    def run(self, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
        """Give a run for the block; it has failed when the block raises. Raises nothing itself."""


def start_run(tracker: Tracker | None, model_type: str, *, test_mode: bool) -> AbstractContextManager[Run]:
    """Give a run of the tracker, one that tells nobody where there is none."""
    return nullcontext(Run()) if tracker is None else tracker.run(model_type, test_mode=test_mode)


def open_tracker(settings: Settings, notify: Notify) -> Tracker | None:
    """Return where trainings under these settings are tracked, ``None`` where they are not; say which, in one line.

    Raises nothing: a store that cannot be used, or a server that does not answer, is said and not more.
    """
    if not settings.track:
        return None
    if find_spec("mlflow") is None:
        notify(NOT_INSTALLED)
        return None
    from bike_traffic.tracking.mlflow_client import prepare_environment, quiet, reason_of, secret_of, without_secret

    secret = secret_of(settings.tracking_uri or "")
    prepare_environment()
    try:
        with quiet():
            from bike_traffic.tracking.mlflow_run import MlflowTracker
        return MlflowTracker.open(settings, notify)
    except TrackingError as error:
        notify(f"runs are not tracked: {error}")
    except Exception as error:  # whatever it is, the training is worth more
        place = without_secret(settings.tracking_uri or str(settings.tracking_folder), secret)
        notify(f"runs are not tracked: {place}: {without_secret(reason_of(error), secret)}")
    return None
