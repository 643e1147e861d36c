"""`bt forecast`, `bt predict --interval`, `bt evaluate --by`, `bt backtest --step`: what a user sees."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Bt
from tests.plugin_site import write_distribution

TINY = ("--set", "n_estimators=3")
DAY = ("--from", "2024-12-02")
ONE = ("--counter", "hirondelles n")


@pytest.fixture
def trained(bt: Bt, small_file: Path) -> Path:
    assert bt("train", "-m", "rf", "-m", "rf_class", *TINY, "--data", small_file).exit_code == 0
    return small_file


def test_the_hours_of_one_counter_and_day_have_their_interval(bt: Bt, trained: Path) -> None:
    done = bt("forecast", "-m", "rf", *DAY, *ONE)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "12 quai des Hirondelles N-S, Monday 2 December 2024"
    assert lines[1].split() == ["hour", "bikes", "80", "%", "interval", "was", "usual"]
    assert [line.split()[0] for line in lines[3:]] == [f"{hour:02d}:00" for hour in range(24)]
    bikes, low, high = lines[3 + 8].replace(",", "").replace(" –", "").split()[1:4]
    assert int(low) <= int(bikes) <= int(high)
    notes = done.stderr.splitlines()
    assert re.fullmatch(
        r"rf of run \w{8}; the newest count it knows is of 2024-11-30 23:00, 1 day before the forecast", notes[0]
    )
    assert notes[1].startswith("its rmse on the 28 days after its training was ")


def test_many_counters_have_a_line_each_with_total_peak_and_curve(bt: Bt, trained: Path) -> None:
    lines = bt("forecast", "-m", "rf", *DAY, "--days", "2").stdout.splitlines()
    assert [line for line in lines if "December" in line] == ["Monday 2 December 2024", "Tuesday 3 December 2024"]
    curves = [line for line in lines if re.search(r" h +[▁▂▃▄▅▆▇█]{24}$", line)]
    assert len(curves) == 2 * 4
    assert all(len(line) <= 80 for line in lines)


def test_one_counter_has_a_line_for_each_day(bt: Bt, trained: Path) -> None:
    lines = bt("forecast", "-m", "rf", *DAY, *ONE, "--days", "7").stdout.splitlines()
    assert lines[0] == "12 quai des Hirondelles N-S"
    assert [line.split()[0] for line in lines[3:]] == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip


def test_days_on_which_the_clock_changes_have_23_or_25_hours(bt: Bt, trained: Path) -> None:
    for first, hours in (("2025-03-30", 23), ("2025-10-26", 25)):
        document = json.loads(bt("forecast", "-m", "rf", "--from", first, *ONE, "--format", "json").stdout)
        assert len(document["rows"]) == hours
        assert len({row["time"] for row in document["rows"]}) == hours
        lines = bt("forecast", "-m", "rf", "--from", first, *ONE).stdout.splitlines()
        assert len(lines) == 3 + hours


def test_the_same_forecast_comes_as_json_as_csv_and_as_a_file(bt: Bt, trained: Path) -> None:
    words = ("forecast", "-m", "rf", *DAY, *ONE)
    document = json.loads(bt(*words, "--format", "json").stdout)
    assert document["rows"][0].keys() == {
        "counter", "time", "prediction", "lower", "upper", "recent", "usual_lower", "usual", "usual_upper",
    }  # fmt: skip
    table = pd.read_csv(io.StringIO(bt(*words, "--format", "csv").stdout), sep=";")
    assert list(table) == ["Nom du compteur", "Date et heure de comptage", "prediction", "lower", "upper"]
    assert list(table["prediction"]) == [row["prediction"] for row in document["rows"]]
    assert bt(*words, "-o", "out.csv", "--plot", "out.png").stderr.splitlines()[:2] == [
        "24 hours written into out.csv",
        "drawn in out.png",
    ]
    pd.testing.assert_frame_equal(pd.read_csv("out.csv", sep=";"), table)
    assert Path("out.png").stat().st_size > 10_000


def test_a_classifier_shows_its_busy_hours(bt: Bt, trained: Path) -> None:
    lines = bt("forecast", "-m", "rf_class", *DAY, *ONE).stdout.splitlines()
    assert lines[1].split() == ["hour", "busy"]
    assert all(re.match(r"\d\d:00 +\d+%", line) for line in lines[3:])
    assert "busy hours" in bt("forecast", "-m", "rf_class", *DAY).stdout


def test_without_a_day_it_is_tomorrow_in_paris(bt: Bt, trained: Path) -> None:
    before = pd.Timestamp.now("Europe/Paris")
    document = json.loads(bt("forecast", "-m", "rf", *ONE, "--format", "json").stdout)
    after = pd.Timestamp.now("Europe/Paris")
    expected = {(now.normalize() + pd.DateOffset(days=1)).isoformat() for now in (before, after)}
    assert document["first_hour"] in expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "15/06/2026"), "'15/06/2026' is not a day; write one such as 2026-06-15"),
        (("--days", "400"), "a forecast is of 1 to 366 days, not 400"),
        (("--plot", "no/folder/f.png"), "no/folder/f.png: cannot be written: No such file or directory"),
        (("--history", "absent.csv"), "absent.csv: no such file"),
    ],
)
def test_what_cannot_be_forecast_is_one_line(bt: Bt, trained: Path, words: tuple[str, ...], message: str) -> None:
    done = bt("forecast", "-m", "rf", *words)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == f"Error: {message}"


def test_a_picture_of_an_unknown_format_is_one_line(bt: Bt, trained: Path) -> None:
    done = bt("forecast", "-m", "rf", *DAY, "--plot", "f.txt")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr == "Error: f.txt: a picture ends in .png, .svg, .pdf\n"
    assert not Path("f.txt").exists()


def test_a_file_is_predicted_with_its_interval(bt: Bt, trained: Path) -> None:
    assert bt("predict", "-m", "rf", trained, "-o", "out.csv", "--interval").exit_code == 0
    table = pd.read_csv("out.csv", sep=";")
    assert list(table)[-3:] == ["prediction", "lower", "upper"]
    assert (table["lower"] <= table["prediction"]).all()
    assert (table["prediction"] <= table["upper"]).all()


def test_a_model_without_an_interval_says_so_in_one_line(bt: Bt, trained: Path) -> None:
    done = bt("predict", "-m", "rf_class", trained, "-o", "out.csv", "--interval")
    assert (done.exit_code, Path("out.csv").exists()) == (1, False)
    assert re.fullmatch(
        r"Error: 'rf_class' of run \w{8} has no interval: it is a classifier, or was trained with --no-interval "
        r"or by an earlier version; train it again\n",
        done.stderr,
    )


@pytest.mark.parametrize(("by", "groups"), [("counter", 4), ("hour", 24), ("day", 100), ("weekday", 7)])
def test_an_evaluation_shows_its_errors_by_group_the_worst_first(bt: Bt, trained: Path, by: str, groups: int) -> None:
    document = json.loads(bt("evaluate", "-m", "rf", trained, "--by", by, "--format", "json").stdout)
    errors = [group["metrics"]["rmse"] for group in document[f"by_{by}"]]
    assert len(errors) == groups
    assert errors == sorted(errors, reverse=True)
    assert sum(group["rows"] for group in document[f"by_{by}"]) == document["rows"]
    lines = bt("evaluate", "-m", "rf", trained, "--by", by).stdout.splitlines()
    assert lines[-groups].startswith(document[f"by_{by}"][0][by])


def test_a_backtest_in_steps_shows_errors_by_day_of_horizon_and_writes_its_predictions(
    bt: Bt, small_file: Path
) -> None:
    words = ("backtest", "-m", "rf", *TINY, "--data", small_file, "--folds", "1", "--horizon", "14d", "--no-interval")
    steps = ("--step", "1d", "--days", "3")
    document = json.loads(bt(*words, *steps, "-o", "out.csv", "--format", "json").stdout)
    assert [mean["days_ahead"] for mean in document["by_days_ahead"]] == [1, 2, 3]
    table = pd.read_csv("out.csv", sep=";")
    assert {"model", "fold", "origin", "days_ahead", "truth", "prediction", "baseline", "recent"} <= set(table)
    for mean in document["by_days_ahead"]:
        own = table[table["days_ahead"] == mean["days_ahead"]]
        error = ((own["truth"] - own["prediction"]) ** 2).mean() ** 0.5
        assert mean["metrics"]["rmse"] == pytest.approx(error, rel=1e-6)
    lines = bt(*words, *steps).stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("days ahead"))
    assert [line.split()[:2] for line in lines[start + 2 : start + 5]] == [
        ["1", "rf"], ["1", "recent"], ["1", "4-week"],
    ]  # fmt: skip


def test_days_without_steps_are_wrong_usage(bt: Bt, small_file: Path) -> None:
    done = bt("backtest", "-m", "rf", "--data", small_file, "--days", "3")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == "Error: --days needs --step, such as --step 1d --days 7"


def test_training_on_the_sample_is_said_and_its_models_are_left_out_of_the_best(bt: Bt) -> None:
    done = bt("train", "-m", "rf", *TINY, "--no-interval")
    assert done.stderr.splitlines()[0] == (
        "trained on the generated sample, since --data names no counts; `best` leaves its models out"
    )
    missing = bt("registry", "best", "--metric", "r2")
    assert missing.exit_code == 1
    assert "--sample" in missing.stderr
    assert bt("registry", "best", "--metric", "r2", "--sample").exit_code == 0


FAR = """
from pathlib import Path
from bike_traffic import Pipeline, PipelineSpec, hookimpl

