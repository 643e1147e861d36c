"""How far forecasts were from what came, by hour and by counter."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bike_traffic.app.charts.bars import flat_bars, height_of, name_axis
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import (
    ABOVE_TITLE,
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

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["error_by_counter_chart", "error_by_hour_chart"]


def error_by_hour_chart(
    errors: pd.DataFrame, words: Words, theme: Theme, height: int = 240, unit: str | None = None
) -> Chart:
    """Return a bar an hour of the day for the error, and a line over it for what it is compared with.

    Parameters
    ----------
    errors : a row an hour, with `hour` (0 to 23), `error`, and any of `baseline`, the error of the mean of the last
        four weeks. Values may be NaN.
    height : pixels.
    unit : what `error` is, in the reader's language; the mean error in bikes per hour by default.
    """
    unit = unit or words.say("mean error, bikes per hour")
    errors = errors.sort_values("hour")
    error, baseline, digits = _errors(errors)
    labels = [words.hour(int(hour)) for hour in errors["hour"]]
    rows = records({"x": errors["hour"].astype(int), "h": labels, "n": error, "u": baseline})
    x = {
        "field": "x",
        "type": "ordinal",
        "scale": {"paddingInner": 0.25, "paddingOuter": 0.1, "domain": list(range(24))},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "values": list(range(0, 24, 3)),
            "labelExpr": lookup({hour: words.hour(hour) for hour in range(24)}),
        },
    }
    y = {"field": "n", "type": "quantitative", "title": unit}
    titles = _titles(words)
    tooltip = [
        {"field": "h", "title": words.say("Hour")},
        {"field": "n", "type": "quantitative", "title": titles["n"], "format": f",.{digits}f"},
    ]
    entries = [Entry(titles["n"], theme.forecast, RANGE, theme.band)]
    layers: list[dict[str, Any]] = [{"mark": bar_mark(theme), "encoding": {"y": y}}]
    table = pd.DataFrame({words.say("Hour"): labels, titles["n"]: error.array})
    if baseline.notna().any():
        tooltip.append({"field": "u", "type": "quantitative", "title": titles["u"], "format": f",.{digits}f"})
        entries.append(Entry(titles["u"], theme.text, LINE))
        layers.append({"mark": tick_mark(theme), "encoding": {"y": {**y, "field": "u"}}})
        table[titles["u"]] = baseline.array
    layers.append(hit_layer(tooltip, "h"))
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": x},
        layers=[*layers, *key_layers(entries, room=ABOVE_TITLE)],
    )
    return Chart(spec, _say_errors(labels, error, baseline, digits, unit, words), table)


def error_by_counter_chart(errors: pd.DataFrame, words: Words, theme: Theme, unit: str | None = None) -> Chart:
    """Return a bar a counter for the error, the largest first, and a line across for what it is compared with.

    Parameters
    ----------
    errors : a row a counter or a place, in any order, with `name`, `error`, and any of `baseline`, as above.
    unit : what `error` is, in the reader's language; the mean error in bikes per hour by default.
    """
    unit = unit or words.say("mean error, bikes per hour")
    errors = errors.sort_values("error", ascending=False, na_position="last", kind="stable")
    error, baseline, digits = _errors(errors)
    names = [str(name) for name in errors["name"]]
    texts = [words.number(one, digits) if pd.notna(one) else "–" for one in error]
    both = pd.concat([error, baseline], axis=1).max(axis=1)
    titles = _titles(words)
    rows = records({"r": range(len(names)), "name": names, "n": error, "t": texts, "u": baseline})
    tooltip: list[dict[str, Any]] = [
        {"field": "name", "title": words.say("Counter")},
        {"field": "t", "title": titles["n"]},
    ]
    notes = [unit]
    table = pd.DataFrame({words.say("Counter"): names, titles["n"]: error.array})
    if compared := bool(baseline.notna().any()):
        tooltip.append({"field": "u", "type": "quantitative", "title": titles["u"], "format": f",.{digits}f"})
        notes += wrap(words.say("Bar: forecast. Line: mean of the last four weeks."), 42)
        table[titles["u"]] = baseline.array
    hit = {
        "transform": [{"calculate": "datum.name+': '+datum.t", "as": "a"}],
        "mark": {"type": "rect", "opacity": 0},
        "encoding": {
            "x": {"value": 0},
            "x2": {"value": "width"},
            "tooltip": tooltip,
            "description": {"field": "a"},
        },
    }
    top = float(both.max()) if both.notna().any() else 1.0
    spec = drawing(
        words,
        theme,
        height=height_of(len(names)) + 16 * (len(notes) - 1),
        title={"text": notes, "orient": "top", "offset": 6, "lineHeight": 16},
        rows=rows,
        encoding={"y": name_axis(names, [], theme)},
        layers=[*flat_bars(top or 1.0, texts, theme, compared=compared), hit],
    )
    return Chart(spec, _say_errors(names, error, baseline, digits, unit, words), table)


def _errors(errors: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float], int]:
    """Return errors and what they are compared with, rounded, and the digits after the point."""
    error, baseline = column(errors, "error"), column(errors, "baseline")
    digits = 1 if float(np.nanmax([*error, *baseline, 0])) < 100 else 0
    return error.round(digits), baseline.round(digits), digits


def _titles(words: Words) -> dict[str, str]:
    return {"n": words.say("Forecast"), "u": words.say("Mean of the last four weeks")}


def _say_errors(
    names: list[str], error: pd.Series[float], baseline: pd.Series[float], digits: int, unit: str, words: Words
) -> str:
    if not error.notna().any():
        return words.say("No errors to show.")
    at = int(error.argmax())
    said = words.say(
        "Largest at {name}: {error} ({unit}).",
        name=names[at],
        error=words.number(float(error.iloc[at]), digits),
        unit=unit,
    )
    both = error.notna() & baseline.notna()
    if both.any():
        said += " " + words.say(
            "Smaller than the mean of the last four weeks in {better} of {count}.",
            better=int((error[both] < baseline[both]).sum()),
            count=int(both.sum()),
        )
    return said
