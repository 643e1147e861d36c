"""The report of ``bt doctor`` has what a bug report needs, and no secret."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from bike_traffic.registry_backends.summary import LocalRegistry
from tests.conftest import Bt
from tests.plugin_site import write_distribution
from tests.test_registry import make_record, register

SECRET = "pass1234"


def report(bt: Bt, *words: str) -> tuple[int, Any]:
    done = bt("doctor", "--format", "json", *words)
    return done.exit_code, json.loads(done.stdout)


def test_a_report_has_versions_settings_folders_and_the_registry(bt: Bt, tmp_path: Path) -> None:
    register(LocalRegistry("models/summary.json"), make_record())
    code, found = report(bt)
    assert (code, found["problems"], found["failures"]) == (0, [], [])
    assert found["system"]["bike-traffic"] == version("bike-traffic")
    assert found["packages"]["pandas"] == version("pandas")
    assert set(found["extras"]) == {"nn", "mlflow", "plot", "gcs", "s3", "signing", "app", "tune", "dask"}
    assert found["registry"] == {"backend": "local", "address": "models/summary.json", "records": 1}
    assert found["settings"]["env"] == "dev"
    assert found["folders"]["cache"] == {"path": str(tmp_path / "cache"), "writable": True, "bytes": 0}


def test_the_text_has_the_same_parts(bt: Bt) -> None:
    done = bt("doctor")
    assert done.exit_code == 0
    titles = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("value")]
    assert titles == ["system", "package", "extra", "plugin", "setting", "folder", "registry", "browser"]
    assert done.stdout.endswith("no problem found\n")


def test_no_secret_is_shown(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_TRACKING_URI", f"https://me:{SECRET}@example.org")
    monkeypatch.setenv("BT_DATA", f"https://example.org/counts.csv?token={SECRET}")
    text = bt("doctor").stdout + bt("doctor", "--format", "json").stdout
    assert "https://example.org" in text
    assert SECRET not in text


def test_a_registry_that_cannot_be_read_is_a_problem_and_the_rest_is_reported(bt: Bt) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text("broken", encoding="utf-8")
    code, found = report(bt)
    assert code == 1
    (problem,) = found["problems"]
    assert problem.startswith("registry: RegistryCorrupt: ")
    assert found["settings"]["env"] == "dev"
    code, found = report(bt, "--backend", "gcs")
    assert (code, found["settings"]["registry"]) == (1, None)


def test_a_broken_plugin_is_a_problem(bt: Bt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(
        tmp_path / "site", "broken-dist", {"broken_dist": "1 / 0"}, {"bike_traffic/main": "broken_dist"}
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    code, found = report(bt)
    assert (code, found["problems"]) == (1, found["failures"])
    assert found["failures"][0].startswith("plugin broken-dist ")
