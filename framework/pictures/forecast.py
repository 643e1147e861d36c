"""A forecast as a picture: one small diagram for each counter."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure  # not pyplot, which keeps a state and looks for a display

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.errors import WriteError
from bike_traffic.evaluation.rows import RECENT
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER

FORECAST, BAND, LAST_WEEKS = "#d1495b", "#f2c4ca", "#7a9cc6"
COLUMNS = 3


def draw_forecast(rows: pd.DataFrame, model: str, path: str) -> None:
    """Draw the rows of a forecast, with interval and recent level, into a file; raise `WriteError`.

    Parameters
    ----------
    path : its ending, such as ``.png`` or ``.svg``, is the format.
    """
    groups = [(str(name), own) for name, own in rows.groupby(COUNTER, observed=True, sort=False)]
    across = min(len(groups), COLUMNS)
    down = -(-len(groups) // across)
    figure = Figure(figsize=(4.4 * across + 1.2, 2.3 * down + 0.8), layout="constrained")
    axes = np.ravel(figure.subplots(down, across, sharex=True, squeeze=False))
    for place, (name, own) in zip(axes, groups, strict=False):
        _draw_counter(place, name, own)
    for place in axes[len(groups) :]:
        place.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=3, fontsize="small")
    first, last = rows[TIME].min(), rows[TIME].max()
    days = f"{first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    figure.suptitle(
        f"{model}: forecast of {days}, {'probability of a busy hour' if PROBABILITY in rows else 'bikes per hour'}"
    )
    try:
        with matplotlib.rc_context({"svg.hashsalt": "bike-traffic"}):
            figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(f"{path}: {reason}", "picture-not-written", path=path, reason=reason) from None


def _draw_counter(axes: Any, name: str, own: pd.DataFrame) -> None:
    times = own[TIME].dt.tz_localize(None)
    values = own[PROBABILITY if PROBABILITY in own else PREDICTION]
    if LOWER in own:
        axes.fill_between(times, own[LOWER], own[UPPER], color=BAND, linewidth=0, label="80 % interval")
    if RECENT in own:
        axes.plot(times, own[RECENT], color=LAST_WEEKS, linewidth=1, label="recent level")
    axes.plot(times, values, color=FORECAST, linewidth=1.4, label="forecast")
    axes.set_title(name, fontsize="small")
    axes.set(ylim=(0, None), xlim=(times.iloc[0], times.iloc[-1]))
    dates: Any = ConciseDateFormatter
    axes.xaxis.set_major_formatter(dates(axes.xaxis.get_major_locator()))
    axes.grid(alpha=0.25)
