"""Sums over measured rows, from which all metrics follow: those of parts of the rows add up to those of all rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.evaluation.intervals import LEVEL
from bike_traffic.evaluation.rows import BASELINE, RECENT, SCORE, TRUTH
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER

Values = NDArray[np.float64]

STEPS = 1000
"""Probabilities are counted in so many steps: two that round to the same one are equal to the ROC curve."""


@attrs.frozen(kw_only=True, eq=False)
class Sums:
    """Sums over rows that were predicted. Those of whole bikes and of labels are exact, in any order of the rows.

    Parameters
    ----------
    rows : their number.
    truth, truth_squares, predicted : of the counts or labels, of their squares, and of the predictions.
    squared_errors, absolute_errors, squared_log_errors : the last of log(1 + count).
    right : number of predictions that are equal to the truth.
    both : sum of truth × prediction, for labels the number of rows with label 1 in both.
    scored : shape (2, `STEPS` + 1), the numbers of rows by label and step of the probability; (2, 0) without one.
    bounded, covered : number of rows with an interval, and of those inside of it.
    widths, interval_scores : of the intervals.
    """

    rows: int
    truth: float
    truth_squares: float
    predicted: float
    squared_errors: float
    absolute_errors: float
    squared_log_errors: float
    right: int
    both: float
    scored: NDArray[np.int64]
    bounded: int = 0
    covered: int = 0
    widths: float = 0.0
    interval_scores: float = 0.0

    @classmethod
    def of(cls, truth: Values, predicted: Values, probability: Values | None = None) -> Self:
        """Return the sums over rows without intervals.

        Parameters
        ----------
        truth, predicted : shape (n,), counts or labels.
        probability : of label 1, or another score from 0 to 1.
        """
        errors = truth - predicted
        return cls(
            rows=len(truth),
            truth=float(truth.sum()),
            truth_squares=float((truth**2).sum()),
            predicted=float(predicted.sum()),
            squared_errors=float((errors**2).sum()),
            absolute_errors=float(np.abs(errors).sum()),
            squared_log_errors=float(((np.log1p(truth) - np.log1p(predicted)) ** 2).sum()),
            right=int((errors == 0).sum()),
            both=float((truth * predicted).sum()),
            scored=np.zeros((2, 0), np.int64) if probability is None else _by_step(truth, probability),
        )

    def with_intervals(self, truth: Values, lower: Values, upper: Values) -> Self:
        """Return these sums with those of the rows' central intervals, which hold a share of `LEVEL`.

        Source of the score: Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
        Journal of the American Statistical Association 102, section 6.2.
        """
        widths = upper - lower
        outside = (lower - truth).clip(min=0) + (truth - upper).clip(min=0)
        return attrs.evolve(
            self,
            bounded=len(truth),
            covered=int((outside == 0).sum()),
            widths=float(widths.sum()),
            interval_scores=float((widths + 2.0 / (1.0 - LEVEL) * outside).sum()),
        )

    def __add__(self, other: Self) -> Self:
        """Return the sums over the rows of both, which must all have probabilities, or none of them."""
        names = [field.name for field in attrs.fields(type(self))]
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})


def sums_of(rows: pd.DataFrame) -> dict[str, Sums]:
    """Return the sums of `Evaluation.rows`, by the column of what predicted them: the pipeline, or a baseline."""
    truth = rows[TRUTH].to_numpy(np.float64)
    found = {}
    for column in (PREDICTION, BASELINE, RECENT):
        if column not in rows:
            continue
        probability = None
        if column == PREDICTION and PROBABILITY in rows:
            probability = rows[PROBABILITY].to_numpy(np.float64)
        elif column + SCORE in rows:
            ratio = rows[column + SCORE].to_numpy(np.float64)
            probability = ratio / (1.0 + ratio)  # in the same order, and from 0 to 1
        found[column] = Sums.of(truth, rows[column].to_numpy(np.float64), probability)
    if LOWER in rows:
        bounds = (rows[name].to_numpy(np.float64) for name in (LOWER, UPPER))
        found[PREDICTION] = found[PREDICTION].with_intervals(truth, *bounds)
    return found


def added(one: Mapping[str, Sums], other: Mapping[str, Sums]) -> Mapping[str, Sums]:
    """Return the sums over both; either may be of no rows, and is empty then."""
    if not one or not other:
        return one or other
    return {name: one[name] + other[name] for name in one}


def _by_step(truth: Values, probability: Values) -> NDArray[np.int64]:
    step = np.rint(probability * STEPS).astype(np.int64)
    return np.bincount(truth.astype(np.int64) * (STEPS + 1) + step, minlength=2 * (STEPS + 1)).reshape(2, STEPS + 1)
