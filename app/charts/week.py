"""The days ahead as small bars, of which a click chooses one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import (
    CROSS,
    LINE,
    RANGE,
    Entry,
    bar_mark,
    drawing,
    hit_layer,
    key_layers,
    lookup,
    tick_mark,
)
from bike_traffic.app.charts.formats import column, records
from bike_traffic.app.charts.measures import Measure, measure_of

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["week_chart"]

CLICK = {"name": "day", "select": {"type": "point", "fields": ["day"], "toggle": False}}


def week_chart(days: pd.DataFrame, words: Words, theme: Theme, height: int = 190) -> Chart:
    """Return the days as bars; a click selects one: the parameter ``day`` holds ``[{"day": "2021-06-15"}]``.

    Parameters
    ----------
    days : a row a day in their order, with `day` (a date or a timestamp), and `bikes` of the day or `probability` of
        its busiest hour, 0 to 1; and any of `usual` and `count`, the bikes that are usual and those that came, and
        `chosen`. Values may be NaN.
    height : pixels.
    """
    measure = measure_of(days)
    known = {
        name: values
        for name, short in (("usual", "u"), ("count", "c"))
        if not measure.share and (values := column(days, name).round().rename(short)).notna().any()
    }
    labels = [words.date(day, "weekday") for day in days["day"]]
    isos = [f"{day:%Y-%m-%d}" for day in days["day"]]
    chosen = column(days, "chosen").fillna(0).astype(bool)
    nothing = pd.Series(math.nan, index=days.index)
    numbers = [measure.short(one, words) if pd.notna(one) else "–" for one in measure.values]
    rows = records(
        {
            "day": isos,
            "d": labels,
            "n": measure.values,
            "a": [
                _say_bar(label, value, usual, measure, words)
                for label, value, usual in zip(labels, measure.values, known.get("usual", nothing), strict=True)
            ],
            "s": [1 if one else None for one in chosen],
            **{str(values.name): values for values in known.values()},
        }
    )
    titles = _titles(measure, words)
    tooltip = [{"field": "d", "title": words.say("Day")}] + [
        {"field": field, "type": "quantitative", "title": titles[name], "format": measure.format}
        for name, field in (("bikes", "n"), *((name, values.name) for name, values in known.items()))
    ]
    entries = {
        "usual": Entry(titles["usual"], theme.text, LINE),
        "count": Entry(titles["count"], theme.counted, CROSS),
    }
    key = [Entry(titles["bikes"], theme.forecast, RANGE, theme.band), *(entries[name] for name in known)]
    picked = [iso for iso, one in zip(isos, chosen, strict=True) if one]
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": _day_axis(isos, labels, numbers, picked, theme)},
        layers=[
            *_bars(measure, theme),
            *_marks(set(known), theme),
            {"params": [CLICK], **hit_layer(tooltip, "a", cursor="pointer")},
            *key_layers(key),
        ],
    )
    table = pd.DataFrame(
        {
            words.say("Day"): labels,
            titles["bikes"]: measure.values.array if not measure.share else numbers,
            **{titles[name]: values.array for name, values in known.items()},
        }
    )
    return Chart(spec, _say_week(days, measure, known.get("usual", nothing), words), table)


def _titles(measure: Measure, words: Words) -> dict[str, str]:
    return {
        "bikes": words.say("Chance of a busy hour") if measure.share else words.say("Forecast"),
        "usual": words.say("Usual"),
        "count": words.say("Counted"),
    }


def _day_axis(
    isos: list[str], labels: list[str], numbers: list[str], picked: list[str], theme: Theme
) -> dict[str, Any]:
    """Return the axis of days; a label has the day and its number below each other, in bold for the chosen one.

    A number above its bar would stand on the line of what is usual, and be taken for that.
    """
    test = f"indexof({picked},datum.value)>=0"
    return {
        "field": "day",
        "type": "ordinal",
        "sort": None,
        # The domain keeps the order where a day has no number.
        "scale": {"paddingInner": 0.24, "paddingOuter": 0.1, "domain": isos},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelOverlap": False,
            "labelPadding": 8,
            "labelExpr": lookup(
                {iso: [*label.split(), number] for iso, label, number in zip(isos, labels, numbers, strict=True)}
            ),
            "labelFontWeight": {"condition": {"test": test, "value": "bold"}, "value": "normal"},
            "labelColor": {"condition": {"test": test, "value": theme.text}, "value": theme.muted},
        },
    }


def _y(field: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "axis": None}


def _bars(measure: Measure, theme: Theme) -> list[dict[str, Any]]:
    scale = {"domain": [0, 1]} if measure.share else {"zero": True}
    fill = {"condition": {"test": "datum.s", "value": theme.forecast}, "value": theme.band}
    return [{"mark": bar_mark(theme), "encoding": {"y": {**_y("n"), "scale": scale}, "fill": fill}}]


def _marks(known: set[str], theme: Theme) -> list[dict[str, Any]]:
    """Draw what was usual as a line over the bar, and what came as a cross."""
    cross = {"type": "point", "shape": CROSS, "size": 70, "strokeWidth": 2.2, "aria": False}
    layers: list[dict[str, Any]] = []
    if "usual" in known:
        layers.append({"mark": tick_mark(theme), "encoding": {"y": _y("u")}})
    if "count" in known:
        layers.append({"mark": {**cross, "stroke": theme.background, "strokeWidth": 5}, "encoding": {"y": _y("c")}})
        layers.append({"mark": {**cross, "stroke": theme.counted}, "encoding": {"y": _y("c")}})
    return layers


def _say_bar(label: str, value: float, usual: float, measure: Measure, words: Words) -> str:
    """Return what a screen reader says of one bar."""
    if math.isnan(value):
        return words.say("{day}: no forecast", day=label)
    if math.isnan(usual):
        return words.say("{day}: {bikes}", day=label, bikes=measure.long(value, words))
    said = {"bikes": measure.long(value, words), "usual": measure.short(usual, words)}
    return words.say("{day}: {bikes}, usually {usual}", day=label, **said)


def _say_week(days: pd.DataFrame, measure: Measure, usual: pd.Series[float], words: Words) -> str:
    values = measure.values
    if not values.notna().any():
        return words.say("No forecast of these days.")
    most, least = int(values.argmax()), int(values.argmin())
    parts = {
        "day": words.date(days["day"].iloc[most], "full"),
        "most": measure.long(float(values.iloc[most]), words),
        "least_day": words.date(days["day"].iloc[least], "full"),
        "least": measure.short(float(values.iloc[least]), words),
    }
    if measure.share:
        return words.say(
            "A busy hour is most likely on {day} ({most}), least likely on {least_day} ({least}).", **parts
        )
    said = words.say("Most bikes on {day} ({most}), fewest on {least_day} ({least}).", **parts)
    both = values.notna() & usual.notna()
    if usual[both].sum() > 0:
        change = float(values[both].sum() / usual[both].sum()) - 1
        said += " " + words.say("Against usual: {change}.", change=words.change(change))
    return said
