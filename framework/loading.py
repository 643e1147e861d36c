"""From a record back to a pipeline: which package loads it, and its verified files."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs

from bike_traffic.errors import BikeTrafficError, PluginError, PluginVersionWarning, UnknownPipeline
from bike_traffic.evaluation.metrics import DEFAULT_METRIC
from bike_traffic.evaluation.references import References
from bike_traffic.manager import Declaration, PluginHost
from bike_traffic.names import DISTRIBUTION, VERSION, bare_name
from bike_traffic.pipeline import Pipeline
from bike_traffic.places import Counter
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.files.fetching import model_files
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.record_parts import PluginInfo
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry.signing import Trust
from bike_traffic.specs import PipelineSpec


@attrs.frozen
class LoadedModel:
    """A pipeline from the registry, with its record and what was stored beside it."""

    record: ModelRecord
    pipeline: Pipeline
    references: References

    @property
    def counters(self) -> Mapping[str, Counter]:
        """The counters that the model knows, by name; a model of an earlier version did not store where they are."""
        return self.references.counters or {str(name): _NOWHERE for name in self.pipeline.counters_}


_NOWHERE = Counter(latitude=None, longitude=None, mean=0.0, first_hour="", last_hour="")


def load_model(registry: RegistryBackend, record: ModelRecord, host: PluginHost, trust: Trust) -> LoadedModel:
    """Fetch the files of a model, check them against the record, and only then load them.

    Raises
    ------
    UnknownPipeline, PluginError, MissingExtra, IntegrityError, RegistryError
    """
    trust.require_signature(registry, record)  # before anything that the record says is used, or named to install
    pipeline_class = _declaration_of(record, host).load()
    with model_files(registry, record, trust) as directory, _other_scikit_learn_in_one_line(record):
        try:
            return LoadedModel(record, pipeline_class.load(directory), References.load(directory))
        except BikeTrafficError:
            raise
        except Exception as error:
            raise PluginError(
                f"'{record.model_type}' cannot load run {record.run_id[:8]}: {type(error).__name__}: {error}",
                "pipeline-load-failed",
                model_type=record.model_type,
                run_id=record.run_id,
                reason=f"{type(error).__name__}: {error}",
            ) from error


def default_metric(model: str | None, registry: RegistryBackend, host: PluginHost, trust: Trust) -> str:
    """Return the metric that decides which record of a model is the best, if none is named.

    It is the default of the model's task, and that of a regression if no model is named.

    Raises
    ------
    UnknownPipeline, AmbiguousName, MissingExtra
    PluginError
        The pipeline is not installed, but was registered here: the message says which package it came from.
    """
    if model is None:
        return DEFAULT_METRIC["regression"]
    try:
        declaration = host.pipeline(model)
    except UnknownPipeline:
        records = registry.records(attrs.evolve(EVERYTHING, model_type=bare_name(model)))
        fault_of = trust.fault_finder(registry)
        trained = [record for record in records if fault_of(record) is None]
        if trained:
            _declaration_of(trained[-1], host)  # which is missing too, and the error says so
        raise
    return DEFAULT_METRIC[declaration.load().task]


_OF_OTHER_SCIKIT_LEARN = "Trying to unpickle estimator "


@contextmanager
def _other_scikit_learn_in_one_line(record: ModelRecord) -> Iterator[None]:
    """Warn once if files are of another version of scikit-learn, which itself warns once an estimator."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=_OF_OTHER_SCIKIT_LEARN)
        yield
    others = [one for one in caught if not str(one.message).startswith(_OF_OTHER_SCIKIT_LEARN)]
    for one in others:
        warnings.showwarning(one.message, one.category, one.filename, one.lineno)
    if len(others) == len(caught):
        return
    import sklearn  # imported by what was just loaded

    trained = str((record.libraries or {}).get("scikit-learn", ""))
    named, install = "another scikit-learn", ""
    if VERSION.fullmatch(trained):
        named, install = f"scikit-learn {trained}", f", or pip install 'scikit-learn=={trained}'"
    warnings.warn(
        f"run {record.run_id[:8]} was trained with {named}, and {sklearn.__version__} loads it: its predictions may "
        f"differ; train it again{install}",
        PluginVersionWarning,
        stacklevel=4,
    )


def _declaration_of(record: ModelRecord, host: PluginHost) -> Declaration[PipelineSpec]:
    return declaration_of(record.model_type, record.plugin, f"run {record.run_id[:8]}", host)


def declaration_of(
    model_type: str, plugin: PluginInfo | None, what: str, host: PluginHost
) -> Declaration[PipelineSpec]:
    """Return the pipeline of the package that trained a model, even if another package now uses its name.

    Parameters
    ----------
    plugin : that package; ``None`` for a model that bike-traffic did not train.
    what : what messages call the model.

    Raises
    ------
    UnknownPipeline, AmbiguousName
    PluginError
        The package is not loaded; the message says why, or how to install it.
    """
    if plugin is None or plugin.distribution is None:
        return host.pipeline(model_type)
    distribution, version = plugin.distribution, plugin.version or "unknown"
    trained = f"{what} was trained by '{model_type}' of {distribution} {version}"
    try:
        declaration = host.pipeline(f"{distribution}:{model_type}")
    except UnknownPipeline as error:
        reason = _way_to_load(distribution, host)
        raise PluginError(
            f"{trained}, which is not loaded: {reason}",
            "plugin-not-loaded",
            model_type=model_type,
            distribution=distribution,
            version=version,
            reason=reason,
        ) from error
    install = f", or pip install '{distribution}=={version}'" if VERSION.fullmatch(version) else ""
    majors = {_major(version), _major(declaration.source.version)} - {None}
    if len(majors) > 1:
        warnings.warn(
            f"{trained}, and {distribution} {declaration.source.version} loads it: another major version may "
            f"understand its files differently; train it again{install}",
            PluginVersionWarning,
            stacklevel=3,
        )
    return declaration


def _way_to_load(distribution: str, host: PluginHost) -> str:
    """Return why a distribution's pipeline is not loaded, or else how it is installed."""
    for failure in host.failures:
        if failure.source.distribution == distribution:
            return str(failure)
    if distribution in [source.distribution for source in host.left_out]:
        return "the setting `plugins` (BT_PLUGINS) leaves it out"
    if not DISTRIBUTION.fullmatch(distribution):
        return "its record names no valid package"
    return f"pip install {distribution} if you trust the record, which names this package"


def _major(version: str) -> str | None:
    """Return the first number of a version, ``None`` of what is none."""
    found = re.match(r"(?:\d+!)?(\d+)", version)
    return found[1] if found else None
