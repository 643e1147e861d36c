"""Errors of measured rows by counter, hour, day or weekday, the worst group first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.evaluation.measuring import Evaluation, evaluation_of
from bike_traffic.evaluation.rows import DAYS_AHEAD
from bike_traffic.names import Task

By = Literal["counter", "hour", "day", "weekday", "days_ahead"]


@attrs.frozen(kw_only=True, eq=False)
class Group:
    """The evaluation of the rows of one counter, hour of the day, local day, weekday, or day of horizon."""

    name: str
    evaluation: Evaluation


def errors_by(task: Task, rows: pd.DataFrame, by: By) -> list[Group]:
    """Return the evaluation of each group of `Evaluation.rows`, the worst first by rmse or by accuracy.

    Parameters
    ----------
    by : ``counter``, ``hour`` (0 to 23), ``day`` (local date), ``weekday``, or ``days_ahead``, of rows that were
        measured from many origins.
    """
    return worst_first({name: evaluation_of(task, own) for name, own in groups_of(rows, by)})


def groups_of(rows: pd.DataFrame, by: By) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the rows of each group, which may be some of a larger group's."""
    return ((str(name), own) for name, own in rows.groupby(_names(rows, by), sort=True))


def worst_first(groups: Mapping[str, Evaluation]) -> list[Group]:
    """Return groups by name, those with the largest errors first."""
    named = [Group(name=name, evaluation=groups[name]) for name in sorted(groups)]
    return sorted(named, key=_error, reverse=True)


def _names(rows: pd.DataFrame, by: By) -> NDArray[np.object_]:
    """Return the name of each row's group."""
    names: dict[By, Callable[[], Any]] = {
        "counter": lambda: rows[COUNTER].astype(str),
        "hour": lambda: _of_times(rows, lambda hours: hours.strftime("%H:00")),
        "day": lambda: _of_times(rows, lambda hours: hours.strftime("%Y-%m-%d")),
        "weekday": lambda: _of_times(rows, lambda hours: hours.day_name()),
        "days_ahead": lambda: rows[DAYS_AHEAD].astype(str),
    }
    return np.asarray(names[by](), dtype=object)


def _of_times(rows: pd.DataFrame, name: Callable[[pd.DatetimeIndex], pd.Index]) -> pd.Index:
    """Return a name of each row's hour, each hour named once: there are few of them beside the rows."""
    hour, hours = pd.factorize(rows[TIME])
    return name(pd.DatetimeIndex(hours)).take(hour)


def _error(group: Group) -> float:
    metrics = group.evaluation.metrics
    return metrics["rmse"] if "rmse" in metrics else 1.0 - metrics["accuracy"]
