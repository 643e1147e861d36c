"""A metric of records over time, model by model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import ABOVE_TITLE, CROSS, Entry, drawing, halo, key_layers, lookup
from bike_traffic.app.charts.formats import column, records

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["metric_history_chart"]

SHAPES = {
    "circle": "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0",
    "square": "M-.9,-.9L.9,-.9L.9,.9L-.9,.9Z",
    "triangle": "M0,-1L1,.8L-1,.8Z",
    "diamond": "M0,-1.2L1,0L0,1.2L-1,0Z",
    "pentagon": "M0,-1.1L1.05,-.34L.65,.9L-.65,.9L-1.05,-.34Z",
}
"""A shape for each model beside its colour; a sixth model has the first one's again."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 3])


def metric_history_chart(
    history: pd.DataFrame,
    words: Words,
    theme: Theme,
    metric: str,
    *,
    higher_is_better: bool,
    height: int = 300,
) -> Chart:
    """Return a line a model through its records; withdrawn ones are crossed out, aliases written beside theirs.

    Parameters
    ----------
    history : a row a record, in any order, with `time` (a timestamp), `value`, `model`, and any of `withdrawn`, a
        truth value, and `alias`, text, empty where there is none. Rows whose value is NaN are left out.
    metric : what the reader calls it.
    higher_is_better : which end of the scale the best record is at.
    height : pixels.
    """
    history = history[column(history, "value").notna()].sort_values("time", kind="stable")
    value = column(history, "value")
    # As many digits as tell records apart: an r2 has three, a number of bikes one.
    digits = 3 if value.abs().max() < 10 else 1
    times = [pd.Timestamp(time) for time in history["time"]]
    days = [round((time - times[0]).total_seconds() / 86_400, 3) for time in times]
    dates = [words.date(time, "medium") for time in times]
    models = sorted({str(model) for model in history["model"]})
    withdrawn = column(history, "withdrawn").fillna(0).astype(bool)
    aliases = _aliases(history)
    rows = records(
        {
            "x": days,
            "v": value.round(digits),
            "k": [str(model) for model in history["model"]],
            "w": [1 if one else None for one in withdrawn],
            "e": [alias or None for alias in aliases],
            "a": [
                _say_record(str(model), date, words.number(one, digits), bool(gone), alias, words)
                for model, date, one, gone, alias in zip(
                    history["model"], dates, value, withdrawn, aliases, strict=True
                )
            ],
        }
    )
    spec = drawing(
        words,
        theme,
        height=height,
        rows=rows,
        encoding={"x": _time_axis(days, times, words)},
        layers=[
            *_model_layers(models, set(history["model"][~withdrawn]), metric, digits, theme),
            *_mark_layers(metric, theme, withdrawn=bool(withdrawn.any()), named=any(aliases)),
            *_key(models, withdrawn, words, theme),
        ],
    )
    table = pd.DataFrame(
        {
            words.say("Day"): dates,
            words.say("Model"): history["model"].astype(str).array,
            metric: value.round(digits).array,
            words.say("Alias"): aliases,
            words.say("Withdrawn"): [words.say("yes") if one else "" for one in withdrawn],
        }
    )
    return Chart(
        spec, _say_history(history, dates, value, digits, withdrawn, metric, words, higher=higher_is_better), table
    )


def _aliases(history: pd.DataFrame) -> list[str]:
    if "alias" not in history:
        return [""] * len(history)
    return [str(alias) if pd.notna(alias) else "" for alias in history["alias"]]


def _say_record(model: str, date: str, value: str, withdrawn: bool, alias: str, words: Words) -> str:
    said = words.say("{model}, {day}: {value}", model=model, day=date, value=value)
    if alias:
        said += f" · {alias}"
    return f"{said} · {words.say('withdrawn')}" if withdrawn else said


def _time_axis(days: list[float], times: list[pd.Timestamp], words: Words) -> dict[str, Any]:
    """Return the axis of days since the first record, with at most four dates."""
    last = days[-1] if days else 0.0
    labels = {}
    if times:
        for share in (0, 1 / 3, 2 / 3, 1) if last >= 3 else (0,):
            at = round(last * share)
            labels[at] = words.date(times[0] + pd.Timedelta(days=at), "medium")
    room = max(last * 0.03, 0.5)
    return {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [-room, last + room], "nice": False, "zero": False},
        "axis": {
            "title": None,
            "grid": False,
            "values": list(labels),
            "labelExpr": lookup(labels),
            "labelFlush": True,
            "labelOverlap": "parity",
        },
    }


