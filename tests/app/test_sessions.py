"""Readers side by side: each sees what it asked for, and nothing of another."""

from __future__ import annotations

import threading

import pytest

from tests.app.serving import Served
from tests.app.sessions import session

pytestmark = pytest.mark.slow

READERS, RERUNS = 10, 20
PLACES = (
    "12 quai des Hirondelles",
    "Pont du Vieux Moulin",
    "Face au 3 rue de la Girouette",
    "48 boulevard des Merisiers",
)


def test_ten_readers_side_by_side_see_their_own_place_and_day(served: Served) -> None:
    wrong: list[str] = []

    def read(number: int) -> None:
        try:
            with session(served.url) as reader:
                for turn in range(RERUNS):
                    place, day = PLACES[(number + turn) % len(PLACES)], 2 + (number * 3 + turn) % 5
                    reader.rerun({"lang": "en", "place": place, "day": f"2024-12-0{day}"})
                    head = f"{day} December 2024, {place}:"
                    if not any(head in text.replace("\\", "") for text in reader.texts):
                        wrong.append(f"{head} {reader.texts[:2]}")
        except Exception as error:  # of a thread, which pytest does not see
            wrong.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    assert wrong == []
