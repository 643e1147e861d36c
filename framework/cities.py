"""A city that publishes counts: where, under which names, and what is known of it. Paris is built in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.errors import BikeTrafficError, SettingsError, UnknownCity, WrongCity, no_such

if TYPE_CHECKING:
    import pandas as pd

SCHOOL_ZONES = ("A", "B", "C")
FIRST_SCHOOL_ZONE = "C"
"""That of Paris, which is meant where a French calendar names none."""


@attrs.frozen(kw_only=True)
class CityColumns:
    """The names of the columns in the portal's data set, the field names and not the labels.

    `identifier` and `coordinates` are ``None`` where the portal has none.
    """

    counter: str = "nom_compteur"
    time: str = "date"
    count: str = "sum_counts"
    identifier: str | None = "id_compteur"
    coordinates: str | None = "coordinates"


class FileForm(ABC):
    """The form of the files of a city that are not tables of one row a counter and hour.

    Every CSV of the city is asked about; one that does not fit is read as the City of Paris writes its own.
    """

    @abstractmethod
    def fits(self, columns: Sequence[str]) -> bool:
        """Return whether a CSV with these columns is of this form."""

    @abstractmethod
    def hours(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the counts by counter and hour.

        Parameters
        ----------
        rows : all columns of a whole file, as text; empty ones are missing.

        Returns
        -------
        Columns with the names of `bike_traffic.columns`: `COUNTER` (text), `TIME` (start of the hour; the wall clock
        of the city if it has no offset), `COUNT` (missing where an hour cannot be used, which is then told), and as
        far as there are any `IDENTIFIER`, `LATITUDE` and `LONGITUDE`.
        """


def _is_target(_: object, __: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None and not all(value.partition(":")):
        raise ValueError(f"form must be 'package.module:Class', not {value!r}")


def _is_time_zone(_: object, __: attrs.Attribute[str], zone: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        known = ZoneInfo(zone)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"no time zone is called '{zone}'; give one such as Europe/Paris") from error
    for month in (1, 7):
        offset = datetime(2024, month, 1, tzinfo=UTC).astimezone(known).utcoffset()
        if offset is not None and offset % timedelta(hours=1):
            raise ValueError(f"the hours of {zone} do not begin with those of UTC, which is not supported")


def degrees_of(position: str) -> tuple[float, float]:
    """Return latitude and longitude of ``latitude,longitude``, in degrees; raise `ValueError`."""
    try:
        latitude, longitude = (float(part) for part in position.split(","))
    except ValueError:
        latitude = longitude = float("nan")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"position must be 'latitude,longitude' in degrees, such as '48.86,2.35', not {position!r}")
    return latitude, longitude


def _is_position(_: object, __: attrs.Attribute[str | None], position: str | None) -> None:
    if position is not None:
        degrees_of(position)


def _is_school_zone(_: object, __: attrs.Attribute[str | None], zone: str | None) -> None:
    if zone not in (None, *SCHOOL_ZONES):
        raise ValueError(f"school_zone must be one of {', '.join(SCHOOL_ZONES)}, not {zone!r}")


@attrs.frozen(kw_only=True)
class City:
    """A city.

    Parameters
    ----------
    base_url, also_at : of a portal that speaks the Explore API 2.1, and of another server with the same; ``None`` if
        its counts are files alone.
    counts : id of the data set of hourly counts.
    counters : id of the data set of counters, with their positions; ``None`` if there is none.
    archives : id of the data set of yearly archives, which are attachments; ``None`` if there is none.
    columns : what the columns of `counts` are called.
    position : ``latitude,longitude`` of its middle, in degrees, for daylight and the forecasts of its weather.
    weather_station : number or name of the station whose observations are those of the city.
    title : what messages call it; by default the name with a capital letter.
    time_zone : of the wall clock, as IANA names it; its offsets are whole hours.
    latitudes, longitudes : the region of its counters with a margin, in degrees.
    holidays : whose public holidays: a country, or country and subdivision, as the package ``holidays`` names them.
    school_zone : of France's school holidays, ``"A"``, ``"B"`` or ``"C"``; ``None`` elsewhere.
    form : ``"package.module:Class"`` of the `FileForm` of its files; ``None`` if they are tables.
    """

    name: str
    base_url: str | None = None
    counts: str | None = None
    counters: str | None = None
    archives: str | None = None
    columns: CityColumns = CityColumns()
    also_at: str | None = None
    position: str | None = attrs.field(default=None, validator=_is_position)
    weather_station: str | None = None
    title: str = attrs.field(default=attrs.Factory(lambda self: self.name.capitalize(), takes_self=True))
    time_zone: str = attrs.field(default="Europe/Paris", validator=_is_time_zone)
    latitudes: tuple[float, float] = (-90.0, 90.0)
    longitudes: tuple[float, float] = (-180.0, 180.0)
    holidays: str = "FR"
    school_zone: str | None = attrs.field(default=None, validator=_is_school_zone)
    form: str | None = attrs.field(default=None, validator=_is_target)

    @property
    def calendar(self) -> str:
        """Whose public and school holidays, as pipelines take them: ``FR``, ``FR:B``, ``DE-NW``."""
        zone = self.school_zone or FIRST_SCHOOL_ZONE
        return self.holidays if zone == FIRST_SCHOOL_ZONE else f"{self.holidays}:{zone}"


