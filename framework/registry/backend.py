"""The interface of a registry backend."""

from __future__ import annotations

import inspect
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bike_traffic.errors import IntegrityError, NoRecord, RegistryError, no_such
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.names import NAME
from bike_traffic.registry.aliases import AliasChange, ChangeKind, targets
from bike_traffic.registry.findings import Finding
from bike_traffic.registry.queries import EVERYTHING, Query, best_entry
from bike_traffic.registry.records import ModelRecord, utc_now

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys, SigningKey


class RegistryBackend(ABC):
    """A place where records and the files of models are kept.

    A backend takes the registry's URI and the options of its table in ``bt.toml``, answers in
    `ModelRecord`, and keeps three promises: what `append` returned from is durable, the same `run_id`
    twice is a no-op, and nothing is ever overwritten that it could not read.
    """

    name: ClassVar[str]
    registry_id: str = ""
    """Identifies this registry among all others; the workspace sets it if a backend does not. Without it a
    training that breaks off is not kept."""

    @abstractmethod
    def __init__(self, uri: str) -> None:
        """Open the registry at `uri`; nothing is created before the first write.

        Further parameters with a name are the options that ``[backends.NAME]`` in ``bt.toml`` may give.
        """

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of the options; any other one is refused before the registry is opened."""
        return [name for name in parameter_names(cls.__init__) if name != "uri"]

    @abstractmethod
    def append(self, record: ModelRecord) -> None:
        """Add a record; raise `RegistryConflict` if another record has its `run_id`."""

    @abstractmethod
    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Yield the records that `query` admits, in the order of their appending."""

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

    def require_writable(self) -> None:  # noqa: B027  # most backends find out when they write
        """Raise `RegistryError` if nothing can ever be registered here; called before a training."""

    def reconcile(self) -> int:
        """Finish the work of interrupted writers, and return the number of records."""
        return 0

    def verify_records(self) -> Iterator[Finding]:
        """Compare the redundant copies of each record; nothing if there is only one."""
        return iter(())

    def sign_head(self, key: SigningKey) -> None:  # noqa: B027  # optional
        """Sign the number of the records and their ids, to detect deletions; nothing if no head is kept."""

    def verify_head(self, keys: PublicKeys) -> Iterator[Finding]:  # noqa: ARG002
        """Find whether records are gone that the signed head counts; nothing if no head is kept."""
        return iter(())

    def records_to_verify(self) -> Iterator[ModelRecord]:
        """Yield the records whose files `verify` checks."""
        return self.records(EVERYTHING)

    def verify_files(self, record: ModelRecord) -> None:
        """Check the stored files of a record against its digests; raise `IntegrityError` or `NoRecord`."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            self.download(record, Path(folder))

    def alias_history(self, alias: str) -> list[AliasChange]:
        """Return the changes of one alias, the oldest first."""
        return [change for change in self.alias_changes() if change.alias == alias]

    def alias(self, alias: str, as_of: datetime | None = None) -> ModelRecord:
        """Return the record that an alias points to, or pointed to at a time; raise `NoRecord`."""
        existing = targets(self.known_history(alias), as_of)
        if not existing:
            raise NoRecord(
                f"alias '{alias}' pointed to no run at {as_of.isoformat() if as_of else 'any time'}",
                "alias-without-run",
                alias=alias,
                as_of=as_of.isoformat() if as_of else None,
            )
        return self.get(existing[-1])

    def known_history(self, alias: str) -> list[AliasChange]:
        """Return the changes of an alias, the oldest first; raise `NoRecord` if there are none."""
        history = self.alias_history(alias)
        if not history:
            known = sorted({change.alias for change in self.alias_changes()})
            raise NoRecord(no_such("alias", alias, known), "alias-unknown", name=alias, known=known)
        return history

    def promote(self, run_id: str, alias: str, *, actor: str, reason: str = "") -> AliasChange:
        """Point an alias to a run, whose files are checked first; raise `NoRecord` or `IntegrityError`."""
        if not NAME.fullmatch(alias):
            raise RegistryError(
                f"'{alias}' cannot be an alias; it takes letters, digits, '.', '_' and '-'",
                "alias-malformed",
                alias=alias,
            )
        return self._change_alias(self.get(run_id), alias, "promote", actor, reason)

    def rollback(self, alias: str, *, actor: str, reason: str = "") -> AliasChange:
        """Point an alias to the run before, whose files are checked first."""
        existing = targets(self.known_history(alias))
        if len(existing) < 2:
            raise NoRecord(f"alias '{alias}' has no earlier run to go back to", "alias-no-earlier-run", alias=alias)
        return self._change_alias(self.get(existing[-2]), alias, "rollback", actor, reason)

    def _change_alias(
        self, record: ModelRecord, alias: str, kind: ChangeKind, actor: str, reason: str
    ) -> AliasChange:
        if not record.artifacts:
            raise IntegrityError(
                f"record {record.run_id} has no digests (it was not written by bike-traffic): its files cannot be "
                "checked, and nothing was changed",
                "alias-record-without-digests",
                run_id=record.run_id,
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
        matching = {r.run_id: r for r in self.records(EVERYTHING) if r.run_id.startswith(run_id)}
        if run_id in matching:
            return matching[run_id]
        if len(matching) == 1:
            return next(iter(matching.values()))
        if matching:
            raise NoRecord(
                f"'{run_id}' begins {len(matching)} run ids: {', '.join(sorted(matching)[:5])}",
                "run-id-ambiguous",
                run_id=run_id,
                known=sorted(matching),
            )
        raise NoRecord(
            f"no record with run id '{run_id}'; `bt registry list` shows those there are",
            "run-id-unknown",
            run_id=run_id,
        )


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Return the named parameters of a method, without ``self`` and ``**options``."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [parameter.name for parameter in parameters if parameter.kind in named]
