"""From counts as published to clean columns, and the hours that say nothing because a counter was dead."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from bike_traffic.calendar import day_numbers
from bike_traffic.data.schema import (
    COORDINATES,
    COUNT,
    COUNTER,
    IDENTIFYING,
    TIME,
    clean_counter_names,
    distinct_times,
    has_counts,
    headers_of,
    parse_coordinates,
    parse_counts,
    take_times,
)
from bike_traffic.errors import SchemaError

OUTAGE_HOURS = 20
"""A counter-day with at least this many hours, all zero, is an outage and not a quiet day."""


class RawCleanerTransformer(TransformerMixin, BaseEstimator):
    """Turn counts as the City publishes them into one tidy frame on the same index.

    Columns out: ``nom_du_compteur`` (categorical), ``date_et_heure_de_comptage`` (Europe/Paris), ``heure``
    (0–23), ``jour_mois``, ``mois``, ``annee``, ``jour_semaine`` (0 is Monday), ``latitude`` and
    ``longitude`` (degrees, float32), and ``comptage_horaire`` (bikes per hour) where the input has it.
    Everything else is dropped.
    """

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Return the transformer: it learns nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say that no fit is needed."""
        return True

    def transform(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Clean; raise `SchemaError` when a column is missing."""
        wanted = [*IDENTIFYING, COUNT] if has_counts(counts) else list(IDENTIFYING)
        headers = headers_of(counts.columns, wanted)
        position, times = distinct_times(counts[headers[TIME]])
        coordinates = parse_coordinates(counts[headers[COORDINATES]])
        parts = {
            "heure": times.hour,
            "jour_mois": times.day,
            "mois": times.month,
            "annee": times.year,
            "jour_semaine": times.day_of_week,
        }
        columns: dict[str, object] = {
            COUNTER: clean_counter_names(counts[headers[COUNTER]]),
            TIME: take_times(times, position),
        }
        for name, values in parts.items():
            # -1 where the time cannot be read; the check names such a row before anyone computes with it.
            columns[name] = np.append(values.fillna(-1).to_numpy(np.int16), np.int16(-1))[position]
        columns |= {"latitude": coordinates["latitude"], "longitude": coordinates["longitude"]}
        if COUNT in headers:
            columns[COUNT] = parse_counts(counts[headers[COUNT]])
        return pd.DataFrame(columns, index=counts.index)


def training_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the clean rows that a pipeline learns from; raise `SchemaError` when outages leave none."""
    cleaned = without_outages(RawCleanerTransformer().transform(counts))
    if cleaned.empty:
        raise SchemaError(
            f"no row to learn from: every day of every counter has {OUTAGE_HOURS} hours or more of zeros"
        )
    return cleaned


def without_outages(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Drop the counter-days with `OUTAGE_HOURS` or more hours that sum to zero."""
    key = cleaned[COUNTER].cat.codes.to_numpy() * np.int64(1_000_000) + day_numbers(cleaned[TIME])
    codes, distinct = pd.factorize(key)
    hours = np.bincount(codes, minlength=len(distinct))
    bikes = np.bincount(codes, weights=cleaned[COUNT].to_numpy(), minlength=len(distinct))
    dead = (hours >= OUTAGE_HOURS) & (bikes == 0)
    kept: pd.DataFrame = cleaned[~dead[codes]]
    return kept
