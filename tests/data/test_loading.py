"""The door for counts: a frame, a file or the sample comes in, and a valid clean frame goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.loading import load_counts
from bike_traffic.errors import ReadError, SchemaError

NEGATIVE = (
    "1 of 3 rows cannot be used: column 'Comptage horaire': a negative count in row 2 ('-3'); counts are 0 or more "
    "bikes per hour"
)


def refused(message: str) -> str:
    return f"^{re.escape(message)}$"


def in_the_same_order(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose names are text: a file's categories may come in another order."""
    return cleaned.astype({"nom_du_compteur": str})


def test_published_counts_become_a_clean_frame_on_their_index(small_counts: pd.DataFrame) -> None:
    rows = small_counts.tail(3)
    assert_frame_equal(load_counts(rows), clean(rows))


def test_a_clean_frame_is_returned_as_it_is(small_counts: pd.DataFrame) -> None:
    cleaned = clean(small_counts)
    assert load_counts(cleaned) is cleaned


def test_the_column_of_counts_is_required(small_counts: pd.DataFrame) -> None:
    future = small_counts.drop(columns="Comptage horaire")
    for frame in (future, clean(future)):
        there = ", ".join(sorted(frame.columns))
        message = f"the frame: no column 'Comptage horaire'; there are {there}"
        with pytest.raises(SchemaError, match=refused(message)) as error:
            load_counts(frame)
        assert error.value.id == "column-missing"
        assert error.value.parts == {
            "where": "the frame",
            "name": "Comptage horaire",
            "known": sorted(frame.columns),
        }


def test_counts_are_checked(small_counts: pd.DataFrame) -> None:
    broken = small_counts.head(3).assign(**{"Comptage horaire": ["-3", "1", "2"]})
    with pytest.raises(SchemaError, match=refused(f"the frame: {NEGATIVE}")):
        load_counts(broken)


def test_there_must_be_a_row(small_counts: pd.DataFrame) -> None:
    for frame in (small_counts.head(0), clean(small_counts).head(0)):
        with pytest.raises(SchemaError, match=refused("the frame: it has no rows")) as error:
            load_counts(frame)
        assert (error.value.id, error.value.parts) == ("counts-no-rows", {"where": "the frame"})


def test_a_file_and_its_frame_load_alike(small_counts: pd.DataFrame, small_file: Path) -> None:
    loaded = load_counts(str(small_file))
    assert is_clean(loaded)
    assert_frame_equal(in_the_same_order(loaded), in_the_same_order(load_counts(small_counts)))


def test_the_sample_is_loaded_by_its_name(sample: pd.DataFrame) -> None:
    assert_frame_equal(load_counts("sample"), clean(sample))
    assert_frame_equal(load_counts("sample", rows=5), clean(sample.head(5)))


def test_only_the_first_rows_are_loaded_if_so_many_are_requested(
    small_counts: pd.DataFrame, small_file: Path
) -> None:
    expected = in_the_same_order(clean(small_counts.head(7)))
    for source in (small_counts, clean(small_counts), str(small_file)):
        assert_frame_equal(in_the_same_order(load_counts(source, rows=7)), expected)


def test_the_messages_name_the_file(small_counts: pd.DataFrame) -> None:
    with pytest.raises(ReadError, match=refused("missing.csv: no such file")):
        load_counts("missing.csv")
    small_counts.head(3).assign(**{"Comptage horaire": ["-3", "1", "2"]}).to_csv("broken.csv", sep=";", index=False)
    with pytest.raises(SchemaError, match=refused(f"broken.csv: {NEGATIVE}")):
        load_counts("broken.csv")
    small_counts.drop(columns="Comptage horaire").to_csv("future.csv", sep=";", index=False)
    there = "Coordonnées géographiques, Date et heure de comptage, Nom du compteur"
    message = f"future.csv: no column 'Comptage horaire'; there are {there}"
    with pytest.raises(SchemaError, match=refused(message)):
        load_counts("future.csv")
