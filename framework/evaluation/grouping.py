"""Errors of measured rows by counter, hour, day or weekday, the worst group first."""

from __future__ import annotations

from collections.abc import Callable
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
    groups = [
        Group(name=str(name), evaluation=evaluation_of(task, own))
        for name, own in rows.groupby(_names(rows, by), sort=True)
    ]
    return sorted(groups, key=_error, reverse=True)


def _names(rows: pd.DataFrame, by: By) -> NDArray[np.object_]:
    """Return the name of each row's group."""
    times = rows[TIME].dt
    names: dict[By, Callable[[], Any]] = {
        "counter": lambda: rows[COUNTER].astype(str),
        "hour": lambda: times.strftime("%H:00"),
        "day": lambda: times.strftime("%Y-%m-%d"),
        "weekday": times.day_name,
        "days_ahead": lambda: rows[DAYS_AHEAD].astype(str),
    }
    return np.asarray(names[by](), dtype=object)


def _error(group: Group) -> float:
    metrics = group.evaluation.metrics
    return metrics["rmse"] if "rmse" in metrics else 1.0 - metrics["accuracy"]
