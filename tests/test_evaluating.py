"""A model measured on counts in parts has the metrics that it has on a frame, and refuses the same counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bike_traffic
from bike_traffic.columns import WEATHER_COLUMNS
from bike_traffic.data.parts import stored, writing
from bike_traffic.errors import SplitError, UnknownCounters
from bike_traffic.evaluating import Measurement
from bike_traffic.evaluation.grouping import By
from bike_traffic.gathering import evaluation_counts
from bike_traffic.loading import LoadedModel
from bike_traffic.workspace import Workspace

NAME, COUNT, WHEN = "Nom du compteur", "Comptage horaire", "Date et heure de comptage"
IDENTIFIER = "Identifiant du compteur"
PARAMETERS = {"n_estimators": 3, "n_jobs": 1}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make parts of single places, of which there are two."""
    monkeypatch.setattr(writing, "PART_ROWS", 1000)
    monkeypatch.setattr(stored, "PART_ROWS", 1000)


@pytest.fixture
def published(small_counts: pd.DataFrame) -> pd.DataFrame:
    rows = small_counts.assign(**{IDENTIFIER: "id " + small_counts[NAME]})
    return rows.astype({COUNT: "int64"})


@pytest.fixture
def workspace(clean_place: Path) -> Workspace:
    return Workspace.open(registry=str(clean_place / "kept"), notify=lambda _: None)