class FarPipeline(Pipeline):
    name, task = "far", "regression"
    def _fit(self, cleaned): ...
    def _predict(self, cleaned, history): return [5000.0] * len(cleaned)
    def save(self, directory): (directory / "empty").write_text("")
    @classmethod
    def load(cls, directory): return cls()

@hookimpl
def bt_pipelines():
    return [PipelineSpec(name="far", target="far_plugin:FarPipeline")]
"""


def test_a_model_behind_the_mean_is_marked_in_the_record_and_said(
    bt: Bt, small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(tmp_path / "site", "far-plugin", {"far_plugin": FAR}, {"bike_traffic/main": "far_plugin"})
    monkeypatch.syspath_prepend(tmp_path / "site")
    done = bt("train", "-m", "far", "--data", small_file, "--no-interval")
    assert done.exit_code == 0
    assert [line.split("  ")[0] for line in done.stdout.splitlines()][2] == "far (behind mean)"
    assert done.stderr.splitlines()[-2] == (
        "behind the 4-week mean: far; on these counts the simple mean is the better choice"
    )
    (entry,) = json.loads(bt("registry", "list", "--format", "json").stdout)
    assert entry["beats_baseline"] is False
    assert entry["skill"] < 0
    assert "behind mean" in bt("registry", "list").stdout
