"""A city that a plugin declares: its files are taken as they are published, wherever counts are taken."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.cities import PARIS, City
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.loading import load_counts
from bike_traffic.errors import PluginError, SchemaError
from bike_traffic.manager import PluginHost
from bike_traffic.workspace import Workspace
from tests.conftest import Bt
from tests.plugin_site import write_distribution
from tests.test_manager import HEADER, install_distribution

EXAMPLE = Path(__file__).parents[1] / "examples/bt-muenster/src"
PATTERN = "published/*.csv"


@pytest.fixture
def muenster(small_counts: pd.DataFrame, clean_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the example, choose its city, and write the small counts month by month as that city publishes them."""
    write_distribution(tmp_path / "site", "bt-muenster", {}, {"bike_traffic/muenster": "bt_muenster"})
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setenv("BT_CITY", "muenster")
    rows = small_counts.assign(wall=small_counts["Date et heure de comptage"].str[:19])
    rows = rows.drop_duplicates(["Nom du compteur", "wall"])
    wide = rows.pivot_table(index="wall", columns="Nom du compteur", values="Comptage horaire")
    folder = clean_place / "published"
    folder.mkdir()
    for number, names in enumerate((wide.columns[:2], wide.columns[2:]), start=1):
        for month, part in wide[list(names)].groupby(wide.index.str[:7]):
            as_published(part, number).to_csv(folder / f"{number}00_{month}.csv", index=False)
    return PATTERN


def as_published(hours: pd.DataFrame, station: int) -> pd.DataFrame:
    """Return hours as quarters: all bikes in the first, the total beside the channels, and their status."""
    stamps = pd.DatetimeIndex(hours.index)
    quarters = [stamp + pd.Timedelta(minutes=minutes) for stamp in stamps for minutes in (0, 15, 30, 45)]
    columns: dict[str, object] = {"Datetime": [f"{quarter:%Y-%m-%d %H:%M}" for quarter in quarters]}
    place, status = f"Ring {station}", {}
    for number, name in enumerate([None, *hours]):
        title = place if name is None else f"{place} [Bike {'IN' if number == 1 else 'OUT'}]"
        values = hours.sum(axis=1) if name is None else hours[name]
        columns[f"{number}{station:02} ({title})"] = [int(x) if not i else 0 for x in values for i in range(4)]
        status[f"{number}{station:02}-status"] = "0"
    return pd.DataFrame({**columns, **status})


def test_a_city_of_a_plugin_is_chosen_by_its_name(muenster: str, bt: Bt) -> None:
    city = Workspace.open().city
    assert (city.title, city.time_zone, city.calendar) == ("Münster", "Europe/Berlin", "DE-NW")
    assert list(PluginHost().cities()) == ["muenster"]
    unknown = bt("data", "check", PATTERN, "--city", "munster")
    assert unknown.stderr == "Error: no city 'munster'; there are muenster, paris (did you mean 'muenster'?)\n"
    listed = json.loads(bt("plugins", "list", "--format", "json").stdout)
    assert ["muenster"] in [plugin["offers"] for plugin in listed["loaded"]]
    done = bt("plugins", "check", "muenster")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: 'muenster' is a city: those are checked in pytest, by a class that inherits "
        "bike_traffic.testing.CityChecks\n",
    )


def test_a_table_of_the_settings_adds_to_a_city_of_a_plugin(muenster: str) -> None:
    Path("bt.toml").write_text('[cities.muenster]\nposition = "51.9,7.6"\n')
    city = Workspace.open().city
    assert (city.position, city.form) == ("51.9,7.6", "bt_muenster.files:MonthlyFiles")


def test_its_files_have_the_counts_that_they_were_made_of(muenster: str, small_counts: pd.DataFrame) -> None:
    cleaned = load_counts(PATTERN, city=Workspace.open().city)
    assert sorted(cleaned["nom_du_compteur"].unique()) == [
        f"Ring {station} [Bike {way}]" for station in (1, 2) for way in ("IN", "OUT")
    ]
    wall = small_counts["Date et heure de comptage"].str[:19]
    once = small_counts[~pd.DataFrame({"a": small_counts["Nom du compteur"], "b": wall}).duplicated()]
    assert cleaned["comptage_horaire"].sum() == once["Comptage horaire"].sum()


