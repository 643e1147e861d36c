"""Where `bt tune` looks for the parameters of a pipeline."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Between:
    """A parameter from `low` to `high`, both included: whole if both are; `log` gives each factor the same weight."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether the parameter is a whole number."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def has(self, value: Any) -> bool:
        """Return whether a value is of this range and of its type."""
        return type(value) is (int if self.whole else float) and self.low <= value <= self.high


@attrs.frozen
class OneOf:
    """A parameter that is one of some values of any type."""

    values: tuple[Any, ...]

    def has(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return any(type(one) is type(value) and one == value for one in self.values)


Searched = Between | OneOf
