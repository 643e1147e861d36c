"""What a chart of days or places shows: bikes, or the probability of a busy hour where a classifier predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pandas as pd

from bike_traffic.app.charts.formats import bikes, column, digits_for

if TYPE_CHECKING:
    from bike_traffic.app.words import Words

__all__ = ["Measure", "measure_of"]


@attrs.frozen
class Measure:
    """A column with the ways to write its values.

    Parameters
    ----------
    values : rounded; NaN where unknown.
    share : whether they are probabilities, 0 to 1, rather than bikes.
    """

    values: pd.Series[float]
    share: bool

    @property
    def format(self) -> str:
        """Vega's format of the values."""
        return ".0%" if self.share else ",d"

    @property
    def top(self) -> float:
        """The end of the scale: what is certain, or the greatest value."""
        return 1.0 if self.share or not self.values.notna().any() else max(float(self.values.max()), 1.0)

    def short(self, value: float, words: Words) -> str:
        """Return a value as a number alone."""
        return words.percent(value) if self.share else words.number(value, digits_for([value]))

    def long(self, value: float, words: Words) -> str:
        """Return a value with what it counts."""
        return words.percent(value) if self.share else bikes(words, value)


def measure_of(frame: pd.DataFrame) -> Measure:
    """Return the column `probability` of a frame where it has values, or else `bikes`."""
    chance = column(frame, "probability")
    if chance.notna().any():
        return Measure(chance.round(3), share=True)
    return Measure(column(frame, "bikes").round(), share=False)
