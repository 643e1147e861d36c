"""What a plugin declares: the name of a class and where it is, as strings, so that a declaration imports nothing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.errors import MissingExtra, PluginError
from bike_traffic.extras import pip_words
from bike_traffic.names import NAME, NEEDS, Need

if TYPE_CHECKING:
    from bike_traffic.pipeline import Pipeline
    from bike_traffic.registry.backend import RegistryBackend

PLUGIN_API = 1
"""The version of the plugin interface that this package implements."""


def _is_target(_: object, __: attrs.Attribute[str], value: str) -> None:
    module, separator, name = value.partition(":")
    if not (module and separator and name):
        raise ValueError(f"target must have the form 'package.module:Class', not {value!r}")


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
    requires : top-level modules that the class imports beyond the core; ``bt models`` checks that they are installed.
    install : the argument of ``pip install`` if one of them is missing, e.g. ``"'my-plugin[net]'"``.
    api : version of the plugin interface that the plugin was written for.
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
        """Return the error that names the missing `module` and the pip command that installs it."""
        install = self.pip_words(module)
        return MissingExtra(
            f"'{self.name}' needs {module}, which is not installed: pip install {install}",
            "extra-missing",
            name=self.name,
            module=module,
            install=install,
        )

    def pip_words(self, *modules: str) -> str:
        """Return the argument of ``pip install`` if these modules are missing."""
        return pip_words(self.install or " ".join(modules))

    def _load(self) -> Any:
        if missing := self.missing():  # one message, whichever of its modules the class would import first
            raise self.missing_extra(missing[0])
        module_name, _, class_name = self.target.partition(":")
        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            absent = (error.name or "").partition(".")[0]
            if not absent or absent == module_name.partition(".")[0]:
                raise  # the plugin's own module: an error in the plugin, not a missing extra
            raise self.missing_extra(absent) from error
        try:
            return getattr(module, class_name)
        except AttributeError:
            raise PluginError(
                f"'{self.name}': {module_name} has no class {class_name}",
                "plugin-class-missing",
                name=self.name,
                module_name=module_name,
                class_name=class_name,
            ) from None


def _as_tuple(needs: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(needs)


@attrs.frozen(kw_only=True)
class PipelineSpec(_Spec):
    """A pipeline that a plugin declares.

    Parameters
    ----------
    needs : equal to the class attribute, and known without an import.
    trains_with : top-level modules that `fit` alone imports: without them a registered model still predicts.
    """

    trains_with: tuple[str, ...] = ()
    needs: tuple[Need, ...] = attrs.field(
        default=(), converter=_as_tuple, validator=attrs.validators.deep_iterable(attrs.validators.in_(NEEDS))
    )

    def require_trainable(self) -> None:
        """Raise `MissingExtra` if a library is missing that the class or its `fit` needs."""
        if missing := self.missing_to_train():
            raise self.missing_extra(missing[0])

    def missing_to_train(self) -> list[str]:
        """Return the modules that are not installed and without which it cannot be trained."""
        return [module for module in self.needed_to_train if find_spec(module) is None]

    @property
    def needed_to_train(self) -> tuple[str, ...]:
        """The modules that the class and its `fit` import."""
        return (*self.requires, *self.trains_with)

    def load(self) -> type[Pipeline]:
        """Import the class; raise `MissingExtra` if a library that it needs is missing."""
        loaded: type[Pipeline] = self._load()
        return loaded


@attrs.frozen(kw_only=True)
class BackendSpec(_Spec):
    """A registry backend that a plugin declares; `schemes` are the URI schemes that select it."""

    schemes: tuple[str, ...] = ()

    def load(self) -> type[RegistryBackend]:
        """Import the class; raise `MissingExtra` if a library that it needs is missing."""
        loaded: type[RegistryBackend] = self._load()
        return loaded
