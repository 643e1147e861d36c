"""Writers at once, cut off and killed, on Google Cloud Storage and S3: nothing lost, nothing twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import attrs
import pytest

from bike_traffic.registry_backends.append_log import AppendLog
from tests.proxy import Proxy, proxied
from tests.servers import Cloud, careless_gcs_server, new_gcs_bucket

pytestmark = pytest.mark.slow

WRITER_SECONDS = 600.0

WRITER = """
import sys
from bike_traffic.errors import RegistryUnavailable
from bike_traffic.registry_backends.append_log import AppendLog
from tests.servers import Cloud

backend, url, bucket, name, count = sys.argv[1:]
log = AppendLog(Cloud(backend, url, bucket).open().store, "summary.json", "records/", "run_id", deadline=300)
for number in range(int(count)):
    run_id = f"{name}-{number}"
    for _ in range(50):
        try:
            log.append({"run_id": run_id, "timestamp": "2026-03-01T12:00:00+00:00", "padding": "x" * 500})
            break
        except RegistryUnavailable:  # a user sees one line and runs the command again: the same id is a no-op
            pass
    else:
        sys.exit(f"{run_id} was not appended in 50 attempts")
    print(run_id, flush=True)
"""

NAIVE_WRITER = """
import json, sys
from tests.servers import Cloud

backend, url, bucket, name, count = sys.argv[1:]
registry = Cloud(backend, url, bucket).open()
for number in range(int(count)):
    entries = json.loads(registry.store.filesystem.cat_file(registry.root + "/summary.json"))
    entries.append({"run_id": f"{name}-{number}"})
    registry.store.filesystem.pipe_file(registry.root + "/summary.json", json.dumps(entries).encode())
"""


def start_writer(cloud: Cloud, name: str, count: int, script: str = WRITER) -> subprocess.Popen[bytes]:
    """Start a process that appends `count` entries, and prints the id of each once it is promised."""
    words = [cloud.backend, cloud.url, cloud.bucket, name, str(count)]
    with Path(f"{name}.promised").open("wb") as promised:
        project = Path(__file__).parents[2]
        return subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(project)!r})\n{script}", *words],
            stdout=promised,
        )


def promised() -> set[str]:
    """Return the ids that writers printed whole."""
    lines = [line for path in Path().glob("*.promised") for line in path.read_text().splitlines(keepends=True)]
    return {line.strip() for line in lines if line.endswith("\n")}


def log_of(cloud: Cloud) -> AppendLog:
    return cloud.open().log


def merged(cloud: Cloud) -> Counter[str]:
    """Return how often each id stands in the array."""
    return Counter(entry["run_id"] for entry in log_of(cloud).entries())


def test_eight_processes_append_at_once_and_nothing_is_lost_or_doubled(cloud: Cloud) -> None:
    writers = [start_writer(cloud, f"writer{number}", 25) for number in range(8)]
    assert [writer.wait(WRITER_SECONDS) for writer in writers] == [0] * 8
    assert merged(cloud) == {f"writer{number}-{place}": 1 for number in range(8) for place in range(25)}
    assert log_of(cloud).pending() == []


def test_requests_that_are_cut_before_or_after_their_answer_lose_and_double_nothing(cloud: Cloud) -> None:
    proxy = Proxy(cloud.url, cut=0.1)
    with proxied(proxy) as url:
        writers = [start_writer(attrs.evolve(cloud, url=url), f"writer{number}", 10) for number in range(4)]
        assert [writer.wait(WRITER_SECONDS) for writer in writers] == [0] * 4
    assert merged(cloud) == {f"writer{number}-{place}": 1 for number in range(4) for place in range(10)}
    assert log_of(cloud).pending() == []
    assert min(proxy.fates["before"], proxy.fates["after"]) > 5


@pytest.mark.parametrize("number", range(14))
def test_one_lost_answer_is_no_trouble_whichever_it_is(cloud: Cloud, number: int) -> None:
    """Of the requests of two appends on a new store: the reading, the probe, the records, the merges."""
    proxy = Proxy(cloud.url, loses=number)
    with proxied(proxy) as url:
        registry = attrs.evolve(cloud, url=url).open()
        for run_id in "ab":
            registry.log.append({"run_id": run_id, "timestamp": "2026-03-01T12:00:00+00:00"})
    assert proxy.fates["after"] == 1
    assert merged(cloud) == {"a": 1, "b": 1}
    assert log_of(cloud).pending() == []


def test_writers_killed_at_any_moment_lose_nothing_and_double_nothing(cloud: Cloud) -> None:
    moments = random.Random(0)
    for round_number in range(4):
        before = len(promised())
        writers = [start_writer(cloud, f"round{round_number}-{place}", 10_000) for place in range(3)]
        try:
            end = time.monotonic() + WRITER_SECONDS
            while len(promised()) < before + 3:
                assert time.monotonic() < end
                log_of(cloud).entries()  # raises when a reader could see half an array
            time.sleep(moments.uniform(0, 0.1))
        finally:
            for writer in writers:
                writer.kill()
        assert [writer.wait(WRITER_SECONDS) for writer in writers] == [-9] * 3
    log = log_of(cloud)
    log.reconcile()
    durable = set(log.durable_names())
    assert promised() <= durable
    assert merged(cloud) == dict.fromkeys(durable, 1)
    assert (log.pending(), log.reconcile()) == ([], 0)


def test_naive_writers_lose_records_on_a_store_without_conditions() -> None:
    """What the probe guards against, and the proof that the tests above would see a loss."""
    with careless_gcs_server() as url:
        cloud = Cloud("gcs", url, new_gcs_bucket(url))
        registry = cloud.open()
        registry.store.filesystem.pipe_file(cloud.uri, b"[]")
        writers = [start_writer(cloud, f"naive{number}", 25, NAIVE_WRITER) for number in range(4)]
        assert [writer.wait(WRITER_SECONDS) for writer in writers] == [0] * 4
        assert len(json.loads(registry.store.filesystem.cat_file(cloud.uri))) < 100
