"""The page of yesterday: broken counters first, the rank of the day, and a forecast only where it was one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import bike_traffic
from bike_traffic.data.files.writing import write_counts
from tests.app.conftest import City

Open = Callable[..., AppTest]
NAME, COUNT, TIME = "Nom du compteur", "Comptage horaire", "Date et heure de comptage"
QUAI, BACK = "12 quai des Hirondelles N-S", "12 quai des Hirondelles S-N"
SILENT, DEAD = "Pont du Vieux Moulin N-S", "Pont du Vieux Moulin S-N"
NEW = "1 rue Neuve"
KNOWN_UNTIL = "2024-11-22"


@pytest.fixture(scope="module")
def broken(sample: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> City:
    """Return counts up to 30 November 2024 with a fault of each kind at their end, and a model that knows none."""
    folder = tmp_path_factory.mktemp("broken")
    recent = sample.tail(150 * 24 * 20)
    rows = recent[recent[NAME].isin(sample[NAME].cat.categories[:8])].reset_index(drop=True)
    rows = rows.astype({NAME: "str", TIME: "str"})
    early = folder / "early.csv"
    write_counts(rows[rows[TIME] < KNOWN_UNTIL], str(early))
    rows = rows[~((rows[NAME] == SILENT) & (rows[TIME] >= "2024-11-28T05"))]
    rows.loc[(rows[NAME] == DEAD) & (rows[TIME] >= "2024-11-27"), COUNT] = 0
    late = rows[TIME] >= "2024-11-25"  # a Monday: at weekends both directions are alike
    rows[NAME] = rows[NAME].where(~late, rows[NAME].replace({QUAI: BACK, BACK: QUAI}))
    new = rows[(rows[NAME] == "Face au 3 rue de la Girouette N-S") & (rows[TIME] >= "2024-11-01")]
    found = City(folder / "counts.csv", folder / "models")
    write_counts(pd.concat([rows, new.assign(**{NAME: NEW})]), str(found.counts))
    bike_traffic.train("rf", str(early), registry=str(found.registry), parameters={"n_estimators": 4}, track=False)
    return found


@pytest.fixture
def morning(page: Open, broken: City, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that opens the page on the broken counts."""
    monkeypatch.setenv("BT_REGISTRY", str(broken.registry))
    monkeypatch.setenv("BT_DATA", str(broken.counts))
    return lambda **query: page("yesterday", **query)


def captions(app: AppTest) -> str:
    return "\n".join(one.value for one in app.caption)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Saturday 30 November 2024: {bikes} bikes in the city, {rank} of the last 22 Saturdays; "
               "4 counters to check"),
        ("fr", "Samedi 30 novembre 2024\u00a0: {bikes} vélos dans la ville, {rank} des 22 derniers samedis\u202f; "
               "4 compteurs à vérifier"),
    ],
)  # fmt: skip
def test_the_first_sentence_says_the_day_its_rank_and_what_is_broken(
    morning: Open, language: str, sentence: str
) -> None:
    app = morning(lang=language)
    assert [one.value for one in app.exception] == []
    for part in sentence.replace("{rank}", "{bikes}").split("{bikes}"):
        assert part in app.subheader[0].value
    assert len(app.metric) == 3


def test_the_table_has_the_worst_counters_first(morning: Open) -> None:
    table = morning(lang="en").dataframe[0].value
    assert list(zip(table["State"], table["Counter"], table["Since"], strict=True))[:4] == [
        ("✕ Silent", SILENT, "28 Nov 2024 at 5:00"),
        ("∅ Only zeros", DEAD, "27 Nov 2024"),
        ("⇄ Directions exchanged", QUAI, "25 Nov 2024"),
        ("⇄ Directions exchanged", BACK, "25 Nov 2024"),
    ]
    assert set(table["State"][4:]) == {"✓ Counting"}
    assert table["Hours missing"][0] == 67
    assert [len(days) for days in table["Last 28 days"]] == [28] * 9


@pytest.mark.parametrize("counter", [QUAI, BACK])
def test_why_directions_are_called_exchanged_is_said(morning: Open, counter: str) -> None:
    sentence = r"Since then (\d+)% of the bikes .* exchanged it would be (\d+)%"
    (found,) = re.findall(sentence, captions(morning(lang="en", counter=counter)))
    named, exchanged = map(int, found)
    assert exchanged < named
    assert "it would be" not in captions(morning(lang="en", counter=DEAD))


