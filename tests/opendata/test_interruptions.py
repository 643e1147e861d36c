"""A fetch that is killed anywhere, and two at once: files are whole, and the next fetch makes the store complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from bike_traffic.data.files.writing import TEMPORARY
from bike_traffic.opendata.fetching import fetch
from bike_traffic.opendata.portal.client import Portal
from bike_traffic.opendata.stores.status import store_status
from bike_traffic.opendata.stores.store import MANIFEST, MonthStore, Origin
from tests.opendata.explore_api import ExploreApi, portal_of, rows_of

NOW = pd.Timestamp("2026-11-27T10:00", tz="UTC")
SINCE = pd.Period("2026-10", "M")
SECONDS = 120

KILLED = """
import os, signal, sys, warnings
import attrs, pandas as pd
from bike_traffic.cities import PARIS
from bike_traffic.data.files.reading import read_counts
from bike_traffic.opendata.fetching import fetch
from bike_traffic.opendata.portal.client import Portal

city = attrs.evolve(PARIS, base_url=sys.argv[1])
now, since = pd.Timestamp("2026-11-27T10:00", tz="UTC"), pd.Period("2026-10", "M")
left = 0

def deadly(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.listdir", "os.scandir"):
        if any(STORE in str(one) for one in arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

# The children use no lock that a thread of PyArrow may hold at this moment.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
for number in range(1, 1000):
    STORE = f"store-{number}"
    child = os.fork()
    if not child:
        left = number
        sys.addaudithook(deadly)
        fetch(city, STORE, since=since, now=now, portal=Portal(city))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.path.isdir(STORE) and any(name.startswith("month=") for name in os.listdir(STORE)):
        read_counts(STORE)  # raises for a file that is not whole
    fetch(city, STORE, since=since, now=now, portal=Portal(city))
    if not status:
        print(number)
        break
"""


def test_a_fetch_killed_at_any_file_operation_leaves_whole_files_and_the_next_one_completes_it(
    clean_place: Path,
) -> None:
    with portal_of(ExploreApi(rows_of("2026-10-30", "2026-11-02"))) as city:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(city.base_url)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    stores = sorted(clean_place.glob("store-*"))
    assert len(stores) == int(done.stdout) > 10
    for store in stores:
        status = store_status(str(store), NOW)
        assert {month: entry.rows for month, entry in status.months.items()} == {"2026-10": 96, "2026-11": 48}
        assert status.damaged == ()


def test_what_killed_fetches_left_is_removed_a_day_later_and_what_is_being_written_is_not(clean_place: Path) -> None:
    store = clean_place / "counts"
    store.mkdir()
    for name, age in (("old", 100_000), ("new", 0)):
        path = store / f"{TEMPORARY}{name}"
        path.write_text("half a month")
        os.utime(path, (time.time() - age,) * 2)
    with portal_of(ExploreApi(rows_of("2026-11-01", "2026-11-02"))) as city:
        fetch(city, "counts", since=SINCE, now=NOW, portal=Portal(city))
    assert [path.name for path in store.glob(".*")] == [f"{TEMPORARY}new"]


TOGETHER = """
import sys
import attrs, pandas as pd
from bike_traffic.cities import PARIS
from bike_traffic.opendata.fetching import fetch
from bike_traffic.opendata.portal.client import Portal

city = attrs.evolve(PARIS, base_url=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    fetch(city, "counts", since=pd.Period("2026-10", "M"), portal=Portal(city),
          now=pd.Timestamp("2026-11-27T10:00", tz="UTC") + pd.Timedelta(seconds=int(sys.argv[2])))
"""


def test_fetches_at_the_same_time_do_no_harm(clean_place: Path) -> None:
    with portal_of(ExploreApi(rows_of("2026-10-01", "2026-11-27"))) as city:
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", TOGETHER, str(city.base_url), str(number)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for number in range(3)
        ]  # fmt: skip
        for run in runs:
            assert run.stdout is not None
            run.stdout.readline()
        done = [run.communicate("go\n", timeout=SECONDS) for run in _started(runs)]
    assert done == [("", "")] * 3
    status = store_status("counts", NOW)
    assert (status.damaged, {month: entry.rows for month, entry in status.months.items()}) == (
        (),
        {"2026-10": 1488, "2026-11": 1248},
    )
    assert sorted(path.name for path in Path("counts").iterdir())[0] == "manifest.json"


def _started(runs: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all begin before the first one is waited for."""
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    return runs


@pytest.mark.parametrize("left", ["manifest.json", "month=2026-11.parquet"])
def test_a_file_that_somebody_removed_is_made_again(clean_place: Path, left: str) -> None:
    with portal_of(ExploreApi(rows_of("2026-10-01", "2026-11-27"))) as city:
        for _ in range(2):
            fetch(city, "counts", since=SINCE, now=NOW, portal=Portal(city))
            before = json.loads(Path("counts/manifest.json").read_text())
            Path("counts", left).unlink()
        fetch(city, "counts", since=SINCE, now=NOW, portal=Portal(city))
    assert json.loads(Path("counts/manifest.json").read_text()) == before


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_a_manifest_is_made_again_if_another_writer_came_between_the_files_and_it(
    clean_place: Path, month: str
) -> None:
    own, others = (
        pa.table({"nom_compteur": ["x"], "date": pa.array([hour], pa.timestamp("ms", "UTC"))})
        for hour in (0, 3_600_000)
    )

    class Slow(MonthStore):
        """A store whose first manifest is written after another writer has written a month and the manifest."""

        interrupted = False

        def _write(self, name: str, content: bytes) -> None:
            if name == MANIFEST and not self.interrupted:
                self.interrupted = True
                MonthStore(self.uri).write(pd.Period(month, "M"), others, Origin(fetched="2"))
            super()._write(name, content)

    Slow("counts").write(pd.Period("2026-10", "M"), own, Origin(fetched="1"))
    assert MonthStore("counts").verify() == []
    assert MonthStore("counts").manifest()[pd.Period(month, "M")].origin.fetched == "2"
