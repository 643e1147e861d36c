"""The settings of a workspace as people see them: where each came from, and no secret."""

from __future__ import annotations

import attrs

from bike_traffic.addresses import shown
from bike_traffic.config import SETTINGS, Settings
from bike_traffic.errors import SettingsError
from bike_traffic.workspace import Workspace


@attrs.frozen
class ShownSetting:
    """A setting: its name, its value without secrets, and where it came from."""

    name: str
    value: object
    source: str


def shown_settings(workspace: Workspace) -> list[ShownSetting]:
    """Return every setting, in the order of `Settings`; addresses are without user, password and query.

    Keys are shown by the path of their file, and the options of a backend not at all.

    The registry is ``None`` if nothing gives one.

    Raises
    ------
    UnknownBackend
    """
    settings = workspace.settings
    backend = workspace.backend.spec.name
    names = settings.plugins
    said: dict[str, object] = {
        "backend": backend,
        "registry": _registry(settings, backend),
        "tracking_uri": settings.tracking_uri or settings.own_store,
        "artifacts": settings.artifacts
        or ("the server's" if settings.tracking_uri else str(settings.tracking_folder)),
        "plugins": "all" if names is None else ", ".join(names) or "built-ins only",
    }
    values = {name: said.get(name, getattr(settings, name)) for name in SETTINGS}
    unset = said["registry"] is None
    sources = {**settings.sources, "registry": "not set" if unset else settings.source_of_registry(backend)}
    return [
        ShownSetting(name, shown(value) if isinstance(value, str) else value, sources[name])
        for name, value in values.items()
    ]


def _registry(settings: Settings, backend: str) -> str | None:
    try:
        return settings.registry_of(backend)
    except SettingsError:
        return None
