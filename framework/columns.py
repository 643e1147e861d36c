"""The columns of a clean frame, which `RawCleanerTransformer` returns and all code inside works on."""

from __future__ import annotations

from bike_traffic.cities import PARIS

__all__ = [
    "CLEAN_COLUMNS",
    "CLOUD",
    "COUNT",
    "COUNTER",
    "DAY_OF_MONTH",
    "HOUR",
    "IDENTIFIER",
    "LATITUDE",
    "LONGITUDE",
    "MONTH",
    "RAIN",
    "TEMPERATURE",
    "TIME",
    "TIME_PARTS",
    "TIME_ZONE",
    "WEATHER_COLUMNS",
    "WEEKDAY",
    "WIND",
    "YEAR",
]

TIME_ZONE = PARIS.time_zone

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
"""Bikes in the hour, float64; a clean frame of hours to predict may lack it."""
IDENTIFIER = "identifiant_du_compteur"
"""The City's identifier of the counter, which stays when its name changes: a categorical; a frame may lack it."""
TEMPERATURE = "temperature_celsius"
"""Air temperature in the hour, degrees Celsius, float32."""
RAIN = "rain_millimetres"
"""Rain and melted snow in the hour, mm, float32."""
WIND = "wind_metres_per_second"
"""Mean wind speed, m/s, float32; NaN where the source of the weather has none."""
CLOUD = "cloud_percent"
"""Cloud cover in the hour, percent, float32."""

TIME_PARTS = (HOUR, DAY_OF_MONTH, MONTH, YEAR, WEEKDAY)
"""Parts of the local time, int16."""

CLEAN_COLUMNS = (COUNTER, TIME, *TIME_PARTS, LATITUDE, LONGITUDE)
"""The columns that every clean frame has, in their order."""

WEATHER_COLUMNS = (TEMPERATURE, RAIN, WIND, CLOUD)
"""The weather of the hours, after all other columns: a clean frame has all four of them or none.

Only the wind may be missing in some rows."""
