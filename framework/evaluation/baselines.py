"""The first of the two baselines beside every score: the mean of the last four weeks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.features.parts import Parts, as_parts, span_of

Values = NDArray[np.float64]

BASELINE_WEEKS = 4
BASELINE_FILE = "four_week_mean.json"


class FourWeekMean:
    """Predicts the mean of the last four weeks of training by counter, weekday and hour, in bikes per hour.

    An hour of the week without a row gets the counter's four-week mean. A counter without rows in these weeks gets
    its mean over all training rows, and an unknown counter gets the mean of these means.
    """

    cells: dict[str, list[float]]
    counter_means: dict[str, float]

    def fit(self, counts: pd.DataFrame | Parts) -> Self:
        """Learn from clean training rows, or such rows in parts."""
        parts = as_parts(counts)
        start = span_of(parts)[1] - pd.Timedelta(weeks=BASELINE_WEEKS)
        self.cells, self.counter_means = {}, {}
        for part in parts:
            self._add(part, start)
        return self

    def _add(self, cleaned: pd.DataFrame, start: pd.Timestamp) -> None:
        """Learn the counters of a part."""
        means = cleaned.groupby(COUNTER, observed=True)[COUNT].mean().round(4)
        self.counter_means |= {str(name): float(value) for name, value in means.items()}
        recent = cleaned[cleaned[TIME] > start]
        if recent.empty:
            return
        hour_of_week = recent[WEEKDAY].to_numpy() * 24 + recent[HOUR].to_numpy()
        mean = recent.groupby([COUNTER, hour_of_week], observed=True)[COUNT].mean().unstack()
        mean = mean.reindex(columns=range(168))
        mean = mean.T.fillna(mean.mean(axis=1)).T
        self.cells |= {str(name): row.round(4).tolist() for name, row in mean.iterrows()}

    def predict(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Predict bikes per hour for clean rows, shape (n,)."""
        names = cleaned[COUNTER].cat.categories.astype(str)
        overall = float(np.mean(list(self.counter_means.values())))
        table = np.array(
            [self.cells.get(name, [self.counter_means.get(name, overall)] * 168) for name in names]
        ).reshape(-1, 168)
        hour_of_week = cleaned[WEEKDAY].to_numpy(np.intp) * 24 + cleaned[HOUR].to_numpy(np.intp)
        return np.asarray(table[cleaned[COUNTER].cat.codes.to_numpy(), hour_of_week])

    def save(self, directory: Path) -> None:
        """Write the tables into the folder of a model's files."""
        text = json.dumps({"cells": self.cells, "counter_means": self.counter_means}, ensure_ascii=False)
        (directory / BASELINE_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self | None:
        """Read what `save` wrote; return ``None`` if the folder has no baseline."""
        path = directory / BASELINE_FILE
        if not path.exists():
            return None
        baseline = cls()
        tables = json.loads(path.read_text(encoding="utf-8"))
        baseline.cells, baseline.counter_means = tables["cells"], tables["counter_means"]
        return baseline
