"""Work that a Dask scheduler shares out gives the same bytes, also when a worker is killed in the middle of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.data.files.writing import write_counts
from bike_traffic.errors import ParameterError, WorkerError
from bike_traffic.processes import Workers
from tests.conftest import Bt
from tests.dask_cluster import Cluster, dask_cluster
from tests.plugin_site import write_distribution
from tests.servers import free_port
from tests.test_manager import declaring

pytestmark = pytest.mark.slow

LIMIT = 300
"""Seconds that a command may take on a machine with much to do."""

DEADLY = """
import os
import signal
from pathlib import Path

from bike_traffic.plugins.random_forest import RFPipeline


def die_once():
    # The file that asks for it can be removed once: one process dies, in the middle of its work.
    try:
        os.unlink(Path(os.environ["DEADLY"]))
    except OSError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Model(RFPipeline):
    name = "deadly"

    def _fit(self, cleaned):
        super()._fit(cleaned)
        if len(cleaned) < int(os.environ["DEADLY_ROWS"]):
            die_once()

    def _predict(self, cleaned, history):
        if not int(os.environ["DEADLY_ROWS"]):
            die_once()
        return super()._predict(cleaned, history)
"""


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model that ends its process, once: where there is the file `die`."""
    folder = tmp_path_factory.mktemp("cluster")
    modules = {
        "deadly": declaring('[PipelineSpec(name="deadly", target="deadly_model:Model")]'),
        "deadly_model": DEADLY,
    }
    write_distribution(folder / "site", "deadly-dist", modules, {"bike_traffic/main": "deadly"})
    return folder


def environment(folder: Path, rows: int) -> dict[str, str]:
    """Return the environment of workers, and of the command."""
    return {"PYTHONPATH": str(folder / "site"), "DEADLY": str(folder / "die"), "DEADLY_ROWS": str(rows)}


