"""The hours of one day: what is predicted with its interval, what was usual, what came."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.busy import busy_chart
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import (
    ABOVE_TITLE,
    CROSS,
    DASHED_RANGE,
    DASHES,
    RANGE,
    THICK_LINE,
    Entry,
    drawing,
    halo,
    key_layers,
)
from bike_traffic.app.charts.formats import bikes, column, digits_for, records, sentence
from bike_traffic.app.charts.hours import hour_axis, hour_labels, hover_layer

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["day_chart"]

FIELDS = {
    "forecast": "f",
    "lower": "l",
    "upper": "u",
    "count": "c",
    "usual_middle": "m",
    "usual_lower": "a",
    "usual_upper": "b",
}
"""The short name of each column in the data of the chart: each byte is sent to the reader."""


def day_chart(
    hours: pd.DataFrame, words: Words, theme: Theme, *, chosen: int | None = None, height: int = 320
) -> Chart:
    """Return the chart of one day; of a classifier's day where the column `probability` has values.

    Parameters
    ----------
    hours : a row an hour in their order, with `time`, the start of the hour in Europe/Paris, and any of `forecast`,
        `lower`, `upper`, `usual_lower`, `usual_middle`, `usual_upper` and `count` in bikes per hour, or `probability`
        of a busy hour, 0 to 1. Values may be NaN.
    chosen : the row of the hour whose number is written beside its point; by default the greatest one.
    height : pixels.
    """
    if column(hours, "probability").notna().any():
        return busy_chart(hours, words, theme, height)
    values = {name: column(hours, name) for name in FIELDS}
    digits = digits_for(pd.concat(list(values.values())))
    values = {name: series.round(digits) for name, series in values.items() if series.notna().any()}
    labels = hour_labels(hours["time"], words)
    titles = _titles(words)
    shown = {FIELDS[name]: series for name, series in values.items()}
    tooltip: list[dict[str, Any]] = [{"field": "h", "title": words.say("Hour")}]
    for name in values:
        numbers = {"field": FIELDS[name], "type": "quantitative", "format": f",.{digits}f"}
        tooltip.append({**numbers, "title": titles[name]})
    spec = drawing(
        words,
        theme,
        height=height,
        rows=records({"x": range(len(hours)), "h": labels, **shown}),
        encoding={"x": hour_axis(hours["time"], words)},
        layers=[
            *_expected_layers(values, theme, words),
            *_count_layers(values, theme, words),
            *_number_layers(values, labels, chosen, theme, words),
            hover_layer(tooltip, theme),
            *key_layers(_entries(values, theme, words), room=ABOVE_TITLE),
        ],
    )
    table = pd.DataFrame(
        {words.say("Hour"): labels, **{titles[name]: series.array for name, series in values.items()}}
    )
    return Chart(spec, _say_day(hours, values, labels, words), table)


Values = dict[str, "pd.Series[float]"]
"""The columns that have values, rounded."""


def _titles(words: Words) -> dict[str, str]:
    return {
        "forecast": words.say("Forecast"),
        "lower": words.say("Interval from"),
        "upper": words.say("Interval to"),
        "count": words.say("Counted"),
        "usual_middle": words.say("Usual"),
        "usual_lower": words.say("Usual from"),
        "usual_upper": words.say("Usual to"),
    }


def _y(name: str, words: Words) -> dict[str, Any]:
    return {"field": FIELDS[name], "type": "quantitative", "title": words.say("bikes per hour")}


def _line(name: str, colour: str, words: Words, **mark: Any) -> dict[str, Any]:
    return {
        "mark": {"type": "line", "interpolate": "monotone", "color": colour, "aria": False, **mark},
        "encoding": {"y": _y(name, words)},
    }


def _band(lower: str, upper: str, colour: str, words: Words, **mark: Any) -> dict[str, Any]:
    return {
        "mark": {"type": "area", "interpolate": "monotone", "color": colour, "aria": False, **mark},
        "encoding": {"y": _y(lower, words), "y2": {"field": FIELDS[upper]}},
    }


def _expected_layers(values: Values, theme: Theme, words: Words) -> list[dict[str, Any]]:
    """Draw the areas first, so that no line is hidden."""
    areas, lines = [], []
    if {"usual_lower", "usual_upper"} <= values.keys():
        areas.append(_band("usual_lower", "usual_upper", theme.usual_band, words))
        lines += [
            _line(name, theme.usual, words, strokeWidth=1, strokeDash=[1, 3])
            for name in ("usual_lower", "usual_upper")
        ]
    if {"lower", "upper"} <= values.keys():
        areas.append(_band("lower", "upper", theme.band, words, opacity=0.7))
        lines += [_line(name, theme.band_edge, words, strokeWidth=1) for name in ("lower", "upper")]
    if "usual_middle" in values:
        lines.append(_line("usual_middle", theme.usual, words, strokeWidth=1.7, strokeDash=[5, 3]))
    if "forecast" in values:
        lines.append(_line("forecast", theme.forecast, words, strokeWidth=3, strokeCap="round"))
    return areas + lines


def _count_layers(values: Values, theme: Theme, words: Words) -> list[dict[str, Any]]:
    if "count" not in values:
        return []
    mark = {"type": "point", "shape": CROSS, "size": 70, "stroke": theme.counted, "strokeWidth": 2.2, "aria": False}
    return [{"mark": mark, "encoding": {"y": _y("count", words)}}]


def _main(values: Values) -> str | None:
    """Return what a day is about: its forecast, or the counts where there is none."""
    return next((name for name in ("forecast", "count") if name in values), None)


def _number_layers(
    values: Values, labels: list[str], chosen: int | None, theme: Theme, words: Words
) -> list[dict[str, Any]]:
    """Write an hour beside its point, so that the answer needs no axis."""
    name = _main(values)
    if name is None:
        return []
    at = int(values[name].argmax()) if chosen is None else chosen
    value = float(values[name].iloc[at])
    if math.isnan(value):
        return []
    text = words.say("{hour}: {bikes}", hour=labels[at], bikes=words.number(value, digits_for([value])))
    place = {"y": {"field": "y", "type": "quantitative"}}
    left = at < len(labels) * 0.7
    mark = {"align": "left" if left else "right", "dx": 10 if left else -10, "dy": -8, "fontSize": 14}
    dot = {"type": "point", "filled": True, "size": 80, "color": theme.forecast, "stroke": theme.background}
    return [
        {
            "data": {"values": [{"x": at, "y": value, "t": text}]},
            "encoding": place,
            "layer": [
                *([{"mark": {**dot, "strokeWidth": 1.5, "aria": False}}] if name == "forecast" else []),
                *halo({**mark, "fontWeight": "bold"}, {"field": "t"}, theme),
            ],
        }
    ]


def _entries(values: Values, theme: Theme, words: Words) -> list[Entry]:
    usual = (DASHED_RANGE, theme.usual_band) if "usual_upper" in values else (DASHES, "transparent")
    entries = {
        "forecast": Entry(words.say("Forecast"), theme.forecast, THICK_LINE, theme.forecast),
        "upper": Entry(words.say("Interval"), theme.band_edge, RANGE, theme.band),
        "count": Entry(words.say("Counted"), theme.counted, CROSS),
        "usual_middle": Entry(words.say("Usual"), theme.usual, *usual),
    }
    return [entry for name, entry in entries.items() if name in values]


def _say_day(hours: pd.DataFrame, values: Values, labels: list[str], words: Words) -> str:
    name = _main(values)
    if name is None:
        return words.say("No forecast and no counts of this day.")
    at = int(values[name].argmax())
    parts = {
        "day": words.date(hours["time"].iloc[0], "full"),
        "hour": labels[at],
        "bikes": bikes(words, float(values[name].iloc[at])),
    }
    usual = values["usual_middle"].iloc[at] if "usual_middle" in values else None
    if name == "count":
        said = words.say("{day}: most bikes were counted at {hour}, {bikes}.", **parts)
    else:
        said = words.say("{day}: peak at {hour} with {bikes}.", **parts)
    if usual is not None and pd.notna(usual):
        said += " " + words.say("Usually {bikes}.", bikes=words.number(usual, digits_for([usual])))
    if name == "forecast" and "count" in values and pd.notna(values["count"].iloc[at]):
        said += " " + words.say("Counted at that hour: {bikes}.", bikes=bikes(words, float(values["count"].iloc[at])))
    return sentence(said)
