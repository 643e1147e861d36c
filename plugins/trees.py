"""The trees of a fitted forest as arrays: they predict few rows without scikit-learn, whose import takes a second."""

from __future__ import annotations

from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

Design = NDArray[np.float32]

FEW_ROWS = 10_000
"""So many rows, such as a week of fifty counters, are few: to import scikit-learn would cost more than it saves."""
_BLOCK = 2_000
"""Rows that are walked at once: their states in all trees fit into a processor's cache."""
_FIRST_LEAVES = 6
"""Levels after which rows that have arrived at their leaves are set aside, at every second one."""


@attrs.frozen(eq=False)
class Trees:
    """The nodes of all trees, one tree after the other.

    A row goes to the left if its feature is not above the threshold; a leaf leads to itself.

    Parameters
    ----------
    features : number of features of a row.
    first : position of each tree's root, and the number of all nodes, shape (trees + 1,).
    feature : of each node, int16; 0 for a leaf.
    threshold : float64.
    children : positions of the right and the left child, int32, shape (nodes, 2).
    value : what a leaf predicts, float64.
    """

    features: int
    first: NDArray[np.int64]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    children: NDArray[np.int32]
    value: NDArray[np.float64]
    _compiled: list[Any] = attrs.field(factory=list, init=False)

    @classmethod
    def of(cls, forest: Any, value: int | None = 0) -> Self:
        """Take over the trees of a fitted forest of scikit-learn.

        Parameters
        ----------
        value : which of a node's values is predicted, for a classifier the position of the class; ``None`` is zero.
        """
        trees = [estimator.tree_ for estimator in forest.estimators_]
        first = np.cumsum([0, *(tree.node_count for tree in trees)])
        left, right, feature, threshold, values = (
            np.concatenate(parts)
            for parts in zip(
                *(
                    (tree.children_left, tree.children_right, tree.feature, tree.threshold, tree.value[:, 0])
                    for tree in trees
                ),
                strict=True,
            )
        )
        leaf = left < 0
        start = np.repeat(first[:-1], np.diff(first))
        children = np.where(
            leaf[:, None], np.arange(len(leaf))[:, None], np.column_stack([right, left]) + start[:, None]
        )
        return cls(
            features=trees[0].n_features,
            first=first,
            feature=np.where(leaf, 0, feature).astype(np.int16),
            threshold=threshold,
            children=children.astype(np.int32),
            value=np.zeros(len(leaf)) if value is None else np.ascontiguousarray(values[:, value]),
        )

    def mean(self, design: Design) -> NDArray[np.float64]:
        """Return the mean over the trees for rows of features, shape (n,).

        Each row's sum is taken tree by tree, as scikit-learn takes it: the mean is the same to the last bit.
        """
        blocks = (design[start : start + _BLOCK] for start in range(0, len(design), _BLOCK))
        return np.concatenate([np.zeros(0), *map(self._sum, blocks)]) / (len(self.first) - 1)

    def mean_compiled(self, design: Design) -> NDArray[np.float64]:
        """Return the same from scikit-learn: faster for many rows, once it is imported."""
        total = np.zeros(len(design))
        for tree, start in zip(self._compile(), self.first[:-1], strict=True):
            total += self.value.take(tree.apply(design) + start)
        return np.asarray(total / (len(self.first) - 1))

    def _sum(self, design: Design) -> NDArray[np.float64]:
        """Walk all trees at once, level by level."""
        rows = len(design)
        numbers, child = design.ravel(), self.children.ravel()
        leaves = np.repeat(self.first[:-1], rows)
        row = np.tile(np.arange(rows) * design.shape[1], len(self.first) - 1)
        node: NDArray[np.integer[Any]] = leaves
        place, level = np.arange(len(leaves)), 0
        while len(node):
            left = numbers.take(row + self.feature.take(node)) <= self.threshold.take(node)
            node = child.take(2 * node + left)
            level += 1
            if level > _FIRST_LEAVES and level % 2:
                leaves[place] = node
                walking = np.flatnonzero(child.take(2 * node) != node)
                node, row, place = node.take(walking), row.take(walking), place.take(walking)
        total = np.zeros(rows)
        for values in self.value.take(leaves).reshape(-1, rows):
            total += values
        return total

    def _compile(self) -> list[Any]:
        """Return the trees as objects of scikit-learn, which know where rows end, not what is predicted there."""
        if not self._compiled:
            from sklearn.tree._tree import NODE_DTYPE, Tree

            trees = []
            for start, end in zip(self.first[:-1], self.first[1:], strict=True):
                children = self.children[start:end] - start
                leaf = children[:, 1] == np.arange(end - start)
                nodes = np.zeros(end - start, dtype=NODE_DTYPE)
                nodes["left_child"], nodes["right_child"] = np.where(leaf, -1, children.T[::-1])
                nodes["feature"] = np.where(leaf, -2, self.feature[start:end])
                nodes["threshold"] = self.threshold[start:end]
                tree = Tree(self.features, np.ones(1, dtype=np.intp), 1)
                tree.__setstate__(
                    {
                        "max_depth": 0,  # of use for no walk
                        "node_count": len(nodes),
                        "nodes": nodes,
                        "values": np.zeros((len(nodes), 1, 1)),
                    }
                )
                trees.append(tree)
            self._compiled[:] = trees  # threads that came at the same time made the same
        return self._compiled

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the arrays."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(type(self)) if field.init}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what `__getstate__` returned."""
        self.__init__(**state)  # type: ignore[misc]
