"""The promises of a pipeline: one function each, whose docstring is the promise."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from bike_traffic.columns import COUNT, COUNTER, TIME, TIME_ZONE
from bike_traffic.data.cleaning import clean
from bike_traffic.data.parsing.values import clean_texts
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES
from bike_traffic.names import TASKS
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline
from bike_traffic.search_space import Between, OneOf
from bike_traffic.testing.pipelines.fresh_process import Reloaded, modules_of_declaration
from bike_traffic.testing.pipelines.subject import (
    CheckFailed,
    PipelineSubject,
    calling,
    changed_attributes,
    fit,
    predict,
    require_same,
    require_sound,
)

_THREADS = 4

CLOCK_CHANGES = ("2024-10-27", "2025-03-30")
"""A day of 25 hours and one of 23."""


def check_declared_without_heavy_imports(subject: PipelineSubject) -> None:
    """Declaring the pipeline imports no library; libraries are imported with its class, when it is used."""
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        libraries = modules_of_declaration(subject.declaration, Path(folder))
    if libraries:
        raise CheckFailed(
            f"loading the plugin imports {', '.join(sorted(libraries))}; import them in the module of the class, "
            "and do not import that module in the one with the hook"
        )


def check_name_and_task_agree(subject: PipelineSubject) -> None:
    """The class has the name and the needs of its declaration, and its task is regression or classification."""
    with calling("importing the class"):
        loaded = subject.spec.load()
    for attribute in ("name", "needs"):
        in_spec, in_class = getattr(subject.spec, attribute), getattr(loaded, attribute, None)
        if in_spec != in_class:
            raise CheckFailed(f"the spec has {attribute} {in_spec!r}, the class {in_class!r}; make them equal")
    if getattr(loaded, "task", None) not in TASKS:
        raise CheckFailed(f"the class attribute `task` is {getattr(loaded, 'task', None)!r}, not one of {TASKS}")


def check_is_a_clonable_estimator(subject: PipelineSubject) -> None:
    """It is a scikit-learn estimator: created without arguments, cloned with its parameters and nothing learned."""
    pipeline = subject.unfitted()
    if not isinstance(pipeline, Pipeline):
        raise CheckFailed("the class does not inherit bike_traffic.Pipeline")
    with calling("sklearn.base.clone"):
        clone(pipeline)
        pipeline.set_params(**pipeline.get_params(deep=False))
    learned = sorted(name for name in vars(clone(subject.fitted)) if name.endswith("_") and not name.startswith("_"))
    if learned:
        raise CheckFailed(f"a clone has {', '.join(learned)}; __init__ may only store its arguments")


def check_search_space_fits_the_parameters(subject: PipelineSubject) -> None:
    """What `search_space` declares, `bt tune` can search: parameters of the pipeline, with the default among them."""
    pipeline = subject.unfitted()
    defaults = pipeline.get_params(deep=False)
    with calling("search_space"):
        space = type(pipeline).search_space()
    for name, searched in space.items():
        if name not in defaults:
            raise CheckFailed(f"search_space declares {name}, which is no parameter; there are {sorted(defaults)}")
        if not isinstance(searched, Between | OneOf):
            raise CheckFailed(f"search_space declares {name} as {searched!r}; use Between or OneOf")
        if not searched.has(defaults[name]):
            raise CheckFailed(f"search_space declares {name} as {searched}, without the default {defaults[name]!r}")


def check_fit_returns_the_pipeline(subject: PipelineSubject) -> None:
    """`fit` returns the pipeline itself."""
    if subject.first_fit.returned is not subject.fitted:
        raise CheckFailed(f"fit returned a {type(subject.first_fit.returned).__name__}; return self")


def check_predict_before_fit_raises_not_fitted(subject: PipelineSubject) -> None:
    """`predict` before `fit` raises scikit-learn's `NotFittedError`."""
    advice = "raise sklearn.exceptions.NotFittedError, as sklearn.utils.validation.check_is_fitted does"
    try:
        subject.unfitted().predict(subject.rows, subject.history)
    except NotFittedError:
        return
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(f"predict before fit raised {type(error).__name__}; {advice}") from error
    raise CheckFailed(f"predict before fit returned a value; {advice}")


def check_input_is_left_unchanged(subject: PipelineSubject) -> None:
    """`fit` and `predict` do not change the counts and the history that they are given."""
    if not subject.first_fit.given.equals(subject.training):
        raise CheckFailed("fit changed the counts that it was given; work on a copy")
    given, history = subject.rows.copy(), subject.history
    with calling("predict"):
        subject.fitted.predict(given, history)
    if not given.equals(subject.rows):
        raise CheckFailed("predict changed the counts that it was given; work on a copy")
    if history is not None and not history.equals(subject.training):
        raise CheckFailed("predict changed the history that it was given; work on a copy")


