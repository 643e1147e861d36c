"""A folder of counts becomes a folder of predictions, file by file; what is finished is not made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.data.files.folders.filesystem import filesystem_of
from bike_traffic.data.files.writing import write_counts
from bike_traffic.errors import FilesNotPredicted
from tests.conftest import Bt
from tests.registry_backends.conftest import NewBucket
from tests.registry_backends.conftest import new_bucket as new_bucket
from tests.registry_backends.conftest import new_cloud as new_cloud
from tests.servers import CLOUDS

PREDICT = ("predict", "--registry", "models", "-m", "rf")


@pytest.fixture
def registry(small_counts: pd.DataFrame) -> Path:
    """Register a small model, and write its counts as three files of three kinds into the folder `counts`."""
    how = {"n_estimators": 2}
    bike_traffic.train("rf", small_counts, registry="models", parameters=how, interval=False, refit=False)
    Path("counts").mkdir()
    for number, ending in enumerate(["csv", "csv.gz", "parquet"]):
        write_counts(small_counts.iloc[number * 500 : (number + 1) * 500], f"counts/part-{number}.{ending}")
    return Path("models")


def names_in(folder: str) -> list[str]:
    """Return the names of all files of a folder, those with a dot before it as well."""
    return sorted(path.name for path in Path(folder).iterdir())


def last_line(stderr: str) -> str:
    """Return the last line without the run's id."""
    words = stderr.splitlines()[-1].split(": ", 1)
    return words[1]


def test_each_file_becomes_one_of_its_name_and_has_the_rows_that_it_has_alone(bt: Bt, registry: Path) -> None:
    done = bt(*PREDICT, "counts", "-o", "out/")
    assert (done.exit_code, done.stdout) == (0, "")
    assert last_line(done.stderr) == "3 files with 1,500 rows predicted into out/"
    assert names_in("out") == ["part-0.parquet", "part-1.parquet", "part-2.parquet"]
    for number, ending in enumerate(["csv", "csv.gz", "parquet"]):
        bt(*PREDICT, f"counts/part-{number}.{ending}", "-o", "alone.parquet")
        alone = pd.read_parquet("alone.parquet")
        pd.testing.assert_frame_equal(alone, pd.read_parquet(f"out/part-{number}.parquet"))


