"""Find plugins through their entry points, isolate broken ones, and look up what they declare by name.

Every plugin, the built-in ones included, is an entry point of the group ``bike_traffic``. Loading it imports the
module with its hooks, which must be cheap, and never the classes that it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs
import pluggy

from bike_traffic import hookspecs
from bike_traffic.cities import City
from bike_traffic.errors import (
    AmbiguousName,
    BikeTrafficError,
    PluginError,
    UnknownBackend,
    UnknownName,
    UnknownPipeline,
)
from bike_traffic.installed import PluginFailure, PluginSource, Stage, canonical, installed
from bike_traffic.specs import PLUGIN_API, BackendSpec, PipelineSpec

if TYPE_CHECKING:
    from bike_traffic.registry.records import ModelRecord

SpecT = TypeVar("SpecT", PipelineSpec, BackendSpec, City)


@attrs.frozen
class Declaration(Generic[SpecT]):
    """A spec with the package that declares it."""

    spec: SpecT
    source: PluginSource

    @property
    def qualified_name(self) -> str:
        """``distribution:name``, which is never ambiguous."""
        return f"{self.source.distribution}:{self.spec.name}"

    def load(self) -> Any:
        """Import the class; raise `MissingExtra`, or `PluginError` for any other exception."""
        try:
            return self.spec.load()  # type: ignore[union-attr,attr-defined,unused-ignore]  # a city has no class
        except BikeTrafficError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"'{self.spec.name}' of {self.source.distribution} {self.source.version} cannot be imported: "
                f"{type(error).__name__}: {error}",
                "plugin-import-failed",
                name=self.spec.name,
                distribution=self.source.distribution,
                version=self.source.version,
                reason=str(error),
            ) from error


class PluginHost:
    """The installed plugins: what they declare, and which of them failed.

    Parameters
    ----------
    only : distributions (or entry-point names) to load in addition to the built-ins; ``None`` loads all.
    strict : raise `PluginError` at the first failure instead of keeping it.
    notify : called with one line for each failure; the default logs it as a warning.
    """

    def __init__(
        self,
        *,
        only: Sequence[str] | None = None,
        strict: bool = False,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.sources: list[PluginSource] = []
        self.failures: list[PluginFailure] = []
        self.left_out: list[PluginSource] = []
        self._pipelines: list[Declaration[PipelineSpec]] = []
        self._backends: list[Declaration[BackendSpec]] = []
        self._cities: list[Declaration[City]] = []
        self._strict = strict
        self._notify = notify or _warn
        self._manager = pluggy.PluginManager("bike_traffic")
        self._manager.add_hookspecs(hookspecs)
        wanted = {*map(canonical, only or ()), *(only or ())}
        for source, entry_point in installed():
            if source.built_in or only is None or {canonical(source.distribution), entry_point.name} & wanted:
                self._load(source, entry_point)
            else:
                self.left_out.append(source)

    def pipelines(self) -> dict[str, Declaration[PipelineSpec]]:
        """Return every pipeline by the name that `pipeline` accepts, built-ins first."""
        return _by_name(self._pipelines)

    def backends(self) -> dict[str, Declaration[BackendSpec]]:
        """Return every registry backend by the name that `backend` accepts, built-ins first."""
        return _by_name(self._backends)

    def cities(self) -> dict[str, City]:
        """Return every city of a plugin by name; of one name in two packages, by the qualified names."""
        return {name: declaration.spec for name, declaration in _by_name(self._cities).items()}

    def declared_cities(self) -> list[Declaration[City]]:
        """Return the cities of plugins with the packages that declare them."""
        return list(self._cities)

    def pipeline(self, name: str) -> Declaration[PipelineSpec]:
        """Return the pipeline called `name`; raise `UnknownPipeline` or `AmbiguousName`."""
        return _pick(name, self._pipelines, UnknownPipeline)

    def backend(self, name: str) -> Declaration[BackendSpec]:
        """Return the registry backend called `name`; raise `UnknownBackend` or `AmbiguousName`."""
        return _pick(name, self._backends, UnknownBackend)

    def backend_for(self, uri: str) -> Declaration[BackendSpec]:
        """Return the backend for the scheme of `uri`; a path without a scheme has the scheme ``file``."""
        scheme = uri.partition("://")[0] if "://" in uri else "file"
        matching = [declaration for declaration in self._backends if scheme in declaration.spec.schemes]
        for declaration in sorted(matching, key=lambda declaration: not declaration.source.built_in):
            if not declaration.source.built_in and len(matching) > 1:
                ways = " or ".join(f"--backend {other.qualified_name}" for other in matching)
                raise AmbiguousName(
                    f"{scheme}:// is declared by more than one registry backend; use {ways}",
                    "scheme-ambiguous",
                    scheme=scheme,
                    known=[other.qualified_name for other in matching],
                )
            return declaration
        known = sorted({scheme for declaration in self._backends for scheme in declaration.spec.schemes})
        raise UnknownBackend(f"{scheme}://", [f"{scheme}://" for scheme in known])

    def after_train(self, record: ModelRecord, metrics: Mapping[str, float]) -> None:
        """Call ``bt_after_train`` of each plugin; an exception in one is reported and stops nothing."""
        for source in self.sources:
            plugin = self._manager.get_plugin(_registered_name(source))
            try:
                self._only(plugin, "bt_after_train")(record=record, metrics=metrics)
            except (Exception, SystemExit) as error:
                self._notify(str(PluginFailure(source, "bt_after_train", error)))

    def _only(self, plugin: object, hook: str) -> pluggy.HookCaller:
        """Return a hook that calls this plugin alone, so that its exception does not affect the others."""
        return self._manager.subset_hook_caller(hook, self._manager.get_plugins() - {plugin})

    def _load(self, source: PluginSource, entry_point: EntryPoint) -> None:
        stage: Stage = "import"
        try:
            plugin = entry_point.load()
            stage = "register"
            self._manager.register(plugin, name=_registered_name(source))
            for hook in self._manager.get_hookcallers(plugin) or []:
                if not hook.has_spec():
                    known = [name for name in vars(hookspecs) if name.startswith("bt_")]
                    raise UnknownHook(hook.name, known)
            stage = "declare"
            pipelines = _declared(self._only(plugin, "bt_pipelines"), PipelineSpec)
            backends = _declared(self._only(plugin, "bt_registry_backends"), BackendSpec)
            cities = _declared(self._only(plugin, "bt_cities"), City)
        except (Exception, SystemExit) as error:  # a plugin must not end the program that loads it
            self._manager.unregister(name=_registered_name(source))
            self._fail(PluginFailure(source, stage, error))
            return
        self.sources.append(source)
        self._pipelines += [Declaration(spec, source) for spec in pipelines if self._is_supported(spec, source)]
        self._cities += [Declaration(city, source) for city in cities]
        self._backends += [Declaration(spec, source) for spec in backends if self._is_supported(spec, source)]

    def _is_supported(self, spec: PipelineSpec | BackendSpec, source: PluginSource) -> bool:
        if spec.api <= PLUGIN_API:
            return True
        reason = PluginError(
            f"'{spec.name}' needs plugin API {spec.api}, this bike-traffic has {PLUGIN_API}: "
            "pip install --upgrade bike-traffic",
            "plugin-api-too-new",
            name=spec.name,
            api=spec.api,
        )
        self._fail(PluginFailure(source, "api", reason))
        return False

    def _fail(self, failure: PluginFailure) -> None:
        if self._strict:
            raise PluginError(str(failure), "plugin-failed", reason=str(failure)) from failure.error
        self.failures.append(failure)
        self._notify(f"{failure} (see bt plugins)")


class UnknownHook(UnknownName):
    """A plugin implements a hook that does not exist."""

    what = "hook"


def _warn(line: str) -> None:
    import logging  # needed only after a failure

    logging.getLogger("bike_traffic").warning(line)


def _registered_name(source: PluginSource) -> str:
    return f"{source.distribution}:{source.entry_point}"


def _declared(hook: pluggy.HookCaller, kind: type[SpecT]) -> list[SpecT]:
    """Return the specs that a plugin declares; raise `TypeError` for an object of another kind."""
    specs: list[SpecT] = []
    for answer in hook():
        for spec in answer:
            if not isinstance(spec, kind):
                raise TypeError(f"{hook.name} must return {kind.__name__}, not {type(spec).__name__}")
            specs.append(spec)
    return specs


def _by_name(declarations: Sequence[Declaration[SpecT]]) -> dict[str, Declaration[SpecT]]:
    named: dict[str, Declaration[SpecT]] = {}
    for declaration in sorted(declarations, key=lambda declaration: not declaration.source.built_in):
        same = [other for other in declarations if other.spec.name == declaration.spec.name]
        bare = declaration.source.built_in or len(same) == 1
        named[declaration.spec.name if bare else declaration.qualified_name] = declaration
    return named


def _pick(name: str, declarations: Sequence[Declaration[SpecT]], unknown: type[UnknownName]) -> Declaration[SpecT]:
    named = _by_name(declarations)
    if name in named:
        return named[name]
    matching = [
        declaration for declaration in declarations if name in (declaration.qualified_name, declaration.spec.name)
    ]
    if not matching:
        raise unknown(name, named)
    if len(matching) > 1:
        ways = " or ".join(declaration.qualified_name for declaration in matching)
        raise AmbiguousName(
            f"{unknown.what} '{name}' is declared more than once; use {ways}",
            "name-ambiguous",
            what=unknown.what,
            name=name,
            known=[declaration.qualified_name for declaration in matching],
        )
    return matching[0]
