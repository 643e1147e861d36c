"""The record of a trained model, as a value and as its entry in ``summary.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from bike_traffic.errors import RegistryCorrupt
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.registry.bounds.nesting import require_shallow
from bike_traffic.registry.files.artifacts import FileDigest, is_utf8, model_folder, read_digests
from bike_traffic.registry.record_parts import DataInfo, FitInfo, PluginInfo, RecordPart, SplitInfo, TrackingInfo

_SEED_KEYS = ("timestamp", "model_type", "env", "test_mode", "run_id")
_PARTS: Mapping[str, type[RecordPart]] = {
    "split": SplitInfo,
    "data": DataInfo,
    "registered_fit": FitInfo,
    "plugin": PluginInfo,
    "tracking": TrackingInfo,
}
_MAPPINGS = ("baseline", "recent", "interval", "parameters", "libraries", "signature")
_OWN_KEYS = (
    "city",
    "baseline",
    "recent",
    "beats_baseline",
    "interval",
    "split",
    "data",
    "registered_fit",
    "parameters",
    "fit_seconds",
    "plugin",
    "libraries",
    "tracking",
    "signature",
)
"""Our keys in the order in which a training writes them."""


def utc_now() -> str:
    """Return the time as records carry it: ISO 8601, microseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time; a time without an offset, as in old records, is UTC."""
    time = datetime.fromisoformat(text)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is out of range in UTC") from None
    return time


def as_metric(value: object) -> float | None:
    """Return the value of a metric in JSON; ``None`` if it is no number, or too large for a float."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value if isinstance(value, float) else None
    try:
        return float(value)
    except OverflowError:
        return None


@attrs.frozen(kw_only=True)
class ModelRecord:
    """One trained model: its kind, its metrics on held-out rows, and the place of its files.

    The metrics are always those of a fit that did not see the held-out rows. The registered model may be a second
    fit, on all rows; `registered_fit` describes it.

    `run_id` is its identity. As JSON it is flat: the original project's keys, the other metrics, and what we add. Of
    what we add, each field is ``None`` if a record does not have it.

    Parameters
    ----------
    artifacts : digest and size of each file; ``None`` if the record has none.
    city : the name of the city whose counts it learned.
    baseline : metrics of the four-week mean on the same held-out rows.
    recent : metrics of the second baseline, the recent level, on the same rows.
    beats_baseline : whether the model is better than the four-week mean on these rows.
    interval : level, coverage and other measures of the prediction interval on these rows.
    registered_fit : the fit of the registered model; ``None`` if the measured model was registered.
    parameters : of the pipeline, as JSON can hold them.
    fit_seconds : duration of the measured fit, in seconds.
    libraries : version by name of the library.
    signature : see `bike_traffic.registry.signing`.
    extra : keys that we do not know, and own keys whose value is of another kind, as they were.
    """

    timestamp: str
    model_type: str
    env: str
    test_mode: bool
    run_id: str
    metrics: Mapping[str, float]
    model_uri: str
    artifacts: Mapping[str, FileDigest] | None = None
    city: str | None = None
    baseline: Mapping[str, float] | None = None
    recent: Mapping[str, float] | None = None
    beats_baseline: bool | None = None
    interval: Mapping[str, Any] | None = None
    split: SplitInfo | None = None
    data: DataInfo | None = None
    registered_fit: FitInfo | None = None
    parameters: Mapping[str, Any] | None = None
    fit_seconds: float | None = None
    plugin: PluginInfo | None = None
    libraries: Mapping[str, str] | None = None
    tracking: TrackingInfo | None = None
    signature: Mapping[str, str] | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    _order: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)
    """Our keys and unknown ones in the order of the JSON that was read, which `to_json` keeps."""

    @property
    def folder(self) -> str:
        """The folder of the files, relative to the root of the registry."""
        return model_folder(self.model_type, self.timestamp, self.run_id)

    @property
    def known_until(self) -> str | None:
        """The last hour that the registered model learned from, ISO 8601; ``None`` if the record does not say."""
        if self.registered_fit is not None and self.registered_fit.until is not None:
            return self.registered_fit.until
        return self.split.training_until if self.split else None

    def to_json(self) -> dict[str, Any]:
        """Return the record as its entry in ``summary.json``."""
        entry: dict[str, Any] = {key: getattr(self, key) for key in _SEED_KEYS}
        entry |= {name: value for name, value in self.metrics.items() if math.isfinite(value)}
        entry["model_uri"] = self.model_uri
        if self.artifacts is not None:
            entry["artifacts"] = {name: attrs.asdict(digest) for name, digest in self.artifacts.items()}
        added = {key: _as_json(getattr(self, key)) for key in _OWN_KEYS if getattr(self, key) is not None}
        added |= self.extra
        in_order = [key for key in self._order if key in added]
        return entry | {key: added[key] for key in dict.fromkeys([*in_order, *added])}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ModelRecord:
        """Return the record that an entry of ``summary.json`` is; raise `RegistryCorrupt` if it is not one."""
        metrics = {name: as_metric(entry[name]) for name in METRICS if entry.get(name) is not None}
        odd = {name for name, value in metrics.items() if value is None}
        own = {*_SEED_KEYS, "model_uri", "artifacts", *METRICS} - odd
        try:
            parse_time(entry["timestamp"])
            require_shallow(entry)
            for key in ("timestamp", "model_type", "run_id", "model_uri"):
                if not isinstance(entry[key], str):
                    raise TypeError(f"{key} is {entry[key]!r}")
                if "\0" in entry[key] or not is_utf8(entry[key]):  # no file and no object can have such a name
                    raise ValueError(f"{key} has a character that no name can have: {entry[key]!a}")
            digests = entry.get("artifacts")
            added = {key: value for key, value in entry.items() if key not in own}
            typed = {key: _typed(key, added[key]) for key in _OWN_KEYS if key in added}
            typed = {key: value for key, value in typed.items() if value is not None}
            return cls(
                **{key: entry[key] for key in _SEED_KEYS},
                metrics={name: value for name, value in metrics.items() if value is not None},
                model_uri=entry["model_uri"],
                artifacts=None if digests is None else read_digests(digests),
                **typed,
                extra={key: value for key, value in added.items() if key not in typed},
                order=tuple(added),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_a_record(error) from None


def not_a_record(error: Exception) -> RegistryCorrupt:
    """Return the error for an entry that is no record, with the reason."""
    return RegistryCorrupt(
        f"not a record of a model ({type(error).__name__}: {error})", "record-malformed", reason=str(error)
    )


def _as_json(value: Any) -> Any:
    if isinstance(value, RecordPart):
        return value.to_json()
    return dict(value) if isinstance(value, Mapping) else value


def _typed(key: str, value: object) -> Any:
    """Return the value of one of our keys as its field; ``None`` if that would not give the same JSON back."""
    if key in _PARTS:
        part = _PARTS[key].from_json(value)
        return part if part is not None and part.to_json() == value else None
    if key in _MAPPINGS:
        return value if isinstance(value, Mapping) else None
    if key == "city":
        return value if isinstance(value, str) else None
    if key == "beats_baseline":
        return value if isinstance(value, bool) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