PARIS_POSITION = "48.86,2.35"
PARIS = City(
    name="paris",
    base_url="https://opendata.paris.fr",
    also_at="https://parisdata.opendatasoft.com",
    counts="comptage-velo-donnees-compteurs",
    counters="comptage-velo-compteurs",
    archives="comptage-velo-historique-donnees-compteurs",
    position=PARIS_POSITION,
    weather_station="ORLY",
    school_zone=FIRST_SCHOOL_ZONE,
    latitudes=(48.0, 49.5),
    longitudes=(1.4, 3.6),
)
"""The box is Île-de-France with a margin; no counter of Paris is outside."""

BUILT_IN: Mapping[str, City] = {PARIS.name: PARIS}

_TEXTS = (
    "base_url",
    "counts",
    "counters",
    "archives",
    "position",
    "weather_station",
    "title",
    "time_zone",
    "holidays",
    "school_zone",
)
_RANGES = ("latitudes", "longitudes")
OF_A_TABLE = (*_TEXTS, *_RANGES, "columns")
"""What a table of ``bt.toml`` may say of a city."""


def require_city(city: City, of_model: str | None, model: str) -> None:
    """Raise `WrongCity` if a model is of another city; a record of an earlier version does not say of which it is.

    Parameters
    ----------
    of_model : the name of the city in the model's record.
    model : what messages call the model.
    """
    if of_model not in (None, city.name):
        raise WrongCity(
            f"{model} is of the city '{of_model}', and the city here is '{city.name}'; choose a model of this city, "
            f"or give --city {of_model} (BT_CITY)",
            "city-of-another-model",
            model=model,
            of_model=of_model,
            city=city.name,
        )


def city_named(
    name: str,
    tables: Mapping[str, Mapping[str, Any]],
    file: object = "bt.toml",
    plugins: Callable[[], Mapping[str, City]] = dict,
) -> City:
    """Return a city: a declared one, or one of the settings, whose table may also change a declared one.

    Parameters
    ----------
    tables : the tables ``[cities.NAME]`` of the settings.
    file : that has them.
    plugins : returns the cities of plugins, by name; they are not looked for if the city is built in.

    Raises
    ------
    UnknownCity
    SettingsError
        A key of the table is unknown, or a value malformed.
    """
    table, declared = tables.get(name, {}), BUILT_IN if name in BUILT_IN else {**plugins(), **BUILT_IN}
    if name not in declared and name not in tables:
        raise UnknownCity(name, {*declared, *tables})
    where = f"{file} [cities.{name}]"
    values: dict[str, Any] = {key: value for key, value in table.items() if key != "columns"}
    _check(where, table, OF_A_TABLE)
    columns = table.get("columns", {})
    fields = [field.name for field in attrs.fields(CityColumns)]
    if not isinstance(columns, Mapping):
        raise _not_text(where, "columns")
    _check(f"{file} [cities.{name}.columns]", columns, fields)
    texts = {key: value for key, value in values.items() if key in _TEXTS}
    texts |= {f"columns.{key}": value for key, value in columns.items()}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise _not_text(where, key)
    values |= {key: _range(where, key, values[key]) for key in _RANGES if key in values}
    try:
        return _made(name, values, columns, declared)
    except ValueError as error:
        if isinstance(error, BikeTrafficError):
            raise
        raise SettingsError(f"{where}: {error}", "city-malformed", section=where, reason=str(error)) from None


def _made(name: str, values: dict[str, Any], columns: Mapping[str, str], declared: Mapping[str, City]) -> City:
    if name in declared:
        known = declared[name]
        return attrs.evolve(known, **values, columns=attrs.evolve(known.columns, **columns))
    # What a table does not say, the city does not have.
    given = attrs.evolve(CityColumns(identifier=None, coordinates=None), **columns)
    return City(name=name, **values, columns=given)


def _check(where: str, table: Mapping[str, Any], known: Any) -> None:
    for key in table:
        if key not in known:
            raise SettingsError(
                f"{where}: {no_such('setting', key, known)}",
                "city-setting-unknown",
                section=where,
                name=key,
                known=sorted(known),
            )


def _range(where: str, key: str, value: object) -> tuple[float, float]:
    if (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        and value[0] < value[1]
    ):
        return float(value[0]), float(value[1])
    raise SettingsError(
        f"{where}: {key} must be two numbers in degrees, such as [48.0, 49.5], not {value!r}",
        "city-setting-range",
        section=where,
        name=key,
        value=repr(value),
    )


def _not_text(where: str, key: str) -> SettingsError:
    return SettingsError(f"{where}: {key} must be a string", "city-setting-type", section=where, name=key)
