"""A Poisson regression on the factor between counts and their base."""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np

from bike_traffic.plugins.ahead.cube import Floats

ADDED = 0.5
"""Bikes added to the base and to the count, so that neither is zero."""
_SMALLEST, _LARGEST = 0.13, 4.5
"""Factors beyond these are not believed."""


@attrs.frozen(eq=False)
class FactorRegression:
    """Gives the logarithm of the expected count over the base as a linear function of columns.

    ``count + 0.5 = (base + 0.5) * exp(intercept + columns @ coefficients)`` in the mean. A column is cut off at the
    smallest and the largest value that it had in the fit.
    """

    coefficients: Floats
    intercept: float
    low: Floats
    high: Floats

    @classmethod
    def neutral(cls, columns: int) -> Self:
        """Return the regression that always predicts the base."""
        zeros = np.zeros(columns)
        return cls(coefficients=zeros, intercept=0.0, low=zeros, high=zeros)

    @classmethod
    def fit(cls, columns: Floats, base: Floats, counts: Floats, alpha: float) -> Self:
        """Fit by penalised maximum likelihood, with `alpha` on standardised columns.

        Parameters
        ----------
        columns : shape (n, p).
        base, counts : shape (n,), bikes per hour.
        """
        from sklearn.linear_model import PoissonRegressor

        weight = base + ADDED
        mean = weight @ columns / weight.sum()
        centred = columns - mean
        spread = np.sqrt(weight @ centred**2 / weight.sum())
        spread[spread < 1e-9] = 1.0  # a column that never varied has no say
        model = PoissonRegressor(alpha=alpha, solver="newton-cholesky")
        model.fit(centred / spread, (counts + ADDED) / weight, sample_weight=weight)
        coefficients = model.coef_ / spread
        return cls(
            coefficients=coefficients,
            intercept=float(model.intercept_ - mean @ coefficients),
            low=columns.min(axis=0),
            high=columns.max(axis=0),
        )

    def predict(self, of_counters: Floats, of_hours: Floats, base: Floats, power: float = 1.0) -> Floats:
        """Predict bikes per hour, shape (counters, hours).

        Parameters
        ----------
        of_counters : shape (counters, q), the first q columns of each counter.
        of_hours : shape (hours, p - q), the other columns, which the counters share.
        base : shape (counters, hours), bikes per hour.
        power : of the factor; below 1 the prediction is nearer to the base.
        """
        first = of_counters.shape[1]
        columns = [
            values.clip(self.low[part], self.high[part]) @ self.coefficients[part]
            for values, part in ((of_counters, slice(first)), (of_hours, slice(first, None)))
        ]
        logarithm = self.intercept + columns[0][:, None] + columns[1]
        factor = np.exp(power * logarithm.clip(np.log(_SMALLEST), np.log(_LARGEST)))
        return np.asarray(((base + ADDED) * factor - ADDED).clip(0))

    def as_row(self) -> Floats:
        """Return all numbers as one array."""
        return np.concatenate([[self.intercept], self.coefficients, self.low, self.high])

    @classmethod
    def of_row(cls, row: Floats) -> Self:
        """Return the regression whose numbers `as_row` returned."""
        coefficients, low, high = np.split(row[1:], 3)
        return cls(coefficients=coefficients, intercept=float(row[0]), low=low, high=high)
