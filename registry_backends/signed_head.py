"""The signed head: the number of the records and their ids, so that a deletion in both places is detected.

The signature of a record does not prove that no other record is missing. The head is one small object with the
number of records, the SHA-256 of their sorted ids, and a signature. The array only grows at its end, so the head
covers its first `count` entries, whatever was added later.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from bike_traffic.errors import IntegrityError, MergePending, RegistryUnavailable
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.records import utc_now
from bike_traffic.registry.signing import SIGNATURE, PublicKeys, SigningKey, ids_digest
from bike_traffic.registry_backends.append_log import AppendLog
from bike_traffic.registry_backends.store import Store, StoreConflict, StoreMissing, is_lasting

HEAD = "head.json"
_DEADLINE_SECONDS = 30.0


class SignedHead:
    """The head of a log, in the store where the log is."""

    def __init__(self, store: Store, log: AppendLog) -> None:
        self._store = store
        self._log = log

    def sign(self, key: SigningKey) -> None:
        """Sign a head over every record; a head that counts more records is left as it is.

        Raises
        ------
        IntegrityError
            Records that the head covers are gone: a new head would hide it.
        MergePending
            The head could not be written before the deadline.
        """
        end = time.monotonic() + _DEADLINE_SECONDS
        while True:
            try:
                self._sign_once(key)
                return
            except (StoreConflict, RegistryUnavailable) as error:
                if time.monotonic() > end or is_lasting(error):
                    raise MergePending(
                        f"the record is registered, but {HEAD} could not be signed ({error}); "
                        "the next signed training or `bt registry reconcile` does it",
                        "head-not-signed",
                        reason=str(error),
                    ) from error
                time.sleep(0.05)

    def _sign_once(self, key: SigningKey) -> None:
        head, version = self._read()
        ids = self._log.names()
        if head is not None and (fault := _missing(head, ids)):
            raise IntegrityError(
                f"{HEAD} was not signed again, because that would hide a deletion: {fault}; "
                f"restore them, or move {HEAD} away if the deletion was intended",
                "head-would-hide-deletion",
                fault=fault,
            )
        if head is not None and head["count"] == len(ids) and head[SIGNATURE]["key"] == key.key_id:
            return
        content = {"count": len(ids), "ids_sha256": ids_digest(ids), "timestamp": utc_now()}
        data = json.dumps({**content, SIGNATURE: key.sign(content)}, indent=2).encode() + b"\n"
        if version is None:
            self._store.create(HEAD, data)
        else:
            self._store.replace(HEAD, [data], version)

    def verify(self, keys: PublicKeys) -> Iterator[Finding]:
        """Find whether records are gone that a validly signed head counts."""
        try:
            head, version = self._read()
        except IntegrityError as error:
            yield Finding("forged", HEAD, str(error), {"cause": error.id, **error.parts})
            return
        if head is None or version is None:
            yield Finding("unsigned", HEAD, "there is no signed head: deleted records cannot be detected")
            return
        content = {key: value for key, value in head.items() if key != SIGNATURE}
        if fault := keys.fault(content, head[SIGNATURE]):
            yield Finding("forged", HEAD, fault, {"reason": fault})
        elif fault := _missing(head, self._log.names()):
            yield Finding("deleted", HEAD, fault, {"signed": head["count"], "present": len(self._log.names())})

    def _read(self) -> tuple[dict[str, Any] | None, str | None]:
        try:
            data, version = self._store.read(HEAD)
        except StoreMissing:
            return None, None
        try:
            head = json.loads(data)
            if not (
                isinstance(head["count"], int) and isinstance(head["ids_sha256"], str) and head[SIGNATURE]["key"]
            ):
                raise ValueError("a field is of the wrong kind")
        except (ValueError, KeyError, TypeError):
            raise IntegrityError(f"{HEAD} is not a signed head; it was left as it is", "head-malformed") from None
        return head, version


def _missing(head: dict[str, Any], ids: list[str]) -> str | None:
    count = head["count"]
    if len(ids) < count:
        return f"it was signed over {count:,} records, and there are {len(ids):,}"
    if ids_digest(ids[:count]) != head["ids_sha256"]:
        return f"the first {count:,} records are not those that it was signed over"
    return None
