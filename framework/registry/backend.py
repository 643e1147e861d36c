"""The interface of a registry backend."""

from __future__ import annotations

import hashlib
import inspect
import json
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from bike_traffic.errors import NoRecord
from bike_traffic.evaluation.metrics import Metric, metric_named
from bike_traffic.registry.events.log import EventLog
from bike_traffic.registry.files.artifacts import verify, verify_manifest
from bike_traffic.registry.files.findings import Finding, Verifiable
from bike_traffic.registry.queries import EVERYTHING, Query, best_entry, compared_entries
from bike_traffic.registry.records import ModelRecord

if TYPE_CHECKING:
    from bike_traffic.registry.signing import PublicKeys, SigningKey


CREDENTIALS = "credentials"
"""The parameter of a backend that takes credentials."""


class RegistryBackend(EventLog):
    """A place where records and the files of models are kept.

    A backend takes the registry's URI and the options of its table in ``bt.toml``, answers in
    `ModelRecord`, and keeps three promises: what `append` returned from is durable, the same `run_id`
    twice is a no-op, and nothing is ever overwritten that it could not read.
    """

    name: ClassVar[str]
    registry_id: str = ""
    """Identifies this registry among all others; the workspace sets it if a backend does not. Without it a
    training that breaks off is not kept."""
    is_default: bool = False
    """Whether no setting names it, as the workspace says: then it is no misspelt address, but empty as yet."""

    @abstractmethod
    def __init__(self, uri: str) -> None:
        """Open the registry at `uri`; nothing is created before the first write.

        Further parameters with a name are the options that ``[backends.NAME]`` in ``bt.toml`` may give. A parameter
        ``credentials`` is no option: it gets the mapping that a program passes to `open_registry`, or ``None``. A
        backend keeps it in memory and shows it in no message.
        """

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of the options; any other one is refused before the registry is opened."""
        return [name for name in parameter_names(cls.__init__) if name not in ("uri", CREDENTIALS)]

    @classmethod
    def takes_credentials(cls) -> bool:
        """Return whether a program can pass credentials."""
        return CREDENTIALS in parameter_names(cls.__init__)

    @abstractmethod
    def append(self, record: ModelRecord) -> None:
        """Add a record; raise `RegistryConflict` if another record has its `run_id`."""

    @abstractmethod
    def records(self, query: Query) -> Iterator[ModelRecord]:
        """Yield the records that `query` admits, in the order of their appending."""

    def listed(self, query: Query) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield `LISTED_KEYS`, or more, of each record that `query` admits, and the whole record as JSON."""
        for entry in (record.to_json() for record in self.records(query)):
            yield entry, json.dumps(entry, ensure_ascii=False).encode()

    @abstractmethod
    def upload(self, directory: Path, *, model_type: str, timestamp: str, run_id: str) -> str:
        """Store the files of `directory`, verified, and return their common URI (the `model_uri`)."""

    @abstractmethod
    def download(self, record: ModelRecord, directory: Path) -> None:
        """Copy a model's files into `directory`, checking each against the record's digests.

        Whoever wrote a record without digests chose its `model_uri`: what is outside of the registry is not copied.
        """

    def download_anywhere(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of a record without digests from wherever its `model_uri` says, with your permissions."""
        self.download(record, directory)

    def exists(self) -> bool:
        """Return whether there is a registry, if only an empty one; a backend that cannot tell says true."""
        return True

    def version(self) -> str:
        """Return a token that changes whenever a record or an event may have been added, also of a registry to come.

        This one is a digest of them all; a backend with a cheaper one, such as a generation, overrides it.
        """
        digest = hashlib.sha256()
        for entry in (one.to_json() for some in (self.records(EVERYTHING), self.events()) for one in some):
            digest.update(json.dumps(entry, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def require_writable(self) -> None:  # most backends find out when they write
        """Raise `RegistryError` if nothing can ever be registered here; called before a training."""

    def reconcile(self) -> int:
        """Finish the work of interrupted writers, and return the number of records."""
        return 0

    def verify_records(self) -> Iterator[Finding]:
        """Compare the redundant copies of what `records_to_verify` does not compare, such as events."""
        return iter(())

    def sign_head(self, key: SigningKey) -> None:  # optional
        """Sign the number of the records and their ids, to detect deletions; nothing if no head is kept."""

    def verify_head(self, keys: PublicKeys) -> Iterator[Finding]:  # noqa: ARG002
        """Find whether records are gone that the signed head counts; nothing if no head is kept."""
        return iter(())

    def records_to_verify(self, after: int = 0) -> Iterator[Verifiable]:
        """Yield each record from number `after` on, always in the same order, with what is wrong with its copies."""
        for record in islice(self.records(EVERYTHING), after, None):
            yield Verifiable(record.run_id, record)

    def verify_files(self, record: ModelRecord) -> None:
        """Check the stored files of a record against its digests; raise `IntegrityError` or `NoRecord`."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            self.download(record, Path(folder))
            if record.artifacts is not None:
                where = f"the files of run {record.run_id}"
                verify(Path(folder), record.artifacts, where)
                verify_manifest(Path(folder), record.model_type, record.plugin, record.artifacts, where)

    def best(self, metric: str, query: Query) -> ModelRecord:
        """Return the best record by `metric` that is not withdrawn; raise `UnknownMetric` or `NoRecord`."""
        return self.compare(metric, query)[0]

    def compare(self, metric: str, query: Query) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
        """Return the best record, and the records it was compared with, itself among them.

        The latter as JSON, with the metric and `QUERIED_KEYS` at least.

        Raises
        ------
        UnknownMetric, NoRecord
        """
        return self._compare(metric_named(metric), self.without_withdrawn(query))

    def without_withdrawn(self, query: Query) -> Query:
        """Return the query that also leaves out the runs that are withdrawn, or were at its time."""
        return attrs.evolve(query, withdrawn=query.withdrawn | self.withdrawn(query.as_of).keys())

    def _compare(self, metric: Metric, query: Query) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
        """Return what `compare` does for this query; a backend with a faster way overrides it."""
        entries = [record.to_json() for record in self.records(query.with_those_left_out)]
        best = ModelRecord.from_json(best_entry(entries, metric, query))
        return best, compared_entries(entries, metric, query)

    def get(self, run_id: str) -> ModelRecord:
        """Return the record whose id is, or alone begins with, `run_id`; raise `NoRecord`."""
        matching = {record.run_id: record for record in self._beginning(run_id)}
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

    def _beginning(self, run_id: str) -> Iterator[ModelRecord]:
        return (record for record in self.records(EVERYTHING) if record.run_id.startswith(run_id))


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Return the named parameters of a method, without ``self`` and ``**options``."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [parameter.name for parameter in parameters if parameter.kind in named]
