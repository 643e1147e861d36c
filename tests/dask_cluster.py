"""A real Dask cluster on loopback for the tests: a scheduler and workers, each a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import attrs
from distributed import Client

from tests.servers import free_port

START_SECONDS = 120.0


@attrs.frozen
class Cluster:
    """A scheduler and its workers."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """The scheduler and the workers."""
        return [self.scheduler, *self.workers]


@contextmanager
def dask_cluster(
    folder: Path, workers: int = 2, *, environment: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Run a scheduler and workers without nannies, which nobody starts again."""
    address = f"tcp://127.0.0.1:{free_port()}"
    of_all = {**os.environ, **(environment or {})}
    with ExitStack() as stack, (folder / "cluster.log").open("wb") as log:

        def start(*words: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", *words]
            process = subprocess.Popen(command, env=of_all, cwd=folder, stdout=log, stderr=log)
            stack.callback(_end, process)
            return process

        port = address.rpartition(":")[2]
        scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        words = (address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--no-dashboard")
        started = [start("distributed.cli.dask_worker", *words) for _ in range(workers)]
        _wait_for(address, workers)
        yield Cluster(address, scheduler, started)


def _wait_for(address: str, workers: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            new: Any = Client  # it has no types
            with new(address, timeout=START_SECONDS, set_as_default=False) as client:
                if workers:
                    client.wait_for_workers(workers, timeout=START_SECONDS)
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=START_SECONDS)
