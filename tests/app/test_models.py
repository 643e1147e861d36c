"""The page of models: the best one, what it is worth, and how good its last forecast was."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import bike_traffic
from bike_traffic import open_registry
from bike_traffic.app import forecasts
from bike_traffic.data.files.writing import write_counts
from tests.app.conftest import City

Open = Callable[..., AppTest]
ESCAPES = {ord("\\"): None, ord("\N{WORD JOINER}"): None}
"""What `plain` adds."""
PICTURE = "good ![x](http://example.org/x.png) [it](http://example.org)"


@pytest.fixture(scope="module")
def older(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the city's registry with an ``rf`` that does not know the last ten days, and one of test mode."""
    folder = tmp_path_factory.mktemp("older")
    registry = folder / "models"
    shutil.copytree(city.registry, registry)
    counts = pd.read_csv(city.counts, sep=";")
    write_counts(counts.iloc[: -10 * 24 * 8], str(folder / "counts.csv"))
    for test_mode in (False, True):
        bike_traffic.train(
            "rf",
            str(folder / "counts.csv"),
            registry=str(registry),
            parameters={"n_estimators": 3},
            test_mode=test_mode,
            track=False,
        )
    return registry


@pytest.fixture
def changing(older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Open) -> Path:
    """Return a copy of that registry, which the page then shows."""
    copy = tmp_path / "registry"
    shutil.copytree(older, copy)
    monkeypatch.setenv("BT_REGISTRY", str(copy))
    return copy


def tables(app: AppTest) -> list[pd.DataFrame]:
    """Return the tables of the page."""
    return [table.value for table in app.dataframe]


def written(app: AppTest) -> str:
    """Return all that the page writes, without the escapes of Markdown."""
    parts = [
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.text,
        *app.error,
        *app.info,
        *app.success,
        *app.warning,
    ]
    return "\n".join(str(part.value) for part in parts).translate(ESCAPES)


def damage(folder: Path) -> None:
    """Change a file of each model in a folder."""
    for file in folder.rglob("counters.json"):
        file.write_bytes(file.read_bytes() + b" ")


def faultless(app: AppTest) -> bool:
    """Return whether the page shows no error."""
    return [one.value for one in [*app.exception, *app.error]] == []


@pytest.mark.parametrize(
    ("language", "first", "better"),
    [
        ("fr", "Meilleur modèle actuel, Random Forest", "que la moyenne de"),
        ("en", "Best model now, Random Forest", "than the mean of"),
    ],
)
def test_the_first_sentence_says_the_best_model_its_error_and_what_it_is_worth(
    page: Open, language: str, first: str, better: str
) -> None:
    app = page("models", lang=language)
    assert faultless(app)
    assert app.subheader[0].value.startswith(first)
    assert better in app.subheader[0].value


def test_records_are_listed_by_task_and_those_left_out_only_if_asked_for(changing: Path, page: Open) -> None:
    assert changing.exists()
    regression, classification, *_ = tables(page("models", lang="en"))
    assert list(regression["Model"]) == ["Random Forest", "Random Forest"]
    assert list(classification["Model"]) == ["RF Classifier (busy hours)"]
    app = page("models", lang="en", all="1")
    assert sorted(tables(app)[0]["Remarks"])[-1].startswith("test mode")
    assert "1 record is left out" in written(page("models", lang="en"))


def test_filters_are_parameters_of_the_address(changing: Path, page: Open) -> None:
    assert changing.exists()
    app = page("models", lang="en", model="rf", metric="mae", env="dev", order="newest")
    assert faultless(app)
    assert app.subheader[0].value.startswith("Best Random Forest now: Mean error (bikes per hour)")
    assert len(tables(app)[0]) == 2
    app.selectbox("pick-model").select("rf_class").run()
    assert faultless(app)
    assert app.query_params["model"] in ("rf_class", ["rf_class"])
    # A metric of another task gives way to the usual one.
    assert app.subheader[0].value.startswith(
        "Best RF Classifier (busy hours) now: F1 score".replace("(", "\\(").replace(")", "\\)")
    )


def test_a_choice_without_a_record_is_said_in_one_sentence(page: Open) -> None:
    app = page("models", lang="en", env="prod")
    assert [one.value for one in app.exception] == []
    assert app.subheader[0].value == "No model can be used with this choice"
    assert len(app.error) == 1


def test_a_metric_that_does_not_exist_is_dropped_and_said(page: Open) -> None:
    app = page("models", lang="en", metric="![x](http://example.org)")
    assert faultless(app)
    assert len(app.warning) == 1


def test_records_of_different_rows_are_said_not_to_compare(changing: Path, page: Open) -> None:
    assert changing.exists()
    assert "were measured on different counts" in written(page("models", lang="en"))
    assert "were measured on different counts" not in written(page("models", lang="en", metric="skill"))


@pytest.mark.parametrize(
    ("language", "text"), [("en", "could not know these days"), ("fr", "ne pouvait pas connaître")]
)
def test_last_week_is_measured_by_the_record_that_could_not_know_it(
    changing: Path, page: Open, language: str, text: str
) -> None:
    assert changing.exists()
    app = page("models", lang=language, model="rf")
    assert faultless(app)
    assert text in written(app)
    labels = {
        "en": ["Mean error of the forecast", "Bikes in the forecast"],
        "fr": ["Erreur moyenne de la prévision", "Vélos prévus"],
    }
    error, total = app.metric
    assert [error.label, total.label] == labels[language]
    assert re.search("less|more|moins|plus", error.delta)
    assert re.search(r"counted \(|comptés \(", total.delta)
    assert len(app.get("vega_lite_chart")) == 4  # what came, by hour, by counter, history


