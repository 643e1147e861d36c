"""Files of the form that Münster publishes become hours: without totals, cars, estimates and channels to come."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.testing import CityChecks
from bt_muenster.files import MonthlyFiles

STATION, INWARD, OUTWARD = "100 (Ring)", "101 (Ring einwärts)", "102 (Ring auswärts)"


def monthly(start: str = "2026-03-02", periods: int = 96 * 3, **more: object) -> pd.DataFrame:
    """Return quarter hours of a station with two channels, one of which counts 1 and the other 2 bikes each."""
    stamps = pd.date_range(start, periods=periods, freq="15min").strftime("%Y-%m-%d %H:%M")
    columns: dict[str, object] = {"Datetime": stamps, STATION: "3", INWARD: "1", OUTWARD: "2"}
    columns |= {f"{column.split()[0]}-status": "0" for column in (STATION, INWARD, OUTWARD)}
    return pd.DataFrame({**columns, **more}, dtype=object)


def hours(rows: pd.DataFrame) -> pd.DataFrame:
    return MonthlyFiles().hours(rows).set_axis(["name", "id", "time", "count"], axis="columns")


class TestMuenster(CityChecks):
    """What every city promises."""

    name = "muenster"

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """Return a file of three days."""
        folder = tmp_path / "published"
        folder.mkdir()
        monthly().to_csv(folder / "100_2026-03.csv", index=False)
        return folder / "100_2026-03.csv"


def test_quarters_are_summed_and_the_total_left_out() -> None:
    found = hours(monthly())
    assert found.groupby("name")["count"].agg(["size", "min", "max"]).to_dict("index") == {
        "Ring auswärts": {"size": 72, "min": 8, "max": 8},
        "Ring einwärts": {"size": 72, "min": 4, "max": 4},
    }
    assert found["time"].iloc[0] == "2026-03-02T00:00:00"
    assert set(found["id"]) == {"101", "102"}


def test_a_station_without_channels_is_one_counter() -> None:
    rows = monthly().drop(columns=[INWARD, OUTWARD])
    assert set(hours(rows)["name"]) == {"Ring"}


def test_a_channel_that_does_not_exist_yet_has_no_hours() -> None:
    rows = monthly(**{"103 (Ring [Bike IN])": None, "103-status": None})
    assert set(hours(rows)["name"]) == {"Ring einwärts", "Ring auswärts"}
    rows.loc[48:, "103 (Ring [Bike IN])"], rows.loc[48:, "103-status"] = "5", "0"
    new = hours(rows).query("name == 'Ring [Bike IN]'")
    assert (new["time"].min(), new["count"].unique().tolist()) == ("2026-03-02T12:00:00", [20.0])


def test_cars_are_left_out() -> None:
    assert set(hours(monthly(**{"104 (Ring [Car IN])": "9"}))["name"]) == {"Ring einwärts", "Ring auswärts"}


def test_channels_of_one_name_bear_their_number() -> None:
    rows = monthly(**{"105 (Ring [Bike IN])": "1", "106 (Ring [Bike IN])": "1"})
    assert set(hours(rows)["name"]) >= {"Ring [Bike IN] 105", "Ring [Bike IN] 106"}


@pytest.mark.parametrize("status", ["4", "modified"])
def test_an_hour_with_a_quarter_that_was_not_counted_has_no_count(status: str) -> None:
    rows = monthly()
    rows.loc[5, "101-status"] = status
    rows.loc[9, INWARD] = None
    inward = hours(rows).query("name == 'Ring einwärts'").set_index("time")["count"]
    assert inward[inward.isna()].index.tolist() == ["2026-03-02T01:00:00", "2026-03-02T02:00:00"]


def test_the_hour_that_comes_twice_in_autumn_is_kept_apart() -> None:
    rows = monthly("2026-10-25", 24)
    twice = pd.concat([rows[:12], rows[8:12], rows[12:]], ignore_index=True)
    times = hours(twice).query("name == 'Ring einwärts'")
    assert times["time"].tolist().count("2026-10-25T02:00:00") == 2
    assert times["count"].unique().tolist() == [4.0]


def test_what_is_no_time_stays_as_it_is() -> None:
    rows = monthly()
    rows.loc[3, "Datetime"] = "yesterday"
    assert "yesterday" in set(hours(rows)["time"])


def test_another_table_does_not_fit() -> None:
    assert not MonthlyFiles().fits(["Nom du compteur", "Date et heure de comptage"])
    assert not MonthlyFiles().fits(["Datetime", "temperature"])
