"""A generated sample in the City's format, for use without a file and without a network.

The streets are invented, and so is the traffic: each counter has a size and a habit (commuters, leisure, or
both), and its hours follow weekday, season, holidays, a weather that all counters share, and chance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES
from bike_traffic.features.calendar import calendar_features

COUNTERS = 20
MONTHS = 15
FIRST_DAY = "2023-09-01"
OUTAGE = (3, "2024-03-04", "2024-04-08")
"""Position of the dead counter, its first dead day, and the day after the last one."""

_STREETS = (
    "12 quai des Hirondelles", "Pont du Vieux Moulin", "Face au 3 rue de la Girouette",
    "48 boulevard des Merisiers", "Totem 7 avenue du Grand Large", "101 rue des Tanneurs de Soie",
    "Face au 22 quai aux Barques", "5 allée du Bel Horizon", "Passerelle des Lavandières", "66 rue du Puits Clair",
)  # fmt: skip
_DIRECTIONS = ("N-S", "S-N")

# Share of a day's bikes by hour, for a working day toward the centre, and for a day off.
_MORNING = np.exp(-0.5 * ((np.arange(24) - 8.3) / 1.1) ** 2)
_EVENING = np.exp(-0.5 * ((np.arange(24) - 18.2) / 1.5) ** 2)
_MIDDAY = np.exp(-0.5 * ((np.arange(24) - 14.5) / 3.6) ** 2)


def generate_sample(seed: int = 0) -> pd.DataFrame:
    """Return 15 months of hourly counts of 20 counters, as the City publishes them; the same for the same seed.

    Returns
    -------
    One row a counter and hour, ordered by time: ``Nom du compteur``, ``Comptage horaire`` (bikes per hour), ``Date
    et heure de comptage`` (local ISO time with offset), ``Coordonnées géographiques``.
    """
    random = np.random.default_rng(seed)
    start = pd.Timestamp(FIRST_DAY, tz=TIME_ZONE)
    times = pd.date_range(start, start + pd.DateOffset(months=MONTHS), freq="h", inclusive="left")
    calendar = calendar_features(pd.Series(times))
    common = _season(calendar) * _weather(random, len(times))
    expected = np.empty((len(times), COUNTERS))
    names, places = [], []
    for number in range(COUNTERS):
        street, direction = divmod(number, 2)
        names.append(f"{_STREETS[street]} {_DIRECTIONS[direction]}")
        if direction == 0:
            places.append(f"{random.uniform(48.82, 48.90):.5f},{random.uniform(2.27, 2.40):.5f}")
            size, leisure = random.lognormal(3.9, 0.7), random.uniform(0.1, 0.7)
        growth = np.linspace(1.0, random.uniform(0.95, 1.25), len(times))
        shape = _shape(calendar, times.hour.to_numpy(), morning=direction == 0, leisure=leisure)
        expected[:, number] = size * shape * common * growth
    # Negative binomial: real counts spread more than Poisson ones.
    counts = random.poisson(expected * random.gamma(12.0, 1 / 12.0, expected.shape))
    dead, first, last = OUTAGE
    out = (times >= pd.Timestamp(first, tz=TIME_ZONE)) & (times < pd.Timestamp(last, tz=TIME_ZONE))
    counts[out, dead] = 0
    stamps = [time.isoformat() for time in times]
    rows, width = len(times), COUNTERS
    return pd.DataFrame(
        {
            CITY_HEADERS[COUNTER]: pd.Categorical.from_codes(np.tile(np.arange(width), rows), pd.Index(names)),
            CITY_HEADERS[COUNT]: counts.ravel(),
            CITY_HEADERS[TIME]: pd.Categorical.from_codes(np.repeat(np.arange(rows), width), pd.Index(stamps)),
            CITY_HEADERS[COORDINATES]: pd.Categorical(
                np.tile(np.repeat(places, len(_DIRECTIONS)), rows), categories=sorted(set(places))
            ),
        }
    )


def _season(calendar: pd.DataFrame) -> NDArray[np.float64]:
    """Return the factor of the time of year: high in June and September, low in winter and in August."""
    angle = np.arctan2(calendar["season_sine"].to_numpy(np.float64), calendar["season_cosine"].to_numpy(np.float64))
    year = (angle / (2 * np.pi)) % 1.0
    warm = 1.0 - 0.30 * np.cos(2 * np.pi * (year - 0.02))
    august = 1.0 - 0.35 * np.exp(-0.5 * ((year - 0.62) / 0.03) ** 2)
    school = 1.0 - 0.12 * calendar["school_holiday"].to_numpy(np.float64)
    return np.asarray(warm * august * school)


def _weather(random: np.random.Generator, hours: int) -> NDArray[np.float64]:
    """Return a factor that varies from day to day and drops in showers, the same for all counters."""
    days = hours // 24 + 2
    wander = np.zeros(days)
    for day in range(1, days):
        wander[day] = 0.7 * wander[day - 1] + random.normal(0.0, 0.12)
    rain = np.repeat(random.random(hours // 3 + 1) < 0.08, 3)[:hours]
    return np.asarray(np.exp(np.repeat(wander, 24)[:hours]) * np.where(rain, 0.62, 1.0))


def _shape(calendar: pd.DataFrame, hour: NDArray[np.int32], *, morning: bool, leisure: float) -> NDArray[np.float64]:
    """Return the factor of hour and kind of day; one direction is busy in the morning, the other at night."""
    weight = 1.0 if morning else 0.45
    commuting = 0.04 + 2.2 * weight * _MORNING + 2.0 * (1.45 - weight) * _EVENING + 0.35 * _MIDDAY
    resting = 0.05 + (0.5 + leisure) * _MIDDAY
    working = calendar["day_type"].to_numpy() == 0
    on_bridge = 1.0 - 0.35 * calendar["bridge_day"].to_numpy()
    return np.asarray(np.where(working, commuting[hour] * on_bridge, resting[hour]))
