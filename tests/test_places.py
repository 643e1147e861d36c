"""Counters of one address are a place, and each of them is one of its directions."""

from __future__ import annotations

import pytest

from bike_traffic.places import Counter, Place, counters_by_place, place_of, places_of


@pytest.mark.parametrize(
    ("counter", "place", "direction"),
    [
        ("28 boulevard Diderot O-E", "28 boulevard Diderot", "O-E"),
        ("39 quai François Mauriac SE-NO", "39 quai François Mauriac", "SE-NO"),
        ("Face au 48 quai de la marne NE-SO", "Face au 48 quai de la marne", "NE-SO"),
        ("73 boulevard de Sébastopol S-N", "73 boulevard de Sébastopol", "S-N"),
        ("Totem 73 boulevard de Sébastopol S-N", "73 boulevard de Sébastopol", "S-N"),
        ("27 quai de la Tournelle 27 quai de la Tournelle Vélos SE-NO", "27 quai de la Tournelle", "SE-NO"),
        ("64 Rue de Rivoli Piste Vélos E-O", "64 Rue de Rivoli", "E-O"),
        ("10 avenue de la Grande Armée 10 avenue de la Grande Armée [Bike IN]", "10 avenue de la Grande Armée", "IN"),
        ("10 avenue de la Grande Armée [Bike OUT] 353426660", "10 avenue de la Grande Armée", "OUT 353426660"),
        ("Pont de Bezons Vers Paris", "Pont de Bezons", "Vers Paris"),
        ("Weseler Straße stadteinwärts", "Weseler Straße", "stadteinwärts"),
        ("Kanalpromenade Fahrräder Richtung Zentrum", "Kanalpromenade", "Richtung Zentrum"),
        ("Pont des Invalides", "Pont des Invalides", ""),
        ("N-S", "N-S", ""),
    ],
)
def test_a_name_is_a_place_and_a_direction(counter: str, place: str, direction: str) -> None:
    assert place_of(counter) == (place, direction)


def test_every_counter_is_in_one_place_and_a_renamed_one_in_a_place_of_its_own() -> None:
    names = ["Totem 5 rue A N-S", "Totem 5 rue A S-N", "5 rue A S-N", "5 rue A N-S", "Pont B Vélos N-S", "Pont B N-S"]
    assert counters_by_place(names) == {
        "5 rue A": {"N-S": "5 rue A N-S", "S-N": "5 rue A S-N"},
        "Pont B": {"N-S": "Pont B N-S"},
        "Pont B Vélos N-S": {"N-S": "Pont B Vélos N-S"},
        "Totem 5 rue A": {"N-S": "Totem 5 rue A N-S", "S-N": "Totem 5 rue A S-N"},
    }


def test_a_name_means_a_counter_or_a_place_and_never_both() -> None:
    """The first of these counters may be the sum of the others."""
    assert counters_by_place(["Pont B", "Pont B N-S", "Pont B S-N"]) == {
        "Pont B": {"": "Pont B"},
        "Pont B (N-S, S-N)": {"N-S": "Pont B N-S", "S-N": "Pont B S-N"},
    }


def at(latitude: float | None, longitude: float | None) -> Counter:
    return Counter(latitude=latitude, longitude=longitude, mean=1.0, first_hour="", last_hour="")


def test_a_place_is_in_the_middle_of_its_counters() -> None:
    counters = {"Rue Z S-N": at(48.85, 2.35), "Rue Z N-S": at(48.86, None), "Rue A": at(None, None)}
    assert places_of(counters) == {
        "Rue A": Place(name="Rue A", latitude=None, longitude=None, counters={"": "Rue A"}),
        "Rue Z": Place(
            name="Rue Z", latitude=48.855, longitude=2.35, counters={"N-S": "Rue Z N-S", "S-N": "Rue Z S-N"}
        ),
    }
    assert list(places_of(counters)) == ["Rue A", "Rue Z"]
