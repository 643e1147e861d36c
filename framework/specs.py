"""What a plugin declares: a name and where its class is, as strings, so that declaring imports nothing."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.errors import MissingExtra, PluginError

if TYPE_CHECKING:
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry import RegistryBackend

PLUGIN_API = 1
"""The version of the plugin interface that this package speaks."""


def _is_target(_: object, __: attrs.Attribute[str], value: str) -> None:
    module, separator, name = value.partition(":")
    if not (module and separator and name):
        raise ValueError(f"target must read 'package.module:Class', not {value!r}")


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What pipelines, backends and runs may be called: their names become folders and parts of URIs."""


def _is_name(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(f"{attribute.name} must consist of letters, digits, '.', '_' and '-', not {value!r}")


@attrs.frozen(kw_only=True)
class _Spec:
    """The fields that both kinds of plugin share.

    Parameters
    ----------
    name : the name users type.
    target : ``"package.module:Class"``.
    summary : one line for ``bt models``.
    requires : top-level modules the class imports beyond the core; ``bt models`` looks for them.
    install : what pip should be given when one of them is missing, e.g. ``"'bike-traffic[nn]'"``.
    api : version of the plugin interface it was written for.
    """

    name: str = attrs.field(validator=_is_name)
    target: str = attrs.field(validator=_is_target)
    summary: str = ""
    requires: tuple[str, ...] = ()
    install: str | None = None
    api: int = PLUGIN_API

    def missing(self) -> list[str]:
        """Return the required modules that are not installed, without importing any."""
        return [module for module in self.requires if find_spec(module) is None]

    def missing_extra(self, module: str) -> MissingExtra:
        """Say that `module` is not installed, and the pip line that mends it."""
        return MissingExtra(
            f"'{self.name}' needs {module}, which is not installed: pip install {self.install or module}"
        )

    def _load(self) -> Any:
        module_name, _, class_name = self.target.partition(":")
        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            absent = (error.name or "").partition(".")[0]
            if not absent or absent == module_name.partition(".")[0]:
                raise  # the plugin's own module: a fault of the plugin, not a missing extra
            raise self.missing_extra(absent) from error
        try:
            return getattr(module, class_name)
        except AttributeError:
            raise PluginError(f"'{self.name}': {module_name} has no class {class_name}") from None


@attrs.frozen(kw_only=True)
class PipelineSpec(_Spec):
    """A pipeline that a plugin offers."""

    def load(self) -> type[Pipeline]:
        """Import the class; raise `MissingExtra` when a library it needs is absent."""
        loaded: type[Pipeline] = self._load()
        return loaded


@attrs.frozen(kw_only=True)
class BackendSpec(_Spec):
    """A registry backend that a plugin offers; `schemes` are the URI schemes that mean it."""

    schemes: tuple[str, ...] = ()

    def load(self) -> type[RegistryBackend]:
        """Import the class; raise `MissingExtra` when a library it needs is absent."""
        loaded: type[RegistryBackend] = self._load()
        return loaded
