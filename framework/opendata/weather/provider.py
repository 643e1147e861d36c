"""What a provider of weather gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pandas as pd

from bike_traffic.cities import City

Pause = Callable[[float], None]
"""Waits a number of seconds."""
SOURCE = "source"
"""Column that says whether an hour was observed or forecast, and when."""


class WeatherProvider(Protocol):
    """Gives the hourly weather of a city."""

    @property
    def name(self) -> str:
        """What ``bt data weather --provider`` calls it."""
        ...

    @property
    def licence(self) -> str:
        """That of its data, with the name of whom to thank."""
        ...

    def hours(self, city: City, since: pd.Timestamp, now: pd.Timestamp, pause: Pause) -> pd.DataFrame:
        """Return the weather of the hours from a day on, as far as it is known or forecast.

        Parameters
        ----------
        since : any time of the first day, in UTC.
        now : in UTC.
        pause : waits between two tries.

        Returns
        -------
        Columns `WEATHER_COLUMNS` (float64) and `SOURCE` (text), on an index of UTC hours in ascending order. Rain is
        that of the hour which begins at the index.

        Raises
        ------
        SettingsError
            The city does not say where its weather is.
        ReadError
            The provider cannot be reached, takes no more requests, or does not answer as it should.
        """
        ...
