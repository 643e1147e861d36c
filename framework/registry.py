"""The registry: what a record is, what can be asked of many, and what a backend must be able to do."""

from __future__ import annotations

import math
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from bike_traffic.aliases import AliasChange, Kind, targets
from bike_traffic.artifacts import FileDigest, model_folder, read_digests
from bike_traffic.errors import IntegrityError, NoRecord, RegistryCorrupt, RegistryError, SettingsError, no_such
from bike_traffic.metrics import METRICS, Metric, metric_named
from bike_traffic.specs import NAME

if TYPE_CHECKING:
    from bike_traffic.config import Settings
    from bike_traffic.manager import Offer, PluginHost
    from bike_traffic.signing import PublicKeys, SigningKey
    from bike_traffic.specs import BackendSpec
    from bike_traffic.upkeep import Finding

_SEED_KEYS = ("timestamp", "model_type", "env", "test_mode", "run_id")


def utc_now() -> str:
    """Return the time as records carry it: ISO 8601, microseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset, as the seed wrote them, is taken as UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@attrs.frozen(kw_only=True)
class ModelRecord:
    """One trained model: what it is, how well it did on held-out rows, and where its files are.

    `run_id` is its identity. As JSON it is flat: the seed's keys, then the other metrics and what we add;
    keys that we do not know stay in `extra` as they were.
    """

    timestamp: str
    model_type: str
    env: str
    test_mode: bool
    run_id: str
    metrics: Mapping[str, float]
    model_uri: str
    artifacts: Mapping[str, FileDigest] | None = None
    """Digest and size of each file, or ``None`` for a record that never had them."""
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the record as the entry that stands in ``summary.json``."""
        entry: dict[str, Any] = {key: getattr(self, key) for key in _SEED_KEYS}
        entry |= {name: value for name, value in self.metrics.items() if math.isfinite(value)}
        entry["model_uri"] = self.model_uri
        if self.artifacts is not None:
            entry["artifacts"] = {name: attrs.asdict(digest) for name, digest in self.artifacts.items()}
        return entry | dict(self.extra)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ModelRecord:
        """Read an entry of ``summary.json``; raise `RegistryCorrupt` when it is not one."""
        known = {*_SEED_KEYS, "model_uri", "artifacts", *METRICS}
        try:
            parse_time(entry["timestamp"])
            for key in ("timestamp", "model_type", "run_id", "model_uri"):
                if not isinstance(entry[key], str):
                    raise TypeError(f"{key} is {entry[key]!r}")
            digests = entry.get("artifacts")
            return cls(
                **{key: entry[key] for key in _SEED_KEYS},
                metrics={name: float(entry[name]) for name in METRICS if entry.get(name) is not None},
                model_uri=entry["model_uri"],
                artifacts=None if digests is None else read_digests(digests),
                extra={key: value for key, value in entry.items() if key not in known},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _not_a_record(error) from None


QUERIED_KEYS = ("timestamp", "model_type", "env", "test_mode", "split")
"""The keys of an entry that a `Query` looks at."""


@attrs.frozen(kw_only=True)
class Query:
    """Which records are meant; ``None`` admits all.

    Records of test mode are left out unless asked for, and so are those of a random split, whose figures flatter and
    would win over every honest one.
    """

    model_type: str | None = None
    env: str | None = None
    test_mode: bool | None = False
    as_of: datetime | None = None
    split: str | None = "temporal"

    def admits(self, entry: Mapping[str, Any]) -> bool:
        """Whether a record, in its JSON form, is meant."""
        return (
            (self.model_type is None or entry.get("model_type") == self.model_type)
            and (self.env is None or entry.get("env") == self.env)
            and (self.test_mode is None or entry.get("test_mode") == self.test_mode)
            and (self.split is None or _split_of(entry) in (self.split, None))
            and (self.as_of is None or _time_of(entry) <= self.as_of)
        )

    def __str__(self) -> str:
        """Say the question in words, for messages."""
        asked = {"model": self.model_type, "env": self.env, "as of": self.as_of and self.as_of.isoformat()}
        words = [f"{name} {value}" for name, value in asked.items() if value]
        words += ["test mode"] if self.test_mode else []
        return ", ".join(words) or "any model"


EVERYTHING = Query(test_mode=None, split=None)
"""The question that every record answers to."""


def _split_of(entry: Mapping[str, Any]) -> object:
    """Return the kind of split behind the metrics, ``None`` where a record does not say."""
    split = entry.get("split")
    return split.get("kind") if isinstance(split, Mapping) else None


def _time_of(entry: Mapping[str, Any]) -> datetime:
    try:
        return parse_time(entry["timestamp"])
    except (KeyError, TypeError, ValueError) as error:
        raise _not_a_record(error) from None


def _not_a_record(error: Exception) -> RegistryCorrupt:
    return RegistryCorrupt(f"not a record of a model ({type(error).__name__}: {error})")


def best_entry(entries: Iterable[Mapping[str, Any]], metric: Metric, query: Query) -> Mapping[str, Any]:
    """Return the entry with the best finite value of `metric`, the earliest of equals; raise `NoRecord`."""
    best: Mapping[str, Any] | None = None
    for entry in entries:
        value = entry.get(metric.name)
        if not isinstance(value, int | float) or not math.isfinite(value) or not query.admits(entry):
            continue
        if best is None or metric.better(value, best[metric.name]):
            best = entry
    if best is None:
        raise NoRecord(f"no record with {metric.name} for {query}")
    return best


class RegistryBackend(ABC):
    """A place where records and the files of models are kept.

    A backend takes the registry's URI and the options of its table in ``bt.toml``, answers in
    `ModelRecord`, and keeps three promises: what `append` returned from is durable, the same `run_id`
    twice is a no-op, and nothing is ever overwritten that it could not read.
    """

    name: ClassVar[str]
    place: str = ""
    """What tells this registry from every other one; `open_registry` sets it where a backend does not. Without it a
    training that breaks off is not kept."""

    @abstractmethod
    def __init__(self, uri: str, **options: Any) -> None:
        """Open the registry at `uri`; nothing is created before the first write."""

    @abstractmethod
    def append(self, record: ModelRecord) -> None:
        """Add a record; raise `RegistryConflict` when its `run_id` stands for another one."""

    @abstractmethod
    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Give the records that `query` admits, in the order of their appending."""

    @abstractmethod
    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Store the files of `directory`, verified, and return their common URI (the `model_uri`)."""

    @abstractmethod
    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy a model's files into `directory`, checking each against the record's digests."""

    @abstractmethod
    def append_alias_change(self, change: AliasChange) -> None:
        """Add a change of an alias; the same `change_id` twice is a no-op."""

    @abstractmethod
    def alias_changes(self) -> list[AliasChange]:
        """Return every change of every alias, in the order of their appending."""

    def require_writable(self) -> None:  # noqa: B027  # what most backends learn by writing
        """Raise `RegistryError` where nothing can ever be registered, before somebody trains for nothing."""

    def reconcile(self) -> int:
        """Finish what interrupted writers left behind, and return how many records that were."""
        return 0

    def verify_records(self) -> Iterator[Finding]:
        """Compare what the registry says of a record in more than one place; nothing where it says it once."""
        return iter(())

    def sign_head(self, key: SigningKey) -> None:  # noqa: B027  # a backend need not keep one
        """Sign how many records there are, and which, so that a deletion shows; nothing where no head is kept."""

    def verify_head(self, keys: PublicKeys) -> Iterator[Finding]:  # noqa: ARG002
        """Find whether records are gone that the signed head answers for; nothing where no head is kept."""
        return iter(())

    def records_to_verify(self) -> Iterator[ModelRecord]:
        """Give the records whose files `verify` checks."""
        return self.records(EVERYTHING)

    def verify_files(self, record: ModelRecord) -> None:
        """Check the stored files of a record against its digests; raise `IntegrityError` or `NoRecord`."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            self.download(record, Path(folder))

    def alias_history(self, alias: str) -> list[AliasChange]:
        """Return the changes of one alias, the oldest first."""
        return [change for change in self.alias_changes() if change.alias == alias]

    def alias(self, alias: str, as_of: datetime | None = None) -> ModelRecord:
        """Return the record that an alias stands for, or stood for at a time; raise `NoRecord`."""
        standing = targets(self.known_history(alias), as_of)
        if not standing:
            raise NoRecord(f"alias '{alias}' stood for no run at {as_of.isoformat() if as_of else 'any time'}")
        return self.get(standing[-1])

    def known_history(self, alias: str) -> list[AliasChange]:
        """Return the changes of an alias, the oldest first; raise `NoRecord` where there are none."""
        history = self.alias_history(alias)
        if not history:
            raise NoRecord(no_such("alias", alias, {change.alias for change in self.alias_changes()}))
        return history

    def promote(self, run_id: str, alias: str, *, actor: str, reason: str = "") -> AliasChange:
        """Let an alias stand for a run, whose files are checked first; raise `NoRecord` or `IntegrityError`."""
        if not NAME.fullmatch(alias):
            raise RegistryError(f"'{alias}' cannot be an alias; it takes letters, digits, '.', '_' and '-'")
        return self._change_alias(self.get(run_id), alias, "promote", actor, reason)

    def rollback(self, alias: str, *, actor: str, reason: str = "") -> AliasChange:
        """Let an alias stand for the run before, whose files are checked first."""
        standing = targets(self.known_history(alias))
        if len(standing) < 2:
            raise NoRecord(f"alias '{alias}' has no earlier run to go back to")
        return self._change_alias(self.get(standing[-2]), alias, "rollback", actor, reason)

    def _change_alias(self, record: ModelRecord, alias: str, kind: Kind, actor: str, reason: str) -> AliasChange:
        if not record.artifacts:
            raise IntegrityError(
                f"record {record.run_id} has no digests (it was not written by bike-traffic): its files cannot be "
                "checked, and nothing was changed"
            )
        self.verify_files(record)
        change = AliasChange(
            alias=alias, run_id=record.run_id, kind=kind, timestamp=utc_now(), actor=actor, reason=reason
        )
        self.append_alias_change(change)
        return change

    def best(self, metric: str, query: Query) -> ModelRecord:
        """Return the best record by `metric`; raise `UnknownMetric` or `NoRecord`."""
        entries = (record.to_json() for record in self.records(query))
        return ModelRecord.from_json(best_entry(entries, metric_named(metric), query))

    def get(self, run_id: str) -> ModelRecord:
        """Return the record whose id is, or alone begins with, `run_id`; raise `NoRecord`."""
        found = {r.run_id: r for r in self.records(EVERYTHING) if r.run_id.startswith(run_id)}
        if run_id in found:
            return found[run_id]
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            raise NoRecord(f"'{run_id}' begins {len(found)} run ids: {', '.join(sorted(found)[:5])}")
        raise NoRecord(f"no record with run id '{run_id}'; `bt registry list` shows those there are")


def open_registry(
    uri: str | None = None,
    *,
    backend: str | None = None,
    settings: Settings | None = None,
    host: PluginHost | None = None,
) -> RegistryBackend:
    """Open a registry by its URI, by its backend's name, or as the settings say.

    Raises
    ------
    UnknownBackend, MissingExtra, SettingsError
    """
    from inspect import signature

    from bike_traffic.config import load_settings
    from bike_traffic.manager import PluginHost

    if settings is None:
        settings = load_settings(registry=uri, backend=backend)
    elif uri is not None or backend is not None:  # said here, and so more directly than in the settings
        settings = attrs.evolve(settings, registry=uri or settings.registry, backend=backend)
    offer = chosen_backend(settings, host or PluginHost(only=settings.plugins, strict=settings.strict_plugins))
    options = dict(settings.backend_options.get(offer.spec.name, {}))
    options.pop("registry", None)
    if offer.spec.missing():
        raise offer.spec.missing_extra(offer.spec.missing()[0])
    uri = settings.registry_of(offer.spec.name)
    backend_class: type[RegistryBackend] = offer.load()
    try:
        signature(backend_class).bind(uri, **options)
    except TypeError as error:
        raise SettingsError(f"[backends.{offer.spec.name}] in {settings.config or 'bt.toml'}: {error}") from None
    opened = backend_class(uri, **options)
    opened.place = opened.place or uri
    return opened


def chosen_backend(settings: Settings, host: PluginHost) -> Offer[BackendSpec]:
    """Return the backend that the settings name, or that the scheme of their registry means."""
    if settings.backend is not None:
        return host.backend(settings.backend)
    return host.backend_for(str(settings.registry))


def folder_of(record: ModelRecord) -> str:
    """Return where below a registry's root the files of `record` are, by the layout."""
    return model_folder(record.model_type, record.timestamp, record.run_id)
