"""The plugins that are installed, by their entry points: where each comes from, and what failed of it."""

from __future__ import annotations

import re
import traceback
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

import attrs

ENTRY_POINT_GROUP = "bike_traffic"
OWN_DISTRIBUTION = "bike-traffic"

Stage = Literal["import", "register", "declare", "api", "bt_after_train"]


@attrs.frozen
class PluginSource:
    """Where a plugin comes from: a distribution, its version, and the entry point in it."""

    distribution: str
    version: str
    entry_point: str

    @property
    def built_in(self) -> bool:
        """Return whether it is part of this package."""
        return self.distribution == OWN_DISTRIBUTION

    def __str__(self) -> str:
        """Return ``distribution version (entry point)``."""
        return f"{self.distribution} {self.version} ({self.entry_point})"


@attrs.frozen
class PluginFailure:
    """A plugin, or one of its declarations, that could not be used: the stage at which it failed, and the error."""

    source: PluginSource
    stage: Stage
    error: BaseException

    def __str__(self) -> str:
        """Return the whole failure in one line."""
        reason = " ".join(str(self.error).split())
        return f"plugin {self.source} failed at {self.stage}: {type(self.error).__name__}: {reason}"

    def details(self) -> str:
        """Return the traceback, for the plugin's author."""
        return "".join(traceback.format_exception(self.error))


def installed() -> list[tuple[PluginSource, EntryPoint]]:
    """List the entry points sorted by (distribution, name), so that the order does not depend on the file system."""
    installed: dict[tuple[str, str], tuple[PluginSource, EntryPoint]] = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry_point.dist
        name = distribution.name if distribution else "unknown"
        version = distribution.version if distribution else "unknown"
        installed[name, entry_point.name] = (PluginSource(name, version, entry_point.name), entry_point)
    return [installed[key] for key in sorted(installed)]


def canonical(distribution: str) -> str:
    """Return the normalized name of a distribution (PEP 503): ``My_Plugin`` is ``my-plugin``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
