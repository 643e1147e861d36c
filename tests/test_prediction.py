"""Predictions come one a row, in order, whole; strange counters are named; memory does not grow."""

from __future__ import annotations

import importlib.metadata
import io
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic.answering import Answering
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, WEATHER_COLUMNS, WIND
from bike_traffic.data.checking.usable import Tolerance
from bike_traffic.data.cleaning import clean
from bike_traffic.data.files import csv_rows, reading
from bike_traffic.errors import (
    IntegrityError,
    MissingInput,
    PluginVersionWarning,
    ReadError,
    SchemaError,
    UnknownCounters,
    UnknownPipeline,
    WriteError,
)
from bike_traffic.loading import load_model
from bike_traffic.manager import PluginHost
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.prediction import predict, predict_chunks, predict_file
from bike_traffic.registry.record_parts import PluginInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing.backends.records import make_record

COUNTER, TIME, COUNT = "Nom du compteur", "Date et heure de comptage", "Comptage horaire"


@pytest.fixture(scope="module")
def pipelines(small_counts: pd.DataFrame) -> dict[str, Pipeline]:
    host = PluginHost(only=())
    return {
        name: new_pipeline(host.pipeline(name), {"n_estimators": 3}, seed=0).fit(small_counts)
        for name in ("rf", "rf_class")
    }


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_each_row_gives_one_row_in_the_same_order(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, small_file: Path, ending: str
) -> None:
    target = f"out{ending}"
    rows = predict_file(pipelines["rf"], str(small_file), target)
    written = pd.read_parquet(target) if ending == ".parquet" else pd.read_csv(target, sep=";")
    assert rows == len(small_counts)
    assert list(written.columns) == [COUNTER, TIME, COUNT, "prediction"]
    assert list(written[COUNTER]) == list(small_counts[COUNTER])
    assert list(written[TIME]) == list(small_counts[TIME])
    assert list(written["prediction"]) == list(pipelines["rf"].predict(small_counts).round(2))


