"""A forecast as a table: the hours of one counter and day, or else a line with a small curve for each of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bike_traffic.cli.printing import echo
from bike_traffic.cli.table import print_table, shortened_apart, terminal_width
from bike_traffic.columns import COUNTER, HOUR, TIME
from bike_traffic.evaluation.rows import USUAL
from bike_traffic.pipeline import LOWER, PREDICTION, PROBABILITY, UPPER

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.forecasting import Forecast

_BLOCKS = "▁▂▃▄▅▆▇█"
_BESIDE_NAME = 46
"""Characters of the other columns of a day: bikes or busy hours, the peak, an hour a block, and the gaps."""
_BAR_WIDTH = 30


def print_forecast(result: Forecast) -> None:
    """Print the hours of one counter and day, or else a line for each counter and day."""
    rows = result.rows
    days = [day for _, day in rows.groupby(rows[TIME].dt.normalize(), sort=True)]
    if len(days) == 1 and rows[COUNTER].nunique() == 1:
        echo(f"{rows[COUNTER].iloc[0]}, {_date(days[0])}")
        _print_hours(days[0])
        return
    if rows[COUNTER].nunique() == 1:
        echo(str(rows[COUNTER].iloc[0]))
        _print_curves([(_date(day), day) for day in days], "day")
        return
    names = [str(name) for name in rows[COUNTER].unique()]
    short = dict(zip(names, shortened_apart(names, terminal_width() - _BESIDE_NAME), strict=True))
    for number, day in enumerate(days):
        if number:
            echo()
        echo(_date(day))
        _print_curves([(short[str(name)], own) for name, own in day.groupby(COUNTER, observed=True)], "counter")


def _print_hours(day: pd.DataFrame) -> None:
    values = _curve(day)
    most = max(values.max(), 1e-9)
    header = ["hour", *_titles(day)]
    table: list[list[object]] = []
    for place, row in enumerate(day.to_dict("records")):
        cells: list[object] = [f"{row[TIME]:%H:%M}"]
        cells += [f"{row[PROBABILITY]:.0%}"] if PROBABILITY in row else [round(row[PREDICTION])]
        if LOWER in row:
            cells.append(f"{row[LOWER]:,.0f} – {row[UPPER]:,.0f}")
        if USUAL[0] in row:
            cells.append(_range(row[USUAL[0]], row[USUAL[2]]))
        table.append([*cells, "█" * round(_BAR_WIDTH * values[place] / most)])
    print_table([*header, ""], table)


def _titles(day: pd.DataFrame) -> list[str]:
    if PROBABILITY in day:
        return ["busy"]
    return ["bikes", *(["80 % interval"] if LOWER in day else []), *(["was usual"] if USUAL[0] in day else [])]


def _range(low: float, high: float) -> str:
    return "" if low != low else f"{low:,.0f} – {high:,.0f}"  # NaN: unknown


def _print_curves(lines: Sequence[tuple[str, pd.DataFrame]], first: str) -> None:
    total = "busy hours" if PROBABILITY in lines[0][1] else "bikes"
    table = []
    for name, day in lines:
        values = _curve(day)
        peak = int(day[HOUR].iloc[int(values.argmax())])
        table.append([name, round(float(day[PREDICTION].sum())), f"{peak} h", _sparkline(values)])
    print_table([first, total, "peak", "hours 0 to 23"], table)


def _curve(day: pd.DataFrame) -> pd.Series:
    return day[PROBABILITY if PROBABILITY in day else PREDICTION].reset_index(drop=True)


def _sparkline(values: pd.Series) -> str:
    """Return one block a value, scaled to the largest."""
    most = max(float(values.max()), 1e-9)
    return "".join(_BLOCKS[min(int(value / most * len(_BLOCKS)), len(_BLOCKS) - 1)] for value in values)


def _date(day: pd.DataFrame) -> str:
    return f"{day[TIME].iloc[0]:%A %-d %B %Y}"
