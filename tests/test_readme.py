"""The README and the tutorials are correct: their commands print what they show, their code runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.config import load_settings
from tests.readme import (
    BUCKET,
    DOCS,
    FIRST_MODEL,
    PAGES,
    README,
    alike,
    blocks,
    commands_of,
    in_a_bucket,
    lasting,
    run,
)

_PYTHON = re.compile(r"```(?:python|toml)\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.slow


def check(page: Path, folder: Path) -> None:
    """Run ids and times differ from run to run; metrics may differ by a hundredth from machine to machine."""
    for block in blocks(page):
        shown, shown_numbers = lasting(block)
        printed, printed_numbers = lasting(run(commands_of(block), folder))
        assert printed == shown
        assert alike(printed_numbers, shown_numbers)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_print_what_the_page_shows(page: Path, clean_place: Path) -> None:
    check(page, clean_place)


def test_the_commands_in_a_bucket_print_what_the_page_shows(clean_place: Path) -> None:
    with in_a_bucket(clean_place):
        check(BUCKET, clean_place)


def test_the_python_example_runs(clean_place: Path) -> None:
    run(["bt data sample -o counts.csv.gz"], clean_place)
    (example,) = _PYTHON.findall(FIRST_MODEL.read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, timeout=600)
    assert re.fullmatch(r"[\d.]+ bikes per hour; the 4-week mean: [\d.]+\n", done.stdout)


def test_the_plugin_in_two_files_trains_and_predicts(clean_place: Path, small_file: Path) -> None:
    """Its files are written as the page shows them, and installed the way pip leaves a package."""
    site = clean_place / "site"
    for code in _PYTHON.findall((DOCS / "plugins/index.md").read_text(encoding="utf-8")):
        named = re.match(r"# (bt_median/\S+\.py)\n", code)
        if named:
            path = site / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, encoding="utf-8")
    information = site / "bt_median-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bt-median\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text("[bike_traffic]\nmedian = bt_median\n")

    with_plugin = f"PYTHONPATH={site} "
    printed = run([f"{with_plugin} bt train -m median --data {small_file} --format json 2>/dev/null"], clean_place)
    (entry,) = json.loads(printed.partition("\n")[2])
    assert entry["plugin"] == {"distribution": "bt-median", "version": "0.1.0"}
    run([f"{with_plugin} bt predict -m median {small_file} -o out.csv"], clean_place)
    assert len((clean_place / "out.csv").read_text().splitlines()) == len(small_file.read_text().splitlines())


@pytest.mark.parametrize("page", [*PAGES, BUCKET, DOCS / "install.md"], ids=lambda page: page.stem)
def test_a_page_names_no_command_that_does_not_exist(page: Path) -> None:
    for command in set(re.findall(r"`bt ([a-z]+)[^`]*`", page.read_text(encoding="utf-8"))):
        subprocess.run(
            [sys.executable, "-m", "bike_traffic.cli.main", command, "--help"], check=True, stdout=-3, timeout=600
        )


def test_the_links_of_the_readme_lead_to_files() -> None:
    """Those of the pages are checked when the site is built."""
    links = re.findall(r"\]\((?!http)([^)]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_settings_of_the_bucket_are_understood(clean_place: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", BUCKET.read_text(encoding="utf-8"), re.DOTALL)
    Path("bt.toml").write_text(example, encoding="utf-8")
    assert load_settings(environ={}).env == "dev"
    settings = load_settings(env="prod", environ={})
    assert (settings.backend, settings.data) == ("gcs", "gs://my-bucket/counts.parquet")
    assert settings.registry_of("gcs") == "gs://my-bucket/models/summary.json"


def test_every_page_is_reached_from_the_readme_or_the_index_of_the_site() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")} - {"index"}
    assert pages - set(index.splitlines()) == set()
