"""Trials of parameters, fold after fold; those that fall behind are given up."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import TIME
from bike_traffic.data.checking.description import fingerprint
from bike_traffic.errors import MissingExtra, ParameterError, TuningError
from bike_traffic.evaluation.measuring import evaluation_of, measurable_rows, measured_rows
from bike_traffic.evaluation.metrics import DEFAULT_METRIC, METRICS
from bike_traffic.evaluation.references import References
from bike_traffic.evaluation.splits import DEFAULT_HOLDOUT, Split, rolling_origin
from bike_traffic.extras import pip_words
from bike_traffic.manager import Declaration
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.processes import ALONE, Made, Workers
from bike_traffic.search_space import Searched
from bike_traffic.specs import PipelineSpec
from bike_traffic.tracking.runs import Tracker, start_tuning

if TYPE_CHECKING:
    from bike_traffic.tuning.study import Study, Trial

DEFAULT_STORAGE = "tuning.db"


@attrs.frozen(kw_only=True)
class TuningPlan:
    """How to search.

    Parameters
    ----------
    trials : how many in all, those of earlier calls included.
    folds, horizon : each trial is measured on so many folds, the last weeks before the hold-out of a training.
    parameters : values that are given, and not searched.
    seed : of the search and of the pipelines.
    storage : a file of SQLite, or any URL that Optuna takes.
    workers : who makes the fits; the trials are the same.
    city : whose counts they are.
    """

    trials: int = 20
    folds: int = 3
    horizon: pd.Timedelta = DEFAULT_HOLDOUT
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    seed: int = 0
    storage: str = DEFAULT_STORAGE
    workers: Workers = ALONE
    city: City = PARIS


@attrs.frozen(kw_only=True)
class Tuning:
    """The trials of a search.

    Parameters
    ----------
    model_type, metric : what was searched for, and the metric whose mean over the folds decides.
    trials : all that are finished, in their order; the first has the defaults of the pipeline.
    best : the best complete one.
    given : parameters that were not searched.
    """

    model_type: str
    metric: str
    trials: Sequence[Trial]
    best: Trial
    given: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """The given parameters and the best of the searched ones."""
        return {**self.given, **self.best.parameters}

    @property
    def words(self) -> str:
        """The best parameters as words of a command line: ``--set KEY=VALUE``, each."""
        return " ".join(f"--set {shlex.quote(f'{name}={value}')}" for name, value in self.parameters.items())


def require_optuna() -> None:
    """Raise `MissingExtra` if Optuna is not installed."""
    if find_spec("optuna") is None:
        install = pip_words("bike-traffic[tune]")
        raise MissingExtra(
            f"a search needs optuna, which is not installed: pip install {install}",
            "extra-missing",
            name="tune",
            module="optuna",
            install=install,
        )


def searched_space(declaration: Declaration[PipelineSpec], given: Mapping[str, Any]) -> Mapping[str, Searched]:
    """Return what of a pipeline's search space is not given; raise `TuningError` if that is nothing."""
    space = {name: one for name, one in declaration.spec.load().search_space().items() if name not in given}
    if not space:
        raise TuningError(
            f"'{declaration.spec.name}' declares no parameters to search, or all of them are given",
            "nothing-to-search",
            name=declaration.spec.name,
        )
    return space


