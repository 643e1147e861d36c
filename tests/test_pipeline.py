"""What every pipeline has from its base class: counts are cleaned and checked, answers too, and the index is kept."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError

from bike_traffic.columns import CLEAN_COLUMNS, COUNT, COUNTER, HOUR, WEATHER_COLUMNS
from bike_traffic.data.cleaning import clean
from bike_traffic.errors import MissingInput, ParameterError, PredictionError, SchemaError
from bike_traffic.names import Need
from bike_traffic.pipeline import Pipeline

TWO = ["a", "b"]


class Answering(Pipeline):
    """Answers what it is given, and remembers what it was called with."""

    name, task = "answering", "regression"

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def _fit(self, cleaned: pd.DataFrame) -> None:
        self.learned_ = cleaned
        self.calls_: list[tuple[pd.DataFrame, pd.DataFrame | None]] = []

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:
        self.calls_.append((cleaned, history))
        return np.ones(len(cleaned)) if self.answer is None else self.answer

    def save(self, directory: Path) -> None: ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        return cls()


class Classifying(Answering):
    name = "classifying"
    task = "classification"  # type: ignore[assignment]


class NeedingHistory(Answering):
    needs: tuple[Need, ...] = ("history",)  # type: ignore[misc]


@pytest.fixture
def two(small_counts: pd.DataFrame) -> pd.DataFrame:
    """Return two published rows with an index of text."""
    return small_counts.head(2).set_axis(pd.Index(TWO))


def test_published_and_clean_counts_reach_the_author_clean_and_on_their_index(two: pd.DataFrame) -> None:
    for counts in (two, clean(two)):
        pipeline = Answering().fit(counts)
        predicted = pipeline.predict(counts)
        (given, history), learned = pipeline.calls_[0], pipeline.learned_
        assert tuple(learned.columns) == (*CLEAN_COLUMNS, COUNT)
        assert given.equals(clean(two))
        assert history is None
        assert predicted.equals(pd.Series([1.0, 1.0], index=TWO, name="prediction"))
        assert pipeline.truth(counts).equals(clean(two)[COUNT])


def test_fit_remembers_the_counters_of_its_rows_alone(small_counts: pd.DataFrame) -> None:
    names = sorted(set(small_counts["Nom du compteur"]))
    cleaned = clean(small_counts)
    of_one = cleaned[cleaned[COUNTER] == names[0]]
    pipeline = Answering().fit(of_one)
    assert list(pipeline.counters_) == names[:1]
    assert list(pipeline.known_counters(cleaned)) == [name == names[0] for name in small_counts["Nom du compteur"]]
    assert list(pipeline.known_counters(small_counts)) == list(pipeline.known_counters(cleaned))


def test_an_unfitted_pipeline_and_one_whose_fit_failed_are_refused(two: pd.DataFrame) -> None:
    message = "pipeline 'answering' has not been fitted yet; call fit or load first"
    with pytest.raises(NotFittedError, match=f"^{message}$"):
        Answering().predict(two)
    pipeline = Answering().fit(two)
    pipeline._fit = None  # type: ignore[method-assign,assignment]  # an author's fit that fails
    with pytest.raises(TypeError):
        pipeline.fit(two)
    with pytest.raises(NotFittedError, match=f"^{message}$"):
        pipeline.predict(two)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_fit_that_fails_after_it_set_the_counters_leaves_the_pipeline_unfitted(
    two: pd.DataFrame, error: type[BaseException]
) -> None:
    class Failing(Answering):
        def _fit(self, cleaned: pd.DataFrame) -> None:
            self.counters_ = pd.Index(["Pont"])
            raise error

    pipeline = Failing()
    with pytest.raises(error):
        pipeline.fit(two)
    with pytest.raises(
        NotFittedError, match=r"^pipeline 'answering' has not been fitted yet; call fit or load first$"
    ):
        pipeline.predict(two)


@pytest.mark.parametrize(
    ("kind", "columns", "types"),
    [
        (Answering, ["prediction"], [np.dtype(float)]),
        (Classifying, ["prediction", "probability"], [np.dtype("int64"), np.dtype(float)]),
    ],
)
def test_no_rows_give_no_predictions_and_predict_is_not_called(
    two: pd.DataFrame, kind: type[Answering], columns: list[str], types: list[np.dtype[Any]]
) -> None:
    pipeline = kind().fit(two)
    for rows in (two.head(0), clean(two).head(0)):
        frame = pipeline.predict_frame(rows)
        assert (list(frame.columns), list(frame.dtypes), len(frame)) == (columns, types, 0)
        assert frame.index.equals(rows.index)
        assert pipeline.predict(rows).equals(frame["prediction"])
    assert pipeline.calls_ == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0, -0.5], "prediction is -0.5 for row b; values must be finite and never negative"),
        ([np.nan, 1.0], "prediction is nan for row a; values must be finite and never negative"),
        ([np.inf, 1.0], "prediction is inf for row a; values must be finite and never negative"),
        ([1.0], "prediction has the shape (1,) for 2 rows"),
        (np.ones((2, 1)), "prediction has the shape (2, 1) for 2 rows"),
        (["many", "few"], "prediction holds values that are no numbers"),
        ([1.0, 2.0, 3.0], "prediction has the shape (3,) for 2 rows"),
        (pd.Series([1.0, 2.0]), "a Series that _predict returns must be on the index of its input"),
        (
            pd.Series([1.0, 2.0], index=TWO[::-1]),
            "a Series that _predict returns must be on the index of its input",
        ),
        (
            pd.DataFrame({"prediction": [1.0, 2.0]}),
            "a Series that _predict returns must be on the index of its input",
        ),
        ({"prediction": [1, 1], "upper": [2, 2, 2]}, "upper has the shape (3,) for 2 rows"),
        (
            {"probability": [0.5, 0.5]},
            "_predict returned the columns ['probability']; it may return ['prediction', 'probability', 'lower', "
            "'upper']",
        ),
        (
            {"prediction": [1, 1], "spread": [1, 1]},
            "_predict returned the columns ['prediction', 'spread']; it may return ['prediction', 'probability', "
            "'lower', 'upper']",
        ),
        (
            {"prediction": [1, 1], "lower": [0, np.nan]},
            "lower is nan for row b; values must be finite and never negative",
        ),
        (
            {"prediction": [1, 1], "upper": [2, np.inf]},
            "upper is inf for row b; values must be finite and never negative",
        ),
    ],
    ids=str,
)
def test_an_answer_that_breaks_the_promise_is_refused(two: pd.DataFrame, answer: object, message: str) -> None:
    whole = f"pipeline 'answering' broke its promise: {message}"
    with pytest.raises(PredictionError, match=f"^{re.escape(whole)}$") as refused:
        Answering(answer).fit(two).predict_frame(two)
    assert (refused.value.id, refused.value.parts) == ("promise-broken", {"model_type": "answering", "what": message})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.5, 1.0], "prediction is 0.5 for row a; values must be the labels 0 and 1"),
        (
            {"prediction": [0, 1], "probability": [0.5, 1.5]},
            "probability is 1.5 for row b; values must be from 0 to 1",
        ),
        (
            {"prediction": [0, 1], "probability": [-0.5, 0.5]},
            "probability is -0.5 for row a; values must be from 0 to 1",
        ),
    ],
    ids=str,
)
def test_a_classifier_answers_with_labels_and_probabilities(two: pd.DataFrame, answer: object, message: str) -> None:
    with pytest.raises(PredictionError, match=f"^pipeline 'classifying' broke its promise: {re.escape(message)}$"):
        Classifying(answer).fit(two).predict_frame(two)


@pytest.mark.parametrize("form", [dict, pd.DataFrame])
def test_several_columns_come_in_one_pass_and_in_their_order(two: pd.DataFrame, form: type[Any]) -> None:
    answer = form({"upper": [3.0, 4.0], "prediction": [2.0, 3.0], "lower": [1.0, 2.0]})
    answer = answer.set_axis(pd.Index(TWO)) if form is pd.DataFrame else answer
    pipeline = Answering(answer).fit(two)
    frame = pipeline.predict_frame(two)
    expected = pd.DataFrame({"prediction": [2.0, 3.0], "lower": [1.0, 2.0], "upper": [3.0, 4.0]}, index=TWO)
    pd.testing.assert_frame_equal(frame, expected)
    assert len(pipeline.calls_) == 1


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("Nom du compteur", None, "name of its counter"),
        ("Date et heure de comptage", "yesterday", "time that can be read"),
        ("Comptage horaire", None, "count of 0 or more bikes"),
        ("Comptage horaire", -1, "count of 0 or more bikes"),
    ],
)
def test_a_missing_value_is_never_learned_from(two: pd.DataFrame, column: str, value: object, what: str) -> None:
    counts = two.astype({column: object})
    counts[column] = [counts[column].iloc[0], value]
    message = f"1 rows have no {what}, the first of them at index b"
    with pytest.raises(SchemaError, match=f"^{message}$") as refused:
        Answering().fit(counts)
    assert (refused.value.id, refused.value.parts) == ("values-missing", {"rows": 1, "what": what, "first": "b"})
    with pytest.raises(SchemaError, match=f"^{message}$"):
        Answering().fit(two).predict(two, history=counts)
    if column == "Comptage horaire":
        assert list(Answering().fit(two).predict(counts)) == [1.0, 1.0]
    else:
        with pytest.raises(SchemaError, match=f"^{message}$"):
            Answering().fit(two).predict(counts)


def test_there_must_be_rows_and_counts_to_learn_from(two: pd.DataFrame) -> None:
    with pytest.raises(SchemaError, match=r"^there is no row to learn from$") as refused:
        Answering().fit(two.head(0))
    assert refused.value.id == "fit-no-rows"
    message = "there is no column of counts (comptage_horaire), and they are needed here"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        Answering().fit(two.drop(columns="Comptage horaire"))


def test_what_an_author_does_to_its_frames_stays_there(two: pd.DataFrame) -> None:
    def write(frame: pd.DataFrame) -> None:
        frame[HOUR] = 0
        frame["extra"] = 1
        frame.loc["a", COUNT] = 7.0

    class Writing(Answering):
        def _fit(self, cleaned: pd.DataFrame) -> None:
            write(cleaned)

        def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:
            write(cleaned)
            assert history is not None
            write(history)
            return np.ones(len(cleaned))

    for counts in (two, clean(two)):
        before = counts.copy()
        Writing().fit(counts).predict(counts, history=counts)
        assert counts.equals(before)


def test_history_is_required_where_it_is_needed_and_reaches_the_author_clean(two: pd.DataFrame) -> None:
    pipeline = NeedingHistory().fit(two)
    message = "'answering' needs recent counts of its counters; give them as history, or with --history"
    for rows in (two, two.head(0)):
        with pytest.raises(MissingInput, match=f"^{message}$") as refused:
            pipeline.predict(rows)
        assert (refused.value.id, refused.value.parts) == ("history-needed", {"model_type": "answering"})
    past = two.set_axis(pd.Index(["earlier", "later"]))
    for history in (past, clean(past)):
        pipeline.predict(two, history=history)
    assert len(pipeline.calls_) == 2
    for rows, given in pipeline.calls_:
        assert rows.equals(clean(two))
        assert given is not None
        assert given.equals(clean(past))


def test_history_has_counts(two: pd.DataFrame) -> None:
    message = "there is no column of counts (comptage_horaire), and they are needed here"
    with pytest.raises(SchemaError, match=f"^{re.escape(message)}$"):
        NeedingHistory().fit(two).predict(two, history=two.drop(columns="Comptage horaire"))


def test_a_history_that_is_not_needed_reaches_the_author_as_well(two: pd.DataFrame) -> None:
    pipeline = Answering().fit(two)
    pipeline.predict(two, history=two)
    ((_, history),) = pipeline.calls_
    assert history is not None
    assert history.equals(clean(two))


def test_a_pipeline_that_needs_weather_is_neither_fitted_nor_asked_without_it(two: pd.DataFrame) -> None:
    class NeedingWeather(Answering):
        needs: tuple[Need, ...] = ("weather",)  # type: ignore[misc]

    message = "'answering' needs the weather of the hours; give it with --weather FILE, or join it to the rows"
    weather = {name: np.float32(1) for name in WEATHER_COLUMNS}
    fitted = NeedingWeather().fit(clean(two).assign(**weather))
    for asking in (lambda: NeedingWeather().fit(two), lambda: fitted.predict(two)):
        with pytest.raises(MissingInput, match=f"^{message}$") as refused:
            asking()
        assert (refused.value.id, refused.value.parts) == ("weather-needed", {"model_type": "answering"})
    assert len(fitted.predict(clean(two).assign(**weather))) == len(two)


def test_a_row_without_a_counter_is_not_of_a_known_one(two: pd.DataFrame) -> None:
    pipeline = Answering().fit(two)
    unnamed = two.assign(**{"Nom du compteur": [two["Nom du compteur"].iloc[0], None]})
    assert pipeline.known_counters(unnamed).equals(pd.Series([True, False], index=TWO))
    assert pipeline.known_counters(two.head(0)).equals(pd.Series([], index=two.index[:0], dtype=bool))


def test_predict_is_one_column_of_predict_frame_from_one_pass(two: pd.DataFrame) -> None:
    pipeline = Classifying({"prediction": [0, 1], "probability": [0.25, 0.75]}).fit(two)
    assert pipeline.predict(two).equals(pd.Series([0, 1], index=TWO, name="prediction"))
    assert len(pipeline.calls_) == 1
    expected = pd.DataFrame({"prediction": [0, 1], "probability": [0.25, 0.75]}, index=TWO)
    pd.testing.assert_frame_equal(pipeline.predict_frame(two), expected)


THREADS = 8


def test_threads_share_a_fitted_pipeline(small_counts: pd.DataFrame) -> None:
    """All predictions are inside `_predict` at the same time, and each gets the answer for its own rows."""
    together = threading.Barrier(THREADS, timeout=30)

    class Meeting(Answering):
        def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:
            together.wait(timeout=600)
            return cleaned[COUNT]

    pipeline = Meeting().fit(small_counts)
    before = dict(vars(pipeline))
    parts = [small_counts.iloc[start :: 10 * THREADS] for start in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        predicted = list(pool.map(pipeline.predict, parts))
    for part, answer in zip(parts, predicted, strict=True):
        assert answer.equals(clean(part)[COUNT].rename("prediction"))
    assert vars(pipeline) == before


def test_a_parameter_that_a_library_refuses_is_an_expected_error(two: pd.DataFrame) -> None:
    class Forest(Answering):
        def _fit(self, cleaned: pd.DataFrame) -> None:
            RandomForestRegressor(n_estimators=-1).fit(cleaned[[HOUR]], cleaned[COUNT])

    reason = (
        "The 'n_estimators' parameter of RandomForestRegressor must be an int in the range [1, inf). Got -1 instead."
    )
    with pytest.raises(ParameterError, match=f"^'answering': {re.escape(reason)}$") as refused:
        Forest().fit(two)
    assert (refused.value.id, refused.value.parts) == (
        "parameter-refused",
        {"model_type": "answering", "reason": reason},
    )
