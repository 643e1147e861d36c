"""A reader's file: what it holds, its predictions in a temporary file, their sums and their error."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.app import batch as batches
from bike_traffic.app.batch import Batch, hours_to_predict, predict_upload
from bike_traffic.app.batch_words import picture
from bike_traffic.app.charts.theme import LIGHT
from bike_traffic.app.desk import Desk
from bike_traffic.app.temporary import PREFIX
from bike_traffic.app.uploads import check_upload, shown_name
from bike_traffic.app.words import words_of
from bike_traffic.data.files import csv_rows, reading
from bike_traffic.data.loading import load_counts
from bike_traffic.errors import ReadError, SchemaError, UnknownCounters, WriteError
from bike_traffic.evaluating import evaluate_model
from bike_traffic.loading import LoadedModel
from bike_traffic.places import places_of
from bike_traffic.registry.queries import Query
from bike_traffic.workspace import Workspace
from tests.app.conftest import City

NAME, TIME, COUNT = "Nom du compteur", "Date et heure de comptage", "Comptage horaire"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the temporary files of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def models(city: City) -> dict[str, LoadedModel]:
    """Return the registered models by name."""
    workspace = Workspace.open(registry=str(city.registry))
    return {record.model_type: workspace.load(record) for record in workspace.registry.records(Query())}


@pytest.fixture
def counts(city: City) -> pd.DataFrame:
    """Return the last ten days of the city as text."""
    return pd.read_csv(city.counts, sep=";", dtype=str).tail(10 * 24 * 8).reset_index(drop=True)


def as_file(rows: pd.DataFrame) -> io.BytesIO:
    return io.BytesIO(rows.to_csv(sep=";", index=False).encode())


def predicted(model: LoadedModel, rows: pd.DataFrame, **how: object) -> Batch:
    file = as_file(rows)
    return predict_upload(model, file, check_upload(file, "a.csv"), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("day.csv", "day.csv"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("c:\\temp\\day.csv", "day.csv"),
        ("a\u202egnp.csv", "a\ufffdgnp.csv"),
        ("a\nb.csv", "a\ufffdb.csv"),
        ("x" * 300 + ".csv", "…" + "x" * 76 + ".csv"),
    ],
)
def test_a_name_is_shown_printable_short_and_without_folders(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_check_counts_the_rows_of_each_counter(counts: pd.DataFrame) -> None:
    checked = check_upload(as_file(counts), "a.csv")
    assert checked.faults == ()
    assert checked.rows == len(counts)
    assert dict(checked.counters) == counts[NAME].value_counts().to_dict()
    assert not checked.one_day
    assert check_upload(as_file(counts.tail(24)), "a.csv").one_day


def test_a_file_of_very_many_counters_is_refused() -> None:
    rows = "".join(f"rue {number};2024-11-30T08:00:00+01:00;\n" for number in range(10_001))
    with pytest.raises(SchemaError, match=r"^a\.csv: more than 10,000 counters; "):
        check_upload(io.BytesIO(f"{NAME};{TIME};Coordonnées géographiques\n{rows}".encode()), "a.csv")


def test_the_error_is_that_of_an_evaluation(models: dict[str, LoadedModel], counts: pd.DataFrame) -> None:
    """The predictions are rounded to two decimals, which changes little."""
    for model in models.values():
        expected = evaluate_model(model, load_counts(counts))
        batch = predicted(model, counts)
        assert batch.measured == len(counts)
        assert batch.seen == expected.seen_rows
        for name, value in batch.metrics.items():
            if name != "skill" or model.pipeline.task == "regression":
                assert value == pytest.approx(expected.evaluation.metrics[name], abs=0.01), name


def test_many_chunks_give_what_one_gives(
    models: dict[str, LoadedModel], counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = predicted(models["rf"], counts)
    monkeypatch.setattr(reading, "CHUNK_ROWS", 100)
    monkeypatch.setattr(csv_rows, "_BLOCK_BYTES", 5_000)
    rows: list[int] = []
    many = predicted(models["rf"], counts, on_rows=rows.append)
    assert len(rows) > 5
    assert sum(rows) == many.rows == one.rows
    assert many.metrics == pytest.approx(one.metrics)
    pd.testing.assert_frame_equal(many.sums, one.sums)
    pd.testing.assert_frame_equal(many.preview, one.preview)
    assert many.csv() == one.csv()


def test_parquet_and_csv_hold_the_same_rows(models: dict[str, LoadedModel], counts: pd.DataFrame) -> None:
    batch = predicted(models["rf"], counts)
    parquet, csv = pd.read_parquet(io.BytesIO(batch.parquet())), pd.read_csv(io.BytesIO(batch.csv()), sep=";")
    assert parquet[NAME].tolist() == csv[NAME].tolist() == counts[NAME].tolist()
    assert parquet["prediction"].tolist() == csv["prediction"].tolist()


def test_a_csv_longer_than_a_spreadsheet_is_packed(
    models: dict[str, LoadedModel], counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = predicted(models["rf"], counts)
    plain = batch.csv()
    monkeypatch.setattr(batches, "SPREADSHEET_ROWS", len(counts) - 1)
    assert batch.csv_name == "predictions.csv.gz"
    assert gzip.decompress(batch.csv()) == plain


def test_a_made_csv_leaves_nothing_behind(
    models: dict[str, LoadedModel], counts: pd.DataFrame, temporary: Path
) -> None:
    batch = predicted(models["rf"], counts)
    batch.csv()
    assert [path.name for path in temporary.glob(f"{PREFIX}*/*")] == ["predictions.parquet"]


def test_rows_of_unknown_counters_are_marked_and_not_measured(
    models: dict[str, LoadedModel], counts: pd.DataFrame, temporary: Path
) -> None:
    strange = counts.replace({NAME: {counts[NAME].iloc[0]: "rue neuve"}})
    file = as_file(strange)
    checked = check_upload(file, "a.csv")
    assert checked.unknown_to(models["rf"]) == {"rue neuve": 240}
    with pytest.raises(UnknownCounters):
        predict_upload(models["rf"], file, checked)
    assert list(temporary.glob(f"{PREFIX}*")) == []
    batch = predict_upload(models["rf"], file, checked, unknown_counters="predict")
    assert (batch.marked, batch.measured, batch.seen) == (240, len(counts) - 240, len(counts) - 240)
    assert pd.read_parquet(io.BytesIO(batch.parquet()))["unknown_counter"].sum() == 240


def test_a_file_without_counts_has_no_error(models: dict[str, LoadedModel], counts: pd.DataFrame) -> None:
    batch = predicted(models["rf"], counts.drop(columns=COUNT))
    assert (batch.metrics, batch.measured) == ({}, 0)
    assert "count" not in batch.sums


def test_the_sums_of_days_are_those_of_their_rows(models: dict[str, LoadedModel], counts: pd.DataFrame) -> None:
    batch = predicted(models["rf"], counts)
    rows = pd.read_parquet(io.BytesIO(batch.parquet()))
    days = rows[TIME].str[:10]
    assert [f"{day:%Y-%m-%d}" for day in batch.sums["time"]] == sorted(set(days))
    assert batch.sums["forecast"].tolist() == pytest.approx(rows["prediction"].groupby(days).sum().tolist())
    assert batch.sums["count"].tolist() == rows[COUNT].astype(float).groupby(days).sum().tolist()


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_a_day_on_which_the_clock_changes_has_its_own_hours(
    models: dict[str, LoadedModel], day: str, hours: int
) -> None:
    known = places_of(models["rf"].references.counters)
    counters = {counter: place for place in known.values() for counter in place.counters.values()}
    file = io.BytesIO(hours_to_predict(counters, pd.Timestamp(day), 1))
    batch = predict_upload(models["rf"], file, check_upload(file, "hours.csv"))
    assert batch.rows == hours * len(counters)
    assert batch.hourly
    assert len(batch.sums) == hours
    assert not batch.sums["time"].duplicated().any()


@pytest.mark.parametrize("model", ["rf", "rf_class"])
@pytest.mark.parametrize(
    ("first", "days"), [("2025-01-01", 1), ("2025-01-01", 9), ("2025-01-01", 60), ("2024-01-01", 500)]
)
def test_every_span_has_a_picture_that_says_something(
    models: dict[str, LoadedModel], model: str, first: str, days: int
) -> None:
    place = next(iter(places_of(models[model].references.counters).values()))
    counters = dict.fromkeys(place.counters.values(), place)
    file = io.BytesIO(hours_to_predict(counters, pd.Timestamp(first), days))
    chart = picture(predict_upload(models[model], file, check_upload(file, "a.csv")), words_of("en"), LIGHT)
    assert len(chart.alt) > 20
    assert not chart.alt.startswith("No ")
    assert len(chart.table)


def test_what_the_callback_raises_ends_the_prediction_and_leaves_no_file(
    models: dict[str, LoadedModel], counts: pd.DataFrame, temporary: Path
) -> None:
    def leave(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicted(models["rf"], counts, on_rows=leave)
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_a_result_that_cannot_be_written_is_an_error_without_a_path(
    models: dict[str, LoadedModel], counts: pd.DataFrame, temporary: Path
) -> None:
    def lose(rows: int) -> None:
        for folder in temporary.glob(f"{PREFIX}*"):
            shutil.rmtree(folder)

    with pytest.raises(WriteError, match=r"^there is no room for the predictions on the server$"):
        predicted(models["rf"], counts, on_rows=lose)


def test_removed_predictions_are_an_error_without_a_path(
    models: dict[str, LoadedModel], counts: pd.DataFrame
) -> None:
    batch = predicted(models["rf"], counts)
    batch.folder.remove()
    assert not batch.is_kept
    for read in (batch.parquet, batch.csv):
        with pytest.raises(ReadError, match=r"^the predictions are no longer kept; predict again$"):
            read()


def test_a_desk_keeps_one_file_and_one_batch(models: dict[str, LoadedModel], counts: pd.DataFrame) -> None:
    desk = Desk()
    checks: list[int] = []

    def check() -> object:
        checks.append(1)
        raise ReadError("not a table", "file-empty")

    for _ in range(2):
        with pytest.raises(ReadError, match="not a table"):
            desk.checked("first", check)  # type: ignore[arg-type]
    assert len(checks) == 1, "a file that cannot be read is not read again"
    batch = desk.put(("run",), predicted(models["rf"], counts))
    assert desk.batch(("run",)) is batch
    assert desk.batch(("other run",)) is None
    assert not batch.is_kept
    later = desk.put(("run",), predicted(models["rf"], counts))
    desk.checked("second", lambda: check_upload(as_file(counts), "a.csv"))
    assert not later.is_kept
