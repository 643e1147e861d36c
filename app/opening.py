"""How the app opens its workspace: that of `bt app`, or one of its own with credentials from Streamlit's secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bike_traffic.workspace import Workspace

CREDENTIALS = "gcp_service_account"
"""Name of the secret with the key of a service account, as a mapping; it stays in memory."""

# A Streamlit script has no arguments: the workspace of `bt app` waits here for the first page.
_given: list[Workspace] = []


def configure(workspace: Workspace) -> None:
    """Set the workspace, before the first page is opened."""
    _given[:] = [workspace]


def open_workspace(credentials: Mapping[str, Any] | None) -> Workspace:
    """Return the workspace of `bt app`; without it, that of the working directory with these credentials."""
    return _given[0] if _given else Workspace.open(credentials=credentials)