def test_a_classifier_gives_the_label_and_its_probability(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    predicted = predict(pipelines["rf_class"], clean(small_counts))
    assert list(predicted.columns) == ["prediction", "probability"]
    assert (predicted["prediction"] == (predicted["probability"] > 0.5)).mean() > 0.999
    assert set(predicted["prediction"]) == {0, 1}


def test_the_count_is_not_needed_and_the_delimiter_stays(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    small_counts.drop(columns=COUNT).head(5).to_csv("in.csv", sep=",", index=False)
    predict_file(pipelines["rf"], "in.csv", "out.csv")
    assert list(pd.read_csv("out.csv", sep=",").columns) == [COUNTER, TIME, "prediction"]


def test_rows_of_unknown_counters_are_named_and_nothing_is_written(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    rows = small_counts.head(9).copy()
    rows.loc[[1, 4], COUNTER] = "new street"
    rows.loc[8, COUNTER] = "new bridge"
    rows.to_csv("in.csv", sep=";", index=False)
    Path("out.csv").write_text("what stood there before")
    message = (
        "3 rows are of counters the model was not trained on: 'new street' (row 3, 6); 'new bridge' (row 10); "
        "leave them empty with --unknown-counters empty, train on counts that hold them, or take a rough guess with "
        "--unknown-counters predict"
    )
    with pytest.raises(UnknownCounters, match=re.escape(message)):
        predict_file(pipelines["rf"], "in.csv", "out.csv")
    assert Path("out.csv").read_text() == "what stood there before"
    assert sorted(path.name for path in Path().iterdir()) == ["in.csv", "out.csv"]
    with pytest.raises(UnknownCounters):
        predict(pipelines["rf"], clean(rows))


def test_unknown_counters_are_predicted_when_asked_for_and_marked_row_by_row(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    rows = small_counts.head(3).copy()
    rows.loc[1, COUNTER] = "new street"
    predicted = predict(pipelines["rf"], clean(rows), Answering(unknown_counters="predict"))
    assert list(predicted["unknown_counter"]) == [False, True, False]
    assert (predicted["prediction"] >= 0).all()


def test_unknown_counters_can_be_left_empty_with_the_reason(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    rows = small_counts.head(3).copy()
    rows.loc[1, COUNTER] = "new street"
    predicted = predict(pipelines["rf_class"], rows, Answering(unknown_counters="empty", reasons=True))
    assert predicted["prediction"].isna().tolist() == [False, True, False]
    assert predicted["reason"].tolist() == ["", "counter-unknown", ""]
    known = predict(pipelines["rf_class"], rows.drop(index=1))
    assert predicted["prediction"].dropna().tolist() == known["prediction"].tolist()


def test_rows_without_a_name_or_a_time_have_no_prediction_and_the_others_do(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    rows = small_counts.head(100).copy()
    rows.loc[3, TIME] = "yesterday"
    rows.loc[7, COUNTER] = None
    rows.loc[9, TIME] = "2024-06-01"
    rows.to_csv("in.csv", sep=";", index=False)
    assert predict_file(pipelines["rf"], "in.csv", "out.csv", Answering(reasons=True)) == 100
    written = pd.read_csv("out.csv", sep=";")
    reasons = {3: "time-malformed", 7: "counter-missing", 9: "time-without-hour"}
    assert written["reason"].dropna().to_dict() == reasons
    assert written.index[written["prediction"].isna()].tolist() == [*reasons]
    good = rows.drop(index=[*reasons])
    assert written["prediction"].dropna().tolist() == predict(pipelines["rf"], good)["prediction"].tolist()
    assert "in.csv: no prediction for 1 row: column" in caplog.text


def test_more_unusable_rows_than_are_tolerated_leave_no_output(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame
) -> None:
    rows = small_counts.copy()
    rows.loc[len(rows) - 1, TIME] = "yesterday"
    rows.to_csv("in.csv", sep=";", index=False)
    with pytest.raises(SchemaError, match=f"not a time in row {len(rows) + 1}"):
        predict_file(pipelines["rf"], "in.csv", "out.csv", Answering(tolerance=Tolerance(share=0.0)))
    assert [path.name for path in Path().iterdir()] == ["in.csv"]


def test_the_input_is_never_replaced_by_its_predictions(pipelines: dict[str, Pipeline], small_file: Path) -> None:
    before = small_file.read_bytes()
    message = "counts.csv: is the input, and would be replaced; give the predictions another name"
    with pytest.raises(WriteError, match=re.escape(message)):
        predict_file(pipelines["rf"], str(small_file), "counts.csv")
    assert small_file.read_bytes() == before


@pytest.mark.slow
def test_memory_does_not_grow_with_the_input(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    """Four times a file of 50 MB may not cost a quarter of the 150 MB that it is longer."""
    pipelines["rf"].save(tmp_path)
    lines = small_counts.to_csv(sep=";", index=False).splitlines(keepends=True)
    for name, times in (("short.csv", 60), ("long.csv", 240)):
        with Path(name).open("w") as file:
            file.write(lines[0])
            for _ in range(times):
                file.writelines(lines[1:])
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from bike_traffic.plugins.random_forest import RFPipeline\n"
        "from bike_traffic.prediction import predict_file\n"
        "predict_file(RFPipeline.load(Path(sys.argv[1])), sys.argv[2], 'out.csv')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peak = {
        name: int(subprocess.check_output([sys.executable, "-c", script, str(tmp_path), name], timeout=600))
        for name in ("short.csv", "long.csv")
    }
    assert peak["long.csv"] - peak["short.csv"] < 40_000


@pytest.mark.parametrize("plugin", ["of our own", {"version": "1.0"}, 7, None])
def test_a_record_that_others_wrote_is_loaded_by_the_pipeline_of_its_name(plugin: object) -> None:
    record = ModelRecord.from_json({**make_record(model_type="mean").to_json(), "plugin": plugin})
    with pytest.raises(UnknownPipeline, match=r"^no pipeline 'mean'; there are ahead, nn, rf, rf_class$"):
        load_model(LocalRegistry("models"), record, PluginHost(only=()), Trust())


@pytest.mark.parametrize(
    ("version", "warned"),
    [("{major}.99", False), ("{major}", False), ("0!{major}.5", False), ("unknown", False), ("99.0", True)],
)
def test_loading_warns_of_another_major_version_alone(version: str, warned: bool) -> None:
    own = importlib.metadata.version("bike-traffic")
    version = version.format(major=own.partition(".")[0])
    record = make_record(plugin=PluginInfo(distribution="bike-traffic", version=version))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(IntegrityError):  # it has no files, which is looked at later
            load_model(LocalRegistry("models"), record, PluginHost(only=()), Trust())
    line = (
        f"run abcd1234 was trained by 'rf' of bike-traffic {version}, and bike-traffic {own} loads it: another major "
        f"version may understand its files differently; train it again, or pip install 'bike-traffic=={version}'"
    )
    assert [(one.category, str(one.message)) for one in caught] == [(PluginVersionWarning, line)] * warned


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_chunks_are_the_rows_of_the_file_with_their_predictions(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1000)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 20_000)
    data = io.BytesIO()
    if ending == "csv":
        small_counts.to_csv(data, sep=";", index=False)
    else:
        small_counts.to_parquet(data, index=False)
    data.seek(0)
    rows: list[int] = []
    cleaned: list[pd.DataFrame] = []
    chunks = list(
        predict_chunks(pipelines["rf"], data, name=f"mine.{ending}", on_rows=rows.append, on_clean=cleaned.append)
    )
    assert len(chunks) > 5
    assert [len(chunk) for chunk in chunks] == rows
    assert all(one.index.equals(chunk.index) for one, chunk in zip(cleaned, chunks, strict=True))
    joined = pd.concat(chunks)
    assert joined.index.equals(pd.RangeIndex(len(small_counts)))
    assert list(joined.columns) == [COUNTER, TIME, COUNT, "prediction"]
    assert joined[TIME].astype(str).tolist() == small_counts[TIME].tolist()
    assert joined["prediction"].tolist() == pipelines["rf"].predict(small_counts).round(2).tolist()


def test_chunks_of_unknown_counters_are_marked_or_refused_with_all_of_them_at_the_end(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 3)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 200)
    rows = small_counts.head(60).copy()
    rows.loc[20, COUNTER] = "new street"
    rows.loc[50, COUNTER] = "new bridge"
    rows.to_csv("in.csv", sep=";", index=False)
    marked = pd.concat(predict_chunks(pipelines["rf"], "in.csv", Answering(unknown_counters="predict")))
    assert np.flatnonzero(marked["unknown_counter"]).tolist() == [20, 50]
    before: list[pd.DataFrame] = []
    seen: list[int] = []
    with pytest.raises(UnknownCounters, match=r"'new street' \(row 22\); 'new bridge' \(row 52\)"):
        before.extend(predict_chunks(pipelines["rf"], "in.csv", on_rows=seen.append))
    assert sum(seen) == 60


def test_chunks_within_limits_only(pipelines: dict[str, Pipeline], small_file: Path) -> None:
    with pytest.raises(ReadError, match=r"^mine\.csv: more than "):
        list(predict_chunks(pipelines["rf"], str(small_file), name="mine.csv", max_rows=9_599))
    too_few = small_file.stat().st_size - 1
    with pytest.raises(ReadError, match=r"^mine\.csv: more than "):
        list(predict_chunks(pipelines["rf"], str(small_file), name="mine.csv", max_bytes=too_few))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_without_coordinates_is_predicted(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, ending: str
) -> None:
    blank = small_counts.head(30).assign(**{"Coordonnées géographiques": None})
    if ending == "csv":
        blank.to_csv("in.csv", sep=";", index=False)
    else:
        blank.to_parquet("in.parquet", index=False)
    assert predict_file(pipelines["rf"], f"in.{ending}", "out.csv") == 30


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_without_rows_leaves_no_output(
    pipelines: dict[str, Pipeline], small_counts: pd.DataFrame, ending: str
) -> None:
    empty = small_counts.head(0)
    if ending == "csv":
        empty.to_csv("in.csv", sep=";", index=False)
    else:
        empty.to_parquet("in.parquet", index=False)
    with pytest.raises(SchemaError, match=f"^in.{ending}: there is no row of counts, only a header$"):
        predict_file(pipelines["rf"], f"in.{ending}", "out.csv")
    assert not Path("out.csv").exists()


class Rain(Pipeline):
    """Predicts the rain."""

    name, task, needs = "rain", "regression", ("weather",)

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Learn nothing."""

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> pd.Series:
        return cleaned[RAIN]

    def save(self, directory: Path) -> None:
        """Write nothing."""

    @classmethod
    def load(cls, directory: Path) -> Rain:
        return cls()


def test_the_weather_of_the_rows_reaches_the_model(small_counts: pd.DataFrame, clean_place: Path) -> None:
    """It covers all hours, or the file is refused."""
    rows = small_counts.head(8)
    rows.to_csv("rows.csv", sep=";", index=False)
    hours = pd.DatetimeIndex(clean(rows)["date_et_heure_de_comptage"].dt.tz_convert("UTC").unique())
    weather = pd.DataFrame({TEMPERATURE: 12.0, RAIN: np.arange(len(hours)) / 2, WIND: 3.0, CLOUD: 50.0}, index=hours)
    sky = {name: np.float32(1) for name in WEATHER_COLUMNS}
    pipeline = Rain().fit(clean(small_counts).assign(**sky))
    assert predict_file(pipeline, "rows.csv", "out.csv", Answering(weather=weather)) == len(rows)
    expected = weather[RAIN].reindex(clean(rows)["date_et_heure_de_comptage"]).tolist()
    assert pd.read_csv("out.csv", sep=";")["prediction"].tolist() == expected
    with pytest.raises(MissingInput, match=r"needs the weather of the hours; give it with --weather FILE"):
        predict_file(pipeline, "rows.csv", "no.csv", Answering())
    with pytest.raises(SchemaError, match=r"the weather \(.*\) of 1 of \d+ hours is not known"):
        predict_file(pipeline, "rows.csv", "no.csv", Answering(weather=weather.iloc[:-1]))
    assert not Path("no.csv").exists()
