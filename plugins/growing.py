"""Grow the trees of a forest on rows that are drawn first, so that no other row needs its features.

The trees are those that scikit-learn's forests grow from all rows with the same seed, to the last bit.
"""

from __future__ import annotations

from typing import Any

import attrs
import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT
from bike_traffic.plugins.trees import Design
from bike_traffic.progress import progress

Positions = NDArray[np.int64]


@attrs.frozen(eq=False)
class Draw:
    """Which rows each tree is grown on, with replacement.

    Parameters
    ----------
    seeds : of the trees.
    number : of rows to draw from.
    size : of rows that are drawn for a tree.
    """

    seeds: tuple[int, ...]
    number: int
    size: int

    @classmethod
    def of(cls, forest: Any, number: int) -> Draw:
        """Return the draw of an unfitted forest of scikit-learn for a number of rows.

        Raises
        ------
        sklearn.utils._param_validation.InvalidParameterError
        """
        from sklearn.utils import check_random_state

        forest._validate_params()  # scikit-learn's own message for a parameter out of range
        random = check_random_state(forest.random_state)
        seeds = [int(random.randint(np.iinfo(np.int32).max)) for _ in range(forest.n_estimators)]
        return cls(tuple(seeds), number, max(int(forest.max_samples * number), 1))

    def of_tree(self, seed: int) -> Positions:
        """Return the positions of the rows that are drawn for a tree, ascending, some of them several times."""
        drawn = np.random.RandomState(seed).randint(0, self.number, self.size)
        return np.sort(drawn.astype(np.int64, copy=False))

    def positions(self) -> Positions:
        """Return the positions of the rows that any tree needs, in ascending order."""
        drawn = np.sort(np.concatenate([self.of_tree(seed) for seed in self.seeds]))
        return drawn[np.diff(drawn, prepend=-1) > 0]  # NumPy's `unique` hashes, which takes ten times as long


def grow(
    forest: Any, draw: Draw, positions: Positions, design: Design, target: NDArray[np.float64], what: str
) -> None:
    """Fit a forest of scikit-learn, as many trees at once as there are processors.

    Parameters
    ----------
    positions : of the rows, ascending, shape (n,); the design has one of each, shape (n, features).
    what : what the progress bar says.
    """
    from sklearn.base import is_classifier

    def grown(seed: int) -> Any:
        times = np.bincount(np.searchsorted(positions, draw.of_tree(seed)), minlength=len(positions))
        needed = times > 0
        needed[of_each_class] = True
        rows = np.flatnonzero(needed)
        tree = kind(random_state=seed, min_samples_leaf=forest.min_samples_leaf, max_features=forest.max_features)
        return tree.fit(design[rows], target[rows], sample_weight=times[rows].astype(np.float64))

    kind, of_each_class = type(forest.estimator), np.zeros(0, dtype=np.int64)
    if is_classifier(forest):  # a tree knows all classes, also those that were not drawn for it
        forest.classes_, of_each_class = np.unique(target, return_index=True)
    forest.estimators_, forest.n_features_in_ = [], design.shape[1]
    at_once = joblib.effective_n_jobs(forest.n_jobs)
    with progress(what, len(draw.seeds)) as advance:
        for start in range(0, len(draw.seeds), at_once):
            seeds = draw.seeds[start : start + at_once]
            trees = joblib.Parallel(n_jobs=forest.n_jobs, prefer="threads")(map(joblib.delayed(grown), seeds))
            forest.estimators_.extend(trees)
            advance(len(seeds))


class RowSet:
    """The places of some rows among all rows, a bit each; parts are added in any order."""

    def __init__(self) -> None:
        self._bits = np.zeros(0, dtype=np.uint8)
        self.number = 0
        self.with_bikes = False
        """Whether any of the rows has a count above zero."""

    def add(self, part: pd.DataFrame) -> None:
        """Add the rows of a part, whose index is their places."""
        places = part.index.to_numpy(np.int64)
        missing = int(places.max()) // 8 + 1 - len(self._bits)
        if missing > 0:
            self._bits = np.append(self._bits, np.zeros(missing, dtype=np.uint8))
        np.bitwise_or.at(self._bits, places // 8, np.left_shift(1, places % 8).astype(np.uint8))
        self.number += len(places)
        self.with_bikes = self.with_bikes or bool(part[COUNT].any())

    def places(self, ranks: Positions) -> Positions:
        """Return the places of the rows with some ranks, ascending, in the order of all rows."""
        found, before = [], 0
        for start in range(0, len(self._bits), _BYTES):
            bits = np.unpackbits(self._bits[start : start + _BYTES], bitorder="little")
            here = np.flatnonzero(bits)
            first, last = np.searchsorted(ranks, [before, before + len(here)])
            found.append(here[ranks[first:last] - before] + start * 8)
            before += len(here)
        return np.concatenate([np.zeros(0, dtype=np.int64), *found])


_BYTES = 1 << 17
