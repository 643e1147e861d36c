"""A registry behind a plain web server: read by anyone, with the answers of the folder it shows, never written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bike_traffic.app.model_registry_summary import get_best_model_from_summary
from bike_traffic.errors import (
    IntegrityError,
    NoRecord,
    NoRegistry,
    RegistryError,
    RegistryUnavailable,
    SettingsError,
)
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.artifacts import digest_directory
from bike_traffic.registry.files.copying import copy
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.web import WebRegistry
from tests.conftest import Bt
from tests.servers import free_port, published, refusing_server
from tests.test_registry import SEED_ENTRY, local_registry, make_record, register

FILES = {"model.bin": b"trees", "sub/a b.json": b"{}"}


@pytest.fixture
def registry(clean_place: Path) -> RegistryBackend:
    """Return a registry in a folder: two runs, one with an alias."""
    local = local_registry()
    register(local, make_record("aaaa1111"), FILES)
    register(local, make_record("bbbb2222", metrics={"r2": 0.9, "rmse": 30.0}), FILES)
    local.promote("aaaa1111", "champion", actor="ana@desk")
    return local


@pytest.fixture
def url(registry: RegistryBackend) -> Iterator[str]:
    with published(Path("models")) as address:
        yield address


def test_it_answers_as_the_folder_does(registry: RegistryBackend, url: str) -> None:
    web = WebRegistry(f"{url}/summary.json")
    assert list(web.records(EVERYTHING)) == list(registry.records(EVERYTHING))
    for metric in ("r2", "rmse"):
        assert web.best(metric, Query()) == registry.best(metric, Query())
    assert web.events() == registry.events()
    assert web.alias("champion") == registry.alias("champion")
    registry.withdraw("bbbb2222", actor="ana@desk", reason="broken counts")
    assert web.withdrawn() == registry.withdrawn()
    assert web.best("r2", Query()) == registry.get("aaaa1111")
    registry.withdraw("aaaa1111", actor="ana@desk", reason="broken counts")
    with pytest.raises(NoRecord, match=r"^alias 'champion' points to run aaaa1111, which was withdrawn by ana@desk "):
        web.alias("champion")


def test_its_files_come_checked_and_a_second_load_asks_for_none(registry: RegistryBackend, url: str) -> None:
    web = WebRegistry(url)
    record = web.get("aaaa1111")
    with model_files(web, record, Trust()) as folder:
        assert digest_directory(folder) == record.artifacts
    register(registry, make_record("cccc3333"), {"model.bin": b"other trees"})
    for path in Path("models/rf").rglob("*.bin"):
        path.unlink()
    with model_files(web, record, Trust()) as again:
        assert again == folder
    missing = f"{url}/rf/20260301_120000-cccc3333/model.bin"
    with (
        pytest.raises(NoRecord, match=f"^the files of run cccc3333 are gone: {re.escape(missing)} does not exist$"),
        model_files(web, web.get("cccc3333"), Trust()),
    ):
        pass


def test_a_file_that_was_changed_is_never_handed_out(registry: RegistryBackend, url: str) -> None:
    web = WebRegistry(url)
    Path("models/rf/20260301_120000-aaaa1111/model.bin").write_bytes(b"evil!")
    with (
        pytest.raises(IntegrityError, match=r"model\.bin is not the file that was registered"),
        model_files(web, web.get("aaaa1111"), Trust()),
    ):
        pass


def test_nothing_is_written(registry: RegistryBackend, url: str) -> None:
    web = WebRegistry(url)
    message = f"{url}: a registry is only read over http; write to the folder or bucket that it publishes"
    for write in (
        lambda: web.append(make_record("cccc3333")),
        lambda: web.upload(Path("made-aaaa1111"), model_type="rf", timestamp=make_record().timestamp, run_id="x"),
        lambda: web.promote("aaaa1111", "champion", actor="ana@desk"),
        lambda: web.withdraw("aaaa1111", actor="ana@desk", reason="broken counts"),
    ):
        with pytest.raises(RegistryError, match=f"^{re.escape(message)}$"):
            write()
    unlisted = f"{url}: a web server does not list its files; do this on the folder or bucket that it publishes"
    with pytest.raises(RegistryError, match=f"^{re.escape(unlisted)}$"):
        list(web.verify_records())


def test_nobody_trains_for_it(bt: Bt, small_file: Path, registry: RegistryBackend, url: str) -> None:
    done = bt("train", "-m", "rf", "--data", small_file, "--registry", f"{url}/summary.json", "--holdout", "1h")
    line = f"Error: {url}: a registry is only read over http; write to the folder or bucket that it publishes\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", line)


def test_it_is_copied_into_a_folder(registry: RegistryBackend, url: str) -> None:
    target = local_registry("copied/summary.json")
    assert [one.copied for one in copy(WebRegistry(url), target)] == [True, True]
    assert [record.run_id for record in target.records(EVERYTHING)] == ["aaaa1111", "bbbb2222"]


def test_what_the_seed_wrote_is_read_and_its_files_are_where_it_says(
    clean_place: Path,
) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text(json.dumps([SEED_ENTRY | {"test_mode": False, "model_uri": "theirs"}]))
    Path("theirs/nn").mkdir(parents=True)
    Path("theirs/nn/model.keras").write_bytes(b"net")
    with published(Path("models")) as url:
        web = WebRegistry(f"{url}/summary.json")
        with model_files(web, web.best("r2", Query()), Trust(unverified=True)) as folder:
            assert (folder / "model.keras").read_bytes() == b"net"


def test_a_server_that_refuses_or_is_gone_is_said_in_one_line(bt: Bt) -> None:
    with refusing_server(403) as url:
        done = bt("registry", "list", "--registry", f"{url}/summary.json")
        assert (done.exit_code, done.stderr) == (1, f"Error: {url}/summary.json: the server refuses to show it\n")
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnavailable, match=f"^{re.escape(nobody)}/summary.json: no server answers$"):
        list(WebRegistry(nobody).records(EVERYTHING))


def test_where_the_server_has_no_summary_there_is_no_registry(bt: Bt, registry: RegistryBackend, url: str) -> None:
    typo = f"{url}/modles/summary.json"
    line = f"there is no registry at {typo}; check --registry"
    for command in (
        "list",
        "list --format json",
        "best --metric r2",
        "show aaaa1111",
        "history champion",
        f"copy --to copied --from {typo}",
    ):
        words = command.split() if "copy" in command else [*command.split(), "--registry", typo]
        done = bt("registry", *words)
        assert (done.exit_code, done.stderr) == (1, f"Error: {line}\n"), command
    with pytest.raises(NoRegistry, match=f"^{re.escape(line)}$"):
        get_best_model_from_summary("rf", typo)
    with pytest.raises(NoRegistry, match=f"^{re.escape(line)}$"):
        list(WebRegistry(typo).records(EVERYTHING))
    assert not Path("copied").exists()


def test_what_the_backend_cannot_use_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^backend 'web' reads a registry at http\(s\)://…, not at models$"):
        WebRegistry("models/summary.json")


def test_the_original_function_loads_the_best_model_from_the_web(bt: Bt, small_file: Path) -> None:
    trained = bt("train", "-m", "rf", "--env", "prod", "--set", "n_estimators=2", "--data", small_file)
    assert trained.exit_code == 0
    with published(Path("models")) as url:
        pipeline = get_best_model_from_summary("rf", f"{url}/summary.json", metric="wape", download_dir="copy")
    assert pipeline.name == "rf"
    assert Path("copy/model.joblib.zst").exists()
