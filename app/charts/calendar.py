"""The days of a year as a calendar: a column a week, a row a weekday; days without counts stay visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bike_traffic.app.charts.cells import TIGHT, cell_layers, label_of
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import drawing, lookup
from bike_traffic.app.charts.formats import bikes, column, month_labels, records

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["calendar_chart"]


def calendar_chart(
    days: pd.DataFrame, words: Words, theme: Theme, height: int = 220, unit: str | None = None
) -> Chart:
    """Return the calendar, from the first day of the frame to its last; days that are missing or NaN are hollow.

    Parameters
    ----------
    days : a row a day, with `day` (a date or a timestamp) and `bikes`.
    height : pixels.
    unit : what `bikes` is, in the reader's language; bikes per day by default.
    """
    unit = unit or words.say("bikes per day")
    own = pd.Series(column(days, "bikes").array, index=pd.DatetimeIndex([f"{day:%Y-%m-%d}" for day in days["day"]]))
    every = pd.date_range(own.index.min(), own.index.max()) if len(own) else pd.DatetimeIndex([])
    values = own.reindex(every).round()
    known = values.notna()
    first = every[0] - pd.Timedelta(days=every[0].weekday()) if len(every) else pd.Timestamp(0)
    weeks = [(day - first).days // 7 for day in every]
    greatest = int(values.argmax()) if known.any() else None
    names = [words.date(day, "medium") for day in every]
    rows = records(
        {
            "d": range(len(every)),
            "x": weeks,
            "w": [day.weekday() for day in every],
            "n": values,
            "m": [1 if at == greatest else None for at in range(len(every))],
        }
    )
    # A month is named at the week of its first day, but for one of few days at the very beginning.
    months = {week: day for week, day in zip(weeks, every, strict=True) if day.day == 1}
    x = {
        "field": "x",
        "type": "ordinal",
        "scale": {**TIGHT},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelAlign": "left",
            "orient": "bottom",
            "values": list(months),
            "labelExpr": month_labels({week: day.month for week, day in months.items()}, words, 40 * len(months)),
            "labelOverlap": False,
        },
    }
    y = {
        "field": "w",
        "type": "ordinal",
        "scale": {**TIGHT, "domain": list(range(7))},
        "axis": {"title": None, "labelExpr": lookup({day: words.weekday(day, short=True) for day in range(7)})},
    }
    top = max(float(values.max()), 1.0) if known.any() else 1.0
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": x, "y": y},
        layers=cell_layers(top, unit, label_of(names, "d"), words, theme, missing=not known.all()),
    )
    table = pd.DataFrame({words.say("Day"): names, unit: values.array})
    return Chart(spec, _say_calendar(values, words), table)


def _say_calendar(values: pd.Series[float], words: Words) -> str:
    known = values.dropna()
    if known.empty:
        return words.say("No counts to show.")
    said = words.say(
        "From {first} to {last}: most bikes on {day}, {bikes}.",
        first=words.date(values.index[0], "medium"),
        last=words.date(values.index[-1], "medium"),
        day=words.date(known.index[int(known.argmax())], "full"),
        bikes=bikes(words, float(known.max())),
    )
    if missing := len(values) - len(known):
        said += " " + words.plural(
            "{count} day without counts.", "{count} days without counts.", missing, count=words.number(missing)
        )
    return said
