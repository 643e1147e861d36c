"""The page of a reader's file: checked first, then predicted, measured, and offered for download."""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bike_traffic.app.temporary import PREFIX
from tests.app.conftest import City

Open = Callable[..., AppTest]
Upload = Callable[..., AppTest]

HEADER = "Nom du compteur;Date et heure de comptage;Coordonnées géographiques"
COUNTER = "12 quai des Hirondelles N-S"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the temporary files of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def upload(page: Open) -> Upload:
    """Return a function that opens the page and uploads a file."""

    def open_and_upload(name: str, data: bytes, **query: str) -> AppTest:
        app = page("file", **{"lang": "en", **query})
        app.file_uploader[0].set_value((name, data, "text/csv"))
        return app.run()

    return open_and_upload


@pytest.fixture
def day(city: City) -> bytes:
    """Return the counts of the last day of the city as CSV."""
    counts = pd.read_csv(city.counts, sep=";", dtype=str)
    return as_csv(counts.tail(24 * 8))


def as_csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(sep=";", index=False).encode()


def head(app: AppTest) -> str:
    assert [one.value for one in app.exception] == []
    return str(app.subheader[0].value).replace("\\", "")


def predict(app: AppTest, label: str = "Predict") -> AppTest:
    return next(one for one in app.button if one.label == label).click().run()


def results(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"{PREFIX}*/*"))


@pytest.mark.parametrize(("language", "label"), [("fr", "Prévoir"), ("en", "Predict")])
def test_a_sound_file_is_checked_and_then_predicted(upload: Upload, day: bytes, language: str, label: str) -> None:
    app = upload("day.csv", day, lang=language)
    assert "192" in head(app)
    assert len(app.download_button) == 1, "of the coming hours alone"
    app = predict(app, label)
    assert head(app).startswith("day.csv")
    assert len(app.download_button) == 3
    assert len(app.metric) == 3
    assert "192" in head(app)


def test_the_error_on_counts_says_whether_the_model_may_know_them(upload: Upload, day: bytes) -> None:
    app = predict(upload("day.csv", day))
    assert "it may know 192 of these rows" in " ".join(one.value for one in app.caption)
    later = day.replace(b"2024-11-30T", b"2025-11-30T")
    app = predict(upload("later.csv", later))
    assert "later than its training" in " ".join(one.value for one in app.caption)


def test_too_many_faults_are_a_table_with_rows_and_nothing_is_predicted(upload: Upload, day: bytes) -> None:
    broken = day.replace(b"2024-11-30T", b"yesterday ", 30)
    app = upload("day.csv", broken)
    assert "1 kind of fault" in head(app)
    table = app.table[0].value
    assert [str(value).replace("\\", "") for value in table["Rows"]] == ["30"]
    assert table["First rows"].tolist() == ["2, 3, 4, 5, 6 …"]
    assert "not a time" in str(table["What is wrong"].tolist())
    assert [one.label for one in app.button] == []


@pytest.mark.parametrize(("language", "label"), [("fr", "Prévoir"), ("en", "Predict")])
def test_the_rows_without_a_fault_are_predicted(upload: Upload, day: bytes, language: str, label: str) -> None:
    broken = day.replace(b"2024-11-30T", b"yesterday ", 3)
    app = upload("day.csv", broken, lang=language)
    assert {"3", "192"} <= {*re.findall(r"\d+", head(app))}
    assert [str(value) for value in app.table[0].value.iloc[:, 1]] == ["3"]
    app = predict(app, label)
    assert len(app.download_button) == 3
    assert "192" in head(app)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("a.csv", f"{HEADER}\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b"a;b\n1;2\n", "Nom du compteur"),
        ("a.csv", f"{HEADER}\n".encode(), "only a header"),
        ("a.parquet", b"PAR1 no", "not a Parquet file"),
        ("a.csv.gz", b"no gzip", "gzip"),
        ("a.csv.gz", gzip.compress(HEADER.encode() + b"\n" + b"x" * 30_000_000), "longer than"),
        ("a.csv.gz", gzip.compress(b"x" * 30_000_000), "row 1 is longer"),
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_file_that_cannot_be_read_is_one_line(
    upload: Upload, temporary: Path, name: str, data: bytes, said: str, language: str
) -> None:
    app = upload(name, data, lang=language)
    head(app)
    assert len(app.error) == 1
    message = app.error[0].value.replace("\\", "")
    assert message.startswith(name)
    assert "\n" not in message
    assert str(temporary) not in message
    if language == "en":
        assert said in message


def test_a_file_that_unpacks_to_too_many_rows_is_refused(upload: Upload) -> None:
    row = f"{COUNTER};2024-11-30T08:00:00+01:00;\n".encode()
    app = upload("many.csv.gz", gzip.compress(HEADER.encode() + b"\n" + row * 2_000_001, 1))
    assert "2,000,000 rows" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize(
    "name", ["![x](http://example.org/x.png).csv", "<img src=x onerror=alert(1)>.csv", "[a](javascript:b) *c*.csv"]
)
def test_the_name_of_a_file_stays_text(upload: Upload, day: bytes, name: str) -> None:
    app = upload(name, day)
    assert name in head(app) or name.rpartition("/")[2] in head(app)
    for shown in (app.subheader[0].value, upload(name, b"").error[0].value):
        assert re.findall(r"(?<!\\)[\[\]<>*()!]", shown.partition(".csv")[0]) == []


def test_a_path_in_a_name_is_left_out(upload: Upload, day: bytes) -> None:
    assert head(upload("../../etc/day.csv", day)).startswith("day.csv:")


def test_unknown_counters_are_named_and_predicted_only_if_the_reader_wants_it(upload: Upload, day: bytes) -> None:
    strange = day.replace(COUNTER.encode(), b"![Rue](http://x.example)")
    app = upload("day.csv", strange)
    assert "1 counter in 24 rows" in app.warning[0].value
    assert "![Rue](" not in app.warning[0].value
    assert next(one for one in app.button if one.label == "Predict").disabled
    box = next(one for one in app.selectbox if one.label == "Unknown counters")
    app = predict(box.set_value("predict").run())
    preview = app.dataframe[-1].value
    assert "Unknown counter" in preview.columns


def test_a_classifier_predicts_busy_hours(upload: Upload, day: bytes) -> None:
    app = predict(upload("day.csv", day, model="rf_class"))
    assert "of them busy" in head(app)
    assert app.metric[0].label == "Hours labelled rightly"


def test_predictions_are_removed_when_they_are_replaced_or_the_file_is(
    upload: Upload, day: bytes, temporary: Path
) -> None:
    app = predict(upload("day.csv", day))
    first = results(temporary)
    assert [path.name for path in first] == ["predictions.parquet"]
    app = predict(app)
    second = results(temporary)
    assert len(second) == 1
    assert second != first
    app.file_uploader[0].set_value(None)
    head(app.run())
    assert results(temporary) == []


def test_predictions_that_were_removed_by_age_are_made_again(upload: Upload, day: bytes, temporary: Path) -> None:
    app = predict(upload("day.csv", day))
    for path in results(temporary):
        path.unlink()
    app = app.run()
    assert len(app.download_button) == 1
    assert len(predict(app).download_button) == 3


def test_a_file_is_checked_even_if_there_is_no_model(
    upload: Upload, day: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "none"))
    app = upload("day.csv", day)
    assert "no fault in 192 rows" in head(app)
    assert len(app.error) == 1
    assert len(app.button) == 0
