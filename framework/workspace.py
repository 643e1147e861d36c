"""One place to work in: settings, plugins, registry, tracker and trust, opened once and handed on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bike_traffic.cities import City, city_named, require_city
from bike_traffic.config import Settings, load_settings
from bike_traffic.manager import Declaration, PluginHost
from bike_traffic.names import bare_name
from bike_traffic.notices import Notify, log_warning
from bike_traffic.opening import open_backend
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import EVERYTHING, Query
from bike_traffic.registry.records import ModelRecord
from bike_traffic.specs import BackendSpec, PipelineSpec

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.answering import Answering
    from bike_traffic.backtesting import Fold
    from bike_traffic.data.checking.usable import Tolerance
    from bike_traffic.data.parts.stored import StoredCounts
    from bike_traffic.evaluating import Measurement
    from bike_traffic.forecasting import Forecast
    from bike_traffic.loading import LoadedModel
    from bike_traffic.registry.signing import SigningKey, Trust
    from bike_traffic.tracking.runs import Tracker
    from bike_traffic.training import TrainingPlan, TrainingResult


@attrs.define(slots=False, eq=False)
class Workspace:
    """Settings, and what is opened by them when it is first used. Threads can share an opened workspace.

    Parameters
    ----------
    settings : see `load_settings`.
    notify : called with each line that a person should know and that is no error; by default a warning is logged.
    allow_unverified : whether to load files whose record has no digests: they may run code.
    credentials : of the registry; see `open_registry`.
    """

    settings: Settings
    notify: Notify = log_warning
    allow_unverified: bool = False
    credentials: Mapping[str, Any] | None = attrs.field(default=None, repr=False)

    @classmethod
    def open(
        cls,
        *,
        config: str | os.PathLike[str] | None = None,
        notify: Notify = log_warning,
        allow_unverified: bool = False,
        credentials: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Workspace:
        """Open a workspace; `settings` are flags of `load_settings`, such as ``env`` and ``registry``."""
        return cls(load_settings(config=config, **settings), notify, allow_unverified, credentials)

    @cached_property
    def plugins(self) -> PluginHost:
        """The plugins that are installed and admitted."""
        return PluginHost(only=self.settings.plugins, strict=self.settings.strict_plugins, notify=self.notify)

    @cached_property
    def registry(self) -> RegistryBackend:
        """The registry; raise `UnknownBackend`, `MissingExtra` or `SettingsError` if it cannot be opened."""
        return open_backend(self.settings, self.backend, self.credentials)

    @cached_property
    def city(self) -> City:
        """The city that the settings choose; raise `UnknownCity`, or `SettingsError` of its table."""
        name, tables, file = self.settings.city, self.settings.cities, self.settings.config
        return city_named(name, tables, file, lambda: self.plugins.cities())

    @property
    def backend(self) -> Declaration[BackendSpec]:
        """The backend that the settings name, or that the scheme of their registry selects."""
        named = self.settings.backend
        return self.plugins.backend_for(str(self.settings.registry)) if named is None else self.plugins.backend(named)

    @cached_property
    def tracker(self) -> Tracker | None:
        """Where trainings are tracked; ``None`` if they are not."""
        from bike_traffic.tracking.opening import open_tracker

        return open_tracker(self.settings, self.notify)

    @cached_property
    def trust(self) -> Trust:
        """What a record must show before its files are loaded; raise `SettingsError` if a key cannot be read."""
        from bike_traffic.registry.signing import Trust

        return Trust.of(self.settings, unverified=self.allow_unverified)

    @cached_property
    def signing_key(self) -> SigningKey | None:
        """The key that signs records; raise `SettingsError` if it cannot be read."""
        from bike_traffic.registry.signing import SigningKey

        return SigningKey.of(self.settings)

    def pipelines(self, names: Sequence[str] = ()) -> list[Declaration[PipelineSpec]]:
        """Return the named pipelines; without names the built-in ones that can be trained, a note for the others."""
        if names:
            return [self.plugins.pipeline(name) for name in dict.fromkeys(names)]
        built_in = [one for one in self.plugins.pipelines().values() if one.source.built_in]
        for declaration in built_in:
            if missing := declaration.spec.missing_to_train():
                self.notify(f"left out: {declaration.spec.missing_extra(missing[0])}")
        return [declaration for declaration in built_in if not declaration.spec.missing_to_train()]

    def counts(
        self,
        source: str | pd.DataFrame | None = None,
        *,
        weather: str | pd.DataFrame | None = None,
        test_mode: bool = False,
        keep_doubtful: bool | None = None,
        **which: Any,
    ) -> pd.DataFrame:
        """Return the usable rows of counts that carry the truth as a clean frame, with their weather if it is given.

        ``None`` is what the settings say. What is left out is told, and refused beyond the share that they tolerate.
        `keep_doubtful` keeps counts far above what is usual. `which` may be a `window`, see `load_counts`.
        """
        from bike_traffic.data.loading import load_counts
        from bike_traffic.training import TEST_MODE_ROWS

        kept = self.settings.keep_doubtful if keep_doubtful is None else keep_doubtful
        return load_counts(
            self.settings.data if source is None else source,
            rows=TEST_MODE_ROWS if test_mode else None,
            weather=self.settings.weather or None if weather is None else weather,
            tolerance=attrs.evolve(self.tolerance, keep_doubtful=kept),
            notify=self.notify,
            city=self.city,
            **which,
        )

    @property
    def tolerance(self) -> Tolerance:
        """How much of counts may be left out, as the settings say."""
        from bike_traffic.data.checking.usable import Tolerance

        return Tolerance(share=self.settings.max_left_out, keep_doubtful=self.settings.keep_doubtful)

    def require_pipelines(
        self, declarations: Sequence[Declaration[PipelineSpec]], parameters: Mapping[str, Any], seed: int = 0
    ) -> None:
        """Create each pipeline once: what is wrong with any is raised before counts are read, see `new_pipeline`."""
        from bike_traffic.parameters import new_pipeline

        for declaration in declarations:
            pipeline = new_pipeline(declaration, parameters, seed, self.city)
            pipeline.require_input(history=True, weather=bool(self.settings.weather))

    def require_trainable(self) -> None:
        """Open what a training needs, before counts are read; raise `RegistryError` if nothing can be registered."""
        _ = self.signing_key, self.trust
        self.registry.require_writable()
        next(self.registry.records(EVERYTHING), None)  # what cannot be read fails before the fit, not after it

    def train(
        self, declaration: Declaration[PipelineSpec], counts: pd.DataFrame | StoredCounts, plan: TrainingPlan
    ) -> TrainingResult:
        """Train a pipeline on clean counts, register it, and tell the plugins; see `train_model`."""
        from bike_traffic.training import train_model

        plan, key = attrs.evolve(plan, city=self.city), self.signing_key
        result = train_model(declaration, counts, self.registry, plan, signing_key=key, tracker=self.tracker)
        self.plugins.after_train(result.record, result.evaluation.metrics)
        return result

    def find(
        self,
        model: str | None = None,
        *,
        run_id: str | None = None,
        alias: str | None = None,
        metric: str | None = None,
        test_mode: bool = False,
        sample: bool = False,
    ) -> ModelRecord:
        """Return the record of a run, of an alias, or the best one; raise `NoRecord`, or as `compare` does.

        Parameters
        ----------
        run_id : an id, or its first letters; a withdrawn run is returned too, with a note.
        model, metric : only records of this pipeline; without a metric they are compared as `compare` does.
        test_mode, sample : search the records of test mode, or of the generated sample, which are left out otherwise.
        """
        if run_id is not None:
            record = self.registry.get(run_id)
            if event := self.registry.withdrawn().get(record.run_id):
                self.notify(f"run {record.run_id[:8]} was withdrawn {event.origin}")
            return record
        if alias is not None:
            return self.registry.alias(alias)
        return self.compare(metric, self.query(model, test_mode=test_mode, sample=sample), model)[0]

    def compare(
        self, metric: str | None, query: Query, model: str | None = None
    ) -> tuple[ModelRecord, Iterable[Mapping[str, Any]]]:
        """Return the best record and those it was compared with, by skill if no metric is named; see `searching`."""
        from bike_traffic.searching import compare

        usual = metric or self.default_metric(model or query.model_type)
        return compare(self.registry, self.registry_in_words, metric, usual, query, self.trust, self.notify)

    @property
    def registry_in_words(self) -> str:
        """What messages call the registry."""
        return self.settings.registry_in_words(self.backend.spec.name)

    def default_metric(self, model: str | None) -> str:
        """Return the metric that decides which record is the best, if none is named; see `find`."""
        from bike_traffic.searching import require_records

        declared = self.plugins.pipelines().get(model or "")
        if declared and declared.spec.needed_to_train:  # heavy modules are imported after this
            require_records(self.registry, self.registry_in_words, declared.spec.name)
        from bike_traffic.loading import default_metric  # pandas

        return default_metric(model, self.registry, self.plugins, self.trust)

    def query(self, model: str | None = None, **how: Any) -> Query:
        """Return the query for a model of the city and the requested environment; `how` are other fields of it."""
        fields = {"env": self.settings.requested_env, "city": self.settings.city, **how}
        return Query(model_type=model and bare_name(model), **fields)

    def load(self, record: ModelRecord) -> LoadedModel:
        """Load a registered model of the city, its files verified; see `load_model`, and `require_city`."""
        from bike_traffic.loading import load_model

        require_city(self.city, record.city, f"{record.model_type} of run {record.run_id[:8]}")
        return load_model(self.registry, record, self.plugins, self.trust)

    def pull(self, record: ModelRecord, directory: Path) -> None:
        """Copy the files of a model into a new or empty folder, whole or not at all; see `copy_files`."""
        from bike_traffic.registry.files.fetching import copy_files

        copy_files(self.registry, record, self.trust, directory)

    def predict(self, loaded: LoadedModel, counts: pd.DataFrame, **how: Any) -> pd.DataFrame:
        """Predict counts, published or clean; see `bike_traffic.prediction.predict`, and `answering` for `how`."""
        from bike_traffic.prediction import predict

        return predict(loaded.pipeline, counts, self.answering(loaded, **how))

    def answering(self, loaded: LoadedModel, *, interval: bool = False, **how: Any) -> Answering:
        """Return how a model answers rows, `how` as fields of `Answering`; raise `NoInterval` if it has none."""
        from bike_traffic.answering import Answering
        from bike_traffic.prediction import require_interval

        return Answering(
            references=require_interval(loaded) if interval else None,
            counters=loaded.references.counters,
            known_until=loaded.record.known_until,
            tolerance=self.tolerance,
            notify=self.notify,
            city=self.city,
            **how,
        )

    def evaluate(self, loaded: LoadedModel, counts: pd.DataFrame | StoredCounts, **how: Any) -> Measurement:
        """Measure a registered model on clean counts; see `bike_traffic.evaluating.evaluate_model`."""
        from bike_traffic.evaluating import evaluate_model

        return evaluate_model(loaded, counts, keep_doubtful=self.settings.keep_doubtful, **how)

    def forecast(self, loaded: LoadedModel, **how: Any) -> Forecast:
        """Predict coming days for the counters that a registered model knows; see `bike_traffic.forecasting`."""
        from bike_traffic.forecasting import forecast

        return forecast(loaded, city=self.city, **how)

    def backtest(
        self,
        declarations: Sequence[Declaration[PipelineSpec]],
        cleaned: pd.DataFrame,
        *,
        folds: int,
        horizon: pd.Timedelta,
        **how: Any,
    ) -> Iterator[Fold]:
        """Measure pipelines by rolling origin, fold after fold; see `bike_traffic.backtesting.backtest`."""
        from bike_traffic.backtesting import backtest
        from bike_traffic.evaluation.splits import rolling_origin

        return backtest(declarations, cleaned, rolling_origin(cleaned, folds, horizon), city=self.city, **how)
