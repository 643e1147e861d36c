"""The monthly files of a station: a row a quarter hour, one column a channel, and a column of status for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from bike_traffic import FileForm
from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, TIME

STAMP = "Datetime"
QUARTERS = 4
AS_COUNTED = "0"
"""The status of a quarter hour that was counted, and neither estimated nor changed afterwards."""

_CHANNEL = re.compile(r"(\d+) \((.+)\)")
_OTHER_TRAFFIC = re.compile(r"\[(?!bike\b)", re.IGNORECASE)


class MonthlyFiles(FileForm):
    """Files such as ``100034978_2023-03.csv``."""

    def fits(self, columns: Sequence[str]) -> bool:
        """Return whether the first column has the times, and another one is of a channel."""
        return columns[0] == STAMP and any(_CHANNEL.fullmatch(column) for column in columns)

    def hours(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the bikes of each channel and hour; see `FileForm.hours`."""
        names = names_of(bike_channels(rows))
        texts = rows[list(names)]
        published = texts.notna()
        counts = texts.apply(pd.to_numeric, errors="coerce")
        counted = counts.notna() & pd.DataFrame({column: _as_counted(rows, column) for column in names})
        hour = pd.Index(_hours(rows[STAMP]), name=TIME)
        # The same quarter again is of the hour that the clock repeats.
        turn = pd.Index(rows.groupby(STAMP, dropna=False).cumcount(), name="turn")
        keys = [hour, turn]
        total = counts.where(counted).groupby(keys, sort=False).sum()
        whole = counted.groupby(keys, sort=False).sum() >= QUARTERS
        there = published.groupby(keys, sort=False).any()
        parts = [
            pd.DataFrame(
                {
                    COUNTER: name,
                    IDENTIFIER: column.partition(" ")[0],
                    TIME: total.index.get_level_values(TIME),
                    COUNT: total[column].where(whole[column]).to_numpy(),
                }
            )[there[column].to_numpy()]
            for column, name in names.items()
        ]
        return pd.concat(parts, ignore_index=True)


def bike_channels(rows: pd.DataFrame) -> list[str]:
    """Return the columns of bicycles: the channels of a station, or its total if none of them has counted."""
    found = {str(column): match[2] for column in rows if (match := _CHANNEL.fullmatch(str(column)))}
    bikes = {column: name for column, name in found.items() if not _OTHER_TRAFFIC.search(name)}
    parts = [
        column
        for column, name in bikes.items()
        if any(name.startswith(f"{other} ") for other in bikes.values()) and rows[column].notna().any()
    ]
    totals = [column for column, name in bikes.items() if any(one.startswith(f"{name} ") for one in bikes.values())]
    return parts or totals or list(bikes)


def names_of(columns: Sequence[str]) -> Mapping[str, str]:
    """Return the names of channels by column, with their number where several bear the same name."""
    split = dict(_split(columns))
    number = Counter(name for _, name in split.values())
    return {column: name if number[name] == 1 else f"{name} {channel}" for column, (channel, name) in split.items()}


def _split(columns: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    for column in columns:
        match = _CHANNEL.fullmatch(column)
        if match:
            yield column, (match[1], match[2])


def _as_counted(rows: pd.DataFrame, column: str) -> pd.Series:
    status = f"{column.partition(' ')[0]}-status"
    return rows[status].eq(AS_COUNTED) if status in rows else pd.Series(True, index=rows.index)


def _hours(stamps: pd.Series) -> list[str]:
    """Return the start of the hour of each time as text; what is no time stays as it is, and is reported."""
    times = pd.to_datetime(stamps, format="%Y-%m-%d %H:%M", errors="coerce")
    return [
        str(stamp) if pd.isna(time) else f"{time:%Y-%m-%dT%H}:00:00"
        for stamp, time in zip(stamps, times, strict=True)
    ]
