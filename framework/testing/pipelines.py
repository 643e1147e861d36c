"""The promises of a pipeline: one function each, its docstring the promise, and one tuple of them all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from bike_traffic.data.schema import CITY_HEADERS, COORDINATES, COUNT, COUNTER, TIME, TIME_ZONE, clean_counter_names
from bike_traffic.metrics import TASKS
from bike_traffic.pipeline import Pipeline
from bike_traffic.testing.fresh_process import Reloaded, modules_of_declaration
from bike_traffic.testing.subject import (
    CheckFailed,
    PipelineSubject,
    calling,
    fit,
    predict,
    require_same,
    require_sound,
)

PipelineCheck = Callable[[PipelineSubject], None]

CLOCK_CHANGES = ("2024-10-27", "2025-03-30")
"""A day of 25 hours and one of 23."""


@attrs.frozen
class CheckResult:
    """What became of one check; `failure` is ``None`` where the promise is kept."""

    check: str
    promise: str
    failure: str | None


def run_pipeline_checks(subject: PipelineSubject) -> Iterator[CheckResult]:
    """Run every check, one after another, whatever becomes of the others."""
    for check in PIPELINE_CHECKS:
        failure = None
        try:
            with calling("the check"):
                check(subject)
        except CheckFailed as error:
            failure = str(error)
        yield CheckResult(check.__name__, promise_of(check), failure)


def promise_of(check: PipelineCheck) -> str:
    """Return the promise that a check holds a pipeline to, in one sentence."""
    return " ".join((check.__doc__ or "").split())


def check_declared_without_heavy_imports(subject: PipelineSubject) -> None:
    """Declaring the pipeline imports no library: those are imported with its class, when it is used."""
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        libraries = modules_of_declaration(subject.offer, Path(folder))
    if libraries:
        raise CheckFailed(
            f"loading the plugin imports {', '.join(sorted(libraries))}; import them in the module of the class, "
            "and keep that module out of the one with the hook"
        )


def check_name_and_task_agree(subject: PipelineSubject) -> None:
    """The class is called by the name that it is declared under, and its task is one there is."""
    with calling("importing the class"):
        loaded = subject.spec.load()
    if getattr(loaded, "name", None) != subject.spec.name:
        found = getattr(loaded, "name", None)
        raise CheckFailed(f"the spec says '{subject.spec.name}', the class attribute `name` says {found!r}")
    if getattr(loaded, "task", None) not in TASKS:
        raise CheckFailed(f"the class attribute `task` is {getattr(loaded, 'task', None)!r}, not one of {TASKS}")


def check_is_a_clonable_estimator(subject: PipelineSubject) -> None:
    """It is a scikit-learn estimator: made without arguments, cloned with its parameters and nothing learned."""
    pipeline = subject.unfitted()
    if not isinstance(pipeline, Pipeline):
        raise CheckFailed("the class does not inherit bike_traffic.Pipeline")
    with calling("sklearn.base.clone"):
        clone(pipeline)
        pipeline.set_params(**pipeline.get_params(deep=False))
    learned = sorted(name for name in vars(clone(subject.fitted)) if name.endswith("_") and not name.startswith("_"))
    if learned:
        raise CheckFailed(f"a clone has {', '.join(learned)}; __init__ may only store its arguments")


def check_fit_returns_the_pipeline(subject: PipelineSubject) -> None:
    """`fit` returns the pipeline itself."""
    if subject.first_fit.returned is not subject.fitted:
        raise CheckFailed(f"fit returned a {type(subject.first_fit.returned).__name__}; return self")


def check_predict_before_fit_raises_not_fitted(subject: PipelineSubject) -> None:
    """`predict` before `fit` raises scikit-learn's `NotFittedError`."""
    advice = "raise sklearn.exceptions.NotFittedError, as sklearn.utils.validation.check_is_fitted does"
    try:
        subject.unfitted().predict(subject.rows)
    except NotFittedError:
        return
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(f"predict before fit raised {type(error).__name__}; {advice}") from error
    raise CheckFailed(f"predict before fit returned something; {advice}")