def test_what_is_finished_is_left_as_it_is(bt: Bt, registry: Path) -> None:
    bt(*PREDICT, "counts", "-o", "out/")
    before = {path.name: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    done = bt(*PREDICT, "counts", "-o", "out")
    assert last_line(done.stderr) == "0 files with 0 rows predicted into out; 3 files finished before"
    assert {path.name: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before


def test_other_counts_another_model_other_options_or_a_broken_file_are_predicted_again(
    bt: Bt, registry: Path, small_counts: pd.DataFrame
) -> None:
    bt(*PREDICT, "counts", "-o", "out/")

    def predicted(*words: str) -> str:
        return last_line(bt(*PREDICT, "counts", "-o", "out/", *words).stderr)

    write_counts(small_counts.iloc[:7], "counts/part-0.csv")
    assert predicted() == "1 file with 7 rows predicted into out/; 2 files finished before"
    Path("out/part-1.parquet").write_bytes(b"PAR1")
    assert predicted() == "1 file with 500 rows predicted into out/; 2 files finished before"
    Path("out/part-1.parquet").unlink()
    assert predicted() == "1 file with 500 rows predicted into out/; 2 files finished before"
    assert predicted("--reasons") == "3 files with 1,007 rows predicted into out/"
    how = {"n_estimators": 3}
    bike_traffic.train("rf", small_counts, registry="models", parameters=how, interval=False, refit=False, seed=1)
    record = bike_traffic.Workspace.open(registry="models").registry.records(bike_traffic.Query())
    last = list(record)[-1].run_id
    done = bt("predict", "--registry", "models", "--run-id", last, "counts", "-o", "out/", "--reasons")
    assert last_line(done.stderr) == "3 files with 1,007 rows predicted into out/"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bad_file_is_one_line_and_the_others_are_predicted(bt: Bt, registry: Path, jobs: str) -> None:
    Path("counts/bad.csv").write_text("when;what\n1;2\n")
    done = bt(*PREDICT, "counts", "-o", "out/", "--jobs", jobs)
    assert done.exit_code == 1
    (line,) = [line for line in done.stderr.splitlines() if "bad.csv" in line]
    assert line.endswith("counts/bad.csv: no column 'Nom du compteur'; there are what, when")
    assert done.stderr.splitlines()[-1] == (
        "Error: 1 of 4 files could not be predicted; the same command again predicts these alone"
    )
    assert names_in("out") == ["part-0.parquet", "part-1.parquet", "part-2.parquet"]


def test_processes_write_the_same_bytes_as_one(bt: Bt, registry: Path) -> None:
    for jobs in ("1", "2"):
        done = bt(*PREDICT, "counts", "-o", f"{jobs}/", "--jobs", jobs)
        assert done.exit_code == 0, done.stderr
    assert [path.read_bytes() for path in sorted(Path("1").iterdir())] == [
        path.read_bytes() for path in sorted(Path("2").iterdir())
    ]


def test_two_files_of_one_name_and_the_folder_of_the_counts_are_refused(bt: Bt, registry: Path) -> None:
    done = bt(*PREDICT, "counts", "-o", "counts/")
    assert done.stderr.splitlines()[-1] == (
        "Error: counts: is the folder of the counts, and its predictions would be read as counts; give them another "
        "folder"
    )
    shutil.copy("counts/part-0.csv", "counts/part-2.csv")
    done = bt(*PREDICT, "counts", "-o", "out/")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        1,
        "Error: counts/part-2.csv and counts/part-2.parquet would both be predicted into part-2.parquet; rename one",
    )
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-"], "Error: standard input needs one file as OUTPUT"),
        (["counts", "--plot", "a.png"], "Error: --plot needs one file as OUTPUT"),
    ],
)
def test_what_needs_one_file_is_refused(bt: Bt, registry: Path, words: list[str], message: str) -> None:
    done = bt(*PREDICT, *words, "-o", "out/")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, message)


def test_a_place_that_cannot_be_written_ends_the_work(bt: Bt, registry: Path) -> None:
    Path("out").write_text("a file")
    done = bt(*PREDICT, "counts", "-o", "out/")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: out: the predictions cannot be written there; change its permissions, or name another folder\n",
    )


def test_in_python_the_outcomes_are_returned_or_the_failed_files_named(registry: Path) -> None:
    outcomes = bike_traffic.predict_folder("counts", "out", "rf", registry="models")
    assert [(one.target, one.rows, one.was_finished) for one in outcomes] == [
        (f"out/part-{number}.parquet", 500, False) for number in range(3)
    ]
    Path("counts/bad.csv").write_text("")
    message = r"^1 of 4 files could not be predicted; the same command again predicts these alone$"
    with pytest.raises(FilesNotPredicted, match=message) as caught:
        bike_traffic.predict_folder("counts", "out", "rf", registry="models")
    assert caught.value.parts == {"failed": ["counts/bad.csv"], "total": 4}


@pytest.mark.parametrize("kind", CLOUDS)
def test_from_bucket_to_bucket(bt: Bt, registry: Path, kind: str, new_bucket: NewBucket) -> None:
    bucket = new_bucket(kind)
    filesystem, path = filesystem_of(bucket)
    for file in Path("counts").iterdir():
        filesystem.put_file(str(file), f"{path}/counts/{file.name}")
    done = bt(*PREDICT, f"{bucket}/counts/", "-o", f"{bucket}/out/")
    assert (done.exit_code, last_line(done.stderr)) == (0, f"3 files with 1,500 rows predicted into {bucket}/out/")
    assert bt(*PREDICT, "counts", "-o", "out/").exit_code == 0
    for file in sorted(Path("out").iterdir()):
        there = pd.read_parquet(filesystem.open(f"{path}/out/{file.name}"))
        pd.testing.assert_frame_equal(there, pd.read_parquet(file))
    filesystem.put_file("counts/part-0.csv", f"{path}/counts/part-1.csv.gz")
    done = bt(*PREDICT, f"{bucket}/counts/", "-o", f"{bucket}/out/")
    assert last_line(done.stderr) == f"1 file with 500 rows predicted into {bucket}/out/; 2 files finished before"
