"""Find plugins through their entry points, keep broken ones from hurting the others, and name things.

Every plugin, the built-in ones included, is an entry point of the group ``bike_traffic``. Finding one
imports the module that declares (cheap by contract), never the class that it declares.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import attrs
import pluggy

from bike_traffic import hookspecs
from bike_traffic.errors import (
    AmbiguousName,
    BikeTrafficError,
    PluginError,
    UnknownBackend,
    UnknownName,
    UnknownPipeline,
)
from bike_traffic.specs import PLUGIN_API, BackendSpec, PipelineSpec

if TYPE_CHECKING:
    from bike_traffic.registry import ModelRecord

ENTRY_POINT_GROUP = "bike_traffic"
OWN_DISTRIBUTION = "bike-traffic"

Stage = Literal["import", "register", "declare", "api", "bt_after_train"]
SpecT = TypeVar("SpecT", PipelineSpec, BackendSpec)


@attrs.frozen
class PluginSource:
    """Where a plugin comes from: a distribution, its version, and the entry point in it."""

    distribution: str
    version: str
    entry_point: str

    @property
    def built_in(self) -> bool:
        """Whether it is one of this package's own."""
        return self.distribution == OWN_DISTRIBUTION

    def __str__(self) -> str:
        """Return ``distribution version (entry point)``."""
        return f"{self.distribution} {self.version} ({self.entry_point})"


@attrs.frozen
class PluginFailure:
    """A plugin, or a part of one, that was left out: at which stage, and why."""

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


@attrs.frozen
class Offer(Generic[SpecT]):
    """A spec together with the package it came from."""

    spec: SpecT
    source: PluginSource

    @property
    def qualified_name(self) -> str:
        """``distribution:name``, which is never ambiguous."""
        return f"{self.source.distribution}:{self.spec.name}"

    def load(self) -> Any:
        """Import the class; raise `MissingExtra`, or `PluginError` for what else goes wrong in it."""
        try:
            return self.spec.load()
        except BikeTrafficError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"'{self.spec.name}' of {self.source.distribution} {self.source.version} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error