def check_input_is_left_unchanged(subject: PipelineSubject) -> None:
    """`fit` and `predict` leave the counts that they are given as they were."""
    if not subject.first_fit.given.equals(subject.training):
        raise CheckFailed("fit changed the counts that it was given; work on a copy")
    given = subject.rows.copy()
    predict(subject.fitted, given)
    if not given.equals(subject.rows):
        raise CheckFailed("predict changed the counts that it was given; work on a copy")


def check_predictions_are_finite_and_not_negative(subject: PipelineSubject) -> None:
    """Predictions are finite and 0 or more: bikes per hour, or a classifier's labels 0 and 1."""
    require_sound(subject.fitted, subject.expected)


def check_predictions_stand_on_the_index_of_the_counts(subject: PipelineSubject) -> None:
    """A prediction has the index of its counts, whatever that is."""
    size = len(subject.rows)
    indexes = {
        "an index that does not start at 0": subject.rows.index,
        "an index of text": pd.Index([f"row {size - place}" for place in range(size)]),
        "an index that says the same for all rows": pd.Index([7] * size),
    }
    for name, index in indexes.items():
        predicted = predict(subject.fitted, subject.rows.set_axis(index), f"for counts with {name}")
        if not predicted.index.equals(index):
            raise CheckFailed(f"predict for counts with {name} returned another index; pass index=counts.index")
        require_same(predicted, subject.expected, f"for counts with {name}")


def check_predicts_from_name_time_and_place_alone(subject: PipelineSubject) -> None:
    """A prediction needs the counter's name, the time and the coordinates, and never looks at the count."""
    count = CITY_HEADERS[COUNT]
    without = predict(subject.fitted, subject.rows.drop(columns=count), "without the count")
    require_same(without, subject.expected, "without the count")


def check_order_of_rows_and_extra_columns_do_not_matter(subject: PipelineSubject) -> None:
    """Rows may come in any order, and beside any other columns, to `fit` and to `predict`."""
    predicted = predict(subject.fitted, _disarranged(subject.rows), "for rows in another order with extra columns")
    require_same(predicted.loc[subject.rows.index], subject.expected, "for rows in another order with extra columns")
    pipeline = subject.unfitted()
    with calling("with rows in another order and extra columns, fit"):
        pipeline.fit(_disarranged(subject.training))
    where = "after a fit on rows in another order with extra columns"
    require_sound(pipeline, predict(pipeline, subject.rows, where), where)


def _disarranged(counts: pd.DataFrame) -> pd.DataFrame:
    shuffled = counts.sample(frac=1, random_state=0)
    return shuffled[shuffled.columns[::-1]].assign(**{"Identifiant du compteur": "100-7", "photo": None})


def check_same_seed_same_predictions(subject: PipelineSubject) -> None:
    """Fitted again with the same `random_state`, on the same counts, it predicts the same."""
    again = subject.unfitted()
    fit(again, subject.training.copy())
    require_same(predict(again, subject.rows), subject.expected, "fitted twice with the same random_state")


def check_remembers_its_counters(subject: PipelineSubject) -> None:
    """`fit` and `load` set `counters_` to the cleaned names of the counters in training."""
    names = clean_counter_names(subject.training[CITY_HEADERS[COUNTER]])
    expected = sorted(names.astype(str).unique())
    after = {"fit": getattr(subject.fitted, "counters_", None), "load": _reloaded(subject, 0).counters}
    for call, found in after.items():
        if found is None:
            raise CheckFailed("fit sets no counters_; set it to the names that RawCleanerTransformer gives")
        if sorted(map(str, found)) != expected:
            raise CheckFailed(f"after {call}, counters_ is {sorted(map(str, found))}, not {expected}")


def check_saved_and_loaded_in_a_fresh_process_predicts_the_same(subject: PipelineSubject) -> None:
    """What `save` wrote, loaded in a fresh process, predicts the same."""
    require_same(_reloaded(subject, 0).predicted, subject.expected, "loaded in a fresh process")


def check_loads_under_another_working_directory(subject: PipelineSubject) -> None:
    """The saved files may be moved, and load whatever the working directory is."""
    require_same(_reloaded(subject, 1).predicted, subject.expected, "loaded from another directory")


