"""The places with their bikes on a sketch of Paris, of which a click chooses one."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import drawing, halo
from bike_traffic.app.charts.formats import column, records
from bike_traffic.app.charts.measures import Measure, measure_of
from bike_traffic.app.charts.sketch import apart, frame_of, landmarks, sketch, within_sketch

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["map_chart"]

NOTE_WIDTH = 42
"""Letters of a line that fit on a page of 320 pixels."""

TROUBLE = "M0,-1L.95,.75L-.95,.75Z"
"""A triangle, as a path that Vega scales."""


SELECTION = {"params": [{"name": "place", "select": {"type": "point", "fields": ["name"], "toggle": False}}]}
"""Streamlit refuses to listen to a chart without one, so that a map without dots has it too."""


def map_chart(places: pd.DataFrame, words: Words, theme: Theme, height: int = 360, unit: str | None = None) -> Chart:
    """Return the map; a click selects a place: the parameter ``place`` holds ``[{"name": "..."}]``.

    Places of Paris stand on a sketch of it, those of elsewhere without one. Places that are so close that one dot
    would hide the other are drawn a little apart.

    Parameters
    ----------
    places : a row a place, with `name`, `latitude` and `longitude` in degrees, `bikes` or `probability` of a busy
        hour, 0 to 1, and any of `state` and `chosen`. `state` says in the reader's language what is wrong with the
        place, and is empty where nothing is. All but the name may be NaN; a place without coordinates stands in the
        table alone.
    height : pixels of the map, without the notes below it.
    unit : what the size of the dots shows, in the reader's language; bikes per day by default.
    """
    measure = measure_of(places)
    if unit is None:
        unit = words.say("chance of a busy hour") if measure.share else words.say("bikes per day")
    states = _states(places)
    latitude, longitude = column(places, "latitude"), column(places, "longitude")
    located = latitude.notna() & longitude.notna()
    chosen = column(places, "chosen").fillna(0).astype(bool) & located
    shown = (
        [measure.short(one, words) if pd.notna(one) else "" for one in measure.values]
        if measure.share
        else measure.values.array
    )
    table = pd.DataFrame({words.say("Place"): places["name"].astype(str).array, unit: shown})
    if states.ne("").any():
        table[words.say("State")] = states.array
    said = _say_map(places, measure, states, located, words)
    if not located.any():
        nothing = {"text": words.say("The places have no coordinates."), "orient": "bottom"}
        empty = {**SELECTION, "mark": "point", "data": {"values": []}, "encoding": {}}
        return Chart(drawing(words, theme, height=40, title=nothing, rows=[], layers=[empty]), said, table)
    drawn = apart(latitude[located], longitude[located])
    in_paris = within_sketch(latitude[located], longitude[located])
    rows = records(
        {
            "name": places["name"][located].astype(str),
            "y": drawn["latitude"],
            "x": drawn["longitude"],
            "n": measure.values[located],
            "s": [1 if one else None for one in chosen[located]],
            "e": [state or None for state in states[located]],
        }
    )
    notes = [words.say("Size of the dots: {unit}.", unit=unit)]
    if (drawn["latitude"] != latitude[located].round(4)).any():
        notes.append(words.say("Close places are drawn apart."))
    if in_paris:
        notes.insert(0, words.say("A sketch of Paris, not a street map."))
    if states[located].ne("").any():
        notes.append(words.say("Triangle: something is wrong."))
    note = [line for text in notes for line in wrap(text, NOTE_WIDTH)]
    position = {
        "longitude": {"field": "x", "type": "quantitative"},
        "latitude": {"field": "y", "type": "quantitative"},
    }
    spec = drawing(
        words,
        theme,
        # The notes below the map take nothing of its height.
        height=height + 16 * len(note),
        projection={"type": "mercator"},
        title={"text": note, "orient": "bottom", "offset": 6, "lineHeight": 16},
        rows=rows,
        layers=[
            *(_sketch_layers(theme) if in_paris else [_frame_layer(latitude[located], longitude[located])]),
            *_dot_layers(position, measure.top, theme),
            *(_chosen_layers(position, rows, theme) if chosen.any() else []),
            _hit_layer(position, unit, measure, words, trouble=bool(states[located].ne("").any())),
        ],
    )
    return Chart(spec, said, table)


def _states(places: pd.DataFrame) -> pd.Series[str]:
    if "state" not in places:
        return pd.Series("", index=places.index, dtype=object)
    return places["state"].astype(object).where(places["state"].notna(), "").astype(str)


def _shape_layer(shape: dict[str, Any], **mark: Any) -> dict[str, Any]:
    return {"data": {"values": [shape]}, "mark": {"type": "geoshape", "aria": False, **mark}}


def _sketch_layers(theme: Theme) -> list[dict[str, Any]]:
    shapes = sketch()
    water = {"filled": False, "stroke": theme.water, "strokeCap": "round", "strokeJoin": "round"}
    name = {"type": "text", "color": theme.muted, "fontSize": 11, "fontStyle": "italic", "aria": False}
    return [
        _shape_layer(shapes["land"], fill=theme.land, stroke=theme.shore, strokeWidth=1, strokeJoin="round"),
        _shape_layer(shapes["canal"], **water, strokeWidth={"expr": "max(1.5,width/320)"}),
        _shape_layer(shapes["river"], **water, strokeWidth={"expr": "min(9,max(4.5,width/80))"}),
        {
            "data": {"values": landmarks()},
            # A narrow page has room for the places alone.
            "mark": {**name, "opacity": {"expr": "width<420?0:1"}},
            "encoding": {
                "longitude": {"field": "x", "type": "quantitative"},
                "latitude": {"field": "y", "type": "quantitative"},
                "text": {"field": "name"},
            },
        },
    ]


def _frame_layer(latitude: pd.Series[float], longitude: pd.Series[float]) -> dict[str, Any]:
    return _shape_layer(frame_of(latitude, longitude), opacity=0)


def _dot_layers(position: dict[str, Any], top: float, theme: Theme) -> list[dict[str, Any]]:
    """Discs by bikes, small rings where they are unknown, triangles where something is wrong."""
    area = {
        "field": "n",
        "type": "quantitative",
        "scale": {"domain": [0, top], "rangeMin": 30, "rangeMax": {"expr": "width<450?330:560"}},
        "legend": None,
    }
    disc = {
        "type": "circle",
        "color": theme.forecast,
        "opacity": 0.88,
        "stroke": theme.background,
        "strokeWidth": 1.2,
    }
    ring = {"type": "point", "size": 45, "stroke": theme.forecast, "fill": theme.background, "strokeWidth": 1.8}
    sign = {"type": "point", "shape": TROUBLE, "size": 150, "stroke": theme.alarm, "strokeWidth": 2.2}
    return [
        {
            "transform": [{"filter": "isValid(datum.n)&&!datum.e"}],
            "mark": {**disc, "aria": False},
            "encoding": {**position, "size": area},
        },
        {
            "transform": [{"filter": "!isValid(datum.n)&&!datum.e"}],
            "mark": {**ring, "aria": False},
            "encoding": position,
        },
        {
            "transform": [{"filter": "datum.e"}],
            "mark": {**sign, "fill": theme.background, "aria": False},
            "encoding": position,
        },
    ]


def _chosen_layers(position: dict[str, Any], rows: list[dict[str, Any]], theme: Theme) -> list[dict[str, Any]]:
    """Draw a ring round the chosen place, and its name on the side where there is room."""
    middle = (min(row["x"] for row in rows) + max(row["x"] for row in rows)) / 2
    chosen = [row for row in rows if row.get("s")]
    ring = {"type": "point", "size": 900, "filled": False, "aria": False}
    layers: list[dict[str, Any]] = [
        {"mark": {**ring, "stroke": theme.background, "strokeWidth": 5}},
        {"mark": {**ring, "stroke": theme.text, "strokeWidth": 2.5}},
    ]
    for side, sign in (("left", 1), ("right", -1)):
        text = {"align": side, "dx": 20 * sign, "fontSize": 13, "fontWeight": "bold", "limit": {"expr": "width/2-24"}}
        there = {"values": [row for row in chosen if (row["x"] <= middle) == (side == "left")]}
        if there["values"]:
            layers.append({"data": there, "layer": halo(text, {"field": "name"}, theme)})
    return [{"data": {"values": chosen}, "encoding": position, "layer": layers}]


def _hit_layer(
    position: dict[str, Any], unit: str, measure: Measure, words: Words, *, trouble: bool
) -> dict[str, Any]:
    """Unseen discs above everything, as large as a finger needs; they have the names."""
    tooltip = [
        {"field": "name", "title": words.say("Place")},
        {"field": "n", "type": "quantitative", "title": unit, "format": measure.format},
    ]
    if trouble:
        tooltip.append({"field": "e", "title": words.say("State")})
    return {
        **SELECTION,
        "mark": {"type": "circle", "size": {"expr": "width<450?620:900"}, "opacity": 0, "cursor": "pointer"},
        "encoding": {**position, "tooltip": tooltip, "description": {"field": "name"}},
    }


def _say_map(
    places: pd.DataFrame, measure: Measure, states: pd.Series[str], located: pd.Series[bool], words: Words
) -> str:
    said = [words.plural("{count} place.", "{count} places.", len(places), count=words.number(len(places)))]
    if measure.values.notna().any():
        at = int(measure.values.argmax())
        most = {"place": places["name"].iloc[at], "bikes": measure.long(float(measure.values.iloc[at]), words)}
        said.append(words.say("Most: {place}, {bikes}.", **most))
    if wrong := int(states.ne("").sum()):
        said.append(
            words.plural(
                "{count} place with a fault.", "{count} places with a fault.", wrong, count=words.number(wrong)
            )
        )
    if missing := int((~located).sum()):
        said.append(
            words.plural(
                "{count} place without coordinates is not drawn.",
                "{count} places without coordinates are not drawn.",
                missing,
                count=words.number(missing),
            )
        )
    return " ".join(said)
