"""Daylight: how high the sun stands over a place at an hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_J2000_DAYS = 10957.5
"""Days from 1970-01-01 00:00 UTC to the epoch J2000, 2000-01-01 12:00."""


def sun_height(hours: NDArray[np.float64], latitude: float, longitude: float) -> NDArray[np.float64]:
    """Return the height of the sun's centre above the horizon of a place, in degrees, without refraction.

    Formulas of low precision for the sun's longitude and the sidereal time from the Astronomical Almanac (also in
    Meeus, *Astronomical Algorithms*, chapters 12 and 25); they are right to about a hundredth of a degree.

    Parameters
    ----------
    hours : any shape, in hours since 1970-01-01 00:00 UTC.
    latitude, longitude : of the place, in degrees; north and east are positive.
    """
    days = np.asarray(hours, dtype=np.float64) / 24 - _J2000_DAYS
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 0.0000004 * days)
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    sidereal = np.radians((280.46062 + 360.98564737 * days + longitude) % 360)
    north, hour_angle = np.radians(latitude), sidereal - right_ascension
    height = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.degrees(np.arcsin(height.clip(-1, 1))))