@pytest.mark.parametrize(("language", "text"), [("en", "This is how far"), ("fr", "C’est l’écart de")])
def test_of_a_model_that_knows_all_counts_the_forecast_of_its_measured_fit_is_shown(
    page: Open, language: str, text: str
) -> None:
    app = page("models", lang=language)
    assert faultless(app)
    assert text in written(app)
    assert "could not know these days" not in written(app)
    assert len(app.get("vega_lite_chart")) == 3  # what came, by hour, by counter


def test_of_a_model_that_keeps_no_forecast_of_the_week_the_error_of_its_record_is_shown(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that was measured on random rows, or before models kept it."""
    monkeypatch.setattr(forecasts, "held_out", lambda *_: None)
    text = written(page("models", lang="en"))
    assert "looks better than it is" in text
    assert "When it was trained, on the days from" in text
    assert "could not know these days" not in text


def test_a_classifier_shows_its_share_of_wrong_hours(page: Open) -> None:
    app = page("models", lang="en", model="rf_class")
    assert faultless(app)
    (error,) = app.metric
    assert "of the hours wrong" in error.value


def test_an_empty_registry_is_said_in_one_sentence(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "summary.json").write_text("[]", encoding="utf-8")
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "summary.json"))
    app = page("models", lang="en")
    assert faultless(app)
    assert app.subheader[0].value == "No model is registered yet"


@pytest.mark.parametrize(("language", "said"), [("en", "there is no"), ("fr", "Il n’y a pas de registre ici")])
def test_an_address_without_a_registry_is_not_an_empty_one(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "misspelt"))
    app = page("models", lang=language)
    assert [one.value for one in app.exception] == []
    (error,) = app.error
    assert said in error.value
    assert "misspelt" in error.value


def test_a_registry_that_cannot_be_read_is_said_in_one_sentence(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "summary.json").write_text("{broken", encoding="utf-8")
    monkeypatch.setenv("BT_REGISTRY", str(tmp_path / "summary.json"))
    app = page("models", lang="en")
    assert [one.value for one in app.exception] == []
    assert len(app.error) == 1


def test_events_are_text(changing: Path, page: Open) -> None:
    registry = open_registry(str(changing))
    run_id = json.loads((changing / "summary.json").read_text(encoding="utf-8"))[0]["run_id"]
    registry.promote(run_id, "champion", actor=PICTURE, reason=PICTURE)
    registry.withdraw(run_id, actor="me", reason=PICTURE)
    app = page("models", lang="en")
    assert faultless(app)
    events = next(table for table in tables(app) if "Change" in table)
    assert list(events["Change"]) == ["withdrawn", "promoted"]
    assert list(events["Reason"]) == [PICTURE, PICTURE]
    assert any(text.value.endswith("· withdrawn") for text in app.text)
    assert not any("http" in part.value for part in [*app.markdown, *app.caption, *app.subheader])


def test_two_records_are_shown_side_by_side(changing: Path, page: Open) -> None:
    runs = [entry["run_id"] for entry in json.loads((changing / "summary.json").read_text(encoding="utf-8"))]
    app = page("models", lang="en", left=runs[0], right=runs[2])
    assert faultless(app)
    pair = tables(app)[-1]
    trees = pair[pair["Name"] == "n_estimators"].iloc[0]
    assert (trees[""], trees["First"], trees["Second"]) == ("≠", "4", "3")


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("en", "Every file is as it was registered", "The files are not those that were registered"),
        ("fr", "Chaque fichier est tel qu’enregistré", "Les fichiers ne sont pas ceux qui ont été enregistrés"),
    ],
)
def test_files_are_checked_when_a_reader_asks(changing: Path, page: Open, language: str, good: str, bad: str) -> None:
    entries = json.loads((changing / "summary.json").read_text(encoding="utf-8"))
    whole, changed = entries[0]["run_id"], entries[1]["run_id"]
    damage(changing / "rf_class")
    app = page("models", lang=language, left=whole, right=changed)
    assert good not in written(app)
    app.button("check-left").click().run()
    assert good in written(app)
    app.button("check-right").click().run()
    assert good in written(app)
    assert bad in written(app)
    assert [one.value for one in app.exception] == []


def test_the_result_of_a_check_is_kept_for_the_next_reader(changing: Path, page: Open) -> None:
    run_id = json.loads((changing / "summary.json").read_text(encoding="utf-8"))[0]["run_id"]
    page("models", lang="en", left=run_id).button("check-left").click().run()
    assert "Every file is as it was registered" in written(page("models", lang="en", left=run_id))


def test_a_model_whose_files_were_changed_is_refused_in_words(changing: Path, page: Open) -> None:
    damage(changing / "rf")
    app = page("models", lang="en", model="rf")
    assert [one.value for one in app.exception] == []
    (error,) = app.error
    assert "is not the file that was registered" in error.value.replace("\\", "")
    assert app.subheader[0].value.startswith("Best Random Forest now")
    assert len(tables(app)) >= 2


def test_a_filter_counts_on_the_other_pages_too(changing: Path, page: Open) -> None:
    assert changing.exists()
    app = page("tomorrow", lang="en", env="prod")
    assert [one.value for one in app.exception] == []
    assert len(app.error) == 1
