"""MLflow with this project's settings (quiet, no telemetry, short timeouts), and helpers for its errors."""

from __future__ import annotations

import gc
import logging
import os
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import gaierror
from typing import TypeVar

# By default MLflow waits minutes for a missing server, draws a progress bar for each transfer, prints addresses, and
# sends telemetry. A variable that the user has set keeps its value.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output is for results
}

Result = TypeVar("Result")

_ATTEMPTS = 6
_OTHER_WRITER = re.compile(r"IntegrityError|StaleDataError|creation error .* Giving up after")
"""The text of SQLAlchemy's two errors of a lost race, as the server passes it on, and MLflow's own for versions."""


def prepare_environment() -> None:
    """Set the variables that MLflow reads, unless the user has set them; call it before MLflow is imported."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence MLflow's warnings about its own type hints and about pandas 3, and a line for each repeated request.

    No garbage is collected meanwhile: importing MLflow and Matplotlib makes hundreds of thousands of objects that
    stay, and looking through them again and again took a third of the time that tracking adds to a training.
    """
    requests = logging.getLogger("urllib3.connectionpool")
    level, collects = requests.level, gc.isenabled()
    requests.setLevel(logging.ERROR)
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        requests.setLevel(level)
        if collects:
            gc.enable()


@contextmanager
def already_there() -> Iterator[None]:
    """Ignore the error that the object to create exists: another process created it first."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def written(write: Callable[[], Result]) -> Result:
    """Do a write again, a few times, while the database of the server refuses it because of another writer.

    MLflow looks whether an alias or a tag is there and then inserts it: of two clients that do so at the same moment,
    the later gets ``UNIQUE constraint failed``. The server does not repeat it, and neither does MLflow's client.
    """
    from mlflow.exceptions import MlflowException

    for attempt in range(_ATTEMPTS):
        try:
            return write()
        except MlflowException as error:
            if attempt + 1 == _ATTEMPTS or not _OTHER_WRITER.search(str(error)):
                raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
    raise AssertionError("the last attempt returns or raises")


def unreachable(error: BaseException | None) -> bool:
    """Return whether a network error is the cause of an error that MLflow or requests raised."""
    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError | gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def reason_of(error: BaseException) -> str:
    """Return the reason of an error of MLflow in one line."""
    if unreachable(error):
        return "no MLflow server answers"
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__
