"""Small frames as the pages hand them to the charts."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAN = float("nan")
FULL = ["forecast", "lower", "upper", "usual_lower", "usual_middle", "usual_upper", "count"]


def hours_of(day: str, *columns: str) -> pd.DataFrame:
    """Return all hours of a day in Paris: the forecast rises to 690 at 8 in the morning."""
    start = pd.Timestamp(day, tz="Europe/Paris")
    times = pd.date_range(start, start + pd.DateOffset(days=1), freq="h", inclusive="left")
    forecast = 690.4 - 40.0 * np.abs(np.array([time.hour for time in times]) - 8)
    values = {
        "forecast": forecast,
        "lower": forecast - 30,
        "upper": forecast + 60,
        "usual_lower": forecast * 0.5,
        "usual_middle": forecast * 0.75,
        "usual_upper": forecast * 1.1,
        "count": np.where(np.arange(len(times)) < 10, forecast - 5, NAN),
        "probability": np.clip(forecast / 690.4, 0, 1),
    }
    return pd.DataFrame({"time": times, **{name: values[name] for name in columns}})


def week() -> pd.DataFrame:
    """Return seven days of which the second is chosen."""
    return pd.DataFrame(
        {
            "day": pd.date_range("2021-06-14", periods=7).date,
            "bikes": [14_118.0, 16_887.0, 15_913.0, 14_050.0, 13_244.0, 10_028.0, 8_975.4],
            "usual": [13_000.0, 15_000.0, 15_000.0, 14_000.0, 13_000.0, 11_000.0, 10_000.0],
            "chosen": [False, True, False, False, False, False, False],
        }
    )


def places_of(number: int) -> pd.DataFrame:
    """Return places inside Paris, with names as long as real ones."""
    at = np.arange(number)
    return pd.DataFrame(
        {
            "name": [f"Face au {one} avenue de la porte de Bagnolet" for one in at],
            "latitude": 48.83 + 0.06 * (at % 5) / 5,
            "longitude": 2.29 + 0.1 * (at % 7) / 7,
            "bikes": 1_000.0 * (at + 1),
            "chosen": at == 0,
        }
    )
