"""The months of a year beside those of the year before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import ABOVE_TITLE, LINE, RANGE, Entry, bar_mark, drawing, key_layers, tick_mark
from bike_traffic.app.charts.formats import column, month_labels, records

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["months_chart"]


def months_chart(
    months: pd.DataFrame, words: Words, theme: Theme, height: int = 260, unit: str | None = None
) -> Chart:
    """Return a bar a month, with a line over it for the same month of the year before.

    Parameters
    ----------
    months : a row a month in their order, with `month` (a day of it), `bikes`, and any of `last_year`, the bikes of
        the same month a year before. Means per day rather than sums, so that months of different lengths, and the
        running one, can be compared. Values may be NaN.
    height : pixels.
    unit : what `bikes` is, in the reader's language; bikes per day by default.
    """
    unit = unit or words.say("bikes per day")
    count, last_year = column(months, "bikes").round(), column(months, "last_year").round()
    names = [words.date(month, "month") for month in months["month"]]
    numbers = [month.month for month in months["month"]]
    rows = records(
        {
            "x": range(len(months)),
            "d": names,
            "n": count,
            "l": last_year,
            "a": [
                words.say("{day}: {bikes}", day=name, bikes=words.number(one) if not math.isnan(one) else "–")
                for name, one in zip(names, count, strict=True)
            ],
        }
    )
    x = {
        "field": "x",
        "type": "ordinal",
        "scale": {"paddingInner": 0.25, "paddingOuter": 0.1, "domain": list(range(len(months)))},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelOverlap": False,
            "labelExpr": month_labels(dict(enumerate(numbers)), words, 40 * len(months)),
        },
    }
    y = {"field": "n", "type": "quantitative", "title": unit, "axis": {"format": ",d"}}
    tooltip = [
        {"field": "d", "title": words.say("Month")},
        {"field": "n", "type": "quantitative", "title": unit, "format": ",d"},
    ]
    entries = [Entry(words.say("This year"), theme.forecast, RANGE, theme.band)]
    layers = [
        {
            "mark": {**bar_mark(theme), "aria": True},
            "encoding": {"y": y, "tooltip": tooltip, "description": {"field": "a"}},
        }
    ]
    table = pd.DataFrame({words.say("Month"): names, unit: count.array})
    if last_year.notna().any():
        entries.append(Entry(words.say("Year before"), theme.text, LINE))
        tooltip.append({"field": "l", "type": "quantitative", "title": words.say("Year before"), "format": ",d"})
        layers.append({"mark": tick_mark(theme), "encoding": {"y": {**y, "field": "l"}}})
        table[words.say("Year before")] = last_year.array
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": x},
        layers=[*layers, *key_layers(entries, room=ABOVE_TITLE)],
    )
    return Chart(spec, _say_months(names, count, last_year, unit, words), table)


def _say_months(
    names: list[str], count: pd.Series[float], last_year: pd.Series[float], unit: str, words: Words
) -> str:
    if not count.notna().any():
        return words.say("No counts to show.")
    at = int(count.argmax())
    said = words.say(
        "Most in {month}: {number} {unit}.", month=names[at], number=words.number(float(count.iloc[at])), unit=unit
    )
    both = count.notna() & last_year.notna()
    if last_year[both].sum() > 0:
        change = float(count[both].sum() / last_year[both].sum()) - 1
        months = int(both.sum())
        said += " " + words.plural(
            "{count} month that both years have: {change} against the year before.",
            "{count} months that both years have: {change} against the year before.",
            months,
            count=months,
            change=words.change(change),
        )
    return said
