"""Whether and where trainings are tracked."""

from __future__ import annotations

from importlib.util import find_spec

from bike_traffic.config import Settings
from bike_traffic.errors import TrackingError
from bike_traffic.tracking.runs import Notify, Tracker

NOT_INSTALLED = (
    "runs are not tracked: MLflow is not installed (pip install 'bike-traffic[mlflow]'; "
    "with --no-track this is not said)"
)


def open_tracker(settings: Settings, notify: Notify) -> Tracker | None:
    """Return the tracker of these settings, ``None`` if trainings are not tracked; tell `notify` where runs go.

    Raises nothing: a store that cannot be used, or a server that does not answer, only becomes a note.
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
    except Exception as error:  # no error of tracking may stop a training
        place = without_secret(settings.tracking_uri or str(settings.tracking_folder), secret)
        notify(f"runs are not tracked: {place}: {without_secret(reason_of(error), secret)}")
    return None
