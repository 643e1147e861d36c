"""Fixtures of all tests: a clean folder, small counts, and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from bike_traffic.cli.main import main
from bike_traffic.data.sample import generate_sample

Bt = Callable[..., Result]
HERE = "[local registry models/summary.json]"
"""How messages name the registry of a test's folder."""


@pytest.hookimpl(optionalhook=True)  # not everybody has pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """Return for ``-n auto`` one worker more than there are processors: tests wait for servers and processes."""
    return 1 + (os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def clean_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run everything, fixtures of modules as well as tests, without the user's settings and cache, and untracked."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable.startswith("BT_"):
                patch.delenv(variable)
        patch.setenv("BT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("BT_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv("BT_LOG", "warning")  # progress depends on the time; the tests of the log undo this
        patch.setenv("BT_TRACK", "0")  # MLflow takes seconds; the tests of tracking undo this
        yield


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder, with a cache and a folder of kept models of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BT_STATE", str(tmp_path / "state"))
    return folder


@pytest.fixture(scope="session")
def sample() -> pd.DataFrame:
    """Return the generated sample: 20 counters, 15 months. Copy before changing it."""
    return generate_sample()


@pytest.fixture(scope="session")
def small_counts(sample: pd.DataFrame) -> pd.DataFrame:
    """Return four counters over the sample's last 100 days, as plain text columns. Copy before changing it."""
    names = sample["Nom du compteur"].cat.categories[:4]
    recent = sample.tail(100 * 24 * 20)
    kept = recent[recent["Nom du compteur"].isin(names)].reset_index(drop=True)
    return kept.astype(dict.fromkeys(kept.columns.drop("Comptage horaire"), str))


@pytest.fixture
def small_file(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a CSV of the small counts, as the City writes it."""
    path = clean_place / "counts.csv"
    small_counts.to_csv(path, sep=";", index=False)
    return path


@pytest.fixture
def bt() -> Bt:
    """Return a function that runs ``bt`` in this process and gives its exit code, stdout and stderr."""

    def run(*words: str | Path, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], input=stdin)

    return run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a portal again, and call a file of records corrupt, without waiting: the waits have their own tests."""
    monkeypatch.setattr("bike_traffic.registry_backends.array_file._SETTLED_SECONDS", 0.0)
    monkeypatch.setattr("bike_traffic.opendata.portal.client.FIRST_PAUSE", 0.0)
