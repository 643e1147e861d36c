"""Long computations take turns."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from bike_traffic.app.turns import HEAVY_AT_ONCE, heavy


class Left(Exception):
    """What Streamlit raises in a script whose reader has left."""


def leave() -> None:
    raise Left


def test_who_waits_is_told_and_can_leave_and_a_turn_that_ends_is_free_again() -> None:
    with ExitStack() as turns:
        for _ in range(HEAVY_AT_ONCE):
            turns.enter_context(heavy())
        with pytest.raises(Left), heavy(leave):
            pytest.fail("one too many at the same time")
    with ExitStack() as turns:
        for _ in range(HEAVY_AT_ONCE):
            turns.enter_context(heavy(leave))


def test_a_computation_that_fails_ends_its_turn() -> None:
    for _ in range(HEAVY_AT_ONCE + 1):
        with pytest.raises(Left), heavy(leave):
            raise Left