def run(folder: Path, rows: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``bt`` in a process that knows the deadly model."""
    return subprocess.run(
        [sys.executable, "-m", "bike_traffic.cli.main", *words],
        env={**os.environ, **environment(folder, rows)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def killed(cluster: Cluster) -> int:
    """Return how many workers have ended."""
    return sum(worker.poll() is not None for worker in cluster.workers)


def test_a_folder_is_predicted_though_a_worker_is_killed_in_the_middle(
    deadly: Path, small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    write_counts(small_counts, "counts.csv")
    Path("counts").mkdir()
    for number in range(6):
        write_counts(small_counts.iloc[number * 300 : (number + 1) * 300], f"counts/part-{number}.csv")
    train = ("train", "-m", "deadly", "--set", "n_estimators=2", "--no-interval", "--data", "counts.csv")
    assert run(deadly, 0, *train, "--registry", "models").returncode == 0
    predict = ("predict", "-m", "deadly", "--registry", "models", "counts")
    assert run(deadly, 0, *predict, "-o", "alone/").returncode == 0
    with dask_cluster(tmp_path, environment=environment(deadly, 0)) as cluster:
        (deadly / "die").touch()
        done = run(deadly, 0, *predict, "-o", "shared/", "--scheduler", cluster.address)
        assert done.returncode == 0, done.stderr
        assert killed(cluster) == 1
    assert contents("shared") == contents("alone")
    assert len(contents("alone")) == 6


def test_a_backtest_is_the_same_though_a_worker_is_killed_in_the_middle(
    deadly: Path, small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    write_counts(small_counts, "counts.csv")
    words = ["backtest", "-m", "deadly", "--set", "n_estimators=2", "--data", "counts.csv", "--folds", "3"]
    words += ["--horizon", "7d", "--format", "json"]
    alone = run(deadly, 0, *words, "-o", "alone.csv")
    assert alone.returncode == 0, alone.stderr
    with dask_cluster(tmp_path, environment=environment(deadly, 10**9)) as cluster:
        (deadly / "die").touch()
        shared = run(deadly, 0, *words, "-o", "shared.csv", "--scheduler", cluster.address)
        assert shared.returncode == 0, shared.stderr
        assert killed(cluster) == 1
    assert shared.stdout == alone.stdout
    assert Path("shared.csv").read_bytes() == Path("alone.csv").read_bytes()


def contents(folder: str) -> dict[str, bytes]:
    """Return the bytes of each file; a killed process leaves one with a dot before its name, which nobody reads."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name[0] != "."}


def divided(number: int, shared: float) -> float:
    """Return a quotient."""
    return shared / number


def refused(shared: float) -> float:
    """Raise an error of this package."""
    raise ParameterError(f"{shared} is refused", "parameter-refused", model_type="x", reason="y")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a cluster that knows this module."""
    root = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with dask_cluster(tmp_path_factory.mktemp("cluster"), environment=root) as running:
        yield running


def test_answers_come_in_the_order_of_the_calls(cluster: Cluster) -> None:
    with Workers(scheduler=cluster.address).sharing(12.0) as made:
        assert list(made([partial(divided, number) for number in (1, 2, 3, 4)])) == [12.0, 6.0, 4.0, 3.0]
        assert list(made([partial(divided, 6)])) == [2.0]


def test_an_answer_that_comes_when_the_wait_for_it_ends_is_no_lost_scheduler(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers come every few milliseconds, and each is waited for in turns as short."""
    from bike_traffic import scheduler

    monkeypatch.setattr(scheduler, "_POLL_SECONDS", 0.003)
    numbers = range(1, 301)
    with Workers(scheduler=cluster.address).sharing(12.0) as made:
        assert list(made([partial(divided, number) for number in numbers])) == [12.0 / number for number in numbers]


def test_an_error_of_a_call_is_raised_with_its_id_and_parts(cluster: Cluster) -> None:
    with (
        pytest.raises(ParameterError, match=r"^12\.0 is refused$") as caught,
        Workers(scheduler=cluster.address).sharing(12.0) as made,
    ):
        list(made([refused]))
    assert (caught.value.id, caught.value.parts) == ("parameter-refused", {"model_type": "x", "reason": "y"})


def test_tuning_has_the_same_trials(cluster: Cluster, bt: Bt, small_file: Path) -> None:
    words = ["tune", "-m", "rf", "--set", "n_estimators=2", "--trials", "5", "--folds", "2", "--horizon", "7d"]
    words += ["--data", str(small_file), "--format", "json"]
    alone = bt(*words, "--storage", "alone.db")
    shared = bt(*words, "--storage", "shared.db", "--scheduler", cluster.address)
    assert (shared.exit_code, shared.stdout) == (0, alone.stdout)


def test_a_worker_without_a_module_is_one_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def call(shared):\n    return shared\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    message = f"^{re.escape(cluster.address)}: a worker has no only_here; install there what is installed here$"
    with pytest.raises(WorkerError, match=message), Workers(scheduler=cluster.address).sharing(1) as made:
        list(made([only_here.call]))


def test_a_scheduler_that_is_not_there_is_one_line(bt: Bt, small_file: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    done = bt("backtest", "-m", "rf", "--data", small_file, "--horizon", "7d", "--scheduler", address)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        f"Error: {address}: no Dask scheduler answers: Connection refused",
    )


@pytest.mark.parametrize("address", ["here", "foo://127.0.0.1:1", "tcp://"])
def test_what_is_no_address_is_one_line(address: str) -> None:
    with (
        pytest.raises(WorkerError, match=rf"^{address}: no Dask scheduler answers: "),
        Workers(scheduler=address).sharing(1),
    ):
        pass


def test_a_scheduler_without_workers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bike_traffic import scheduler

    monkeypatch.setattr(scheduler, "SILENT_SECONDS", 3.0)
    with dask_cluster(tmp_path, workers=0) as running:
        message = f"^{running.address}: no worker for 3 s; `dask worker {running.address}` starts one$"
        with pytest.raises(WorkerError, match=message), Workers(scheduler=running.address).sharing(1) as made:
            list(made([partial(divided, 1)]))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["backtest", "-m", "rf", "--jobs", "2"],
            "--jobs is for this machine; with --scheduler its workers do the work",
        ),
        (
            ["predict", "-m", "rf", "a.csv", "-o", "b.csv"],
            "--scheduler shares out files: end OUTPUT with / for a folder",
        ),
    ],
)
def test_words_that_contradict_each_other_are_refused(bt: Bt, words: list[str], message: str) -> None:
    done = bt(*words, "--scheduler", "tcp://127.0.0.1:1")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, f"Error: {message}")