@pytest.fixture
def loaded(published: pd.DataFrame, workspace: Workspace, request: pytest.FixtureRequest) -> LoadedModel:
    """Return a model of the name that the test asks for, trained on the earlier rows."""
    name = getattr(request, "param", "rf")
    registry = str(workspace.settings.registry)
    bike_traffic.train(name, published.head(len(published) * 3 // 4), registry=registry, parameters=PARAMETERS)
    return workspace.load(workspace.find(name))


def faulty(published: pd.DataFrame) -> pd.DataFrame:
    """Return counts with doubtful ones, a negative one, a stray stamp, and a counter under a new name."""
    rows = published.copy()
    rows.loc[[60, 1000, 9000], COUNT] = 90_000
    rows.loc[50, COUNT] = -1
    rows.loc[70, WHEN] = "2019-01-01T08:00:00+01:00"
    rows[NAME] = rows[NAME].replace(rows[NAME].iloc[0], "a new name")
    return rows


def both(workspace: Workspace, loaded: LoadedModel, rows: pd.DataFrame, **how: object) -> list[Measurement]:
    """Measure a file of counts in memory and in parts."""
    rows.to_csv("counts.csv", sep=";", index=False)
    found = []
    for whole in (True, False):
        with evaluation_counts(workspace, loaded, "counts.csv", whole=whole) as counts:
            assert isinstance(counts, pd.DataFrame) is whole
            found.append(workspace.evaluate(loaded, counts, **how))
    return found


def figures(measured: Measurement) -> dict[str, float | None]:
    """Return all numbers of a measurement, by group and name."""
    found: dict[str, float | None] = {"seen": measured.seen_rows, "doubtful": measured.doubtful_rows}
    found |= {f"with doubtful {name}": value for name, value in measured.with_doubtful.items()}
    for name, one in [("all", measured.evaluation), *((group.name, group.evaluation) for group in measured.groups)]:
        found[f"{name} size"] = one.size
        for of, metrics in (("model", one.metrics), ("baseline", one.baseline), ("recent", one.recent)):
            found |= {f"{name} {of} {metric}": value for metric, value in metrics.items()}
    return found


def assert_the_same(of_frame: Measurement, of_parts: Measurement) -> None:
    assert figures(of_parts) == pytest.approx(figures(of_frame), rel=1e-9)
    assert [group.name for group in of_parts.groups] == [group.name for group in of_frame.groups]


@pytest.mark.parametrize("loaded", ["rf", "rf_class"], indirect=True)
def test_the_metrics_in_parts_are_those_in_memory(
    workspace: Workspace, loaded: LoadedModel, published: pd.DataFrame
) -> None:
    of_frame, of_parts = both(workspace, loaded, faulty(published))
    assert_the_same(of_frame, of_parts)
    assert of_parts.doubtful_rows == 3
    assert of_parts.with_doubtful != of_parts.evaluation.metrics
    assert (len(of_frame.evaluation.rows), len(of_parts.evaluation.rows)) == (of_parts.evaluation.size, 0)
    assert "coverage" in of_parts.evaluation.metrics or loaded.pipeline.task == "classification"


@pytest.mark.parametrize(("by", "groups"), [("counter", 4), ("hour", 24), ("day", 100), ("weekday", 7)])
def test_the_metrics_of_groups_in_parts_are_those_in_memory(
    workspace: Workspace, loaded: LoadedModel, published: pd.DataFrame, by: By, groups: int
) -> None:
    of_frame, of_parts = both(workspace, loaded, published, by=by)
    assert_the_same(of_frame, of_parts)
    assert len(of_parts.groups) == groups
    assert sum(group.evaluation.size for group in of_parts.groups) == of_parts.evaluation.size


def test_the_metrics_with_weather_in_parts_are_those_in_memory(
    workspace: Workspace, loaded: LoadedModel, published: pd.DataFrame
) -> None:
    hours = pd.date_range("2024-08-22", "2024-12-02", freq="h", tz="UTC")
    pd.DataFrame({"time": hours, **dict.fromkeys(WEATHER_COLUMNS, 1.0)}).to_csv("weather.csv", index=False)
    knowing = Workspace.open(registry=str(workspace.settings.registry), weather="weather.csv", notify=lambda _: None)
    assert_the_same(*both(knowing, loaded, published))


def test_doubtful_counts_are_kept_where_the_settings_keep_them(
    workspace: Workspace, loaded: LoadedModel, published: pd.DataFrame
) -> None:
    keeping = Workspace.open(registry=str(workspace.settings.registry), keep_doubtful=True, notify=lambda _: None)
    of_frame, of_parts = both(keeping, loaded, faulty(published))
    assert_the_same(of_frame, of_parts)
    assert of_parts.evaluation.metrics == of_parts.with_doubtful


def test_unknown_counters_are_refused_left_out_or_measured_as_in_memory(
    workspace: Workspace, loaded: LoadedModel, published: pd.DataFrame
) -> None:
    strange = published.copy()
    last = strange[NAME].iloc[-1]
    of_last = strange[NAME] == last
    strange.loc[of_last, [NAME, IDENTIFIER]] = ["opened yesterday", "new"]
    strange.loc[strange.index[np.flatnonzero(of_last)[0]], COUNT] = -1  # its first row cannot be used
    for policy, rows in (("empty", 3 * 2400), ("predict", 4 * 2400 - 1)):
        of_frame, of_parts = both(workspace, loaded, strange, unknown_counters=policy)
        assert_the_same(of_frame, of_parts)
        assert of_parts.evaluation.size == rows
    first, second = (refusal(workspace, loaded, strange, UnknownCounters, whole=whole) for whole in (True, False))
    assert first == second
    assert first.startswith("2,399 rows are of counters the model was not trained on: 'opened yesterday' (row ")
    policy, none = "empty", strange[of_last]
    first, second = (
        refusal(workspace, loaded, none, SplitError, whole=whole, unknown_counters=policy) for whole in (True, False)
    )
    assert first == second


def refusal(
    workspace: Workspace,
    loaded: LoadedModel,
    rows: pd.DataFrame,
    error: type[Exception],
    *,
    whole: bool,
    **how: object,
) -> str:
    rows.to_csv("strange.csv", sep=";", index=False)
    counts_of = evaluation_counts(workspace, loaded, "strange.csv", whole=whole)
    with counts_of as counts, pytest.raises(error) as refused:
        workspace.evaluate(loaded, counts, **how)
    return str(refused.value)
