"""What a check of a registry finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    from bike_traffic.registry.records import ModelRecord

FindingKind = Literal[
    "edited",
    "unrecorded",
    "pending",
    "missing-files",
    "changed-files",
    "unverified",
    "unsigned",
    "forged",
    "deleted",
    "unknown-run",
    "malformed",
    "duplicate",
]


@attrs.frozen
class Verifiable:
    """A record whose files `verify` checks, and what is wrong with its copies.

    Parameters
    ----------
    record : ``None`` if it cannot be read, or was checked already.
    total : number of all that are to be checked, if the backend knows it.
    """

    run_id: str
    record: ModelRecord | None
    findings: Sequence[Finding] = ()
    total: int | None = None


@attrs.frozen
class Finding:
    """What `verify` found about one record, or about the signed head.

    Parameters
    ----------
    kind : ``edited``, the summary differs from the record that was written first; ``unrecorded``, the entry exists
        in the summary alone; ``pending``, the record is durable but not in the summary, because it was not merged
        yet or was removed; ``missing-files`` and ``changed-files``, of the model; ``unverified``, the record has no
        digests; ``unsigned`` and ``forged``, there is no signature, or no valid one; ``deleted``, records that the
        signed head counts are gone; ``unknown-run``, an event names a run that has no record;
        ``malformed``, an entry is no record or event, and is left out; ``duplicate``, two entries have one id.
    run_id : of the record, or the name of the head.
    detail : an English sentence.
    parts : the values in the sentence, by name; of a file, with the `cause`, the id of the error.
    """

    kind: FindingKind
    run_id: str
    detail: str
    parts: Mapping[str, Any] = attrs.field(factory=dict, eq=False)

    @property
    def is_error(self) -> bool:
        """Return whether something is wrong, not just unfinished or unknown."""
        return self.kind not in ("pending", "unverified")

    def to_json(self) -> dict[str, object]:
        """Return the finding as ``bt registry verify --format json`` prints it."""
        return {
            "id": self.kind,
            "run_id": self.run_id,
            "detail": self.detail,
            "is_error": self.is_error,
            "parts": dict(self.parts),
        }