def test_every_command_takes_its_files(muenster: str, bt: Bt) -> None:
    checked = bt("data", "check", PATTERN, "--format", "json")
    assert checked.exit_code == 0, checked.stderr
    assert (json.loads(checked.stdout)["counters"], json.loads(checked.stdout)["faults"]) == (4, [])
    trained = bt("train", "-m", "rf", "--set", "n_estimators=3", "--data", "published", "--format", "json")
    assert trained.exit_code == 0, trained.stderr
    (record,) = json.loads(trained.stdout)
    assert (record["city"], record["parameters"]["holidays"]) == ("muenster", "DE-NW")
    for words in (
        ("backtest", "-m", "rf", "--set", "n_estimators=3", "--no-interval", "--folds", "1", "--data", PATTERN),
        ("forecast", "-m", "rf"),
        ("evaluate", "-m", "rf", PATTERN),
        ("predict", "-m", "rf", PATTERN, "-o", "predicted.csv"),
        ("data", "clean", PATTERN, "table.csv"),
        ("data", "check", "table.csv"),
    ):
        done = bt(*words)
        assert done.exit_code == 0, done.stderr


def test_an_hour_that_was_not_counted_is_reported_and_not_used(muenster: str) -> None:
    path = min(Path("published").iterdir())
    rows = pd.read_csv(path, dtype=str)
    rows.loc[5, "101-status"] = "4"
    rows.to_csv(path, index=False)
    city, notes = Workspace.open().city, list[str]()
    assert [fault.id for fault in check_file(str(path), city=city).faults] == ["count-malformed"]
    load_counts(str(path), city=city, notify=notes.append)
    assert len(notes) == 1
    assert notes[0].startswith(f"{path}: 1 of ")


def test_a_row_of_another_number_of_fields_is_named(muenster: str) -> None:
    path = min(Path("published").iterdir())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], "2024-09-01 00:45,3", *lines[5:]]))
    with pytest.raises(SchemaError, match=r": row 5 does not fit the table"):
        load_counts(str(path), city=Workspace.open().city)


FAULTY = f"""{HEADER}
from bike_traffic import City, FileForm


class Form(FileForm):
    def fits(self, columns):
        return True

    def hours(self, rows):
        raise KeyError("gone")


@hookimpl
def bt_cities():
    yield City(name="broken", form="{{here}}:Form")
    yield City(name="absent", form="{{here}}:Nothing")
"""


def test_what_a_form_raises_is_one_line(
    small_file: Path, tmp_path: Path, bt: Bt, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install_distribution(monkeypatch, tmp_path / "site", "bt-broken", FAULTY)
    done = bt("data", "check", small_file, "--city", "broken")
    assert done.exit_code == 1
    assert done.stderr.endswith(
        f"Error: {small_file}: it looks like a file of the city, and no hours can be made of its rows: "
        "KeyError: 'gone'\n"
    )
    absent = PluginHost().cities()["absent"]
    with pytest.raises(PluginError, match=rf"^the form of the files of Absent \({module}:Nothing\) cannot be used: "):
        load_counts(str(small_file), city=absent)


def test_a_plugin_cannot_take_the_place_of_a_built_in_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = f'{HEADER}\nfrom bike_traffic import City\n\n@hookimpl\ndef bt_cities():\n    yield City(name="paris")\n'
    install_distribution(monkeypatch, tmp_path / "site", "bt-other", source)
    assert Workspace.open().city == PARIS


def test_a_city_refuses_a_malformed_value() -> None:
    with pytest.raises(ValueError, match=r"^no time zone is called 'Mars'"):
        City(name="x", time_zone="Mars")
    with pytest.raises(ValueError, match=r"^form must be 'package\.module:Class', not 'x'"):
        City(name="x", form="x")