class PluginHost:
    """The plugins that are installed: what they offer, and what failed.

    Parameters
    ----------
    only : distributions (or entry-point names) to admit beside the built-ins; ``None`` admits all.
    strict : raise `PluginError` at the first failure instead of keeping it.
    notify : called with one line for each failure; else it is logged, and so on standard error, as a warning.
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
        self._pipelines: list[Offer[PipelineSpec]] = []
        self._backends: list[Offer[BackendSpec]] = []
        self._strict = strict
        self._notify = notify or _warn
        self._manager = pluggy.PluginManager("bike_traffic")
        self._manager.add_hookspecs(hookspecs)
        admitted = {*map(_canonical, only or ()), *(only or ())}
        for source, entry_point in _installed():
            if source.built_in or only is None or {_canonical(source.distribution), entry_point.name} & admitted:
                self._admit(source, entry_point)
            else:
                self.left_out.append(source)

    def pipelines(self) -> dict[str, Offer[PipelineSpec]]:
        """Return every pipeline under the name that `pipeline` takes, built-ins first."""
        return _by_name(self._pipelines)

    def backends(self) -> dict[str, Offer[BackendSpec]]:
        """Return every registry backend under the name that `backend` takes, built-ins first."""
        return _by_name(self._backends)

    def pipeline(self, name: str) -> Offer[PipelineSpec]:
        """Return the pipeline called `name`; raise `UnknownPipeline` or `AmbiguousName`."""
        return _pick(name, self._pipelines, UnknownPipeline)

    def backend(self, name: str) -> Offer[BackendSpec]:
        """Return the registry backend called `name`; raise `UnknownBackend` or `AmbiguousName`."""
        return _pick(name, self._backends, UnknownBackend)

    def backend_for(self, uri: str) -> Offer[BackendSpec]:
        """Return the backend that the scheme of `uri` means; a bare path has the scheme ``file``."""
        scheme = uri.partition("://")[0] if "://" in uri else "file"
        matching = [offer for offer in self._backends if scheme in offer.spec.schemes]
        for offer in sorted(matching, key=lambda offer: not offer.source.built_in):
            if not offer.source.built_in and len(matching) > 1:
                ways = " or ".join(f"--backend {other.qualified_name}" for other in matching)
                raise AmbiguousName(f"{scheme}:// is offered by more than one registry backend; say {ways}")
            return offer
        known = sorted({scheme for offer in self._backends for scheme in offer.spec.schemes})
        raise UnknownBackend(f"{scheme}://", [f"{scheme}://" for scheme in known])

    def after_train(self, record: ModelRecord, metrics: Mapping[str, float]) -> None:
        """Tell each plugin of a model that was registered; what one of them raises is said, and fails nothing."""
        for source in self.sources:
            plugin = self._manager.get_plugin(_registered_name(source))
            try:
                self._only(plugin, "bt_after_train")(record=record, metrics=metrics)
            except (Exception, SystemExit) as error:
                self._notify(str(PluginFailure(source, "bt_after_train", error)))

    def _only(self, plugin: object, hook: str) -> pluggy.HookCaller:
        """Return a hook that calls this one plugin, so that its exception stays its own."""
        return self._manager.subset_hook_caller(hook, self._manager.get_plugins() - {plugin})

    def _admit(self, source: PluginSource, entry_point: EntryPoint) -> None:
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
        except (Exception, SystemExit) as error:  # a plugin may not end the program it is loaded into
            self._manager.unregister(name=_registered_name(source))
            self._fail(PluginFailure(source, stage, error))
            return
        self.sources.append(source)
        self._pipelines += [Offer(spec, source) for spec in pipelines if self._speaks_our_api(spec, source)]
        self._backends += [Offer(spec, source) for spec in backends if self._speaks_our_api(spec, source)]

    def _speaks_our_api(self, spec: PipelineSpec | BackendSpec, source: PluginSource) -> bool:
        if spec.api <= PLUGIN_API:
            return True
        reason = PluginError(
            f"'{spec.name}' wants plugin API {spec.api}, this bike-traffic speaks {PLUGIN_API}: "
            "pip install --upgrade bike-traffic"
        )
        self._fail(PluginFailure(source, "api", reason))
        return False

    def _fail(self, failure: PluginFailure) -> None:
        if self._strict:
            raise PluginError(str(failure)) from failure.error
        self.failures.append(failure)
        self._notify(f"{failure} (bt plugins tells more)")


def bare_name(name: str) -> str:
    """Return the name that records have, of a pipeline that may be called ``distribution:name``."""
    return name.rpartition(":")[2]


class UnknownHook(UnknownName):
    """A plugin implements a hook that does not exist."""

    what = "hook"


def _installed() -> list[tuple[PluginSource, EntryPoint]]:
    """List the entry points by (distribution, name), so that the order never depends on the disk."""
    found: dict[tuple[str, str], tuple[PluginSource, EntryPoint]] = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry_point.dist
        name = distribution.name if distribution else "unknown"
        version = distribution.version if distribution else "unknown"
        found[name, entry_point.name] = (PluginSource(name, version, entry_point.name), entry_point)
    return [found[key] for key in sorted(found)]


def _canonical(distribution: str) -> str:
    """Spell a distribution's name the one way that packaging compares: ``My_Plugin`` is ``my-plugin``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _warn(line: str) -> None:
    import logging  # only when something is wrong

    logging.getLogger("bike_traffic").warning(line)


def _registered_name(source: PluginSource) -> str:
    return f"{source.distribution}:{source.entry_point}"


def _declared(hook: pluggy.HookCaller, kind: type[SpecT]) -> list[SpecT]:
    """Return what a plugin declares; raise `TypeError` for what is no spec of this kind."""
    specs: list[SpecT] = []
    for answer in hook():
        for spec in answer:
            if not isinstance(spec, kind):
                raise TypeError(f"{hook.name} must give {kind.__name__}, not {type(spec).__name__}")
            specs.append(spec)
    return specs


def _by_name(offers: Sequence[Offer[SpecT]]) -> dict[str, Offer[SpecT]]:
    named: dict[str, Offer[SpecT]] = {}
    for offer in sorted(offers, key=lambda offer: not offer.source.built_in):
        same = [other for other in offers if other.spec.name == offer.spec.name]
        bare = offer.source.built_in or len(same) == 1
        named[offer.spec.name if bare else offer.qualified_name] = offer
    return named


def _pick(name: str, offers: Sequence[Offer[SpecT]], unknown: type[UnknownName]) -> Offer[SpecT]:
    named = _by_name(offers)
    if name in named:
        return named[name]
    matching = [offer for offer in offers if name in (offer.qualified_name, offer.spec.name)]
    if not matching:
        raise unknown(name, named)
    if len(matching) > 1:
        ways = " or ".join(offer.qualified_name for offer in matching)
        raise AmbiguousName(f"{unknown.what} '{name}' is offered more than once; say {ways}")
    return matching[0]
