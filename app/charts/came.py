"""The forecast of past days against what came, hour after hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import ABOVE_TITLE, LINE, RANGE, THICK_LINE, Entry, drawing, key_layers, lookup
from bike_traffic.app.charts.formats import column, digits_for, records
from bike_traffic.app.charts.hours import hover_layer

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["came_chart"]


def came_chart(hours: pd.DataFrame, words: Words, theme: Theme, height: int = 280) -> Chart:
    """Return the hours of several days as two lines: what was predicted, and what came.

    Parameters
    ----------
    hours : a row an hour in their order, with `time` in Europe/Paris, `forecast` and `count` in bikes per hour, and
        any of `lower` and `upper`. Values may be NaN.
    height : pixels.
    """
    values = {name: column(hours, name) for name in ("forecast", "count", "lower", "upper")}
    digits = digits_for(pd.concat(list(values.values())))
    values = {name: series.round(digits) for name, series in values.items() if series.notna().any()}
    fields = {"forecast": "f", "count": "c", "lower": "l", "upper": "u"}
    titles = {
        "forecast": words.say("Forecast"),
        "count": words.say("Counted"),
        "lower": words.say("Interval from"),
        "upper": words.say("Interval to"),
    }
    labels = [f"{words.date(time, 'weekday')}, {words.hour(time.hour)}" for time in hours["time"]]
    midnights = {at: words.date(time, "weekday").split() for at, time in enumerate(hours["time"]) if time.hour == 0}
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, max(len(hours) - 1, 1)], "nice": False},
        "axis": {
            "title": None,
            "values": list(midnights),
            "labelExpr": lookup(midnights),
            "labelAlign": "left",
            "labelOverlap": "parity",
        },
    }
    y = {"type": "quantitative", "title": words.say("bikes per hour"), "axis": {"format": ",~r"}}
    line = {"type": "line", "interpolate": "monotone", "aria": False}
    layers: list[dict[str, Any]] = []
    entries = []
    if {"lower", "upper"} <= values.keys():
        band = {"type": "area", "interpolate": "monotone", "color": theme.band, "opacity": 0.7, "aria": False}
        layers.append({"mark": band, "encoding": {"y": {**y, "field": "l"}, "y2": {"field": "u"}}})
        entries.append(Entry(words.say("Interval"), theme.band_edge, RANGE, theme.band))
    if "forecast" in values:
        thick = {**line, "color": theme.forecast, "strokeWidth": 3}
        layers.append({"mark": thick, "encoding": {"y": {**y, "field": "f"}}})
        entries.insert(0, Entry(titles["forecast"], theme.forecast, THICK_LINE, theme.forecast))
    if "count" in values:
        thin = {**line, "color": theme.counted, "strokeWidth": 1.5, "point": False}
        layers.append({"mark": thin, "encoding": {"y": {**y, "field": "c"}}})
        entries.append(Entry(titles["count"], theme.counted, LINE))
    tooltip: list[dict[str, Any]] = [{"field": "h", "title": words.say("Hour")}]
    tooltip += [
        {"field": fields[name], "type": "quantitative", "title": titles[name], "format": f",.{digits}f"}
        for name in values
    ]
    shown = {fields[name]: series for name, series in values.items()}
    spec = drawing(
        words,
        theme,
        height=height,
        rows=records({"x": range(len(hours)), "h": labels, **shown}),
        encoding={"x": x},
        layers=[*layers, hover_layer(tooltip, theme), *key_layers(entries, room=ABOVE_TITLE)],
    )
    table = pd.DataFrame(
        {words.say("Hour"): labels, **{titles[name]: series.array for name, series in values.items()}}
    )
    return Chart(spec, _say_came(values, labels, words), table)


def _say_came(values: dict[str, pd.Series[float]], labels: list[str], words: Words) -> str:
    if not {"forecast", "count"} <= values.keys() or not (both := values["forecast"] - values["count"]).notna().any():
        return words.say("No hour has both a forecast and a count.")
    known = both.notna()
    at = int(both.abs().argmax())
    mean = float(both.abs().mean())
    predicted, came = values["forecast"][known].sum(), values["count"][known].sum()
    said = words.say(
        "Off by {error} bikes per hour on average; {predicted} bikes predicted, {came} counted. "
        "Furthest off: {hour}, {hour_predicted} predicted, {hour_came} counted.",
        error=words.number(mean, 0 if mean >= 10 else 1),
        predicted=words.number(predicted),
        came=words.number(came),
        hour=labels[at],
        hour_predicted=words.number(float(values["forecast"].iloc[at])),
        hour_came=words.number(float(values["count"].iloc[at])),
    )
    if {"lower", "upper"} <= values.keys():
        inside = (values["count"] >= values["lower"]) & (values["count"] <= values["upper"])
        said += " " + words.say(
            "{share} of the counts lay in the interval.", share=words.percent(float(inside[known].mean()))
        )
    return said
