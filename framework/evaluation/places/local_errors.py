"""How large the error was at each counter and place, on the held-out rows of a training."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.evaluation.rows import BASELINE, TRUTH
from bike_traffic.monitoring.usual import sums_where_all_counted
from bike_traffic.pipeline import PREDICTION
from bike_traffic.places import counters_by_place


@attrs.frozen(kw_only=True)
class LocalError:
    """The error at one counter or place, in bikes per hour: the model's RMSE, and that of the four-week mean."""

    rmse: float
    baseline: float | None


def local_errors(rows: pd.DataFrame) -> dict[str, LocalError]:
    """Return the errors by name of the counter, and of each place with several counters.

    A place is the sum of its counters, over the hours in which all of them were measured.

    Parameters
    ----------
    rows : see `Evaluation.rows`, of a regression.
    """
    columns = [name for name in (TRUTH, PREDICTION, BASELINE) if name in rows]
    table = rows[[COUNTER, TIME, *columns]].astype({COUNTER: "str"})
    errors = {str(name): _error(own) for name, own in table.groupby(COUNTER)}
    for place, counters in counters_by_place(errors).items():
        if len(counters) > 1:
            together = sums_where_all_counted(table, list(counters.values()), columns)
            if len(together):
                errors[place] = _error(together)
    return errors


def _error(rows: pd.DataFrame) -> LocalError:
    baseline = _rmse(rows, BASELINE) if BASELINE in rows else None
    return LocalError(rmse=_rmse(rows, PREDICTION), baseline=baseline)


def _rmse(rows: pd.DataFrame, column: str) -> float:
    return round(float(np.sqrt(np.mean((rows[TRUTH] - rows[column]) ** 2))), 2)