def test_a_counter_that_the_model_does_not_know_has_no_forecast(morning: Open) -> None:
    table = morning(lang="en").dataframe[0].value.set_index("Counter")
    assert table["Forecast"].isna().to_dict() == {name: name == NEW for name in table.index}
    assert table["Counted"].to_dict()[NEW] > 0
    app = morning(lang="en", counter=NEW)
    assert list(app.dataframe[1].value) == ["Hour", "Counted", "Usual", "Usual from", "Usual to"]


def test_a_forecast_is_compared_with_what_came(morning: Open) -> None:
    app = morning(lang="en", counter=BACK)
    assert app.metric[1].label == "Bikes in the forecast"
    assert "knew the counts up to 21 Nov 2024, 9 days before" in captions(app)
    assert "bikes per hour on average; what was usual" in captions(app)
    assert {"Forecast", "Counted", "Usual"} <= set(app.dataframe[1].value)


def test_a_day_that_the_model_knows_is_compared_with_what_was_usual(morning: Open) -> None:
    app = morning(lang="en", day="2024-11-20")
    assert "learned from the counts up to 21 Nov 2024, so that what it says of this day is no forecast" in captions(
        app
    )
    assert "Forecast" not in app.dataframe[0].value
    assert "Forecast" not in app.dataframe[1].value
    assert "no counter to check" in app.subheader[0].value


def test_the_worst_counter_is_shown_unless_a_link_names_another(morning: Open) -> None:
    shown = [one.value.replace("\\", "") for one in morning(lang="en").markdown]
    assert f"**{SILENT}**: ✕ Silent since 28 Nov 2024 at 5:00" in shown
    app = morning(lang="fr", counter=NEW)
    assert f"**{NEW}**\u00a0: ✓ Compte" in [one.value for one in app.markdown]
    assert len(morning(lang="en", counter="nowhere").warning) == 1


def test_stale_counts_are_said_to_be_old(morning: Open) -> None:
    assert "the last whole day was" in captions(morning(lang="en"))
    assert "le dernier jour complet date d’il y a" in captions(morning())


@pytest.mark.parametrize("day", ["2024-06-01", "2024-12-01", "2031-01-01"])
def test_a_day_without_counts_is_said(morning: Open, day: str) -> None:
    app = morning(lang="en", day=day)
    assert [one.value for one in app.warning] == ["There are no counts of this day."]
    assert [one.value for one in app.exception] == []


def test_the_first_day_of_the_counts_has_nothing_before_it(morning: Open) -> None:
    app = morning(lang="en", day="2024-07-04")
    assert [one.value for one in app.exception] == []
    assert "Thursday 4 July 2024" in app.subheader[0].value


def test_a_day_of_25_hours_has_a_row_for_each(morning: Open) -> None:
    app = morning(lang="en", day="2024-10-27")
    assert [one.value for one in app.exception] == []
    assert len(app.dataframe[1].value) == 25


def test_a_day_of_23_hours_has_a_row_for_each(page: Open, sample: pd.DataFrame, tmp_path: Path) -> None:
    counts = sample[sample[TIME].astype("str").between("2024-03-01", "2024-04-02")]
    write_counts(counts, str(tmp_path / "spring.csv"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BT_DATA", str(tmp_path / "spring.csv"))
        app = page("yesterday", lang="en", day="2024-03-31")
    assert [one.value for one in app.exception] == []
    assert len(app.dataframe[1].value) == 23


def test_a_classifier_is_not_compared_with_numbers(page: Open) -> None:
    app = page("yesterday", lang="en", model="rf_class")
    assert [one.value for one in app.exception] == []
    assert "This model says when hours are busy" in captions(app)


def test_without_a_model_the_counters_are_still_watched(
    morning: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "empty"))
    app = morning(lang="en")
    assert "4 counters to check" in app.subheader[0].value
    assert len(app.error) == 1


def test_without_counts_the_page_says_what_to_set_and_what_the_registry_tells(
    morning: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BT_DATA")
    app = morning(lang="en")
    assert [one.value for one in app.exception] == []
    assert "Without counts nobody can say" in app.subheader[0].value
    assert app.code[0].value.startswith("bt app --data ")
    table = app.dataframe[0].value
    assert list(table) == ["Counter", "First count", "Last count"]
    assert list(table["Last count"].unique()) == ["21 Nov 2024 at 23:00"]
    assert "Sans comptages" in morning().subheader[0].value


def test_the_place_is_one_link_away_on_the_page_of_the_day(morning: Open) -> None:
    link = morning(lang="en", counter=BACK).get("page_link")[0].proto
    assert link.query_string == "lang=en&counter=12+quai+des+Hirondelles+S-N&place=12+quai+des+Hirondelles" + (
        "&direction=s-n&day=2024-11-30"
    )
    assert morning(lang="en", counter=NEW).get("page_link") == []
