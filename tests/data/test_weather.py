"""Weather: three forms of files become hours, gaps are short or an error, each row gets the weather of its hour."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.cities import PARIS
from bike_traffic.columns import CLOUD, RAIN, TEMPERATURE, TIME, WEATHER_COLUMNS, WIND
from bike_traffic.data.cleaning import clean, is_clean
from bike_traffic.data.loading import load_counts
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.data.weather.reading import read_weather
from bike_traffic.errors import ReadError, SchemaError
from tests.conftest import Bt

HOURS = pd.date_range("2024-10-27T00:00+02:00", periods=4, freq="h")
"""The second of the two hours 02:00 is among them."""


def plain(**columns: Any) -> pd.DataFrame:
    """Return four rows in the plain form, as text; `columns` replace some, by the names in `SHORT`."""
    table = pd.DataFrame(
        {
            "time": [time.tz_convert("Europe/Paris").isoformat() for time in HOURS],
            TEMPERATURE: ["9.5", "9.0", "8.0", "-1.5"],
            RAIN: ["0", "0.2", "1.4", "0"],
            WIND: ["3", "2.5", "", "4"],
            CLOUD: ["100", "90", "50", "0"],
        }
    )
    return table.assign(**{SHORT.get(name, name): values for name, values in columns.items()})


SHORT = {"temperature": TEMPERATURE, "rain": RAIN, "wind": WIND, "cloud": CLOUD}
NEEDED = "temperature_celsius, rain_millimetres, cloud_percent"
MISSING = float("nan")


def weather_of(hours: pd.DatetimeIndex, *columns: list[float]) -> pd.DataFrame:
    """Return hours of weather; `columns` are temperature, rain, wind and cloud."""
    values = dict(zip((TEMPERATURE, RAIN, WIND, CLOUD), columns, strict=True))
    return pd.DataFrame(values, index=hours.tz_convert("UTC").rename("time"), dtype=np.float32)


PLAIN = weather_of(HOURS, [9.5, 9, 8, -1.5], [0, 0.2, 1.4, 0], [3, 2.5, 3.25, 4], [100, 90, 50, 0])


def synop(**columns: Any) -> pd.DataFrame:
    """Return three reports as Météo-France writes them, three hours apart; `columns` replace some."""
    table = pd.DataFrame(
        {
            "numer_sta": "7149",
            "date": ["2024-06-01 00:00:00", "2024-06-01 03:00:00", "2024-06-01 06:00:00"],
            "t": ["283.15", "280.15", "286.15"],
            "rr1": ["0.0", "0.5", "-0.1"],
            "rr3": ["0.0", "2.5", "0.0"],
            "ff": ["2.0", "5.0", "3.5"],
            "n": ["101", "50", "80"],
        }
    )
    return table.assign(**columns)


SYNOP = weather_of(
    pd.date_range("2024-05-31T21:00Z", periods=10, freq="h"),
    [MISSING] * 3 + [10, 9, 8, 7, 9, 11, 13],
    [0, 0, 0, 1, 1, 0.5, 0, 0, 0, MISSING],
    [MISSING] * 3 + [2, 3, 4, 5, 4.5, 4, 3.5],
    [MISSING] * 3 + [100, 250 / 3, 200 / 3, 50, 60, 70, 80],
)
"""The reports spread over their hours: all but the rain at the report, rain in the hours before it."""


def hourly(**columns: Any) -> pd.DataFrame:
    """Return four rows as the hourly files of Météo-France have them; `columns` replace some."""
    table = pd.DataFrame(
        {
            "NUM_POSTE": "75114001",
            "NOM_USUEL": "PARIS-MONTSOURIS",
            "AAAAMMJJHH": ["2024060100", "2024060101", "2024060102", "2024060103"],
            "RR1": ["0", "1.2", "0", "0.4"],
            "QRR1": ["1", "1", "1", "1"],
            "FF": ["2", "", "4", "3"],
            "QFF": ["1", "", "1", "1"],
            "T": ["12", "40", "14", "15"],
            "QT": ["1", "2", "1", "1"],
            "N": ["8", "4", "9", "0"],
            "QN": ["1", "1", "1", "9"],
        }
    )
    return table.assign(**columns)


HOURLY = weather_of(
    pd.date_range("2024-05-31T23:00Z", periods=5, freq="h"),
    [MISSING, 12, 13, 14, 15],
    [0, 1.2, 0, 0.4, MISSING],
    [MISSING, 2, 3, 4, 3],
    [MISSING, 100, 50, 100, 0],
)
"""Rain begins an hour before its stamp, a value in doubt is as if it were missing, and clouds are eighths."""

WRITERS: dict[str, Callable[[pd.DataFrame], None]] = {
    "comma.csv": lambda table: table.to_csv("comma.csv", index=False),
    "semicolon.csv": lambda table: table.to_csv("semicolon.csv", sep=";", index=False),
    "mark.csv": lambda table: table.to_csv("mark.csv", index=False, encoding="utf-8-sig"),
    "packed.csv.gz": lambda table: table.to_csv("packed.csv.gz", index=False),
    "table.parquet": lambda table: table.to_parquet("table.parquet"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("table", "expected"), [(plain(), PLAIN), (synop(), SYNOP), (hourly(), HOURLY)], ids=["plain", "synop", "hourly"]
)
def test_all_forms_are_read_from_csv_and_parquet(table: pd.DataFrame, expected: pd.DataFrame, name: str) -> None:
    WRITERS[name](table)
    assert_frame_equal(read_weather(name), expected, check_freq=False)
    assert_frame_equal(read_weather(table), expected, check_freq=False)


def test_typed_columns_other_columns_and_rows_in_another_order_give_the_same() -> None:
    numbers = (
        plain(wind=["3", "2.5", "nan", "4"])
        .astype(dict.fromkeys(WEATHER_COLUMNS, float))
        .assign(time=HOURS, humidity="3")
        .iloc[::-1]
    )
    assert_frame_equal(read_weather(numbers), PLAIN, check_freq=False)


def test_a_file_with_the_names_that_had_no_units_is_still_read() -> None:
    earlier = plain().rename(columns={long: short for short, long in SHORT.items()}).drop(columns="wind")
    assert_frame_equal(read_weather(earlier), PLAIN.assign(**{WIND: np.float32(MISSING)}), check_freq=False)


@pytest.mark.parametrize("station", ["7149", "07149", "orly"])
def test_the_station_of_the_city_is_read_of_several(station: str) -> None:
    other = synop(numer_sta="7150", t="300", nom="ABBEVILLE")
    both = pd.concat([other, synop(nom="ORLY"), other], ignore_index=True)
    city = attrs.evolve(PARIS, weather_station=station)
    assert_frame_equal(read_weather(both, city), SYNOP, check_freq=False)


def test_wind_that_nobody_measured_is_missing_and_clouds_must_be_known(small_counts: pd.DataFrame) -> None:
    stamps = [time.isoformat() for time in HOURS]
    cleaned = clean(small_counts.head(4).assign(**{"Date et heure de comptage": stamps}))
    joined = join_weather(cleaned, read_weather(plain().drop(columns=WIND)))
    assert joined[WIND].isna().all()
    assert is_clean(joined)
    without = read_weather(plain(cloud=""))
    with pytest.raises(
        SchemaError, match=r"^the weather: the weather \(cloud_percent\) of 4 of 4 hours is not known"
    ):
        join_weather(cleaned, without)


def test_reports_with_compact_times_and_mq_for_a_missing_value_are_read() -> None:
    """A missing rr1 is a third of rr3."""
    table = synop(date=["20240601000000", "20240601030000", "20240601060000"], rr1=["mq", "0.5", "mq"])
    assert_frame_equal(read_weather(table), SYNOP, check_freq=False)


def test_the_last_of_two_reports_of_one_time_counts() -> None:
    wrong = synop(t="300.15").head(1)
    assert_frame_equal(read_weather(pd.concat([wrong, synop()], ignore_index=True)), SYNOP, check_freq=False)


def test_short_gaps_are_interpolated_and_longer_ones_stay_whole() -> None:
    hours = pd.date_range("2024-06-01T00:00Z", periods=30, freq="h")
    ramp = pd.DataFrame({"time": hours, **{name: np.arange(30.0) for name in WEATHER_COLUMNS}})
    whole = weather_of(hours, *[list(np.arange(30.0))] * 4)
    six, seven, twelve, thirteen = (ramp.drop(index=range(3, 3 + size)) for size in (6, 7, 12, 13))
    gap = hours[3:16]
    assert_frame_equal(read_weather(six), whole, check_freq=False)
    for table, size in ((seven, 7), (twelve, 12)):
        left = read_weather(table)
        assert left[CLOUD].equals(whole[CLOUD])
        for name in (TEMPERATURE, RAIN, WIND):
            assert left.index[left[name].isna()].equals(gap[:size])
    assert read_weather(thirteen).loc[gap].isna().all(axis=None)


TIME_ADVICE = "write it as ISO 8601, like 2021-06-01T08:00:00+02:00"
AN_HOUR = "give one row for each hour"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (plain().head(0), "there is no row of weather"),
        (
            plain().drop(columns=[CLOUD, WIND]),
            "no column 'cloud_percent'; there are rain_millimetres, temperature_celsius, time; "
            "it needs time, temperature_celsius, rain_millimetres, cloud_percent",
        ),
        (plain(time="noon"), f"column 'time': not a time in row 2 ('noon') and 3 more rows; {TIME_ADVICE}"),
        (
            plain(time=[f"2024-06-01T0{hour}:00" for hour in range(4)]),
            "column 'time': a time without an offset in row 2 ('2024-06-01T00:00') and 3 more rows; "
            "write it like 2021-06-01T08:00:00+02:00",
        ),
        (
            plain(time=[*plain()["time"][:3], "2024-10-27T05:30:00+01:00"]),
            f"column 'time': not a full hour in row 5 ('2024-10-27T05:30:00+01:00'); {AN_HOUR}",
        ),
        (
            plain(time=[*plain()["time"][:3], "2024-10-27T00:00:00Z"]),
            f"column 'time': an hour again in row 5 ('2024-10-27T00:00:00Z'); {AN_HOUR}",
        ),
        (
            plain(rain=["0", "a lot", "", "0"]),
            "column 'rain_millimetres': not a number in row 3 ('a lot'); leave a missing value empty",
        ),
        (
            plain(temperature=["283.15"] * 4),
            "column 'temperature_celsius': not degrees Celsius in row 2 ('283.15') and 3 more rows; "
            "it must be from -60 to 60",
        ),
        (
            plain(rain=["0", "-1", "0", "0"]),
            "column 'rain_millimetres': not mm in the hour in row 3 ('-1'); it must be from 0 to 300",
        ),
        (
            plain(cloud=["0", "0", "0", "101"]),
            "column 'cloud_percent': not percent in row 5 ('101'); it must be from 0 to 100",
        ),
        (
            plain(wind=["3.6", "400", "0", "1"]),
            "column 'wind_metres_per_second': not metres per second in row 3 ('400'); it must be from 0 to 100",
        ),
        (
            hourly(T=["12", "285.15", "12", "13"], QT="1"),
            "column 'T': not degrees Celsius in row 3 ('285.15'); it must be from -60 to 60",
        ),
        (synop(t="10"), "column 't': not kelvin in row 2 ('10') and 2 more rows; SYNOP has kelvin"),
        (
            synop(date=["2024-06-01 00:00:00", "2024-06-01 03:00:00", "2024-06-01 05:30:00"]),
            "column 'date': not a full hour in row 4 ('2024-06-01 05:30:00'); give reports at full hours",
        ),
        (
            synop(numer_sta=["7149", "7149", "7150"]),
            'it has the reports of several stations (7149, 7150); write one as weather_station = "STATION" under '
            "[cities.paris] in bt.toml, or keep those of one",
        ),
    ],
)
def test_a_fault_is_said_in_one_line_with_its_row(table: pd.DataFrame, message: str) -> None:
    table.to_csv("weather.csv", index=False)
    for source, where in (("weather.csv", "weather.csv"), (table, "the frame of weather")):
        with pytest.raises(SchemaError, match=f"^{re.escape(f'{where}: {message}')}$"):
            read_weather(source)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "gone.csv: no such file"),
        ("page.parquet", b"<title>Oh</title>", r"page.parquet: an HTML or XML page, not a table: 'Oh'; ask .*"),
        (
            "broken.csv",
            b'time,rain\n"2024,1\n',
            r"broken.csv: not a table of weather: Error tokenizing data\. C error: EOF inside string .*",
        ),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00", r"cut.csv.gz: broken off: Compressed file ended .*"),
    ],
)
def test_a_file_that_is_no_table_is_said_in_one_line(name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(ReadError, match=f"^{message}$"):
        read_weather(name)


def test_each_row_gets_the_weather_of_its_hour_also_at_a_clock_change(small_counts: pd.DataFrame) -> None:
    stamps = [time.isoformat() for time in HOURS]
    cleaned = clean(pd.concat([small_counts.head(4)] * 2).assign(**{"Date et heure de comptage": stamps * 2}))
    joined = join_weather(cleaned, read_weather(plain()))
    assert is_clean(joined)
    assert joined.drop(columns=list(WEATHER_COLUMNS)).equals(cleaned)
    for name in WEATHER_COLUMNS:
        assert joined[name].tolist() == PLAIN[name].tolist() * 2
    assert join_weather(joined, read_weather(plain(rain="0")))[RAIN].tolist() == [0.0] * 8


def test_hours_without_weather_are_an_error_that_says_how_many_from_when_to_when(small_counts: pd.DataFrame) -> None:
    counts = clean(small_counts)
    hours = pd.DatetimeIndex(counts[TIME].unique())
    table = pd.DataFrame({"time": hours[:-3], **dict.fromkeys(WEATHER_COLUMNS, 1.0)}).drop(index=range(10, 20))
    message = (
        f"the frame of weather: the weather ({NEEDED}) of 13 of 2400 hours is not known, "
        "the first 2024-08-23T11:00:00+02:00, the last 2024-11-30T23:00:00+01:00; "
        "give weather that has all hours of the counts"
    )
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$") as refused:
        load_counts(counts, weather=table)
    assert refused.value.id == "weather-hours-missing"
    assert (refused.value.parts["missing"], refused.value.parts["hours"]) == (13, 2400)


def test_training_evaluation_and_backtest_take_the_weather(
    small_file: Path, small_counts: pd.DataFrame, bt: Bt
) -> None:
    hours = pd.DatetimeIndex(clean(small_counts)[TIME].unique())
    pd.DataFrame({"time": hours, **dict.fromkeys(WEATHER_COLUMNS, 1.0)}).to_csv("weather.csv", index=False)
    tiny = ("--set", "n_estimators=2", "--weather", "weather.csv")
    trained = bt("train", "-m", "rf", "--data", small_file, *tiny)
    measured = bt("evaluate", "-m", "rf", small_file, "--weather", "weather.csv")
    tested = bt("backtest", "-m", "rf", "--data", small_file, "--folds", "1", *tiny)
    assert [trained.exit_code, measured.exit_code, tested.exit_code] == [0, 0, 0]
    pd.DataFrame({"time": hours[:5], **dict.fromkeys(WEATHER_COLUMNS, 1.0)}).to_csv("short.csv", index=False)
    refused = bt("train", "-m", "rf", "--data", small_file, "--weather", "short.csv")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(
        f"Error: short.csv: the weather ({NEEDED}) of 2395 of 2400 hours is not known, the first "
    )
