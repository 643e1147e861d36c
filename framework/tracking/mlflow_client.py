"""MLflow as this project uses it: quiet, without usage figures, not waiting for minutes; and what its errors mean."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror
from urllib.parse import urlsplit

# MLflow reads these where it uses them. As it is, it waits minutes for a server that is gone, draws a bar for each
# transfer, prints addresses, and sends usage figures; whoever has set one of them gets what it says.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output is for results
}


def prepare_environment() -> None:
    """Set what MLflow reads from the environment, where nobody set it; before it is imported."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence MLflow's warnings about its own type hints and about pandas 3, and a line for each repeated request."""
    requests = logging.getLogger("urllib3.connectionpool")
    level = requests.level
    requests.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        requests.setLevel(level)


@contextmanager
def already_there() -> Iterator[None]:
    """Take it as done when what is to be made exists: another process made it first."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def unreachable(error: BaseException | None) -> bool:
    """Whether the network is behind an error; MLflow wraps what requests wrapped."""
    while error is not None:
        if isinstance(error, ConnectionError | TimeoutError | gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def reason_of(error: BaseException) -> str:
    """Say in one line why MLflow could not do something."""
    if unreachable(error):
        return "no MLflow server answers"
    text = str(error).strip().partition("\n")[0]
    return text or type(error).__name__


def secret_of(uri: str) -> str:
    """Return the part of a URI that may hold a password: ``user:password@``, or nothing."""
    return "".join(urlsplit(uri).netloc.rpartition("@")[:2])


def without_secret(text: str, secret: str) -> str:
    """Return a text that may be shown: without what `secret_of` found."""
    return text.replace(secret, "") if secret else text
