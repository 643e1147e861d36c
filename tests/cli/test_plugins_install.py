"""``bt plugins install`` and ``uninstall`` work on the environment of ``bt``, with pip."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import Bt


@pytest.mark.slow
def test_a_plugin_is_installed_listed_and_removed(clean_place: Path, bt: Bt) -> None:
    """In an environment of its own, which sees the packages of this one."""
    assert bt("plugins", "new", "bt-weekly", "--kind", "command").exit_code == 0
    venv.create(clean_place / "fresh", system_site_packages=False, with_pip=True)
    python = clean_place / "fresh/bin/python"
    site = next((clean_place / "fresh/lib").glob("python*/site-packages"))
    outer = [path for path in sys.path if "site-packages" in path or "__editable__" in path]
    (site / "outer.pth").write_text("\n".join(outer))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}
        script = "from bike_traffic.cli.main import main; main()"
        return subprocess.run(
            [str(python), "-c", script, *words], env=environment, capture_output=True, text=True, timeout=300
        )

    done = run("plugins", "install", "--editable", "bt-weekly")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.endswith("installed; `bt plugins` lists what they offer\n")
    assert "(from bt-weekly)" in run("--help").stdout
    done = run("plugins", "uninstall", "bt-weekly", "--yes")
    assert done.returncode == 0, done.stderr
    assert "bt-weekly" not in run("--help").stdout


def test_bt_itself_is_not_removed(bt: Bt) -> None:
    done = bt("plugins", "uninstall", "Bike_Traffic", "--yes")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: bike-traffic is bt itself, and no plugin; remove it with pip\n",
    )


def test_nothing_to_install_is_a_wrong_usage(bt: Bt) -> None:
    assert bt("plugins", "install").exit_code == 2
    assert bt("plugins", "uninstall").exit_code == 2


def test_without_pip_it_is_said(bt: Bt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bike_traffic.cli.plugins_install.find_spec", lambda name: None)
    done = bt("plugins", "install", "bt-weekly")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: there is no pip in the environment of {sys.executable}; ")
