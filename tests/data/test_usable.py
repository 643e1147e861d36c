"""The rows of counts that can be used: what cannot be is left out, counted and named, up to a share."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.columns import COUNT as CLEAN_COUNT
from bike_traffic.columns import COUNTER, TIME_ZONE
from bike_traffic.columns import TIME as CLEAN_TIME
from bike_traffic.data.checking import doubtful, usable
from bike_traffic.data.checking.doubtful import BIKES, FACTOR, doubtful_counts
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.checking.usable import DEFAULT_TOLERANCE, Tolerance, find_usable, usable_counts
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import SchemaError

NAME, TIME = "Nom du compteur", "Date et heure de comptage"
PLACE, COUNT = "Coordonnées géographiques", "Comptage horaire"
IDENTIFIER = "Identifiant du compteur"
STRICT = Tolerance(share=0.0)


def used(counts: pd.DataFrame, tolerance: Tolerance = DEFAULT_TOLERANCE) -> tuple[pd.DataFrame, list[str]]:
    """Return the usable rows, and the lines that were told."""
    lines: list[str] = []
    return usable_counts(counts, "counts.csv", tolerance, lines.append), lines


def refusal(counts: pd.DataFrame, tolerance: Tolerance = DEFAULT_TOLERANCE) -> SchemaError:
    with pytest.raises(SchemaError) as error:
        usable_counts(counts, "counts.csv", tolerance, lambda line: None)
    return error.value


@pytest.fixture
def counts(small_counts: pd.DataFrame) -> pd.DataFrame:
    return small_counts.astype({COUNT: object})


def test_counts_without_a_fault_are_all_used_and_nothing_is_told(counts: pd.DataFrame) -> None:
    usable, lines = used(counts, STRICT)
    assert_frame_equal(usable, clean(counts))
    assert lines == []


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (NAME, None, "column 'Nom du compteur': no name in row 5 and 99 more (empty)"),
        (COUNT, None, "column 'Comptage horaire': not a number in row 5 and 99 more (empty)"),
        (COUNT, -1, "column 'Comptage horaire': a negative count in row 5 and 99 more ('-1')"),
        (TIME, "hier", "column 'Date et heure de comptage': not a time in row 5 and 99 more ('hier')"),
        (
            TIME,
            "2024-03-31T02:00:00",
            "column 'Date et heure de comptage': an hour that the clock skips in spring in row 5 and 99 more "
            "('2024-03-31T02:00:00')",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_left_out_and_told_in_one_line(
    counts: pd.DataFrame, column: str, value: object, what: str
) -> None:
    counts[column] = counts[column].mask((counts.index >= 3) & (counts.index <= 102), value)
    usable, lines = used(counts)
    assert usable.index.tolist() == [*range(3), *range(103, len(counts))]
    assert lines == [f"counts.csv: 100 of 9,600 rows left out: {what}"]


def test_exact_repetitions_are_left_out(counts: pd.DataFrame) -> None:
    usable, (line,) = used(pd.concat([counts, counts.iloc[100:200]], ignore_index=True))
    assert_frame_equal(usable, clean(counts))
    assert line.startswith("counts.csv: 100 of 9,700 rows left out: column 'Date et heure de comptage': the same")


def test_of_two_counts_of_one_hour_the_first_is_used(counts: pd.DataFrame) -> None:
    usable, _ = used(pd.concat([counts, counts.iloc[100:200].assign(**{COUNT: 1})], ignore_index=True))
    assert_frame_equal(usable, clean(counts))


def test_a_place_that_cannot_be_costs_no_row(counts: pd.DataFrame) -> None:
    first = counts[NAME] == counts[NAME].iloc[0]
    counts.loc[first, PLACE] = "0.0,0.0"
    usable, (line,) = used(counts)
    assert len(usable) == len(counts)
    assert usable["latitude"].isna().tolist() == first.tolist()
    assert line.endswith("('0.0,0.0'); the value is left out")
    assert refusal(counts, STRICT).id == "coordinates-elsewhere"


def test_the_column_of_coordinates_is_optional(counts: pd.DataFrame) -> None:
    usable, lines = used(counts.drop(columns=PLACE), STRICT)
    assert (len(usable), lines) == (len(counts), [])


@pytest.mark.parametrize(("rows", "refused"), [(480, False), (481, True)])
def test_more_rows_than_the_share_refuse_the_counts(counts: pd.DataFrame, rows: int, refused: bool) -> None:
    counts.loc[: rows - 1, COUNT] = "trois"
    if not refused:
        assert len(used(counts)[0]) == len(counts) - rows
        return
    error = refusal(counts)
    assert str(error).startswith(f"counts.csv: {rows} of 9,600 rows cannot be used: column 'Comptage horaire': not a")
    assert (error.id, error.parts["rows"]) == ("count-malformed", rows)
    assert len(used(counts, Tolerance(share=0.06))[0]) == len(counts) - rows


def test_a_strict_reader_refuses_one_bad_row(counts: pd.DataFrame) -> None:
    counts.loc[7, COUNT] = None
    assert str(refusal(counts, STRICT)).startswith("counts.csv: 1 of 9,600 rows cannot be used: column 'Comptage")


# --- quarter hours, and days


def quarters(counts: pd.DataFrame) -> pd.DataFrame:
    """Return four rows for each, the count divided among them, as the City's files of sites have."""
    parts = []
    for minute in (0, 15, 30, 45):
        share = [int(count) // 4 + (int(count) % 4 > minute // 15) for count in counts[COUNT]]
        times = counts[TIME].str.replace(":00:00", f":{minute:02}:00", n=1)
        part: dict[str, pd.Series] = {TIME: times, COUNT: pd.Series(share, counts.index)}
        parts.append(counts.assign(**part))
    return pd.concat(parts, ignore_index=True)


def test_quarter_hours_are_not_taken_for_hours(counts: pd.DataFrame) -> None:
    error = refusal(quarters(counts))
    assert error.id == "hour-not-whole"
    assert "bt data clean IN OUT --sum-to-hours" in str(error)


def test_quarter_hours_are_summed_when_asked_to(counts: pd.DataFrame) -> None:
    found = find_usable(quarters(counts), "counts.csv", STRICT, sum_to_hours=True)
    keys = [COUNTER, CLEAN_TIME]
    summed, whole = (
        frame.astype({COUNTER: str}).set_index(keys)[CLEAN_COUNT] for frame in (found.cleaned, clean(counts))
    )
    assert summed.sort_index().equals(whole.sort_index())


def test_an_hour_without_all_its_quarters_is_left_out_of_the_sums(counts: pd.DataFrame) -> None:
    found = find_usable(quarters(counts).drop(index=5), "counts.csv", DEFAULT_TOLERANCE, sum_to_hours=True)
    assert len(found.cleaned) == len(counts) - 1
    assert [(fault.id, fault.rows) for fault in found.faults] == [("hour-incomplete", 3)]


@pytest.mark.parametrize("zone", [TIME_ZONE, "UTC"])
def test_sums_of_days_are_not_taken_for_hours(counts: pd.DataFrame, zone: str) -> None:
    """Also where their midnight is that of UTC, which is another local hour in summer."""
    midnight = clean(counts)[CLEAN_TIME].dt.tz_convert(zone).dt.hour == 0
    error = refusal(counts[midnight.to_numpy()])
    assert (error.id, error.parts["left_out"]) == ("hours-of-days", error.parts["total"])


# --- rows apart from the body of the counts


@pytest.mark.parametrize("time", ["2025-12-01T10:00:00+01:00", "2019-01-01T10:00:00+01:00"])
@pytest.mark.parametrize("rows", [1, 10])
def test_a_stray_stamp_or_day_is_no_end_of_the_counts(counts: pd.DataFrame, time: str, rows: int) -> None:
    strays = pd.date_range(pd.Timestamp(time), periods=rows, freq="h")
    stray = counts.iloc[:rows].assign(**{TIME: [moment.isoformat() for moment in strays]})
    usable, (line,) = used(pd.concat([counts, stray], ignore_index=True))
    assert_frame_equal(usable, clean(counts))
    assert f"counts.csv: {rows} of {9600 + rows:,} rows left out: column '{TIME}': a few rows weeks away" in line


def test_two_months_with_a_gap_between_are_both_the_body(counts: pd.DataFrame) -> None:
    times = clean(counts)[CLEAN_TIME]
    gap = (times >= pd.Timestamp("2024-09-10", tz=TIME_ZONE)) & (times < pd.Timestamp("2024-11-01", tz=TIME_ZONE))
    usable, lines = used(counts[~gap].reset_index(drop=True))
    assert (len(usable), lines) == (int((~gap).sum()), [])


# --- doubtful counts


def test_one_impossible_count_is_left_out_unless_it_is_to_be_kept(counts: pd.DataFrame) -> None:
    counts.loc[9000, COUNT] = 11577
    usable, (line,) = used(counts)
    assert 9000 not in usable.index
    assert len(usable) == len(counts) - 1
    assert line == (
        "counts.csv: 1 of 9,600 rows left out: column 'Comptage horaire': a count far above what is usual for its "
        "counter and hour in row 9002 ('11577')"
    )
    kept, lines = used(counts, Tolerance(keep_doubtful=True))
    assert (kept.loc[9000, CLEAN_COUNT], lines) == (11577, [])


def test_the_rule_of_doubtful_counts_is_the_documented_one(counts: pd.DataFrame) -> None:
    """Compared with pandas' own quantiles; a limit is a class of counts, 5 % wide, above them."""
    cleaned = clean(counts)
    names, hours = cleaned[COUNTER].astype(str), cleaned["heure"]
    of_counter = cleaned[CLEAN_COUNT].groupby(names).quantile(0.95, interpolation="higher")
    of_hour = cleaned[CLEAN_COUNT].groupby([names, hours]).quantile(0.95, interpolation="higher").unstack()
    beside = [np.roll(of_hour.to_numpy(), by, axis=1) for by in (-1, 0, 1)]
    limits = BIKES + FACTOR * (np.maximum.reduce(beside) + of_counter.to_numpy()[:, None])
    row = 5000
    limit = limits[of_hour.index.get_loc(names[row]), hours[row]]
    for factor, broken in ((0.95, False), (1.1, True)):
        cleaned.loc[row, CLEAN_COUNT] = np.round(factor * limit)
        assert doubtful_counts(cleaned)[row] == broken
        assert doubtful_counts(cleaned).sum() == broken


def test_a_busy_week_of_all_counters_is_not_doubtful(counts: pd.DataFrame) -> None:
    """As in a strike of the trains: three times the bikes for a week."""
    times = clean(counts)[CLEAN_TIME]
    week = (times >= pd.Timestamp("2024-10-07", tz=TIME_ZONE)) & (times < pd.Timestamp("2024-10-14", tz=TIME_ZONE))
    counts.loc[week, COUNT] = [3 * int(count) for count in counts[COUNT][week]]
    assert used(counts)[1] == []


# --- renamed counters


@pytest.fixture
def identified(counts: pd.DataFrame) -> pd.DataFrame:
    codes, _ = pd.factorize(counts[NAME])
    return counts.assign(**{IDENTIFIER: [f"1000{code}-{code}" for code in codes]})


def rename(counts: pd.DataFrame, day: str) -> tuple[pd.DataFrame, str, str]:
    """Return counts whose first counter bears a new name from a day on, its old name and its new one."""
    old = str(counts[NAME].iloc[0])
    new = f"{old.rpartition(' ')[0]} {old.rpartition(' ')[0]} Vélos {old.rpartition(' ')[2]}"
    later = (counts[NAME] == old) & (counts[TIME] >= day)
    return counts.assign(**{NAME: counts[NAME].where(~later, new)}), old, new


def test_a_renamed_counter_is_one_counter_under_its_newest_name(identified: pd.DataFrame) -> None:
    counts, old, new = rename(identified, "2024-10-15")
    usable, lines = used(counts)
    assert sorted(usable[COUNTER].unique()) == sorted({*identified[NAME]} - {old} | {new})
    assert (usable[COUNTER] == new).sum() == (identified[NAME] == old).sum()
    assert lines == [f"counts.csv: '{old}' now bears the name '{new}'"]


def test_two_counters_of_one_identifier_that_count_side_by_side_stay_two(identified: pd.DataFrame) -> None:
    usable, lines = used(identified.assign(**{IDENTIFIER: "1"}))
    assert sorted(usable[COUNTER].unique()) == sorted(identified[NAME].unique())
    assert lines == []


def test_without_identifiers_names_are_what_they_are(counts: pd.DataFrame) -> None:
    renamed, old, new = rename(counts, "2024-10-15")
    assert {old, new} <= {*used(renamed)[0][COUNTER].unique()}


def test_a_message_has_its_parts_for_another_language(counts: pd.DataFrame) -> None:
    error = refusal(counts.assign(**{TIME: "2024-06-01"}))
    assert re.match(r"counts\.csv: 9,600 of 9,600 rows cannot be used: column", str(error))
    assert (error.parts["left_out"], error.parts["total"]) == (9600, 9600)
    assert (error.id, error.parts["column"], error.parts["faults"]) == ("time-without-hour", TIME, 1)


def test_a_column_with_more_names_than_any_city_has_counters_is_refused(
    counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered of each counter would fill the memory."""
    monkeypatch.setattr(usable, "MOST_COUNTERS", 20)
    names = [f"{number % 21}" for number in range(len(counts))]
    many = counts.assign(**{counts.columns[0]: names})
    message = "counts.csv: more than 20 counters; give a column that names the counter of each row"
    assert str(refusal(many)) == message
    with pytest.raises(SchemaError, match=f"^{message}$"):
        check_file(io.BytesIO(many.to_csv(sep=";", index=False).encode()), name="counts.csv")


def test_what_is_usual_is_the_same_for_few_and_for_many_counters(
    counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned = clean(counts)
    limits = []
    for few_cells, some in ((10**9, 500), (0, 2)):
        monkeypatch.setattr(doubtful, "_FEW_CELLS", few_cells)
        monkeypatch.setattr(doubtful, "_SOME", some)
        usual = doubtful.UsualCounts()
        for start in range(0, len(cleaned), 1000):
            usual.add(cleaned.iloc[start : start + 1000])
        limits.append(usual.limits())
    np.testing.assert_array_equal(limits[0], limits[1])
    assert np.isfinite(limits[0]).any()
