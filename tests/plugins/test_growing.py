"""A forest grown on rows that are drawn first is the one that scikit-learn grows from all rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from bike_traffic.columns import COUNT, COUNTER
from bike_traffic.data.cleaning import clean
from bike_traffic.plugins.affluence import AffluenceClassifierPipeline
from bike_traffic.plugins.growing import Draw, RowSet, grow
from bike_traffic.plugins.random_forest import RFPipeline

ROWS = 3_000
KINDS = pytest.mark.parametrize("kind", [RandomForestRegressor, RandomForestClassifier])


def rows_of(kind: type[Any]) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    design = random.integers(0, 40, (ROWS, 6)).astype(np.float32)
    target = design[:, 0] * design[:, 1] + random.normal(size=ROWS)
    return design, (target > 1200).astype(float) if kind is RandomForestClassifier else target


@KINDS
@pytest.mark.parametrize("share", [0.006, 0.1, 1.0])
def test_the_trees_and_importances_are_those_of_all_rows(kind: type[Any], share: float) -> None:
    parameters: dict[str, Any] = {"n_estimators": 7, "min_samples_leaf": 5, "max_features": 0.33, "n_jobs": 2}
    design, target = rows_of(kind)
    expected = kind(max_samples=share, random_state=3, **parameters).fit(design, target)
    forest = kind(max_samples=share, random_state=3, **parameters)
    draw = Draw.of(forest, ROWS)
    needed = draw.positions()
    grow(forest, draw, needed, design[needed], target[needed], "growing")
    assert len(needed) < ROWS * min(1.0, 7 * share) + 1
    for tree, other in zip(forest.estimators_, expected.estimators_, strict=True):
        assert tree.tree_.__getstate__()["nodes"].tobytes() == other.tree_.__getstate__()["nodes"].tobytes()
        assert tree.tree_.value.tobytes() == other.tree_.value.tobytes()
    assert forest.feature_importances_.tolist() == expected.feature_importances_.tolist()


@pytest.mark.parametrize("parts", [1, 7])
def test_the_places_of_rows_are_found_by_their_ranks(parts: int) -> None:
    places = np.flatnonzero(np.random.default_rng(0).random(3_000_000) < 0.6)
    frame = pd.DataFrame({COUNT: np.zeros(len(places))}, index=places)
    rows = RowSet()
    for part in range(parts):
        rows.add(frame.iloc[part::parts])
    ranks = np.array([0, 5, 1_000_000, len(places) - 1])
    assert rows.places(ranks).tolist() == places[ranks].tolist()
    assert (rows.number, rows.with_bikes) == (len(places), False)


@pytest.mark.parametrize("kind", [RFPipeline, AffluenceClassifierPipeline])
def test_a_forest_learns_the_same_bytes_from_parts(
    small_counts: pd.DataFrame, tmp_path: Path, kind: type[RFPipeline] | type[AffluenceClassifierPipeline]
) -> None:
    """Each part has all rows of some counters, of which one was out of order."""
    cleaned = clean(small_counts).sample(frac=1.0, random_state=0).reset_index(drop=True)
    names = cleaned[COUNTER].cat.categories
    cleaned.loc[(cleaned[COUNTER] == names[0]) & (cleaned.index > len(cleaned) / 2), COUNT] = 0.0
    parts = [cleaned[cleaned[COUNTER].isin(names[place::3]).to_numpy()] for place in (2, 0, 1)]
    files = []
    for folder, pipeline in {
        "whole": kind(n_estimators=3).fit(cleaned),
        "parts": kind(n_estimators=3).fit_parts(parts),
    }.items():
        (tmp_path / folder).mkdir()
        pipeline.save(tmp_path / folder)
        files.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert kind.learns_from_parts()
    assert files[0] == files[1]
