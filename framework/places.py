"""Places and directions: a place is a site, such as a boulevard, whose counters count one direction each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from statistics import fmean

import attrs

_DIRECTION = re.compile(
    r"""
    (?:\s*-)?\s+
    (?:piste\s+)?(?:v[ée]los?\s+|fahrräder\s+|radfahrer\s+)?  # what is counted, which all counters share
    (?P<direction>
        [nseow]{1,2}-[nseow]{1,2}                    # N-S, SE-NO
      | \[bike\s+[^\]]+\](?:\s+\d+)?                 # [Bike IN], with the number of the channel if there are several
      | (?:in|out|(?:stadt)?(?:ein|aus)wärts)
      | (?:vers|richtung|fr)\s+\S.*                  # Vers Paris
    )$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BIKES = re.compile(r"\s+(?:piste\s+)?v[ée]los?$", re.IGNORECASE)
_TOTEM = re.compile(r"^totem\s+", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Counter:
    """One counter in training: where it is, in degrees, and its mean count and first and last hour (ISO 8601).

    `identifier` is the City's, ``None`` where the counts had none.
    """

    latitude: float | None
    longitude: float | None
    mean: float
    first_hour: str
    last_hour: str
    identifier: str | None = None


@attrs.frozen(kw_only=True)
class Place:
    """A place: its name, the mean position of its counters in degrees, and the name of the counter by direction."""

    name: str
    latitude: float | None
    longitude: float | None
    counters: Mapping[str, str]


def place_of(counter: str) -> tuple[str, str]:
    """Return the place and the direction that the clean name of a counter consists of.

    The direction is that of the name, such as ``N-S``, ``IN`` or ``Vers Paris``, and empty if the name has none. The
    name of the place lacks what only some exports add: ``Totem`` before the address, the address a second time,
    ``Vélos`` after it.
    """
    site, direction = _site_and_direction(counter)
    words = _TOTEM.sub("", _BIKES.sub("", site) or site).split()
    half = len(words) // 2
    if len(words) >= 4 and words[:half] == words[half:]:
        words = words[:half]
    return " ".join(words), direction


def counters_by_place(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the counters of each place by direction, in order of both names.

    Every name of a counter is in one place. If two counters have the same place and direction, as when an export
    has renamed one, the later name is of a place of its own, under its full address. A place whose name is that of a
    counter with other directions bears the directions in its name, so that a name means one thing.
    """
    found: dict[str, dict[str, str]] = {}
    for counter in sorted(names):
        place, direction = place_of(counter)
        for name in (place, _site_and_direction(counter)[0], counter):
            if direction not in found.get(name, {}):
                found.setdefault(name, {})[direction] = counter
                break
    parted: dict[str, dict[str, str]] = {}
    for place, counters in found.items():
        alone = counters.pop("", None)
        if alone is not None:
            parted[alone] = {"": alone}
        if counters:
            name = place if alone is None else f"{place} ({', '.join(sorted(counters))})"
            parted[name] = dict(sorted(counters.items()))
    return dict(sorted(parted.items()))


def places_of(counters: Mapping[str, Counter]) -> dict[str, Place]:
    """Return the places of counters by name, in order of name."""
    found = {}
    for name, directions in counters_by_place(counters).items():
        own = [counters[counter] for counter in directions.values()]
        found[name] = Place(
            name=name,
            latitude=_mean(counter.latitude for counter in own),
            longitude=_mean(counter.longitude for counter in own),
            counters=directions,
        )
    return found


def _site_and_direction(counter: str) -> tuple[str, str]:
    match = _DIRECTION.search(counter)
    if match is None:
        return counter, ""
    bracket = re.fullmatch(r"\[bike\s+([^\]]+)\](.*)", match["direction"], re.IGNORECASE)
    return counter[: match.start()], bracket[1] + bracket[2] if bracket else match["direction"]


def _mean(degrees: Iterable[float | None]) -> float | None:
    known = [value for value in degrees if value is not None]
    return round(fmean(known), 5) if known else None


def plain_name(name: str) -> str:
    """Return a name without accents, in lower case, with single spaces."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())
