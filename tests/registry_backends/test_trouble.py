"""What storage does to people: a full disk, a bucket not theirs to write, objects that vanish, clocks that differ."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import NoRecord
from bike_traffic.folders import cache_directory
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.conftest import Bt
from tests.proxy import Proxy, proxied
from tests.servers import Cloud
from tests.test_registry import local_registry, make_record, register

ON_A_SMALL_DISK = """
import os, sys, time
from pathlib import Path
from bike_traffic.errors import MergePending, RegistryUnavailable
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import LocalStore

def no_waiting(seconds):
    raise AssertionError("waited for a disk that stays full")

time.sleep = no_waiting
log = AppendLog(LocalStore(Path("disk")), "summary.json", "records/", "run_id")
promised, pending, refused = [], [], []
for number in range(60):
    run_id = f"run-{number}"
    try:
        log.append({"run_id": run_id, "timestamp": "2026-03-01T12:00:00+00:00", "padding": "x" * 3000})
        promised.append(run_id)
    except MergePending as error:
        promised.append(run_id)
        pending.append(str(error))
    except RegistryUnavailable as error:
        refused.append(str(error))
assert refused and all(message.endswith(": No space left on device") for message in refused), refused
assert pending and all("disk/summary.json: No space left on device" in message for message in pending), pending
assert not list(Path("disk").rglob(".bt-tmp-*"))
found = [entry["run_id"] for entry in log.entries()]
assert found == promised[: len(found)]
assert set(found) | set(log.pending()) == set(promised)
Path("disk/ballast").unlink()
log.reconcile()
assert [entry["run_id"] for entry in log.entries()] == promised
print(len(promised), "promised,", len(refused), "refused")
"""


@pytest.mark.slow
def test_a_full_disk_refuses_in_one_line_loses_nothing_and_leaves_the_file_whole(clean_place: Path) -> None:
    Path("disk").mkdir()
    Path("script.py").write_text(ON_A_SMALL_DISK)
    # A file system of its own, which even who is not root may mount in a namespace of their own.
    shell = (
        "mount -t tmpfs -o size=400k tmpfs disk && head -c 200000 /dev/zero > disk/ballast "
        f"&& exec {sys.executable} script.py"
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\d+ promised, \d+ refused\n", done.stdout)


WITH_SHORT_FILES = """
import resource, sys, time
from pathlib import Path
from bike_traffic.errors import BikeTrafficError
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends.records import make_record

def no_waiting(seconds):
    raise AssertionError("waited for what stays as it is")

time.sleep = no_waiting
Path("made").mkdir()
Path("made/model.bin").write_bytes(bytes(100_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
registry = LocalRegistry("models")
try:
    if sys.argv[1] == "upload":
        registry.upload(Path("made"), model_type="rf", timestamp="2026-03-01T12:00:00+00:00", run_id="aaaa1111")
    else:
        registry.append(make_record("aaaa1111"))
except BikeTrafficError as error:
    print(error.exit_code, error)
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            "append",
            "3 the record is durable under records/, but summary.json cannot be written: models/summary.json: File "
            "too large; then `bt registry reconcile` merges it",
        ),
        ("upload", "1 models/rf/20260301_120000-aaaa1111: File too large"),
    ],
)
def test_a_limit_of_the_system_is_called_that_at_once(clean_place: Path, what: str, said: str) -> None:
    """As a full disk is, and it needs no rights to try."""
    for number in range(20):
        local_registry().append(make_record(f"earlier-{number}"))
    script = [sys.executable, "-c", WITH_SHORT_FILES, what]
    done = subprocess.run(script, capture_output=True, text=True, env=dict(os.environ), timeout=600)
    assert (done.stdout, done.stderr) == (f"{said}\n", "")
    hidden = {path.name for path in Path("models").rglob(".*")} - {".lock", ".bt-vouched-summary.json"}
    assert hidden == set()
    assert local_registry().reconcile() == (1 if what == "append" else 0)


def test_what_killed_uploads_and_fetches_left_is_swept_when_it_is_old(clean_place: Path) -> None:
    record = register(local_registry(), make_record())
    left = {}
    for parent in (Path(record.model_uri).parent, cache_directory()):
        for age in ("old", "new"):
            folder = parent / f".incoming-{age}"
            folder.mkdir(parents=True)
            (folder / "model.bin").write_bytes(b"half")
            left[folder] = age
    two_days_ago = time.time() - 2 * 24 * 3600
    for folder, age in left.items():
        if age == "old":
            os.utime(folder, (two_days_ago, two_days_ago))
    record = register(local_registry(), make_record("next1234"))
    with model_files(local_registry(), record, Trust()):
        pass
    assert [folder for folder in left if folder.exists()] == [folder for folder, age in left.items() if age == "new"]


