"""Calls made one after the other, or shared out: the same answers in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import attrs

from bike_traffic.errors import MissingExtra, WorkerError
from bike_traffic.extras import pip_words
from bike_traffic.progress import without_bars

Call = Callable[[Any], Any]
Made = Callable[[Sequence[Call]], Iterator[Any]]
"""Makes calls and returns an iterator over their answers, in the order of the calls."""


@attrs.frozen(kw_only=True)
class Workers:
    """Who makes the calls.

    Parameters
    ----------
    jobs : processes at once on this machine; with 1 nothing leaves this one, and each call is made when its answer is
        asked for.
    scheduler : the address of a Dask scheduler, whose workers make the calls instead.
    """

    jobs: int = 1
    scheduler: str | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether calls leave this process."""
        return self.jobs > 1 or self.scheduler is not None

    @contextmanager
    def sharing(self, shared: Any) -> Iterator[Made]:
        """Yield a function that makes calls, each with the argument `shared`.

        Calls are such as `functools.partial` objects of functions of modules, which another process can import.

        Raises
        ------
        MissingExtra
            There is a scheduler, and Dask is not installed.
        WorkerError
            A process ended before it had an answer, as the system does when memory runs out, or the scheduler cannot
            be used; see `bike_traffic.scheduler.connected`.
        """
        if self.scheduler is None:
            yield partial(_in_processes, shared, self.jobs)
            return
        self.require_installed()
        from bike_traffic.scheduler import connected

        with connected(self.scheduler, shared) as made:
            yield made

    def require_installed(self) -> None:
        """Raise `MissingExtra` if there is a scheduler, and Dask is not installed."""
        if self.scheduler is not None and find_spec("distributed") is None:
            install = pip_words("bike-traffic[dask]")
            raise MissingExtra(
                f"--scheduler needs distributed, which is not installed: pip install {install}",
                "extra-missing",
                name="dask",
                module="distributed",
                install=install,
            )


ALONE = Workers()


def _in_processes(shared: Any, jobs: int, calls: Sequence[Call]) -> Iterator[Any]:
    if jobs == 1:
        yield from (_in_one_thread(call, shared) for call in calls)
        return
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Without `max_nbytes` arrays would come as files that are read only, and a pipeline may change its rows.
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="n_jobs", max_nbytes=None)
    try:
        yield from parallel(joblib.delayed(_quietly)(call, shared) for call in calls)
    except TerminatedWorkerError:
        raise WorkerError(
            "a process ended before it had an answer, perhaps for lack of memory; try a smaller --jobs",
            "worker-ended",
        ) from None


def _quietly(call: Call, shared: Any) -> Any:
    """Call in a process whose bars would be drawn over those of the others."""
    with without_bars():
        return _in_one_thread(call, shared)


def _in_one_thread(call: Call, shared: Any) -> Any:
    """Call with one thread for linear algebra: the last bits of its sums depend on how many there are."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return call(shared)