def tune(
    declaration: Declaration[PipelineSpec],
    cleaned: pd.DataFrame,
    plan: TuningPlan,
    *,
    tracker: Tracker | None = None,
    on_trial: Callable[[Trial, Tuning | None], None] | None = None,
) -> Tuning:
    """Search for the parameters of a pipeline with the best mean of its default metric over folds in time.

    The folds end where the hold-out of a training begins, so that the metrics of a model that is trained with the
    best parameters are honest. Trials are kept as they go: the same call continues an interrupted search, with the
    trials that it would have had. One that is worse than the median after a fold is given up.

    Parameters
    ----------
    cleaned : a valid clean frame with the counts.
    tracker : makes each trial a run below that of the search.
    on_trial : called with each trial that ends, and the search so far, ``None`` before the first complete trial.

    Raises
    ------
    MissingExtra, SplitError, ParameterError, MissingInput, WorkerError
    TuningError
        There is nothing to search, the storage cannot be used, or no trial could be completed.
    """
    require_optuna()
    from bike_traffic.tuning.study import Study

    space = searched_space(declaration, plan.parameters)
    known = new_pipeline(declaration, plan.parameters, plan.seed, plan.city)
    until = cleaned[TIME].max() - DEFAULT_HOLDOUT
    before = cleaned[(cleaned[TIME] <= until).to_numpy()]
    splits = rolling_origin(before, plan.folds, plan.horizon)
    metric = DEFAULT_METRIC[known.task]
    name = f"{known.name} {_digest(plan, before, space)}"
    better = bool(METRICS[metric].higher_is_better)
    with (
        closing(Study(plan.storage, name, space, higher_is_better=better, seed=plan.seed)) as study,
        start_tuning(tracker, known.name) as run,
        plan.workers.sharing(before) as made,
    ):
        study.start_with(known.get_params(deep=False))
        while batch := study.next_trials(plan.trials):
            for trial in _measured(declaration, splits, plan, study, metric, batch, made):
                run.log(trial.number, {**plan.parameters, **trial.parameters}, {metric: trial.values}, trial.state)
                if on_trial is not None:
                    on_trial(trial, _tuning_of(known.name, metric, plan, study))
        done = _tuning_of(known.name, metric, plan, study)
    if done is None:
        raise TuningError(
            f"'{known.name}': none of {plan.trials} trials could be measured on all folds",
            "no-trial-complete",
            name=known.name,
            trials=plan.trials,
        )
    return done


def _measured(
    declaration: Declaration[PipelineSpec],
    splits: Sequence[Split],
    plan: TuningPlan,
    study: Study,
    metric: str,
    batch: Sequence[Trial],
    made: Made,
) -> Iterator[Trial]:
    """Measure trials on fold after fold; yield each when it ends."""
    left = {trial.number: trial for trial in batch}
    new = partial(new_pipeline, declaration, seed=plan.seed, city=plan.city)
    for fold, split in enumerate(splits):
        behind = [trial for trial in left.values() if len(trial.values) <= fold]
        given = [{**plan.parameters, **trial.parameters} for trial in behind]
        calls = [partial(_score, partial(new, parameters=parameters), split, metric) for parameters in given]
        for trial, score in zip(behind, made(calls), strict=True):
            if math.isnan(score):
                del left[trial.number]
                yield study.finish(trial, "failed")
                continue
            values = [*trial.values, score]
            study.report(trial, values)
            left[trial.number] = attrs.evolve(trial, values=values)
        if fold + 1 < len(splits):
            # One that an earlier call has measured further was not behind then.
            for trial in [one for one in left.values() if len(one.values) == fold + 1 and study.is_behind(one)]:
                del left[trial.number]
                yield study.finish(trial, "pruned")
    for trial in left.values():
        yield study.finish(trial, "complete")


def _score(new: Callable[[], Pipeline], split: Split, metric: str, cleaned: pd.DataFrame) -> float:
    """Return the metric of one fold; NaN for parameters that the pipeline refuses together."""
    training, held_out = cleaned.iloc[split.training], cleaned.iloc[split.held_out]
    try:
        pipeline = new().fit(training)
    except ParameterError:
        return math.nan
    rows = measured_rows(pipeline, measurable_rows(pipeline, held_out), References(), training)
    return evaluation_of(pipeline.task, rows).metrics.get(metric, math.nan)


def _tuning_of(model_type: str, metric: str, plan: TuningPlan, study: Study) -> Tuning | None:
    trials = [trial for trial in study.trials() if trial.state != "running"]
    complete = [(trial, trial.score) for trial in trials if trial.state == "complete" and trial.score is not None]
    if not complete:
        return None
    best = complete[0]
    for one in complete:  # of equal ones the first is kept
        best = one if METRICS[metric].better(one[1], best[1]) else best
    return Tuning(model_type=model_type, metric=metric, trials=trials, best=best[0], given=plan.parameters)


def _digest(plan: TuningPlan, cleaned: pd.DataFrame, space: Mapping[str, Searched]) -> str:
    """Return what tells one search from another, whose trials do not compare."""
    parts = [plan.folds, str(plan.horizon), dict(plan.parameters), plan.seed, plan.city.name]
    parts += [{name: repr(one) for name, one in space.items()}, fingerprint(cleaned)]
    return hashlib.sha256(json.dumps(parts, default=repr, sort_keys=True).encode()).hexdigest()[:12]