def check_predictions_are_finite_and_not_negative(subject: PipelineSubject) -> None:
    """Predictions are finite and 0 or more: bikes per hour, or a classifier's labels 0 and 1."""
    require_sound(subject.fitted, subject.expected)


def check_predictions_have_the_index_of_the_counts(subject: PipelineSubject) -> None:
    """A prediction has the index of its counts, and no value depends on it."""
    size = len(subject.rows)
    indexes = {
        "an index that does not start at 0": subject.rows.index,
        "an index of text": pd.Index([f"row {size - place}" for place in range(size)]),
        "an index with one value for all rows": pd.Index([7] * size),
    }
    for name, index in indexes.items():
        predicted = predict(subject, subject.rows.set_axis(index), f"for counts with {name}")
        if not predicted.index.equals(index):
            raise CheckFailed(f"predict for counts with {name} returned another index; pass index=counts.index")
        require_same(predicted, subject.expected, f"for counts with {name}")


def check_predicts_from_name_time_and_place_alone(subject: PipelineSubject) -> None:
    """A prediction needs the counter's name, the time and the coordinates, and never looks at the count."""
    count = CITY_HEADERS[COUNT]
    without = predict(subject, subject.rows.drop(columns=count), "without the count")
    require_same(without, subject.expected, "without the count")


def check_later_counts_change_no_prediction(subject: PipelineSubject) -> None:
    """A pipeline that needs history does not use its counts of a row's own hour and of later hours."""
    history = subject.history
    if history is None:
        return
    whole = pd.concat([history, subject.rows.astype(history.dtypes)], ignore_index=True)
    hours = clean(whole)[TIME]
    middle = clean(subject.rows)[TIME].min() + pd.Timedelta(days=1)
    count = CITY_HEADERS[COUNT]
    changed = whole.assign(**{count: whole[count].where(hours < middle, whole[count] * 3 + 7)})
    rows = whole[hours == middle]
    with calling("predict for hours that the history has"):
        expected, predicted = (subject.fitted.predict(rows, known) for known in (whole, changed))
    require_same(predicted, expected, "with other counts of the row's hour and later ones in the history")


def check_order_of_rows_and_extra_columns_do_not_matter(subject: PipelineSubject) -> None:
    """`fit` and `predict` accept rows in any order, and extra columns."""
    predicted = predict(subject, _disarranged(subject.rows), "for rows in another order with extra columns")
    require_same(predicted.loc[subject.rows.index], subject.expected, "for rows in another order with extra columns")
    pipeline = subject.unfitted()
    with calling("with rows in another order and extra columns, fit"):
        pipeline.fit(_disarranged(subject.training))
    where = "after a fit on rows in another order with extra columns"
    require_sound(pipeline, predict(subject, subject.rows, where, pipeline), where)


def _disarranged(counts: pd.DataFrame) -> pd.DataFrame:
    shuffled = counts.sample(frac=1, random_state=0)
    return shuffled[shuffled.columns[::-1]].assign(**{"Identifiant du compteur": "100-7", "photo": None})


def check_same_seed_same_predictions(subject: PipelineSubject) -> None:
    """Fitted again on the same counts with the same `random_state`, it predicts the same."""
    again = subject.unfitted()
    fit(again, subject.training.copy())
    require_same(
        predict(subject, subject.rows, "", again), subject.expected, "fitted twice with the same random_state"
    )


def check_remembers_its_counters(subject: PipelineSubject) -> None:
    """`fit` and `load` set `counters_` to the cleaned names of the counters in training."""
    names = clean_texts(subject.training[CITY_HEADERS[COUNTER]])
    expected = sorted(names.astype(str).unique())
    after = {"fit": getattr(subject.fitted, "counters_", None), "load": _reloaded(subject, 0).counters}
    for call, counters in after.items():
        if counters is None:
            raise CheckFailed("fit sets no counters_; set it to the names of the counters in the clean frame")
        if sorted(map(str, counters)) != expected:
            raise CheckFailed(f"after {call}, counters_ is {sorted(map(str, counters))}, not {expected}")


def check_saved_and_loaded_in_a_fresh_process_predicts_the_same(subject: PipelineSubject) -> None:
    """Loaded in a new process from what `save` wrote, it predicts the same."""
    require_same(_reloaded(subject, 0).predicted, subject.expected, "loaded in a new process")


