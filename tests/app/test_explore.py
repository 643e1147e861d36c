"""The page Explore: each view answers in its first sentence, is a link, and its rows can be taken along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import bike_traffic
from bike_traffic.app.glances import SHOWS
from bike_traffic.data.files.writing import write_counts

Open = Callable[..., AppTest]
BRIDGE = "Pont du Vieux Moulin"


def failures(app: AppTest) -> list[str]:
    return [one.value for one in [*app.exception, *app.error, *app.warning]]


def notes(app: AppTest) -> str:
    return "\n".join(one.value for one in app.caption)


@pytest.mark.parametrize("show", SHOWS)
@pytest.mark.parametrize(("language", "place"), [("fr", "all"), ("en", BRIDGE)])
def test_each_view_has_a_sentence_with_a_number_a_table_and_a_file(
    page: Open, show: str, language: str, place: str
) -> None:
    app = page("explore", lang=language, show=show, place=place)
    assert failures(app) == []
    assert any(sign.isdigit() for sign in app.subheader[0].value)
    assert len(app.dataframe) >= 1
    assert len(app.get("download_button")) == len(app.dataframe)
    assert len(app.caption) >= 1


def test_the_first_sentence_says_the_rank_of_a_day_and_among_which_days(page: Open) -> None:
    app = page("explore", lang="en", place=BRIDGE, day="2024-11-23")
    said = app.subheader[0].value
    assert said.startswith(f"Saturday 23 November 2024, {BRIDGE}: ")
    assert " of the 21 Saturdays counted since 6 Jul 2024" in said


def test_the_same_link_names_the_same_day_in_both_languages(page: Open) -> None:
    tables = [
        page("explore", lang=language, place=BRIDGE, direction="n-s", day="2024-11-23").dataframe[0].value
        for language in ("fr", "en")
    ]
    digits = [["".join(filter(str.isdigit, cell)) for cell in table.iloc[:, 1]] for table in tables]
    assert digits[0] == digits[1]


def test_one_direction_is_less_than_both(page: Open) -> None:
    link = {"lang": "en", "place": BRIDGE, "day": "2024-11-23"}
    tables = [page("explore", **link).dataframe[0].value, page("explore", direction="n-s", **link).dataframe[0].value]
    both, one = (int(str(table["Bikes"].iloc[-1]).replace(",", "")) for table in tables)
    assert 0 < one < both


def test_a_day_without_counts_is_said(page: Open) -> None:
    app = page("explore", lang="en", place=BRIDGE, day="2030-01-05")
    assert failures(app) == []
    assert app.subheader[0].value == f"{BRIDGE}: no counts of Saturday 5 January 2030"
    assert "The counts end on Saturday 30 November 2024." in notes(app)
    assert len(app.dataframe) == 0


@pytest.mark.parametrize("day", ["2024-10-27", "2024-07-14"])
def test_a_day_of_25_hours_and_a_public_holiday_are_days_like_others(page: Open, day: str) -> None:
    app = page("explore", lang="en", day=day)
    assert failures(app) == []
    assert "Sundays" in app.subheader[0].value


def test_what_a_link_asks_for_in_vain_is_said_and_the_default_shown(page: Open) -> None:
    app = page("explore", lang="en", show="everything", place="![x](http://a.b/c)", period="1815")
    assert [one.value.split(": ")[1].split(" = ")[0] for one in app.warning] == ["show", "place"]
    assert "![x](" not in app.warning[1].value
    assert "The whole city" in app.subheader[0].value


def test_a_total_of_the_city_says_its_counters(page: Open) -> None:
    assert "Total of the same 8 counters (of 8) on every day." in notes(page("explore", lang="en", show="calendar"))


def test_without_counts_the_page_says_what_to_set(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BT_DATA")
    app = page("explore", lang="en")
    assert failures(app) == []
    assert app.subheader[0].value == "Without counts there is nothing to explore"
    assert app.code[0].value.startswith("bt app --data ")


def test_counts_that_are_not_there_are_one_line(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BT_DATA", "missing.csv")
    app = page("explore", lang="en")
    assert [one.value for one in app.exception] == []
    assert "missing" in app.error[0].value


def test_the_sample_is_called_invented(page: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bike_traffic.train("rf", "sample", registry=str(tmp_path / "models"), parameters={"n_estimators": 1}, track=False)
    monkeypatch.delenv("BT_DATA")
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "models"))
    app = page("explore", lang="en", show="calendar")
    assert failures(app) == []
    assert "invented" in app.info[0].value


@pytest.fixture
def with_outage(sample: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, page: Open, tmp_path: Path) -> Open:
    """Return `page` on 15 months of two places, one of which was silent in three weeks of June 2024.

    In the sample one of its counters has counted nothing but zeros before, for five weeks.
    """
    names = sample["Nom du compteur"].cat.categories[:4]
    counts = sample[sample["Nom du compteur"].isin(names)]
    stamps = counts["Date et heure de comptage"].astype(str)
    bridge = counts["Nom du compteur"].astype(str).str.startswith(BRIDGE)
    silent = bridge & (stamps >= "2024-06-03") & (stamps < "2024-06-24")
    write_counts(counts[~silent].reset_index(drop=True), str(tmp_path / "outage.csv"))
    monkeypatch.setenv("BT_DATA", str(tmp_path / "outage.csv"))
    return page


def test_days_of_an_outage_have_no_number_and_are_named(with_outage: Open) -> None:
    app = with_outage("explore", lang="en", show="calendar", place=BRIDGE)
    table = app.dataframe[0].value
    assert table.loc[table["Day"].str.contains("10 June 2024"), "Bikes"].tolist() == ["–"]
    assert "0" not in set(table["Bikes"])
    assert "310 days counted, 56 not known" in notes(app)
    silent = "3 Jun 2024 to 23 Jun 2024 (silent)"
    zeros = "4 Mar 2024 to 7 Apr 2024 (Pont du Vieux Moulin S-N, nothing but zeros)"
    assert f"Outages: {silent}; {zeros}." in notes(app).replace("\\", "")


def test_a_year_is_compared_with_the_one_before_on_the_same_dates(with_outage: Open) -> None:
    """Of 2023 September to November are known: 91 dates that both years have."""
    app = with_outage("explore", lang="en", show="months", place="12 quai des Hirondelles", period="2024")
    assert failures(app) == []
    assert "on the same 91 dates that both years counted" in app.subheader[0].value
    assert len(app.dataframe) == 2  # months, and the year to date
