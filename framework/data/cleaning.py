"""From published counts to the clean frame that all other code works on."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from bike_traffic.columns import (
    CLEAN_COLUMNS,
    COUNT,
    COUNTER,
    DAY_OF_MONTH,
    HOUR,
    LATITUDE,
    LONGITUDE,
    MONTH,
    TIME,
    TIME_PARTS,
    TIME_ZONE,
    WEATHER_COLUMNS,
    WEEKDAY,
    YEAR,
)
from bike_traffic.data.schema import (
    COORDINATES,
    IDENTIFYING,
    clean_counter_names,
    distinct_times,
    has_counts,
    headers_of,
    parse_coordinates,
    parse_counts,
    take_times,
)


class RawCleanerTransformer(TransformerMixin, BaseEstimator):
    """Turn counts as the City publishes them into a clean frame on the same index; a clean frame stays as it is.

    The columns of a clean frame are the constants of `bike_traffic.columns`: ``nom_du_compteur`` (categorical),
    ``date_et_heure_de_comptage`` (Europe/Paris), ``heure`` (0 to 23), ``jour_mois``, ``mois``, ``annee``,
    ``jour_semaine`` (0 is Monday), ``latitude`` and ``longitude`` (degrees, float32), and ``comptage_horaire``
    (bikes per hour) if the input has it. All other columns are dropped. `bike_traffic.data.weather.join_weather` adds
    the weather to a clean frame.
    """

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Return the transformer: it learns nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that no fit is needed."""
        return True

    def transform(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Return the clean frame; raise `SchemaError` if a column is missing."""
        return counts if is_clean(counts) else clean(counts)


def is_clean(counts: pd.DataFrame) -> bool:
    """Return whether a frame has the columns of a clean frame, in their order and with their types.

    The count, and the three columns of the weather together, may be missing.
    """
    names = tuple(counts.columns.drop(COUNT, errors="ignore"))
    if names not in (CLEAN_COLUMNS, CLEAN_COLUMNS + WEATHER_COLUMNS):
        return False
    types = counts.dtypes
    time = types[TIME]
    return (
        isinstance(types[COUNTER], pd.CategoricalDtype)
        and isinstance(time, pd.DatetimeTZDtype)
        and str(time.tz) == TIME_ZONE
        and all(types[name] == np.int16 for name in TIME_PARTS)
        and types[LATITUDE] == types[LONGITUDE] == np.float32
        and (COUNT not in types or types[COUNT] == np.float64)
        and all(types[name] == np.float32 for name in names[len(CLEAN_COLUMNS) :])
    )


def clean(counts: pd.DataFrame) -> pd.DataFrame:
    """Parse published counts into a clean frame on the same index; raise `SchemaError` if a column is missing.

    A value that cannot be read becomes missing; `bike_traffic.data.check` reports such values with their rows.
    """
    wanted = [*IDENTIFYING, COUNT] if has_counts(counts) else list(IDENTIFYING)
    headers = headers_of(counts.columns, wanted)
    position, times = distinct_times(counts[headers[TIME]])
    coordinates = parse_coordinates(counts[headers[COORDINATES]])
    columns: dict[str, object] = {
        COUNTER: clean_counter_names(counts[headers[COUNTER]]),
        TIME: take_times(times, position),
    }
    for name, values in time_parts(times).items():
        # -1 where the time cannot be read; the check reports such a row before anything is computed from it.
        columns[name] = np.append(values.fillna(-1).to_numpy(np.int16), np.int16(-1))[position]
    columns |= {LATITUDE: coordinates[LATITUDE], LONGITUDE: coordinates[LONGITUDE]}
    if COUNT in headers:
        columns[COUNT] = parse_counts(counts[headers[COUNT]])
    return pd.DataFrame(columns, index=counts.index)


def time_parts(times: pd.DatetimeIndex) -> dict[str, pd.Index]:
    """Return the columns `TIME_PARTS` of local times."""
    return {
        HOUR: times.hour,
        DAY_OF_MONTH: times.day,
        MONTH: times.month,
        YEAR: times.year,
        WEEKDAY: times.day_of_week,
    }
