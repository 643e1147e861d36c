"""The places by their bikes, the busiest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bike_traffic.app.charts.bars import flat_bars, height_of, name_axis
from bike_traffic.app.charts.chart import Chart
from bike_traffic.app.charts.drawing import drawing
from bike_traffic.app.charts.formats import records
from bike_traffic.app.charts.measures import measure_of

if TYPE_CHECKING:
    from bike_traffic.app.charts.theme import Theme
    from bike_traffic.app.words import Words

__all__ = ["ranking_chart"]


def ranking_chart(places: pd.DataFrame, words: Words, theme: Theme, unit: str | None = None) -> Chart:
    """Return a bar a place; a click selects one: the parameter ``place`` holds ``[{"name": "..."}]``.

    Parameters
    ----------
    places : a row a place, in any order, with `name`, `bikes` or `probability`, and any of `chosen`. Places without a
        number come last.
    unit : what `bikes` is, in the reader's language; bikes per day by default.
    """
    measure = measure_of(places)
    if unit is None:
        unit = words.say("chance of a busy hour") if measure.share else words.say("bikes per day")
    order = measure.values.sort_values(ascending=False, na_position="last", kind="stable").index
    names = [str(name) for name in places["name"].reindex(order)]
    values = measure.values.reindex(order)
    chosen = places["chosen"].reindex(order).astype(bool) if "chosen" in places else [False] * len(places)
    texts = [measure.short(one, words) if pd.notna(one) else "–" for one in values]
    rows = records(
        {"r": range(len(names)), "name": names, "n": values, "t": texts, "s": [1 if one else None for one in chosen]}
    )
    picked = [at for at, one in enumerate(chosen) if one]
    hit: dict[str, Any] = {
        "params": [{"name": "place", "select": {"type": "point", "fields": ["name"], "toggle": False}}],
        "transform": [{"calculate": "datum.name+': '+datum.t", "as": "a"}],
        "mark": {"type": "rect", "opacity": 0, "cursor": "pointer"},
        "encoding": {
            "x": {"value": 0},
            "x2": {"value": "width"},
            "description": {"field": "a"},
            "tooltip": [{"field": "name", "title": words.say("Place")}, {"field": "t", "title": unit}],
        },
    }
    spec = drawing(
        words,
        theme,
        height=height_of(len(names)),
        title={"text": unit, "orient": "top", "offset": 4},
        rows=rows,
        encoding={"y": name_axis(names, picked, theme)},
        layers=[*flat_bars(measure.top, texts, theme), hit],
    )
    table = pd.DataFrame({words.say("Place"): names, unit: values.array if not measure.share else texts})
    if not values.notna().any():
        return Chart(spec, words.say("No counts to show."), table)
    last = int(values.notna().sum()) - 1
    said = words.say(
        "First of {count}: {place} with {number}; last: {last} with {least} ({unit}).",
        count=last + 1,
        place=names[0],
        number=texts[0],
        last=names[last],
        least=texts[last],
        unit=unit,
    )
    return Chart(spec, said, table)