def _reloaded(subject: PipelineSubject, trip: int) -> Reloaded:
    found = subject.reloaded[trip]
    if found.error:
        raise CheckFailed(f"load, or predict after it, raised {found.error}")
    return found


def check_empty_counts_give_an_empty_prediction(subject: PipelineSubject) -> None:
    """No rows give no predictions, and no error."""
    predict(subject.fitted, subject.rows.iloc[:0], "for no rows")


def check_one_row_is_predicted_as_among_many(subject: PipelineSubject) -> None:
    """A row alone is predicted as it is among others."""
    predicted = predict(subject.fitted, subject.rows.tail(1), "for one row")
    require_same(predicted, subject.expected.tail(1), "alone and among others")


def check_unknown_counters_get_a_best_effort(subject: PipelineSubject) -> None:
    """A counter unknown to training, or without coordinates, is predicted somehow, and disturbs no other row."""
    half = len(subject.rows) // 2
    strange = subject.rows.copy()
    headers = [CITY_HEADERS[name] for name in (COUNTER, COORDINATES)]
    strange.loc[strange.index[:half], headers] = ["a street that nobody counted on", None]
    predicted = predict(subject.fitted, strange, "for an unknown counter")
    require_sound(subject.fitted, predicted, "for an unknown counter")
    require_same(predicted.iloc[half:], subject.expected.iloc[half:], "beside rows of an unknown counter")


def check_hours_of_clock_changes_are_predicted(subject: PipelineSubject) -> None:
    """Every hour of the days of 25 and of 23 hours is predicted, the same however its offset is written."""
    hours = pd.DatetimeIndex(
        [
            hour
            for day in CLOCK_CHANGES
            for start in [pd.Timestamp(day, tz=TIME_ZONE)]
            for hour in pd.date_range(start, start + pd.DateOffset(days=1), freq="h", inclusive="left")
        ]
    )
    rows = subject.rows.head(1).loc[[subject.rows.index[0]] * len(hours)].reset_index(drop=True)
    header = CITY_HEADERS[TIME]
    local = predict(
        subject.fitted, rows.assign(**{header: [hour.isoformat() for hour in hours]}), "at a change of the clocks"
    )
    require_sound(subject.fitted, local, "at a change of the clocks")
    universal = rows.assign(**{header: [hour.isoformat() for hour in hours.tz_convert("UTC")]})
    where = "for times written in UTC"
    require_same(predict(subject.fitted, universal, where), local, where)


def check_probabilities_are_a_classifiers(subject: PipelineSubject) -> None:
    """`probability` is a classifier's, between 0 and 1 on the index of the counts, or `None`."""
    with calling("probability"):
        found = subject.fitted.probability(subject.rows)
    if found is None:
        return
    if subject.fitted.task != "classification":
        raise CheckFailed("probability returned values for a regression; return None")
    if not isinstance(found, pd.Series) or not found.index.equals(subject.rows.index):
        raise CheckFailed("probability must return a Series on the index of the counts")
    if not found.between(0, 1).all():
        raise CheckFailed("probability returned values that are not between 0 and 1")
    with calling("probability for no rows"):
        subject.fitted.probability(subject.rows.iloc[:0])


PIPELINE_CHECKS: tuple[PipelineCheck, ...] = (
    check_declared_without_heavy_imports,
    check_name_and_task_agree,
    check_is_a_clonable_estimator,
    check_fit_returns_the_pipeline,
    check_predict_before_fit_raises_not_fitted,
    check_input_is_left_unchanged,
    check_predictions_are_finite_and_not_negative,
    check_predictions_stand_on_the_index_of_the_counts,
    check_predicts_from_name_time_and_place_alone,
    check_order_of_rows_and_extra_columns_do_not_matter,
    check_same_seed_same_predictions,
    check_remembers_its_counters,
    check_saved_and_loaded_in_a_fresh_process_predicts_the_same,
    check_loads_under_another_working_directory,
    check_empty_counts_give_an_empty_prediction,
    check_one_row_is_predicted_as_among_many,
    check_unknown_counters_get_a_best_effort,
    check_hours_of_clock_changes_are_predicted,
    check_probabilities_are_a_classifiers,
)
"""Every promise of a pipeline, in the order in which they are checked."""
