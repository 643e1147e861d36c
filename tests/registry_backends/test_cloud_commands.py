"""The commands on Google Cloud Storage and S3: the same as on a folder, and one line for each fault."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.upkeep import verify
from bike_traffic.registry.queries import Query
from tests.conftest import Bt
from tests.proxy import Proxy, proxied
from tests.registry_backends.conftest import NewCloud
from tests.servers import CLOUDS, Cloud
from tests.test_registry import SEED_ENTRY, local_registry

SECRET = "3xtrem3lyS3cret"
TINY = ("--set", "n_estimators=3")
CLEAN = "every record and every file is as it was registered\n"


def write_settings(*clouds: Cloud, **options: str) -> None:
    """Write a ``bt.toml`` that says where each registry is, and further `options` for all."""
    tables = []
    for cloud in clouds:
        lines = {"registry": cloud.uri, "endpoint_url": cloud.url, **options}
        tables += [f"[backends.{cloud.backend}]", *(f'{key} = "{value}"' for key, value in lines.items())]
    Path("bt.toml").write_text("\n".join(tables) + "\n")


def json_of(bt: Bt, *words: str | Path) -> Any:
    """Run a command that prints one JSON document, and return it."""
    done = bt(*words, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_nothing_is_registered_when_the_upload_fails(bt: Bt, small_file: Path, cloud: Cloud) -> None:
    with proxied(Proxy(cloud.url, refuses=re.compile(rb"\A(PUT|POST) (?s:.*)/model\.joblib"))) as url:
        write_settings(attrs.evolve(cloud, url=url))
        done = bt("train", "-m", "rf", *TINY, "--data", small_file, "--backend", cloud.backend)
    assert (done.exit_code, done.stdout) == (1, "")
    where = re.escape(f"Error: {cloud.root}/rf/") + r"[0-9_]{15}-[0-9a-f]{8}: "
    hint = "" if cloud.backend == "s3" else "; `gcloud auth application-default login` logs in as someone else"
    said = f"these credentials are not allowed to do this{hint}; the trained model is kept on this machine: "
    assert re.fullmatch(f"{where}{said}`bt registry reconcile` registers it\n", done.stderr)
    store = cloud.open().store
    assert store.list("records/") == store.list("summary.json") == []

    there = store.list("rf/")
    assert there  # what was uploaded before the break is not uploaded again
    with proxied(counting := Proxy(cloud.url)) as url:
        write_settings(attrs.evolve(cloud, url=url))
        assert bt("registry", "reconcile", "--backend", cloud.backend).exit_code == 0
    sent = [request for request in counting.requests if request.startswith(("PUT ", "POST "))]
    assert not [name for name in there if any(quote(name, safe="") in request or name in request for request in sent)]
    assert list(verify(cloud.open())) == []
    assert len(list(cloud.open().records(Query()))) == 1


def test_the_commands_work_on_a_bucket_as_on_a_folder(bt: Bt, small_file: Path, cloud: Cloud) -> None:
    write_settings(cloud)
    there = ("--backend", cloud.backend)
    (entry,) = json_of(bt, "train", "-m", "rf", *TINY, "--data", small_file, *there)
    (other,) = json_of(bt, "train", "-m", "rf", *TINY, "--seed", "1", "--data", small_file, *there)
    assert json_of(bt, "registry", "list", *there) == [entry, other]
    best = max(entry, other, key=lambda one: one["r2"])
    assert json_of(bt, "registry", "best", "--metric", "r2", *there) == best

    assert bt("predict", "-m", "rf", small_file, "-o", "there.csv", *there).exit_code == 0
    assert bt("registry", "pull", entry["run_id"], "pulled", *there).exit_code == 0
    pulled = {path.relative_to("pulled").as_posix() for path in Path("pulled").rglob("*") if path.is_file()}
    assert pulled == {*entry["artifacts"], "manifest.json"}
    assert bt("registry", "verify", *there).stdout == CLEAN

    runs = [entry["run_id"], other["run_id"]]
    for run_id in runs:
        assert bt("registry", "promote", run_id, "champion", "--reason", "é", *there).exit_code == 0
    assert bt("registry", "rollback", "champion", *there).stderr == f"champion is run {runs[0][:8]} again\n"
    changes = json_of(bt, "registry", "history", "champion", *there)
    assert [(change["kind"], change["run_id"], change["reason"]) for change in changes] == [
        ("promote", runs[0], "é"),
        ("promote", runs[1], "é"),
        ("rollback", runs[0], ""),
    ]
    done = bt("predict", "--alias", "champion", small_file, "-o", "champion.csv", *there)
    assert done.stderr.startswith(f"rf of run {runs[0][:8]}: ")

    assert bt("registry", "withdraw", best["run_id"], "--reason", "é", *there).exit_code == 0
    (second,) = [one for one in (entry, other) if one["run_id"] != best["run_id"]]
    assert json_of(bt, "registry", "best", "--metric", "r2", *there) == second
    assert bt("registry", "restore", best["run_id"], *there).exit_code == 0
    assert json_of(bt, "registry", "best", "--metric", "r2", *there) == best
    assert bt("registry", "verify", *there).stdout == CLEAN
    assert bt("registry", "reconcile", *there).stderr == "nothing was pending\n"


@pytest.mark.slow
def test_a_copy_round_all_backends_gives_the_same_answers_everywhere(
    bt: Bt, small_file: Path, new_cloud: NewCloud
) -> None:
    gcs, s3 = new_cloud("gcs"), new_cloud("s3")
    write_settings(gcs, s3)
    for seed in "01":
        json_of(bt, "train", "-m", "rf", *TINY, "--seed", seed, "--data", small_file)
    run_id = json_of(bt, "registry", "best", "--metric", "r2")["run_id"]
    bt("registry", "promote", run_id, "champion", "--reason", "best")

    places = ["models/summary.json", gcs.uri, s3.uri, "back/summary.json"]
    for source, target in pairwise(places):
        for said in ("2 models copied, 0 were there already\n", "0 models copied, 2 were there already\n"):
            done = bt("registry", "copy", "--from", source, "--to", target)
            assert (done.exit_code, done.stderr) == (0, said)

    answers = []
    for place in places:
        at = ("--registry", place)
        assert bt("registry", "verify", *at).stdout == CLEAN
        assert bt("predict", "--alias", "champion", small_file, "-o", "out.csv", *at).exit_code == 0
        answers.append(
            {
                "list": [{**entry, "model_uri": ""} for entry in json_of(bt, "registry", "list", *at)],
                "r2": json_of(bt, "registry", "best", "--metric", "r2", *at)["run_id"],
                "rmse": json_of(bt, "registry", "best", "--metric", "rmse", *at)["run_id"],
                "history": json_of(bt, "registry", "history", "champion", *at),
                "predictions": Path("out.csv").read_bytes(),
            }
        )
        uri = bt("registry", "best", "--metric", "r2", "--format", "uri", *at).stdout
        assert uri.startswith(place.removesuffix("summary.json"))
    assert answers == [answers[0]] * 4
    assert answers[0]["r2"] == run_id


class Trap:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("sprung",)


def test_a_pickle_that_was_put_in_the_place_of_a_model_is_never_unpickled(
    bt: Bt, small_file: Path, cloud: Cloud
) -> None:
    write_settings(cloud)
    there = ("--backend", cloud.backend)
    (entry,) = json_of(bt, "train", "-m", "rf", *TINY, "--data", small_file, *there)
    trap = pickle.dumps(Trap())
    for name in entry["artifacts"]:
        cloud.open().store.filesystem.pipe_file(entry["model_uri"] + name, trap)
    done = bt("predict", "-m", "rf", small_file, "-o", "out.csv", *there)
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: {entry['model_uri'].rstrip('/')}: {min(entry['artifacts'])} is not the file that was registered "
        "(its SHA-256 differs); nothing was loaded\n"
    )
    assert not Path("sprung").exists()
    assert bt("registry", "promote", entry["run_id"], "champion", *there).exit_code == 1
    assert bt("registry", "history", "champion", *there).exit_code == 1
    pickle.loads(trap)
    assert Path("sprung").exists()  # it would have


def test_what_the_original_project_left_in_the_bucket_is_found_copied_and_loaded_when_allowed(
    bt: Bt, small_file: Path, cloud: Cloud
) -> None:
    write_settings(cloud)
    there = ("--backend", cloud.backend)
    assert bt("train", "-m", "rf", *TINY, "--data", small_file).exit_code == 0
    (folder,) = Path("models/rf").iterdir()
    filesystem = cloud.open().store.filesystem
    theirs = f"{cloud.root}/rf/20250619_005924/"
    for path in filter(Path.is_file, folder.iterdir()):
        filesystem.pipe_file(f"{theirs}rf/{path.name}", path.read_bytes())
    entry = SEED_ENTRY | {"model_type": "rf", "test_mode": False, "run_id": "theirs", "model_uri": theirs}
    filesystem.pipe_file(cloud.uri, json.dumps([entry]).encode())

    assert json_of(bt, "registry", "best", "--metric", "rmse", *there) == entry
    refused = bt("predict", "-m", "rf", small_file, "-o", "out.csv", *there)
    assert (refused.exit_code, refused.stderr.partition(": its files")[0]) == (
        1,
        "Error: record theirs has no digests (it was not written by bike-traffic)",
    )
    allowed = bt("predict", "-m", "rf", small_file, "-o", "out.csv", "--allow-unverified", *there)
    assert (allowed.exit_code, Path("out.csv").exists()) == (0, True)
    copied = list(copy(cloud.open(), local_registry("copied/summary.json")))
    assert [(one.record.run_id, one.copied, one.verified) for one in copied] == [("theirs", True, False)]
    again = bt("predict", "-m", "rf", small_file, "-o", "again.csv", "--allow-unverified", "--registry", "copied")
    assert again.exit_code == 0
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()


def test_a_bucket_that_is_not_there_is_one_line(bt: Bt, small_file: Path, cloud: Cloud) -> None:
    absent = attrs.evolve(cloud, bucket=f"not-{cloud.bucket}")
    write_settings(absent)
    line = f"Error: {absent.root.removesuffix('/models')}: there is no such bucket\n"
    for words in (
        ("registry", "best", "--metric", "r2"),
        ("registry", "list"),
        ("registry", "verify"),
        ("train", "-m", "rf", *TINY, "--data", small_file),
    ):
        done = bt(*words, "--backend", cloud.backend)
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", line)


def test_no_secret_of_the_settings_reaches_a_record_or_a_message(
    bt: Bt, small_file: Path, new_cloud: NewCloud
) -> None:
    cloud = new_cloud("s3")
    write_settings(cloud, key=f"AKIA{SECRET}", secret=SECRET)
    there = ("--backend", "s3")
    outputs = [bt("train", "-m", "rf", *TINY, "--data", small_file, "--format", "json", *there).output]
    outputs += [bt(*words, *there).output for words in (("registry", "list"), ("registry", "verify"), ("config",))]
    assert SECRET not in "".join(outputs)
    store = cloud.open().store
    assert len(store.list("records/")) == 1
    assert not [path for path in store.list("") if SECRET.encode() in store.read(path)[0]]


WITHOUT = """
import sys

class Without:
    def __init__(self, finder, library):
        self.finder, self.library = finder, library

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] == self.library else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(finder, LIBRARY) for finder in sys.meta_path]
"""


@pytest.mark.parametrize(("backend", "library"), [("gcs", "gcsfs"), ("s3", "s3fs")])
def test_a_backend_whose_library_is_not_installed_names_the_pip_line(backend: str, library: str) -> None:
    words = ["registry", "list", "--registry", f"{CLOUDS[backend].scheme}://bucket/models/summary.json"]
    script = f"LIBRARY = {library!r}\n{WITHOUT}\nfrom bike_traffic.cli.main import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, timeout=600
    )
    line = f"Error: '{backend}' needs {library}, which is not installed: pip install '{library}>=2025.1'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