def check_loads_under_another_working_directory(subject: PipelineSubject) -> None:
    """The saved files can be moved, and loaded in any working directory."""
    require_same(_reloaded(subject, 1).predicted, subject.expected, "loaded from another directory")


def _reloaded(subject: PipelineSubject, trip: int) -> Reloaded:
    reloaded = subject.reloaded[trip]
    if reloaded.error:
        raise CheckFailed(f"load, or predict after it, raised {reloaded.error}")
    return reloaded


def check_empty_counts_give_an_empty_prediction(subject: PipelineSubject) -> None:
    """An empty frame gives an empty prediction, and no error."""
    predict(subject, subject.rows.iloc[:0], "for no rows")


def check_one_row_is_predicted_as_among_many(subject: PipelineSubject) -> None:
    """The prediction of a row does not depend on the other rows."""
    predicted = predict(subject, subject.rows.tail(1), "for one row")
    require_same(predicted, subject.expected.tail(1), "alone and among others")


def check_unknown_counters_get_a_best_effort(subject: PipelineSubject) -> None:
    """A counter unknown to training, or without coordinates, gets a prediction, and changes none of other rows."""
    half = len(subject.rows) // 2
    strange = subject.rows.copy()
    headers = [CITY_HEADERS[name] for name in (COUNTER, COORDINATES)]
    strange.loc[strange.index[:half], headers] = ["a counter that was not in training", None]
    predicted = predict(subject, strange, "for an unknown counter")
    require_sound(subject.fitted, predicted, "for an unknown counter")
    require_same(predicted.iloc[half:], subject.expected.iloc[half:], "with rows of an unknown counter added")


def check_hours_of_clock_changes_are_predicted(subject: PipelineSubject) -> None:
    """Every hour of the days of 25 and of 23 hours is predicted, and a time can be written with any offset."""
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
    local = predict(subject, rows.assign(**{header: [hour.isoformat() for hour in hours]}), "at a clock change")
    require_sound(subject.fitted, local, "at a clock change")
    universal = rows.assign(**{header: [hour.isoformat() for hour in hours.tz_convert("UTC")]})
    where = "for times written in UTC"
    require_same(predict(subject, universal, where), local, where)


def check_clean_counts_give_the_same_as_published_ones(subject: PipelineSubject) -> None:
    """`fit` and `predict` give the same for a clean frame as for the published one, and do not change it."""
    training, rows = clean(subject.training), clean(subject.rows)
    given = training.copy(), rows.copy()
    require_same(predict(subject, given[1], "for clean rows"), subject.expected, "for clean rows")
    pipeline = subject.unfitted()
    with calling("with clean counts, fit"):
        pipeline.fit(given[0])
    where = "after a fit on clean counts"
    require_same(predict(subject, subject.rows, where, pipeline), subject.expected, where)
    if not (given[0].equals(training) and given[1].equals(rows)):
        raise CheckFailed("a clean frame was changed; work on a copy")


def check_threads_share_a_fitted_pipeline(subject: PipelineSubject) -> None:
    """Predicting changes no attribute of a fitted pipeline, and threads that share it get the same answer."""
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(lambda _: predict(subject, subject.rows, "in a thread"), range(2 * _THREADS)))
    for answer in answers:
        require_same(answer, subject.expected, "in several threads at once")
    changed = changed_attributes(subject.first_fit.attributes, subject.fitted)
    if changed:
        raise CheckFailed(f"predict changed {', '.join(changed)}; a prediction must not change the pipeline")


def check_probabilities_are_a_classifiers(subject: PipelineSubject) -> None:
    """`predict_frame` predicts what `predict` does, and only a classifier's has a probability, from 0 to 1."""
    with calling("predict_frame"):
        frame = subject.fitted.predict_frame(subject.rows, subject.history)
    if not isinstance(frame, pd.DataFrame) or not frame.index.equals(subject.rows.index):
        raise CheckFailed("predict_frame must return a DataFrame on the index of the counts")
    if PREDICTION not in frame:
        raise CheckFailed(f"predict_frame returned no column '{PREDICTION}'")
    require_same(frame[PREDICTION], subject.expected, "by predict_frame and by predict")
    if PROBABILITY not in frame:
        return
    if subject.fitted.task != "classification":
        raise CheckFailed("predict_frame returned a probability for a regression; leave it out")
    if not frame[PROBABILITY].between(0, 1).all():
        raise CheckFailed("predict_frame returned probabilities that are not between 0 and 1")
