"""The bikes of a year to date, beside the same days of the year before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import ABOVE_TITLE, DASHES, THICK_LINE, Entry, drawing, halo, key_layers
from bike_traffic.app.charts.formats import bikes, column, month_labels, records

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["to_date_chart"]

POINTS = 120
"""As many points of a line as are enough for the eye."""


def to_date_chart(days: pd.DataFrame, words: Words, theme: Theme, height: int = 280) -> Chart:
    """Return the sums to date as two lines.

    Only days that both years have are summed, for a gap of one year would look like a fall of it.

    Parameters
    ----------
    days : a row a day of this year in their order, with `day`, `bikes`, and `last_year`, the bikes of the day a year
        before. Values may be NaN.
    height : pixels.
    """
    this, last = column(days, "bikes"), column(days, "last_year")
    both = (this.notna() & last.notna()).to_numpy()
    sums = {"n": this.where(both, 0).cumsum().round(), "l": last.where(both, 0).cumsum().round()}
    # Every so many days, and the last one always.
    step = max(1, -(-len(days) // POINTS))
    kept = sorted({*range(0, len(days), step), *([len(days) - 1] if len(days) else [])})
    names = [words.date(day, "medium") for day in days["day"]]
    rows = records(
        {"x": kept, "d": [names[at] for at in kept], **{field: values.iloc[kept] for field, values in sums.items()}}
    )
    months = {at: day.month for at, day in enumerate(days["day"]) if day.day == 1 or at == 0}
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, max(len(days) - 1, 1)], "nice": False},
        "axis": {
            "title": None,
            "grid": False,
            "values": list(months),
            "labelExpr": month_labels(months, words, 40 * len(months)),
            "labelAlign": "left",
            "labelOverlap": False,
        },
    }
    title = words.say("bikes to date")
    lines = {"n": (words.say("This year"), {"color": theme.forecast, "strokeWidth": 3})}
    lines["l"] = (words.say("Year before"), {"color": theme.usual, "strokeWidth": 2, "strokeDash": [5, 3]})
    y = {"type": "quantitative", "title": title, "axis": {"format": ",d"}}
    tooltip = [{"field": "d", "title": words.say("Day")}] + [
        {"field": field, "type": "quantitative", "title": label, "format": ",d"}
        for field, (label, _) in lines.items()
    ]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "line", "aria": False, **mark}, "encoding": {"y": {**y, "field": field}}}
        for field, (_, mark) in reversed(lines.items())
    ]
    hover = {"type": "rule", "strokeWidth": 8, "opacity": 0, "color": theme.text}
    layers.append({"mark": hover, "encoding": {"tooltip": tooltip, "description": {"field": "d"}}})
    change = _change(sums)
    if change is not None:
        end = {"x": len(days) - 1, "y": float(sums["n"].iloc[-1]), "t": words.change(change)}
        mark = {"align": "right", "dx": -8, "dy": -8, "fontSize": 14, "fontWeight": "bold"}
        place = {"y": {"field": "y", "type": "quantitative"}}
        layers.append({"data": {"values": [end]}, "encoding": place, "layer": halo(mark, {"field": "t"}, theme)})
    layers.extend(
        key_layers(
            [
                Entry(lines["n"][0], theme.forecast, THICK_LINE, theme.forecast),
                Entry(lines["l"][0], theme.usual, DASHES),
            ],
            room=ABOVE_TITLE,
        )
    )
    spec = drawing(words, theme, height=height, rows=rows, encoding={"x": x}, layers=layers)
    table = pd.DataFrame(
        {words.say("Day"): names, **{label: sums[field].array for field, (label, _) in lines.items()}}
    )
    return Chart(spec, _say_to_date(names, sums, both, change, words), table)


def _change(sums: dict[str, pd.Series[float]]) -> float | None:
    if not len(sums["l"]) or not sums["l"].iloc[-1]:
        return None
    return float(sums["n"].iloc[-1] / sums["l"].iloc[-1]) - 1


def _say_to_date(
    names: list[str],
    sums: dict[str, pd.Series[float]],
    both: np.ndarray[Any, np.dtype[np.bool_]],
    change: float | None,
    words: Words,
) -> str:
    if change is None:
        return words.say("No day that both years have.")
    said = words.say(
        "To {day}: {bikes}, {change} against the year before.",
        day=names[-1],
        bikes=bikes(words, float(sums["n"].iloc[-1])),
        change=words.change(change),
    )
    if missing := int((~both).sum()):
        said += " " + words.plural(
            "{count} day that one of the years lacks is left out.",
            "{count} days that one of the years lacks are left out.",
            missing,
            count=words.number(missing),
        )
    return said