def test_a_bucket_that_may_not_be_written_to_is_read_and_refuses_in_one_line(
    bt: Bt, small_file: Path, cloud: Cloud
) -> None:
    register(cloud.open(), make_record())
    before = sorted(cloud.open().store.list(""))
    with proxied(Proxy(cloud.url, refuses=re.compile(rb"^(POST|PUT|DELETE) "))) as url:
        settings = f'[backends.{cloud.backend}]\nregistry = "{cloud.uri}"\nendpoint_url = "{url}"\n'
        Path("bt.toml").write_text(settings)
        found = bt("registry", "best", "--metric", "r2", "--format", "json", "--backend", cloud.backend)
        assert json.loads(found.stdout)["run_id"] == make_record().run_id
        done = bt("train", "-m", "rf", "--set", "n_estimators=2", "--data", small_file, "--backend", cloud.backend)
    assert done.exit_code == 1
    assert re.fullmatch(
        rf"Error: {cloud.root}/rf/\d+_\d+-[0-9a-f]+/manifest\.json: these credentials are not allowed to do this"
        r"(; `gcloud [^`]*` logs in as someone else)?; "
        r"the trained model is kept on this machine: `bt registry reconcile` registers it\n",
        done.stderr,
    )
    assert sorted(cloud.open().store.list("")) == before
    Path("bt.toml").write_text(settings.replace(url, cloud.url))
    assert bt("registry", "reconcile", "--backend", cloud.backend).exit_code == 0
    assert len(list(cloud.open().records(EVERYTHING))) == 2
    assert list(verify(cloud.open())) == []


def test_a_durable_entry_that_vanishes_after_it_was_listed_is_passed_over() -> None:
    class Vanishing(LocalStore):
        def list(self, prefix: str) -> list[str]:
            found = super().list(prefix)
            for path in found:
                if path.endswith("gone.json"):
                    (self.root / path).unlink()
            return found

    log = AppendLog(Vanishing(Path("models")), "summary.json", "records/", "run_id")
    log.append({"run_id": "a", "timestamp": "2026-03-01T12:00:00+00:00"})
    for name in ("gone", "kept"):
        entry = {"run_id": name, "timestamp": "2026-03-01T12:00:00+00:00"}
        Path(f"models/records/{name}.json").write_text(json.dumps(entry))
    assert log.reconcile() == 1
    assert [entry["run_id"] for entry in log.entries()] == ["a", "kept"]


def test_files_that_vanish_after_they_were_listed_are_gone_and_nothing_is_handed_out(cloud: Cloud) -> None:
    registry = cloud.open()
    record = register(registry, make_record(), {"model.bin": b"trees", "scaler.json": b"{}"})
    honest = registry.store.list

    def listed(prefix: str) -> list[str]:
        found = honest(prefix)
        registry.store.filesystem.rm_file(f"{cloud.root}/{found[-1]}")
        return found

    registry.store.list = listed  # type: ignore[method-assign]  # the one moment between two requests
    where = f"{cloud.root}/rf/20260301_120000-abcd1234"
    with (
        pytest.raises(NoRecord, match=f"^{re.escape(where)} does not exist$"),
        model_files(registry, record, Trust()),
    ):
        pass


def test_writers_whose_clocks_differ_lose_nothing_and_what_came_last_counts() -> None:
    """Records stand in the order of their merging; an alias is what its last change says, whatever the clocks say."""
    registry, now = local_registry(), datetime.now(UTC)
    for run_id, hours in (("aaaa1111", 0), ("bbbb2222", 24 * 365), ("cccc3333", -24 * 365), ("dddd4444", 1)):
        register(registry, make_record(run_id, timestamp=(now + timedelta(hours=hours)).isoformat()))
    assert [record.run_id for record in registry.records(EVERYTHING)] == [
        "aaaa1111",
        "bbbb2222",
        "cccc3333",
        "dddd4444",
    ]
    assert list(verify(registry)) == []
    early, late = registry.promote("aaaa1111", "champion", actor="fast@clock"), "bbbb2222"
    behind = early.timestamp.replace(early.timestamp[:4], "1999", 1)
    registry.append_event(attrs.evolve(early, run_id=late, timestamp=behind, change_id="c2"))
    assert registry.alias("champion").run_id == late
    assert registry.alias("champion", datetime(2000, 1, 1, tzinfo=UTC)).run_id == late


def test_a_long_summary_is_added_to_and_searched_and_keeps_its_bytes() -> None:
    registry = LocalRegistry("models")
    entry = make_record().to_json()
    rows = [json.dumps(entry | {"run_id": f"{number:032x}", "r2": number / 1e6}) for number in range(100_000)]
    Path("models").mkdir()
    old = ("[\n" + ",\n".join(rows) + "\n]\n").encode()
    Path("models/summary.json").write_bytes(old)
    register(registry, make_record("newest", metrics={"r2": 0.05, "rmse": 40.0}))
    written = Path("models/summary.json").read_bytes()
    assert written.startswith(old.rstrip()[:-1].rstrip())
    assert len(json.loads(written)) == 100_001
    assert registry.best("r2", Query()).run_id == f"{99_999:032x}"
    assert registry.get("newest").metrics["r2"] == 0.05
