"""The trees of a forest as arrays predict what scikit-learn's forest does, to the last bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from bike_traffic.plugins.trees import Trees

ROWS, FEATURES = 5_000, 6


def grown(kind: type[Any], **parameters: Any) -> tuple[Any, np.ndarray[Any, np.dtype[np.float32]]]:
    """Return a fitted forest, and rows of which half are on its thresholds or beyond what it was fitted on."""
    random = np.random.default_rng(0)
    design = random.integers(0, 40, (ROWS, FEATURES)).astype(np.float32)
    target = design[:, 0] * design[:, 1] + random.normal(size=ROWS)
    if kind is RandomForestClassifier:
        target = (target > 400).astype(float)
    forest = kind(n_estimators=7, random_state=0, **parameters).fit(design, target)
    thresholds = forest.estimators_[0].tree_.threshold
    beyond = random.choice(thresholds.astype(np.float32), (ROWS, FEATURES))
    return forest, np.concatenate([random.uniform(-10, 50, (ROWS, FEATURES)), beyond]).astype(np.float32)


@pytest.mark.parametrize(
    "parameters", [{"min_samples_leaf": 5}, {"min_samples_leaf": 1}, {"max_depth": 2}, {"max_leaf_nodes": 50}]
)
def test_the_mean_is_that_of_the_forest(parameters: dict[str, Any]) -> None:
    forest, design = grown(RandomForestRegressor, **parameters)
    trees, expected = Trees.of(forest), forest.predict(design)
    assert np.array_equal(trees.mean(design), expected)
    assert np.array_equal(trees.mean_compiled(design), expected)


def test_the_share_of_a_class_is_that_of_the_forest() -> None:
    forest, design = grown(RandomForestClassifier, min_samples_leaf=5)
    trees, expected = Trees.of(forest, 1), forest.predict_proba(design)[:, 1]
    assert np.array_equal(trees.mean(design), expected)
    assert np.array_equal(trees.mean_compiled(design), expected)


def test_a_class_that_training_did_not_have_has_no_share() -> None:
    forest, design = grown(RandomForestClassifier, min_samples_leaf=5)
    assert Trees.of(forest, None).mean(design).tolist() == [0.0] * len(design)


def test_trees_that_are_single_leaves_predict_their_value() -> None:
    design = np.zeros((20, 2), dtype=np.float32)
    trees = Trees.of(RandomForestRegressor(n_estimators=3).fit(design, np.full(20, 4.0)))
    assert trees.mean(design).tolist() == trees.mean_compiled(design).tolist() == [4.0] * 20


def test_no_rows_have_no_means() -> None:
    forest, design = grown(RandomForestRegressor)
    trees = Trees.of(forest)
    assert trees.mean(design[:0]).tolist() == trees.mean_compiled(design[:0]).tolist() == []


def test_pickled_trees_are_arrays_alone_and_predict_the_same() -> None:
    forest, design = grown(RandomForestRegressor, min_samples_leaf=5)
    trees = Trees.of(forest)
    expected = trees.mean_compiled(design)
    pickled = pickle.dumps(trees)
    assert b"sklearn" not in pickled
    again = pickle.loads(pickled)
    assert np.array_equal(again.mean(design), expected)
    assert np.array_equal(again.mean_compiled(design), expected)
