"""The README is correct: its commands print what it shows, its code runs, its plugin works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.config import load_settings
from tests.readme import README, alike, blocks, commands_of, lasting, run

_PYTHON = re.compile(r"```(?:python|toml)\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.slow


def test_the_commands_print_what_the_readme_shows(clean_place: Path) -> None:
    """Run ids and times differ from run to run; metrics may differ by a hundredth from machine to machine."""
    for block in blocks():
        shown, shown_numbers = lasting(block)
        printed, printed_numbers = lasting(run(commands_of(block), clean_place))
        assert printed == shown
        assert alike(printed_numbers, shown_numbers)


def test_the_python_example_runs(clean_place: Path) -> None:
    run(["bt data sample -o counts.csv.gz"], clean_place)
    (example,) = [code for code in _PYTHON.findall(README.read_text(encoding="utf-8")) if "load_best" in code]
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=True, timeout=600)
    assert re.fullmatch(r"[\d.]+ bikes per hour; the 4-week mean: [\d.]+\n", done.stdout)


def test_the_plugin_of_the_readme_trains_and_predicts(clean_place: Path, small_file: Path) -> None:
    """Its files are written as the README shows them, and installed the way pip leaves a package."""
    site = clean_place / "site"
    for code in _PYTHON.findall(README.read_text(encoding="utf-8")):
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


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    for command in re.findall(r"`bt ([a-z]+)[^`]*`", README.read_text(encoding="utf-8")):
        subprocess.run(
            [sys.executable, "-m", "bike_traffic.cli.main", command, "--help"], check=True, stdout=-3, timeout=600
        )


def test_the_links_of_the_readme_lead_to_files() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_settings_of_the_readme_are_understood() -> None:
    (example,) = [code for code in _PYTHON.findall(README.read_text(encoding="utf-8")) if "[profiles.prod]" in code]
    Path("bt.toml").write_text(example, encoding="utf-8")
    assert load_settings(environ={}).env == "dev"
    settings = load_settings(env="prod", environ={})
    assert (settings.backend, settings.data) == ("gcs", "gs://my-bucket/counts.parquet")
    assert settings.registry_of("gcs") == "gs://my-bucket/models/summary.json"
