"""Open the tracker that the settings ask for."""

from __future__ import annotations

from importlib.util import find_spec

from bike_traffic.addresses import shown
from bike_traffic.config import Settings
from bike_traffic.errors import TrackingError
from bike_traffic.extras import pip_words
from bike_traffic.tracking.runs import Notify, Tracker


def not_installed() -> str:
    """Return the note that MLflow is not installed, and what installs it."""
    line = f"pip install {pip_words('bike-traffic[mlflow]')}"
    return f"runs are not tracked: MLflow is not installed ({line}, or give --no-track to silence this note)"


def open_tracker(settings: Settings, notify: Notify) -> Tracker | None:
    """Return the tracker of these settings, or ``None`` if they turn tracking off or it fails.

    Raises no error: `notify` gets one line with the store of the runs, or the reason why there is none.
    """
    if not settings.track:
        return None
    if find_spec("mlflow") is None:
        notify(not_installed())
        return None
    from bike_traffic.tracking.mlflow_client import prepare_environment, quiet, reason_of

    prepare_environment()
    try:
        with quiet():
            from bike_traffic.tracking.mlflow_run import MlflowTracker
        return MlflowTracker.open(settings, notify)
    except TrackingError as error:
        notify(f"runs are not tracked: {error}")
    except Exception as error:  # no error of tracking may stop a training
        location = settings.tracking_uri or settings.tracking_folder
        notify(shown(f"runs are not tracked: {location}: {reason_of(error)}"))
    return None
