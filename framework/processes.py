"""Calls made one after the other, or in processes beside each other: the same answers in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bike_traffic.errors import WorkerError
from bike_traffic.progress import without_bars


def in_processes(calls: Sequence[Callable[[], Any]], jobs: int) -> Iterator[Any]:
    """Yield what the calls return, in their order.

    Parameters
    ----------
    calls : such as `functools.partial` objects of functions of modules, which another process can import.
    jobs : processes at once; with 1 nothing leaves this one, and each call is made when its answer is asked for.

    Raises
    ------
    WorkerError
        A process ended before it had an answer, as the system does when memory runs out.
    """
    if jobs == 1:
        yield from map(_in_one_thread, calls)
        return
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Without `max_nbytes` arrays would come as files that are read only, and a pipeline may change its rows.
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="n_jobs", max_nbytes=None)
    try:
        yield from parallel(joblib.delayed(_quietly)(call) for call in calls)
    except TerminatedWorkerError:
        raise WorkerError(
            "a process ended before it had an answer, perhaps for lack of memory; try a smaller --jobs",
            "worker-ended",
        ) from None


def _quietly(call: Callable[[], Any]) -> Any:
    """Call in a process whose bars would be drawn over those of the others."""
    with without_bars():
        return _in_one_thread(call)


def _in_one_thread(call: Callable[[], Any]) -> Any:
    """Call with one thread for linear algebra: the last bits of its sums depend on how many there are."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return call()
