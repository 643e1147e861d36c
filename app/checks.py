"""What checks of the files of records found, kept for all sessions: a check reads every file of a model."""

from __future__ import annotations

import hashlib
import json
import time

import attrs
import streamlit as st

from bike_traffic.app.state import workspace
from bike_traffic.app.turns import heavy
from bike_traffic.registry.files.findings import Finding
from bike_traffic.registry.files.upkeep import verify_record
from bike_traffic.registry.records import ModelRecord

KEPT = 500
AGAIN_SECONDS = 60.0
"""A check is not done again before, however often readers ask for it."""


@attrs.frozen
class Check:
    """What a check of a record found, and when, in seconds since 1970."""

    time: float
    findings: tuple[Finding, ...]


@st.cache_resource(show_spinner=False)
def _checks() -> dict[str, Check]:
    """Return the checks by the digest of the record, the oldest first."""
    return {}


def last_check(record: ModelRecord) -> Check | None:
    """Return what the last check of a record found, as the record is now; ``None`` if it was not checked."""
    return _checks().get(_digest(record))


def check(record: ModelRecord) -> Check:
    """Compare the files of a record with their digests, and its signature with the public key of the settings.

    Raises
    ------
    RegistryUnavailable, SettingsError
    """
    earlier = last_check(record)
    if earlier is not None and time.time() - earlier.time < AGAIN_SECONDS:
        return earlier
    own = workspace()
    with heavy():
        found = Check(time.time(), tuple(verify_record(own.registry, record, own.trust.public_keys)))
    kept = _checks()
    kept.pop(_digest(record), None)
    kept[_digest(record)] = found
    for oldest in list(kept)[:-KEPT]:
        kept.pop(oldest, None)
    return found


def _digest(record: ModelRecord) -> str:
    return hashlib.sha256(json.dumps(record.to_json(), sort_keys=True).encode()).hexdigest()
