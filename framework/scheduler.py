"""Calls made by the workers of a Dask scheduler; it needs the extra `dask`."""

from __future__ import annotations

import logging
import pickle
import platform
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from distributed import Client
from distributed.comm.addressing import get_address_host_port
from distributed.scheduler import KilledWorker

from bike_traffic.addresses import shown
from bike_traffic.errors import BikeTrafficError, WorkerError
from bike_traffic.progress import without_bars

Call = Callable[[Any], Any]

CONNECT_SECONDS = 10.0
"""How long the scheduler may take to answer."""
SILENT_SECONDS = 60.0
"""How long the scheduler may be gone, or have no worker, before the work is given up."""
_POLL_SECONDS = 2.0
_NOT_OPENED = "deserialization"
"""What Dask says where the scheduler itself, or a worker, lacks the package of a task."""
_COMPARED = ("bike-traffic", "numpy", "pandas", "scikit-learn")
"""Libraries of which another version may give other numbers."""


@contextmanager
def connected(address: str, shared: Any) -> Iterator[Callable[[Sequence[Call]], Iterator[Any]]]:
    """Connect to a scheduler, and yield a function that makes calls on its workers, the answers in their order.

    The scheduler keeps calls and `shared` until they are answered: a call whose worker ends is made again by another.

    Parameters
    ----------
    address : of the scheduler, such as ``tcp://host:8786``.
    shared : what each call is given; every worker gets it once.

    Raises
    ------
    WorkerError
        No scheduler answers or it is gone, it has no worker, a worker has other versions of the libraries, or several
        workers ended at one call.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it logs every attempt to connect
    client = _client(address)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")  # not often: once for all calls
            # A task, not `scatter`: what is scattered is lost with its worker.
            # As bytes, since the scheduler itself opens what is sent.
            kept = client.submit(pickle.loads, pickle.dumps(shared), pure=False)
        yield partial(_made, client, address, kept)
    finally:
        client.close(timeout=CONNECT_SECONDS)


class _Client(Client):
    """A client that is silent when it is thrown away because nothing answered."""

    def __del__(self) -> None:
        pass  # `connected` closes it


def _client(address: str) -> Any:
    """Return a client of a scheduler; raise `WorkerError` at once where nothing listens."""
    try:
        host, port = get_address_host_port(address)
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
            pass
        new: Any = _Client
        return new(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise WorkerError(
            f"{shown(address)}: no Dask scheduler answers: {reason}",
            "scheduler-missing",
            address=shown(address),
            reason=reason,
        ) from None


def _made(client: Any, address: str, shared: Any, calls: Sequence[Call]) -> Iterator[Any]:
    here = _versions()
    futures = deque(client.submit(_call, here, pickle.dumps(call), shared, pure=False) for call in calls)
    try:
        while futures:
            yield _answer(client, address, futures[0])
            futures.popleft()
    finally:
        if futures and client.status == "running":
            client.cancel(list(futures))


def _answer(client: Any, address: str, future: Any) -> Any:
    try:
        return _result(client, address, future)
    except BikeTrafficError:
        raise
    except KilledWorker:
        raise WorkerError(
            f"{shown(address)}: a call ended several workers, perhaps for lack of memory",
            "workers-ended",
            address=shown(address),
        ) from None
    except (ModuleNotFoundError, RuntimeError) as error:
        module = getattr(error, "name", None) or "bike_traffic"
        if isinstance(error, RuntimeError) and _NOT_OPENED not in str(error):
            raise
        raise WorkerError(
            f"{shown(address)}: a worker has no {module}; install there what is installed here",
            "worker-without-module",
            address=shown(address),
            module=module,
        ) from None
    except (OSError, TimeoutError, CancelledError) as error:
        raise WorkerError(
            f"{shown(address)}: the scheduler was lost: {type(error).__name__}",
            "scheduler-lost",
            address=shown(address),
            reason=type(error).__name__,
        ) from None


def _result(client: Any, address: str, future: Any) -> Any:
    """Wait for an answer as long as there is somebody to give it."""
    # `result` with a short timeout loses an answer that comes when the time is over.
    answered = threading.Event()
    future.add_done_callback(lambda _: answered.set())
    heard = time.monotonic()
    while True:
        if answered.wait(_POLL_SECONDS):
            try:
                return future.result(timeout=SILENT_SECONDS)
            except TimeoutError:
                if future.status == "error":  # the call's own
                    raise
                # A worker ended before its answer was fetched: the call is being made again.
        if client.status == "running" and client.scheduler_info(n_workers=-1)["workers"]:
            heard = time.monotonic()
        if time.monotonic() - heard > SILENT_SECONDS:
            raise WorkerError(
                f"{shown(address)}: no worker for {SILENT_SECONDS:.0f} s; `dask worker {shown(address)}` starts one",
                "scheduler-without-workers",
                address=shown(address),
                seconds=SILENT_SECONDS,
            )


def _call(here: Mapping[str, str], call: bytes, shared: Any) -> Any:
    """Make a call in a worker, with one thread for linear algebra, as every other way of making calls."""
    other = {name: f"{there} and not {here[name]}" for name, there in _versions().items() if there != here[name]}
    if other:
        what = ", ".join(f"{name} {versions}" for name, versions in other.items())
        raise WorkerError(
            f"a worker has {what}: its numbers may differ; install there what is installed here",
            "worker-of-other-versions",
            what=what,
        )
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)  # not as a context: other threads of the worker may be in another call
    with without_bars():
        return pickle.loads(call)(shared)


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in _COMPARED}}
