"""A city that publishes counts: where, under which names, and what is known of it. Paris is built in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from bike_traffic.errors import SettingsError, UnknownName, no_such


@attrs.frozen(kw_only=True)
class Columns:
    """The names of the columns in the portal's data set, the field names and not the labels.

    `identifier` and `coordinates` are ``None`` where the portal has none.
    """

    counter: str = "nom_compteur"
    time: str = "date"
    count: str = "sum_counts"
    identifier: str | None = "id_compteur"
    coordinates: str | None = "coordinates"


@attrs.frozen(kw_only=True)
class City:
    """A city.

    Parameters
    ----------
    base_url, also_at : of a portal that speaks the Explore API 2.1, and of another server with the same.
    counts : id of the data set of hourly counts.
    counters : id of the data set of counters, with their positions; ``None`` if there is none.
    archives : id of the data set of yearly archives, which are attachments; ``None`` if there is none.
    columns : what the columns of `counts` are called.
    position : ``latitude,longitude`` of its middle, in degrees, for the weather.
    time_zone : of the wall clock, as IANA names it.
    latitudes, longitudes : the region of its counters with a margin, in degrees.
    holidays, school_zone : whose public and school holidays; see `bike_traffic.features.calendar`.
    """

    name: str
    base_url: str
    counts: str
    counters: str | None = None
    archives: str | None = None
    columns: Columns = Columns()
    also_at: str | None = None
    position: str | None = None
    time_zone: str = "Europe/Paris"
    latitudes: tuple[float, float] = (-90.0, 90.0)
    longitudes: tuple[float, float] = (-180.0, 180.0)
    holidays: str = "FR"
    school_zone: str = "C"


PARIS = City(
    name="paris",
    base_url="https://opendata.paris.fr",
    also_at="https://parisdata.opendatasoft.com",
    counts="comptage-velo-donnees-compteurs",
    counters="comptage-velo-compteurs",
    archives="comptage-velo-historique-donnees-compteurs",
    position="48.857,2.352",
    latitudes=(48.0, 49.5),
    longitudes=(1.4, 3.6),
)
"""The box is Île-de-France with a margin; no counter of Paris is outside."""

BUILT_IN: Mapping[str, City] = {PARIS.name: PARIS}

OF_A_TABLE = ("base_url", "counts", "counters", "archives", "position", "columns")
"""What a table of ``bt.toml`` may say of a city."""


class UnknownCity(UnknownName):
    """No city of that name is built in or in the settings."""

    what = "city"


def city_named(name: str, tables: Mapping[str, Mapping[str, Any]], file: str = "bt.toml") -> City:
    """Return a city: a built-in one, or one of the settings, whose table may also change a built-in one.

    Parameters
    ----------
    tables : the tables ``[cities.NAME]`` of the settings.
    file : that has them.

    Raises
    ------
    UnknownCity
    SettingsError
        A key of the table is unknown, or a new city lacks one.
    """
    table = tables.get(name, {})
    if name not in BUILT_IN and name not in tables:
        raise UnknownCity(name, {*BUILT_IN, *tables})
    where = f"{file} [cities.{name}]"
    values: dict[str, Any] = {key: value for key, value in table.items() if key != "columns"}
    _check(where, table, OF_A_TABLE)
    columns = table.get("columns", {})
    fields = [field.name for field in attrs.fields(Columns)]
    if not isinstance(columns, Mapping):
        raise _not_text(where, "columns")
    _check(f"{file} [cities.{name}.columns]", columns, fields)
    texts = {**values, **{f"columns.{key}": value for key, value in columns.items()}}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise _not_text(where, key)
    if name in BUILT_IN:
        known = BUILT_IN[name]
        return attrs.evolve(known, **values, columns=attrs.evolve(known.columns, **columns))
    for key in ("base_url", "counts"):
        if key not in values:
            raise SettingsError(
                f"{where}: no {key}; it needs base_url and counts, the id of the data set",
                "city-incomplete",
                section=where,
                lacking=key,
            )
    # What a table does not say, the city does not have.
    given = Columns(**{"identifier": None, "coordinates": None, **columns})
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


def _not_text(where: str, key: str) -> SettingsError:
    return SettingsError(f"{where}: {key} must be a string", "city-setting-type", section=where, name=key)
