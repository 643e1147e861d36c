"""The columns of a clean frame, which `RawCleanerTransformer` returns and all code inside works on."""

from __future__ import annotations

__all__ = [
    "CLEAN_COLUMNS",
    "COUNT",
    "COUNTER",
    "DAY_OF_MONTH",
    "HOUR",
    "LATITUDE",
    "LONGITUDE",
    "MONTH",
    "TIME",
    "TIME_PARTS",
    "TIME_ZONE",
    "WEEKDAY",
    "YEAR",
]

TIME_ZONE = "Europe/Paris"

COUNTER = "nom_du_compteur"
"""Name of the counter: a categorical of text in composed Unicode (NFC), with single spaces."""
TIME = "date_et_heure_de_comptage"
"""Start of the hour: ``datetime64`` in Europe/Paris."""
HOUR = "heure"
"""Hour of the local day, 0 to 23."""
DAY_OF_MONTH = "jour_mois"
MONTH = "mois"
YEAR = "annee"
WEEKDAY = "jour_semaine"
"""Day of the week; 0 is Monday."""
LATITUDE = "latitude"
"""Degrees, float32; NaN where unknown."""
LONGITUDE = "longitude"
"""Degrees, float32; NaN where unknown."""
COUNT = "comptage_horaire"
"""Bikes in the hour, float64; the only column that a clean frame may lack."""

TIME_PARTS = (HOUR, DAY_OF_MONTH, MONTH, YEAR, WEEKDAY)
"""Parts of the local time, int16."""

CLEAN_COLUMNS = (COUNTER, TIME, *TIME_PARTS, LATITUDE, LONGITUDE)
"""The columns that every clean frame has, in their order."""
