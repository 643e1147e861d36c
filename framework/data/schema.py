"""The City's columns: their labels, their names over the years, and which header stands for which of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from bike_traffic.cities import CityColumns
from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME
from bike_traffic.errors import SchemaError, no_such

COORDINATES = "coordonnees_geographiques"
"""Standard name of a published column that the clean frame holds as latitude and longitude."""

IDENTIFYING = (COUNTER, TIME)
"""The columns that a prediction needs."""
OPTIONAL = (IDENTIFIER, COORDINATES, LATITUDE, LONGITUDE, COUNT)
"""The columns that are read if they are there."""

CITY_HEADERS: Mapping[str, str] = {
    COUNTER: "Nom du compteur",
    TIME: "Date et heure de comptage",
    COORDINATES: "Coordonnées géographiques",
    COUNT: "Comptage horaire",
    IDENTIFIER: "Identifiant du compteur",
}

# What the same columns are called in exports by field name instead of by label.
_FIELD_NAMES = {
    "nom_compteur": COUNTER,
    "date": TIME,
    "coordinates": COORDINATES,
    "sum_counts": COUNT,
    "id_compteur": IDENTIFIER,
}

_AS_PARIS = CityColumns()
_FIELDS_OF_A_CITY = {
    COUNTER: "counter",
    TIME: "time",
    COUNT: "count",
    IDENTIFIER: "identifier",
    COORDINATES: "coordinates",
}
"""The fields of `CityColumns` by standard name."""

_NATIONAL_NAMES = {"channel_id": COUNTER, "start_datetime": TIME, "count": COUNT}
"""The columns of measures in France's schema of counts, https://schema.data.gouv.fr/etalab/schema-comptage-mobilites/:
its channels are our counters. Alone such names say little, so they count only where all three are there."""

_SITES = "nom_du_point_de_comptage"
"""A column of the City's files of sites, which hold quarter hours under the label of the hourly counts."""


def standard_name(header: str) -> str:
    """Return a header in lower case, without accents, words joined by ``_``."""
    name = _plain(header)
    return _FIELD_NAMES.get(name, name)


def _plain(header: str) -> str:
    plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def headers_of(
    columns: Iterable[object],
    wanted: Sequence[str],
    where: str = "the counts",
    optional: Sequence[str] = (),
    own: CityColumns = _AS_PARIS,
) -> dict[str, str]:
    """Return the header of each wanted column by standard name, and of the optional columns that are there.

    The City's own label wins over the name of a field, wherever the columns stand; the names of France's schema of
    counts come last.

    Parameters
    ----------
    own : what the columns of another city are called, which win over those of Paris.

    Raises
    ------
    SchemaError
        A wanted column is missing, or two columns have equal right to be it.
    """
    headers = [str(header) for header in columns]
    found = {name: _own_header(headers, name, own) or _header(headers, name, where) for name in (*wanted, *optional)}
    for name in wanted:
        if found[name] is None:
            raise _missing(headers, CITY_HEADERS[name], where)
    return {name: header for name, header in found.items() if header is not None}


def _own_header(headers: Sequence[str], name: str, own: CityColumns) -> str | None:
    """Return the header that another city has for a column; ``None`` if it has none, or the same one as Paris."""
    field = _FIELDS_OF_A_CITY.get(name)
    header = None if field is None else getattr(own, field)
    return header if header in headers and header != getattr(_AS_PARIS, str(field)) else None


def under_labels(headers: Mapping[str, str]) -> dict[str, str]:
    """Return other headers for columns that only their city calls so: the labels, by which all code knows them."""
    known = headers_of(headers.values(), [], optional=list(headers))
    return {name: header if known.get(name) == header else CITY_HEADERS[name] for name, header in headers.items()}


def labelled(counts: pd.DataFrame, own: CityColumns) -> pd.DataFrame:
    """Return a published frame with the City's labels on columns that only their city calls otherwise."""
    headers = headers_of(counts.columns, [], optional=(*IDENTIFYING, *OPTIONAL), own=own)
    labels = under_labels(headers)
    return counts.rename(columns={headers[name]: label for name, label in labels.items()})


def _header(headers: Sequence[str], name: str, where: str) -> str | None:
    labels = [header for header in headers if _plain(header) == name]
    fields = [header for header in headers if standard_name(header) == name]
    national = {_plain(header): header for header in headers}
    is_national = _NATIONAL_NAMES.keys() <= national.keys()
    best = labels or fields or [national[one] for one, of in _NATIONAL_NAMES.items() if is_national and of == name]
    if len(best) > 1:
        raise SchemaError(
            f"{where}: the columns '{best[0]}' and '{best[1]}' mean the same; leave one of them out",
            "columns-alike",
            where=where,
            first=best[0],
            second=best[1],
        )
    return best[0] if best else None


def _missing(headers: Sequence[str], label: str, where: str) -> SchemaError:
    known = sorted(dict.fromkeys(headers))
    if any(_plain(header) == _SITES for header in headers):
        return SchemaError(
            f"{where}: no column '{label}': this is the City's file of sites, whose rows are quarter hours; take the "
            "file of counters (…_donnees_compteurs)",
            "file-of-sites",
            where=where,
            name=label,
        )
    return SchemaError(
        f"{where}: {no_such('column', label, known)}", "column-missing", where=where, name=label, known=known
    )


def column_of(counts: pd.DataFrame, name: str) -> pd.Series:
    """Return a column by its standard name; raise `SchemaError` if it is missing."""
    return counts[headers_of(counts.columns, [name])[name]]