def _y(metric: str, digits: int | None = None) -> dict[str, Any]:
    axis = {} if digits is None else {"axis": {"format": f",.{min(digits, 2)}~f"}}
    return {"field": "v", "type": "quantitative", "title": metric, "scale": {"zero": False}, **axis}


def _look(at: int, theme: Theme) -> tuple[str, str, list[int]]:
    """Return the colour, the shape and the dashes of a model."""
    return theme.series[at % len(theme.series)], [*SHAPES.values()][at % len(SHAPES)], DASHES[at % len(DASHES)]


def _model_layers(
    models: list[str], standing: set[str], metric: str, digits: int, theme: Theme
) -> list[dict[str, Any]]:
    """Draw the models; a line only of those with records that stand: Vega warns of a layer without rows."""
    layers: list[dict[str, Any]] = []
    for at, model in enumerate(models):
        colour, shape, dashes = _look(at, theme)
        line = {"type": "line", "color": colour, "strokeWidth": 1.8, "strokeDash": dashes, "aria": False}
        point = {"type": "point", "shape": shape, "size": 75, "fill": colour, "stroke": theme.background}
        own = f"datum.k==={json.dumps(model)}"
        described = {"description": {"field": "a"}, "tooltip": {"field": "a"}}
        # The line passes by what was withdrawn.
        if model in standing:
            layers.append(
                {
                    "transform": [{"filter": f"{own}&&!datum.w"}],
                    "mark": line,
                    "encoding": {"y": _y(metric, digits)},
                }
            )
        layers.append(
            {
                "transform": [{"filter": own}],
                "mark": {**point, "strokeWidth": 1, "opacity": {"expr": "datum.w?.55:1"}},
                "encoding": {"y": _y(metric, digits), **described},
            }
        )
    return layers


def _mark_layers(metric: str, theme: Theme, *, withdrawn: bool, named: bool) -> list[dict[str, Any]]:
    """Cross out what was withdrawn and write the aliases, where there are any."""
    cross = {"type": "point", "shape": CROSS, "size": 150, "stroke": theme.alarm, "strokeWidth": 2.2, "aria": False}
    text = {"baseline": "bottom", "dy": -9, "fontWeight": "bold"}
    crosses = {"transform": [{"filter": "datum.w"}], "mark": cross, "encoding": {"y": _y(metric)}}
    names = {
        "transform": [{"filter": "datum.e"}],
        "encoding": {"y": _y(metric)},
        "layer": halo(text, {"field": "e"}, theme),
    }
    return [*([crosses] if withdrawn else []), *([names] if named else [])]


def _key(models: list[str], withdrawn: pd.Series[bool], words: Words, theme: Theme) -> list[dict[str, Any]]:
    entries = []
    for at, model in enumerate(models):
        colour, shape, _ = _look(at, theme)
        entries.append(Entry(model, colour, shape, colour))
    if withdrawn.any():
        entries.append(Entry(words.say("withdrawn"), theme.alarm, CROSS))
    return key_layers(entries, room=ABOVE_TITLE)


def _say_history(
    history: pd.DataFrame,
    dates: list[str],
    value: pd.Series[float],
    digits: int,
    withdrawn: pd.Series[bool],
    metric: str,
    words: Words,
    *,
    higher: bool,
) -> str:
    standing = value.where(~withdrawn)
    if not standing.notna().any():
        return words.say("No records of this metric.")
    at = int(standing.argmax() if higher else standing.argmin())
    said = words.say(
        "{metric}: the best of {count} is {value}, {model} on {day}.",
        metric=metric,
        count=words.plural("{count} record", "{count} records", len(history), count=len(history)),
        value=words.number(float(value.iloc[at]), digits),
        model=history["model"].iloc[at],
        day=dates[at],
    )
    if gone := int(withdrawn.sum()):
        said += " " + words.plural("{count} is withdrawn.", "{count} are withdrawn.", gone, count=gone)
    return said
