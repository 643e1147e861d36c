"""One day among the days like it that came before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import (
    DASHES,
    RANGE,
    Entry,
    bar_mark,
    drawing,
    hit_layer,
    key_layers,
    lookup,
)
from bike_traffic.app.charts.formats import bikes, column, records, sentence

if TYPE_CHECKING:
    from datetime import date

    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["like_days_chart"]

_BLANK = "\N{WORD JOINER}"
"""A line without text; Vega trims spaces, an empty line takes no room, and the number would stand beside a month."""


def like_days_chart(
    days: pd.DataFrame,
    words: Words,
    theme: Theme,
    *,
    middle: float | None,
    others: int,
    height: int = 220,
) -> Chart:
    """Return a bar a day, the chosen one filled, and a line at the median of all others it is compared with.

    Parameters
    ----------
    days : a row a day, the oldest first, such as the last twelve Tuesdays, with `day`, `bikes` and `chosen`, which is
        true of one. Bikes may be NaN.
    middle : the median of the others; ``None`` if there are none.
    others : their number, of which the last ones are shown.
    height : pixels.
    """
    count = column(days, "bikes").round()
    chosen = column(days, "chosen").fillna(0).astype(bool)
    names = [words.date(day, "full") for day in days["day"]]
    numbers = [words.number(one) if pd.notna(one) else "–" for one in count]
    picked = [at for at, one in enumerate(chosen) if one]
    rows = records(
        {
            "x": range(len(days)),
            "d": names,
            "n": count,
            "t": numbers,
            "s": [1 if one else None for one in chosen],
        }
    )
    x = {
        "field": "x",
        "type": "ordinal",
        "scale": {"paddingInner": 0.25, "paddingOuter": 0.1, "domain": list(range(len(days)))},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelOverlap": False,
            "labelExpr": lookup(_lines(list(days["day"]), numbers, list(chosen), words)),
            "labelFontWeight": {
                "condition": {"test": f"indexof({picked},datum.value)>=0", "value": "bold"},
                "value": "normal",
            },
        },
    }
    y = {"field": "n", "type": "quantitative", "axis": None, "scale": {"zero": True}}
    fill = {"condition": {"test": "datum.s", "value": theme.forecast}, "value": theme.band}
    hit = {
        "transform": [{"calculate": "datum.d+': '+datum.t", "as": "a"}],
        **hit_layer({"field": "a"}, "a"),
    }
    layers: list[dict[str, Any]] = [{"mark": bar_mark(theme), "encoding": {"y": y, "fill": fill}}]
    entries = [Entry(words.say("bikes per day"), theme.forecast, RANGE, theme.band)]
    if middle is not None:
        label = words.say(
            "Median of the {days} others: {bikes}", days=words.number(others), bikes=words.number(middle)
        )
        entries.append(Entry(label, theme.text, DASHES))
        layers += [
            {
                "data": {"values": [{}]},
                "mark": {"type": "rule", "strokeWidth": width, "color": colour, "strokeDash": dash, "aria": False},
                "encoding": {
                    "x": {"value": 0},
                    "x2": {"value": "width"},
                    "y": {"datum": round(middle), "axis": None},
                },
            }
            for width, colour, dash in ((4, theme.background, [1, 0]), (2, theme.text, [6, 4]))
        ]
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": x},
        layers=[*layers, hit, *key_layers(entries)],
    )
    table = pd.DataFrame({words.say("Day"): names, words.say("bikes per day"): count.array})
    return Chart(spec, _say_like_days(names, count, chosen, middle, others, words), table)


def _lines(days: list[date], numbers: list[str], chosen: list[bool], words: Words) -> dict[int, list[str]]:
    """Return the labels of days: the day of the month, below it the month where another one begins, and a number.

    The first day's month is left out if the next one follows at once, for want of room; the number is that of the
    chosen day, for above its bar the line of the median may be.
    """
    forms = words.locale.months["stand-alone"]["abbreviated"]
    shown = [number if is_chosen else "" for number, is_chosen in zip(numbers, chosen, strict=True)]
    new = [at == 0 or day.month != days[at - 1].month for at, day in enumerate(days)]
    if len(new) > 4 and new[1]:
        new[0] = False
    return {
        at: [str(day.day), str(forms[day.month]) if new[at] else _BLANK if chosen[at] else "", number]
        for at, (day, number) in enumerate(zip(days, shown, strict=True))
    }


def _say_like_days(
    names: list[str],
    count: pd.Series[float],
    chosen: pd.Series[bool],
    middle: float | None,
    others: int,
    words: Words,
) -> str:
    picked = [at for at, one in enumerate(chosen) if one and pd.notna(count.iloc[at])]
    if not picked or middle is None:
        return words.say("Nothing to compare this day with.")
    at = picked[0]
    value = float(count.iloc[at])
    said = words.say(
        "{day}: {bikes}; the median of the {days} others like it is {middle}.",
        day=names[at],
        bikes=bikes(words, value),
        days=words.number(others),
        middle=words.number(middle),
    )
    return sentence(said)
