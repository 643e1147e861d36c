"""The predictions of a file as a picture: the mean over the counters through time, beside the counts if any."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure  # not pyplot, which keeps a state and looks for a display

from bike_traffic.columns import COUNT, TIME
from bike_traffic.errors import WriteError
from bike_traffic.pictures.evaluation import ACTUAL, MOST_HOURS, PREDICTED
from bike_traffic.pipeline import PREDICTION, PROBABILITY


class MeansThroughTime:
    """The mean prediction of each hour, and the mean count, of the chunks of a file."""

    def __init__(self) -> None:
        self._sums = pd.DataFrame()

    def add(self, rows: pd.DataFrame) -> None:
        """Add clean rows with their predictions."""
        column = PROBABILITY if PROBABILITY in rows else PREDICTION
        values = {"predicted": rows[column], "rows": 1}
        if COUNT in rows and column == PREDICTION:
            values["actual"] = rows[COUNT]
        sums = pd.DataFrame(values, index=rows.index).astype(float).groupby(rows[TIME]).sum()
        self._sums = sums if self._sums.empty else self._sums.add(sums, fill_value=0.0)

    def draw(self, model: str, path: str) -> None:
        """Draw the means into a file whose ending is the format; raise `WriteError`."""
        figure = Figure(figsize=(12.5, 4.2), layout="constrained")
        axes = figure.subplots()
        sums, what = self._sums.sort_index(), "mean of the counters"
        if len(sums) > MOST_HOURS:
            days = pd.DatetimeIndex(sums.index).tz_localize(None).floor("D")
            sums, what = sums.groupby(days).sum(), f"{what}, by day"
        times = (
            sums.index if pd.DatetimeIndex(sums.index).tz is None else pd.DatetimeIndex(sums.index).tz_localize(None)
        )
        for name, colour in (("actual", ACTUAL), ("predicted", PREDICTED)):
            if name in sums:
                axes.plot(times, sums[name] / sums["rows"], label=name, color=colour, linewidth=1.2)
        axes.set(ylabel=f"bikes per hour, {what}", ylim=(0, None))
        dates: Any = ConciseDateFormatter
        axes.xaxis.set_major_formatter(dates(axes.xaxis.get_major_locator()))
        axes.grid(alpha=0.25)
        axes.legend(loc="upper right", ncols=2, fontsize="small")
        figure.suptitle(f"{model}: predictions")
        try:
            figure.savefig(path, dpi=110)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise WriteError(f"{path}: {reason}", "picture-not-written", path=path, reason=reason) from None
