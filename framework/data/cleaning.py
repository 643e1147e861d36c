"""From published counts to the clean frame that all other code works on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import (
    CLEAN_COLUMNS,
    COUNT,
    COUNTER,
    DAY_OF_MONTH,
    HOUR,
    IDENTIFIER,
    LATITUDE,
    LONGITUDE,
    MONTH,
    TIME,
    TIME_PARTS,
    WEATHER_COLUMNS,
    WEEKDAY,
    YEAR,
)
from bike_traffic.data.parsing.times import SecondHours, distinct_times, take_times
from bike_traffic.data.parsing.values import clean_texts, parse_coordinates, parse_numbers
from bike_traffic.data.schema import COORDINATES, IDENTIFYING, OPTIONAL, headers_of
from bike_traffic.estimator import Transformer


class RawCleanerTransformer(Transformer):
    """Turn counts as the City publishes them into a clean frame on the same index; a clean frame stays as it is.

    The columns of a clean frame are the constants of `bike_traffic.columns`: ``nom_du_compteur`` (categorical),
    ``date_et_heure_de_comptage`` (in the city's time zone), ``heure`` (0 to 23), ``jour_mois``, ``mois``, ``annee``,
    ``jour_semaine`` (0 is Monday), ``latitude`` and ``longitude`` (degrees, float32; NaN where unknown), and if the
    input has it ``comptage_horaire`` (bikes per hour). All other columns are dropped.
    `bike_traffic.data.weather.joining.join_weather` adds the weather to a clean frame.

    Parameters
    ----------
    city : whose counts they are: its time zone, and the region outside of which coordinates are left out.
    """

    def __init__(self, city: City = PARIS) -> None:
        self.city = city

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Return the transformer: it learns nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that no fit is needed."""
        return True

    def transform(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Return the clean frame; raise `SchemaError` if a column is missing.

        It has no identifiers: names have been followed by them before, and a model does not learn from them.
        """
        cleaned = counts if is_clean(counts) else clean(counts, city=self.city)
        return cleaned.drop(columns=IDENTIFIER) if IDENTIFIER in cleaned else cleaned


def is_clean(counts: pd.DataFrame) -> bool:
    """Return whether a frame has the columns of a clean frame, in their order and with their types.

    The identifier, the count, and the four columns of the weather together, may be missing.
    """
    names = tuple(counts.columns.drop([IDENTIFIER, COUNT], errors="ignore"))
    if names not in (CLEAN_COLUMNS, CLEAN_COLUMNS + WEATHER_COLUMNS):
        return False
    types = counts.dtypes
    time = types[TIME]
    return (
        isinstance(types[COUNTER], pd.CategoricalDtype)
        and isinstance(time, pd.DatetimeTZDtype)
        and str(time.tz) != "UTC"  # the clock of no city
        and all(types[name] == np.int16 for name in TIME_PARTS)
        and types[LATITUDE] == types[LONGITUDE] == np.float32
        and (COUNT not in types or types[COUNT] == np.float64)
        and (IDENTIFIER not in types or isinstance(types[IDENTIFIER], pd.CategoricalDtype))
        and all(types[name] == np.float32 for name in names[len(CLEAN_COLUMNS) :])
    )


def clean(counts: pd.DataFrame, second_hours: SecondHours | None = None, city: City = PARIS) -> pd.DataFrame:
    """Parse published counts into a clean frame on the same index; raise `SchemaError` if a column is missing.

    A value that cannot be read becomes missing; `bike_traffic.data.checking.rules` reports such values with their
    rows.

    Parameters
    ----------
    second_hours : that of the chunks before, if these rows are a chunk of a file.
    city : whose counts they are.
    """
    headers = headers_of(counts.columns, IDENTIFYING, optional=OPTIONAL)
    names = clean_texts(counts[headers[COUNTER]])
    position, distinct, twice = distinct_times(counts[headers[TIME]], city.time_zone)
    columns: dict[str, object] = {COUNTER: names, TIME: take_times(distinct, position)}
    for name, values in time_parts(distinct).items():
        # -1 where the time cannot be read; the check reports such a row before anything is computed from it.
        columns[name] = np.append(values.fillna(-1).to_numpy(np.int16), np.int16(-1))[position]
    columns |= _degrees(counts, headers, city)
    if IDENTIFIER in headers:
        columns[IDENTIFIER] = clean_texts(counts[headers[IDENTIFIER]])
    if COUNT in headers:
        columns[COUNT] = parse_numbers(counts[headers[COUNT]])
    cleaned = pd.DataFrame(columns, index=counts.index)
    if twice.any():
        second = (second_hours or SecondHours()).of(
            names, pd.DatetimeIndex(cleaned[TIME]), np.append(twice, False)[position]
        )
        cleaned.loc[second, TIME] += pd.Timedelta(hours=1)  # the same local hour, so that its parts stay
    return cleaned


def _degrees(counts: pd.DataFrame, headers: Mapping[str, str], city: City) -> dict[str, object]:
    """Return latitude and longitude from the City's one column of them, else from two, NaN where they cannot be."""
    if COORDINATES in headers:
        degrees = parse_coordinates(counts[headers[COORDINATES]])
    elif LATITUDE in headers and LONGITUDE in headers:
        parts = {name: parse_numbers(counts[headers[name]]).astype(np.float32) for name in (LATITUDE, LONGITUDE)}
        degrees = pd.DataFrame(parts)
    else:
        return dict.fromkeys((LATITUDE, LONGITUDE), np.float32(np.nan))
    inside = degrees[LATITUDE].between(*city.latitudes) & degrees[LONGITUDE].between(*city.longitudes)
    return {name: degrees[name].where(inside) for name in (LATITUDE, LONGITUDE)}


def time_parts(times: pd.DatetimeIndex) -> dict[str, pd.Index]:
    """Return the columns `TIME_PARTS` of local times."""
    return {
        HOUR: times.hour,
        DAY_OF_MONTH: times.day,
        MONTH: times.month,
        YEAR: times.year,
        WEEKDAY: times.day_of_week,
    }
