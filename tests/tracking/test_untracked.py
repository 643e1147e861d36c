"""Trainings without tracking: MLflow is not installed, or tracking is turned off."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.extras import pip_words
from tests.tracking.conftest import (
    TRAIN,
    environment,
)

# SQLAlchemy's, of MLflow's own queries, where it works on a file of SQLite in this process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.slow,
]


WITHOUT_MLFLOW = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "mlflow" else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from bike_traffic.cli.main import main
main(sys.argv[1:])
"""


def test_without_mlflow_training_works_and_a_note_says_how_to_install_it(small_file: Path) -> None:
    words = (*TRAIN, "-m", "rf_class", "--data", str(small_file), "--no-refit")

    def run(*more: str) -> list[str]:
        command = [sys.executable, "-c", WITHOUT_MLFLOW, *words, *more]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=600)
        return [line.partition(":")[0] for line in done.stderr.splitlines()]

    assert run() == ["runs are not tracked", "rf", "rf_class", "find it again", "find it again"]
    assert run("--no-track") == ["rf", "rf_class", "find it again", "find it again"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MLFLOW, "mlflow"], capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: `bt mlflow` needs MLflow, which is not installed: pip install {pip_words('bike-traffic[mlflow]')}\n",
    )


NOT_TRACKED = """
import json, sys
from bike_traffic.cli.main import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("how", ["--no-track", "BT_TRACK", "bt.toml"])
def test_an_untracked_training_imports_nothing_of_mlflow_and_creates_no_store(small_file: Path, how: str) -> None:
    if how == "bt.toml":
        Path("bt.toml").write_text("track = false\n")
    words = [*TRAIN, "--data", str(small_file), "--no-refit", *(["--no-track"] if how == "--no-track" else [])]
    variables = environment(**({"BT_TRACK": "0"} if how == "BT_TRACK" else {}))
    command = [sys.executable, "-c", NOT_TRACKED, *words]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=600)
    *lines, modules = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["rf", "find it again"]
    imported = {name.partition(".")[0] for name in json.loads(modules)}
    assert imported & {"mlflow", "matplotlib", "sqlalchemy", "alembic"} == set()
    assert not Path("mlruns_dev").exists()
