"""The objects inside a record: split, data, registered fit, plugin and tracking."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Self, get_type_hints

import attrs


@cache
def _types_of(part: type) -> dict[str, Any]:
    """Return the types of the fields of a part; finding them takes longer than all else in reading one."""
    return get_type_hints(part)


@attrs.frozen(kw_only=True)
class RecordPart:
    """An object inside a record; unknown keys are kept in `extra`."""

    extra: Mapping[str, Any] = attrs.field(factory=dict)
    _order: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)
    """The keys of the JSON that was read, whose order `to_json` keeps."""

    def to_json(self) -> dict[str, Any]:
        """Return the part as it is in the record's JSON; a field that is ``None`` has no key."""
        values = {name: getattr(self, name) for name in self._own() if getattr(self, name) is not None}
        values |= self.extra
        in_order = [key for key in self._order if key in values]
        return {key: values[key] for key in dict.fromkeys([*in_order, *values])}

    @classmethod
    def from_json(cls, value: object) -> Self | None:
        """Return the part that `value` is; ``None`` if it is another kind of object, or a key has another type."""
        if not isinstance(value, Mapping):
            return None
        part: type = cls  # mypy takes no Self for hashable
        types, own = _types_of(part), cls._own()
        for name in own & value.keys():
            if type(value[name]) is bool or not isinstance(value[name], types[name]):
                return None
        return cls(
            **{name: value[name] for name in own & value.keys()},
            extra={key: values for key, values in value.items() if key not in own},
            order=tuple(value),
        )

    @classmethod
    def _own(cls) -> Any:
        return {field.name: None for field in attrs.fields(cls) if field.name not in ("extra", "_order")}.keys()


@attrs.frozen(kw_only=True)
class SplitInfo(RecordPart):
    """Which rows the metrics were measured on.

    Parameters
    ----------
    kind : ``"temporal"`` or ``"random"``.
    seed : of a random split.
    training_until : last hour of the training rows of the measured fit, ISO 8601.
    measured_until : last hour of the held-out rows, ISO 8601.
    training_rows, held_out_rows : number of rows.
    held_out_digest : SHA-256 of the held-out rows; records with the same digest were measured on the same rows.
    left_out_rows : held-out rows of counters that the training rows do not have; they were not measured.
    """

    kind: str | None = None
    seed: int | None = None
    training_until: str | None = None
    measured_until: str | None = None
    training_rows: int | None = None
    held_out_rows: int | None = None
    held_out_digest: str | None = None
    left_out_rows: int | None = None


@attrs.frozen(kw_only=True)
class DataInfo(RecordPart):
    """The counts of a training: rows, counters, and first and last hour (ISO 8601).

    `source` is where they came from: a path or URL without secrets, or ``"sample"`` for the generated sample.
    """

    source: str | None = None
    rows: int | None = None
    counters: int | None = None
    first_hour: str | None = None
    last_hour: str | None = None


@attrs.frozen(kw_only=True)
class FitInfo(RecordPart):
    """The fit of the registered model, if it is another fit than the measured one.

    Parameters
    ----------
    until : last hour of the rows that it was fitted on, ISO 8601.
    rows : their number.
    seconds : duration of the fit.
    """

    until: str | None = None
    rows: int | None = None
    seconds: int | float | None = None


@attrs.frozen(kw_only=True)
class PluginInfo(RecordPart):
    """The package whose pipeline was trained."""

    distribution: str | None = None
    version: str | None = None


@attrs.frozen(kw_only=True)
class TrackingInfo(RecordPart):
    """The run in MLflow that shows the training."""

    run_id: str | None = None
    experiment_id: str | None = None
    uri: str | None = None
