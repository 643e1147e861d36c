"""Declares the city of Münster, without importing what reads its files."""

from bike_traffic import City, hookimpl


@hookimpl
def bt_cities() -> list[City]:
    """Declare the city of this package."""
    return [
        City(
            name="muenster",
            title="Münster",
            position="51.962,7.626",
            time_zone="Europe/Berlin",
            latitudes=(51.8, 52.1),
            longitudes=(7.4, 7.8),
            holidays="DE-NW",
            form="bt_muenster.files:MonthlyFiles",
        )
    ]
