"""Last week's forecast against what came, by a model that could not know it. No Streamlit here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs
import pandas as pd

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.evaluation.grouping import By, errors_by
from bike_traffic.evaluation.measuring import Evaluation
from bike_traffic.evaluation.rows import TRUTH
from bike_traffic.names import Task
from bike_traffic.pipeline import LOWER, PREDICTION, UPPER
from bike_traffic.registry.queries import Query
from bike_traffic.registry.records import ModelRecord

DAYS = 7


@attrs.frozen
class Week:
    """Seven whole local days: from `start`, before `end`."""

    start: pd.Timestamp
    end: pd.Timestamp

    @classmethod
    def before(cls, newest: pd.Timestamp) -> Week:
        """Return the last whole days of counts.

        Parameters
        ----------
        newest : the start of the newest hour that was counted, in the city's time zone.
        """
        end = (newest + pd.Timedelta(hours=1)).normalize()
        return cls(end - pd.DateOffset(days=DAYS), end)

    @property
    def last_day(self) -> pd.Timestamp:
        """The start of the last day."""
        return self.end - pd.DateOffset(days=1)


def could_not_know(record: ModelRecord, week: Week) -> bool:
    """Return whether a model learned from earlier hours alone; ``False`` if its record does not say."""
    return record.known_until is not None and pd.Timestamp(record.known_until) < week.start


def honest_record(
    records: Sequence[ModelRecord], chosen: ModelRecord, week: Week, query: Query, withdrawn: Collection[str]
) -> ModelRecord | None:
    """Return the chosen record if it could not know the week, else the newest other of its model that could not.

    Parameters
    ----------
    query : what the other record must satisfy.
    """
    if could_not_know(chosen, week):
        return chosen
    query = attrs.evolve(query, model_type=chosen.model_type, withdrawn=frozenset(withdrawn))
    others = [record for record in records if could_not_know(record, week) and query.admits(record.to_json())]
    return max(others, key=lambda record: (pd.Timestamp(record.known_until or ""), record.timestamp), default=None)


def errors(task: Task, rows: pd.DataFrame, by: By, factor: float = 1.0) -> pd.DataFrame:
    """Return the errors of measured rows by counter or hour, the worst first.

    Parameters
    ----------
    factor : what the errors are multiplied by; 100 gives shares in percent.

    Returns
    -------
    ``name``, and ``error`` and ``baseline``, that of the four-week mean, NaN if there is none: the mean absolute
    error in bikes per hour, or the share of hours that a classifier took for another kind.
    """
    groups = errors_by(task, rows, by)
    table = pd.DataFrame(
        {
            "name": [group.name for group in groups],
            "error": [factor * error_of(group.evaluation.metrics) for group in groups],
            "baseline": [factor * error_of(group.evaluation.baseline) for group in groups],
        }
    )
    return table.assign(hour=table["name"].str[:2].astype(int)) if by == "hour" else table


def error_of(metrics: Mapping[str, float]) -> float:
    """Return the error that the page of the models shows: see `errors`."""
    return metrics["mae"] if "mae" in metrics else 1.0 - metrics.get("accuracy", float("nan"))


def hours_that_came(evaluation: Evaluation, counters: Collection[str] | None) -> pd.DataFrame:
    """Return the sum of some counters, hour by hour, over the hours that each of them counted.

    Parameters
    ----------
    counters : ``None`` is all of them; their sum has no bounds, since counters are not wrong all at once.

    Returns
    -------
    ``time``, ``forecast``, ``count``, and ``lower`` and ``upper`` if the model has an interval, bikes per hour.
    """
    rows = evaluation.rows
    own = rows if counters is None else rows[rows[COUNTER].isin(list(counters))]
    names = {PREDICTION: "forecast", TRUTH: "count"}
    if counters is not None and LOWER in own:
        names |= {LOWER: "lower", UPPER: "upper"}
    return own.groupby(TIME)[list(names)].sum().rename(columns=names).rename_axis("time").reset_index()
