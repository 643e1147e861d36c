"""The hours of the week: where the bikes are, hour by hour and day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bike_traffic.app.charts.cells import TIGHT, cell_layers, label_of
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import drawing, lookup
from bike_traffic.app.charts.formats import bikes, column, records

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["heat_chart"]


def heat_chart(means: pd.DataFrame, words: Words, theme: Theme, height: int = 260, unit: str | None = None) -> Chart:
    """Return the means as 7 rows of 24 cells; cells without a mean are visibly empty.

    Parameters
    ----------
    means : a row a cell, with `weekday` (0 is Monday), `hour` (0 to 23) and `bikes`, the mean of these hours; cells
        may be missing or NaN.
    height : pixels.
    unit : what `bikes` is, in the reader's language; bikes per hour by default.
    """
    unit = unit or words.say("bikes per hour")
    cells = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
    own = pd.Series(column(means, "bikes").array, index=pd.MultiIndex.from_frame(means[["weekday", "hour"]]))
    values = own.reindex(cells).round()
    known = values.notna()
    days = [words.weekday(day) for day in range(7)]
    hours = [words.hour(hour) for hour in range(24)]
    greatest = int(values.argmax()) if known.any() else None
    rows = records(
        {
            "w": cells.get_level_values("weekday").to_numpy(),
            "h": cells.get_level_values("hour").to_numpy(),
            "n": values,
            "m": [1 if at == greatest else None for at in range(len(cells))],
        }
    )
    x = {
        "field": "h",
        "type": "ordinal",
        "scale": {**TIGHT},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "values": list(range(0, 24, 3)),
            "labelExpr": lookup(dict(enumerate(hours))),
            "labelOverlap": "parity",
        },
    }
    short = {day: words.weekday(day, short=True) for day in range(7)}
    y = {
        "field": "w",
        "type": "ordinal",
        "scale": {**TIGHT},
        "axis": {"title": None, "labelExpr": lookup(short)},
    }
    text = f"{label_of(days, 'w')}+', '+{label_of(hours, 'h')}"
    top = max(float(values.max()), 1.0) if known.any() else 1.0
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": x, "y": y},
        layers=cell_layers(top, unit, text, words, theme, missing=not known.all()),
    )
    table = pd.DataFrame(values.to_numpy().reshape(7, 24).T, columns=days)
    table.insert(0, words.say("Hour"), hours)
    return Chart(spec, _say_heat(values, days, hours, words), table)


def _say_heat(values: pd.Series[float], days: list[str], hours: list[str], words: Words) -> str:
    if not values.notna().any():
        return words.say("No counts to show.")
    grid = values.to_numpy().reshape(7, 24)
    day, hour = np.unravel_index(int(np.nanargmax(grid)), grid.shape)
    quiet_day, quiet_hour = np.unravel_index(int(np.nanargmin(grid)), grid.shape)
    return words.say(
        "Busiest: {day} at {hour}, {bikes} on average. Quietest: {quiet_day} at {quiet_hour}, {quiet}.",
        day=days[day],
        hour=hours[hour],
        bikes=bikes(words, float(grid[day, hour])),
        quiet_day=days[quiet_day],
        quiet_hour=hours[quiet_hour],
        quiet=words.number(float(grid[quiet_day, quiet_hour])),
    )
