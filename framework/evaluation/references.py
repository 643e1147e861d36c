"""What the core learns beside a pipeline from the same rows: baselines, interval, counters, what was usual."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, HOUR, TIME
from bike_traffic.evaluation.baselines import FourWeekMean
from bike_traffic.evaluation.intervals import Interval
from bike_traffic.evaluation.places.local_errors import LocalError, local_errors
from bike_traffic.evaluation.rows import DAYS_AHEAD
from bike_traffic.features.calendar import FRANCE, days_ahead
from bike_traffic.features.parts import Parts, as_parts
from bike_traffic.features.recent import RecentLevel
from bike_traffic.monitoring.counters import counters_of
from bike_traffic.monitoring.usual import Usual
from bike_traffic.pipeline import LOWER, UPPER, Pipeline
from bike_traffic.places import Counter

FOLDER = "references"
"""Folder of these files beside those of the pipeline, which must not use this name."""
COUNTERS_FILE, ERRORS_FILE, HELD_OUT_FILE = "counters.json", "errors.json", "held_out.parquet"
HELD_OUT_DAYS = 14
"""So many of the last days held out are kept with the model: two weeks have one that is whole."""


@attrs.frozen(kw_only=True, eq=False)
class References:
    """What predictions of a model are compared with and completed by; a model of an earlier version has less of it.

    Parameters
    ----------
    four_week_mean, recent : the baselines.
    interval : of the model's predictions; ``None`` for a classifier, and if none was calibrated.
    counters : those in training, by clean name.
    usual : the range of the last counts in training, of counters and places; see `Usual`.
    errors : of the measured fit, by counter and place; empty for a classifier.
    held_out : the last days of `Evaluation.rows` of the measured fit, as a Parquet file; ``None`` without a temporal
        split. One page asks for them, and to read them takes longer than all else here: see `held_out_rows`.
    """

    four_week_mean: FourWeekMean | None = None
    recent: RecentLevel | None = None
    interval: Interval | None = None
    counters: Mapping[str, Counter] = attrs.field(factory=dict)
    usual: Usual | None = None
    errors: Mapping[str, LocalError] = attrs.field(factory=dict)
    held_out: bytes | None = None

    @classmethod
    def learn(cls, counts: pd.DataFrame | Parts, holidays: str = FRANCE) -> Self:
        """Learn baselines, counters and what was usual from the clean rows that a pipeline learned from."""
        counters = {name: one for part in as_parts(counts) for name, one in counters_of(part).items()}
        return attrs.evolve(
            cls.baselines(counts, holidays=holidays),
            counters=dict(sorted(counters.items())),
            usual=Usual.learn(counts, holidays=holidays),
        )

    @classmethod
    def baselines(cls, counts: pd.DataFrame | Parts, holidays: str = FRANCE) -> Self:
        """Learn the baselines alone."""
        recent = RecentLevel(holidays=holidays, season=False).fit_parts(as_parts(counts))
        return cls(four_week_mean=FourWeekMean().fit(counts), recent=recent)

    def calibrated(
        self, months: Sequence[pd.DataFrame], counts: pd.DataFrame | Parts, holidays: str = FRANCE
    ) -> Self:
        """Return these with an interval; without months as they are.

        Parameters
        ----------
        months : as `Interval.calibrate` takes them.
        counts : the clean rows that the pipeline learned from; see `Interval.watch`.
        holidays : of the pipeline.
        """
        if not months:
            return self
        return attrs.evolve(self, interval=Interval.calibrate(months, holidays=holidays).watch(counts))

    def measured(self, rows: pd.DataFrame) -> Self:
        """Return these with the errors at each counter and place, from `Evaluation.rows` of a regression."""
        return attrs.evolve(self, errors=local_errors(rows))

    def keeping(self, rows: pd.DataFrame) -> Self:
        """Return these with the last `HELD_OUT_DAYS` of `Evaluation.rows`, as float32."""
        first = rows[TIME].max() - pd.Timedelta(days=HELD_OUT_DAYS)
        last = rows[(rows[TIME] > first).to_numpy()].reset_index(drop=True)
        small = last.astype(dict.fromkeys(last.select_dtypes("float64"), "float32"))
        return attrs.evolve(self, held_out=small.to_parquet(compression="zstd", index=False))

    def held_out_rows(self) -> pd.DataFrame | None:
        """Return the rows that `keeping` kept."""
        return None if self.held_out is None else pd.read_parquet(BytesIO(self.held_out))

    def predict(self, pipeline: Pipeline, cleaned: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return `Pipeline.predict_frame`, with ``lower`` and ``upper`` if there is an interval."""
        predicted = pipeline.predict_frame(cleaned, history)
        if pipeline.task != "regression":
            return predicted
        known: dict[str, Any] = {name: cleaned[name] for name in (COUNTER, TIME, HOUR)}
        if history is not None and len(history):
            known[DAYS_AHEAD] = days_ahead(cleaned[TIME], history[TIME].max())
        rows = self.with_bounds(pd.DataFrame({**known, **predicted}))
        return pd.DataFrame({name: rows[name] for name in rows if name not in known})

    def with_bounds(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return predicted rows with ``lower`` and ``upper``, if there is an interval; a pipeline's own ones stay."""
        if self.interval is None or LOWER in rows:
            return rows
        lower, upper = self.interval.bounds(rows)
        return rows.assign(**{LOWER: lower, UPPER: upper})

    def means_of(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Return the mean count in training of each row's counter, infinite for an unknown counter; shape (n,)."""
        means = {} if self.four_week_mean is None else self.four_week_mean.counter_means
        names = cleaned[COUNTER].cat
        return np.array([means.get(str(name), np.inf) for name in names.categories])[names.codes.to_numpy()]

    def save(self, directory: Path) -> None:
        """Write all of it into its own folder among a model's files."""
        folder = directory / FOLDER
        folder.mkdir()
        for part in (self.four_week_mean, self.recent, self.interval, self.usual):
            if part is not None:
                part.save(folder)
        by_file: dict[str, Mapping[str, Counter | LocalError]]
        by_file = {COUNTERS_FILE: {**self.counters}, ERRORS_FILE: {**self.errors}}
        for file, parts in by_file.items():
            text = json.dumps({name: attrs.asdict(one) for name, one in parts.items()}, ensure_ascii=False)
            (folder / file).write_text(text, encoding="utf-8")
        if self.held_out is not None:
            (folder / HELD_OUT_FILE).write_bytes(self.held_out)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote; a model of an earlier version has the four-week mean alone, outside the folder."""
        folder = directory / FOLDER
        counters, errors = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            for path in (folder / COUNTERS_FILE, folder / ERRORS_FILE)
        )
        return cls(
            four_week_mean=FourWeekMean.load(folder) or FourWeekMean.load(directory),
            recent=RecentLevel.load(folder),
            interval=Interval.load(folder),
            counters={name: Counter(**counter) for name, counter in counters.items()},
            usual=Usual.load(folder),
            errors={name: LocalError(**error) for name, error in errors.items()},
            held_out=(folder / HELD_OUT_FILE).read_bytes() if (folder / HELD_OUT_FILE).exists() else None,
        )
