"""What a check of a registry finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

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
