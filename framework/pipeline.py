"""The interface of a pipeline: public methods that check and clean, over the private part that an author writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER, TEMPERATURE, TIME
from bike_traffic.data.cleaning import RawCleanerTransformer
from bike_traffic.errors import MissingInput, ParameterError, PredictionError, SchemaError
from bike_traffic.estimator import Estimator, raise_not_fitted
from bike_traffic.features.calendar import FRANCE, check_holidays
from bike_traffic.features.parts import Parts, counters_in
from bike_traffic.names import Need, Task
from bike_traffic.search_space import Searched

PREDICTION, PROBABILITY, LOWER, UPPER = "prediction", "probability", "lower", "upper"
"""The columns of `Pipeline.predict_frame`."""


class Pipeline(Estimator, ABC):
    """From counts to predictions; a scikit-learn estimator.

    The public methods are written here, once. They accept counts as the City publishes them or a clean frame, check
    them, and keep their index. An author writes `_fit`, `_predict`, `save` and `load`, which work on clean frames
    (their columns are the constants of `bike_traffic.columns`). A complete pipeline, which predicts the mean of each
    counter, declared with ``PipelineSpec(name="mean", target="my_package:MeanPipeline")``::

        class MeanPipeline(Pipeline):
            name, task = "mean", "regression"

            def _fit(self, cleaned):
                self.means_ = cleaned.groupby(cleaned[COUNTER].astype(str))[COUNT].mean()

            def _predict(self, cleaned, history):
                return cleaned[COUNTER].astype(str).map(self.means_).fillna(self.means_.mean())

            def save(self, directory):
                self.means_.to_json(directory / "means.json")

            @classmethod
            def load(cls, directory):
                pipeline = cls()
                pipeline.means_ = pd.read_json(directory / "means.json", typ="series")
                pipeline.counters_ = pipeline.means_.index
                return pipeline

    As scikit-learn asks, ``__init__`` only stores its arguments: they are the parameters that
    ``bt train --set KEY=VALUE`` sets. A fitted pipeline is not changed by predicting, so that threads can share it.

    A tracked run shows these attributes of a fitted pipeline, if it has them:

    - ``feature_names_`` : names of the features that the model sees, a sequence.
    - ``feature_importances_`` : a Series by name of feature, its values summing to 1.
    - ``history_`` : a mapping of a name, such as ``"loss"``, to the value of each epoch; names with a common prefix,
      ``"loss/net_1"`` and ``"loss/net_2"``, share a picture.
    """

    name: ClassVar[str]
    """The registry's `model_type`, equal to the name of the spec."""
    task: ClassVar[Task]
    needs: ClassVar[tuple[Need, ...]] = ()
    """What `predict` cannot do without beside the rows; equal to `needs` of the spec."""
    holidays: str = FRANCE
    """Whose public holidays the baselines and the interval beside the model know, see `calendar_features`. A pipeline
    with a parameter of this name gives its features the same ones."""
    counters_: pd.Index
    """Clean names of the counters in training: set by `fit` unless `_fit` did so, and by `load`."""

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002
        """Learn from counts that carry the truth, and return the pipeline.

        Parameters
        ----------
        counts : shape (n, …), published or clean, the hourly count among the columns.
        y : ignored; scikit-learn passes it.

        Raises
        ------
        SchemaError
            A column is missing, there is no row, or a counter, time or count is missing.
        MissingInput
            The pipeline needs weather, and the counts have none.
        ParameterError
            A parameter of the pipeline has a value that its library refuses, or its holidays are not known.
        """
        check_holidays(self.holidays)
        cleaned = _usable(counts, with_counts=True)
        if cleaned.empty:
            raise SchemaError("there is no row to learn from", "fit-no-rows")
        self.require_input(history=True, weather=TEMPERATURE in cleaned)
        return self._learn(lambda: self._fit(cleaned), [cleaned])

    def fit_parts(self, parts: Parts) -> Self:
        """Learn as `fit` does, from clean and valid counts in parts; see `bike_traffic.features.parts`."""
        check_holidays(self.holidays)
        return self._learn(lambda: self._fit_parts(parts), parts)

    @classmethod
    def learns_from_parts(cls) -> bool:
        """Return whether the pipeline can learn from more rows than fit into memory."""
        return cls._fit_parts is not Pipeline._fit_parts

    def _learn(self, learn: Callable[[], object], parts: Parts) -> Self:
        self.__dict__.pop("counters_", None)
        try:
            learn()
        except BaseException as error:
            self.__dict__.pop("counters_", None)  # a fit that fails leaves the pipeline unfitted
            if not _is_refused_parameter(error):
                raise
            raise ParameterError(
                f"'{self.name}': {error}", "parameter-refused", model_type=self.name, reason=str(error)
            ) from None
        if not hasattr(self, "counters_"):
            self.counters_ = pd.Index(sorted({name for part in parts for name in counters_in(part)}))
        return self

    def predict(self, counts: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.Series:
        """Return the column ``prediction`` of `predict_frame`."""
        return self.predict_frame(counts, history)[PREDICTION]

    def predict_frame(self, counts: pd.DataFrame, history: pd.DataFrame | None = None) -> pd.DataFrame:
        """Predict each row, in one pass over the model.

        Parameters
        ----------
        counts : shape (n, …), published or clean; counter name and time are needed, the count is never looked at.
            A counter that `fit` never saw gets a best effort; the caller decides whether to refuse it.
        history : counts that are known, published or clean; a pipeline that `needs` history requires them. Those of a
            row's own hour and of later hours must not change its prediction.

        Returns
        -------
        On the index of `counts`: ``prediction`` (bikes per hour, or the labels 0 and 1 of a classifier), and as far
        as the pipeline has them ``probability`` of label 1, and ``lower`` and ``upper`` bound (bikes per hour).

        Raises
        ------
        sklearn.exceptions.NotFittedError
        SchemaError
            A column is missing, or the counter or time of a row.
        MissingInput
            The pipeline needs history or weather, and none is given.
        PredictionError
            The author's `_predict` returned values that are not finite, negative, or not one for each row.
        """
        if not hasattr(self, "counters_"):
            raise_not_fitted(f"pipeline '{self.name}' has not been fitted yet; call fit or load first")
        cleaned = _usable(counts, with_counts=False)
        self.require_input(history=history is not None, weather=TEMPERATURE in cleaned)
        past = None if history is None else _usable(history, with_counts=True)
        answer = self._predict(cleaned, past) if len(cleaned) else self._nothing()
        columns = answer if isinstance(answer, Mapping | pd.DataFrame) else {PREDICTION: answer}
        return _checked(self, columns, counts.index)

    def truth(self, counts: pd.DataFrame) -> pd.Series:
        """Return what a prediction is measured against, on the same index: counts, or the labels they imply."""
        return self._truth(_usable(counts, with_counts=True))

    def known_counters(self, counts: pd.DataFrame) -> pd.Series:
        """Return for each row, on the same index, whether its counter was in training."""
        names = RawCleanerTransformer().transform(counts)[COUNTER]
        known = np.append(names.cat.categories.astype(str).isin(self.counters_), False)  # False: no name at all
        return pd.Series(known[names.cat.codes.to_numpy()], index=counts.index)

    @classmethod
    def require_input(cls, *, history: bool, weather: bool) -> None:
        """Raise `MissingInput` if the pipeline needs what it would not be given."""
        if "weather" in cls.needs and not weather:
            raise MissingInput(
                f"'{cls.name}' needs the weather of the hours; give it with --weather FILE, or join it to the rows",
                "weather-needed",
                model_type=cls.name,
            )
        if "history" in cls.needs and not history:
            raise MissingInput(
                f"'{cls.name}' needs recent counts of its counters; give them as history, or with --history",
                "history-needed",
                model_type=cls.name,
            )

    def for_calibration(self) -> Pipeline:
        """Return the unfitted pipeline to fit on the months before, whose errors calibrate the interval.

        An author may return a cheaper one, since these fits are thrown away; with larger errors than those of the
        model the interval is a little wider than it need be, with smaller ones it would be wrong.
        """
        return self

    @classmethod
    def search_space(cls) -> Mapping[str, Searched]:
        """Return where `bt tune` looks for parameters, by name: `Between` or `OneOf`, with the default among them."""
        return {}

    @abstractmethod
    def _fit(self, cleaned: pd.DataFrame) -> object:
        """Learn from a clean frame with its counts; the frame is the pipeline's own. What it returns is ignored."""

    def _fit_parts(self, parts: Parts) -> object:
        """Learn from clean counts in parts; with this method, a pipeline trains on more rows than fit into memory."""
        return self._fit(pd.concat(list(parts)).sort_index())

    @abstractmethod
    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:
        """Predict one row or more of a clean frame, in its order.

        Returns an array or Series of shape (n,), or a mapping or frame of several such columns: ``prediction``, and
        ``probability``, or ``lower`` and ``upper``.
        """

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write everything that `load` needs as files into an existing, empty directory."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote, possibly in another process and another working directory."""

    def _truth(self, cleaned: pd.DataFrame) -> pd.Series:
        """Return what `predict` is measured against; a classifier overrides it."""
        return cleaned[COUNT]

    def _nothing(self) -> Mapping[str, Any]:
        """Return the columns of a prediction of no rows."""
        return {PREDICTION: []} | ({PROBABILITY: []} if self.task == "classification" else {})


def _is_refused_parameter(error: BaseException) -> bool:
    """Return whether an error is that of scikit-learn for a parameter with a value that it does not take."""
    if not isinstance(error, ValueError):
        return False
    from sklearn.utils._param_validation import InvalidParameterError

    return isinstance(error, InvalidParameterError)


def _usable(counts: pd.DataFrame, *, with_counts: bool) -> pd.DataFrame:
    """Return counts as a clean frame that its user may change; raise `SchemaError` if a needed value is missing."""
    cleaned = RawCleanerTransformer().transform(counts)
    if with_counts and COUNT not in cleaned:
        raise SchemaError(
            f"there is no column of counts ({COUNT}), and they are needed here", "counts-needed", column=COUNT
        )
    missing = {"name of its counter": cleaned[COUNTER].isna(), "time that can be read": cleaned[TIME].isna()}
    if with_counts:
        missing["count of 0 or more bikes"] = ~cleaned[COUNT].between(0, np.inf, inclusive="left")
    for what, rows in missing.items():
        if rows.any():
            first, number = counts.index[rows.to_numpy()][0], int(rows.sum())
            raise SchemaError(
                f"{number} rows have no {what}, the first of them at index {first}",
                "values-missing",
                rows=number,
                what=what,
                first=str(first),
            )
    return cleaned.copy(deep=False)  # pandas copies a column when it is written to


def _checked(pipeline: Pipeline, columns: Mapping[str, Any] | pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Return an author's answer as a frame; raise `PredictionError` if it is not what `predict_frame` promises."""
    known = (PREDICTION, PROBABILITY, LOWER, UPPER)
    if PREDICTION not in columns or any(name not in known for name in columns):
        raise _broken(pipeline, f"_predict returned the columns {list(columns)}; it may return {list(known)}")
    checked: dict[str, Any] = {}
    for name in (name for name in known if name in columns):
        given = columns[name]
        if isinstance(given, pd.Series) and len(index) and not given.index.equals(index):
            raise _broken(pipeline, "a Series that _predict returns must be on the index of its input")
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise _broken(pipeline, f"{name} holds values that are no numbers") from None
        if values.shape != (len(index),):
            raise _broken(pipeline, f"{name} has the shape {values.shape} for {len(index)} rows")
        label = name == PREDICTION and pipeline.task == "classification"
        sound, rule = np.isfinite(values) & (values >= 0), "finite and never negative"
        if label:
            sound, rule = np.isin(values, (0.0, 1.0)), "the labels 0 and 1"
        elif name == PROBABILITY:
            sound, rule = sound & (values <= 1), "from 0 to 1"
        if not sound.all():
            raise _broken(
                pipeline, f"{name} is {values[~sound][0]} for row {index[~sound][0]}; values must be {rule}"
            )
        checked[name] = values.astype(np.int64) if label else values
    return pd.DataFrame(checked, index=index)


def _broken(pipeline: Pipeline, what: str) -> PredictionError:
    return PredictionError(
        f"pipeline '{pipeline.name}' broke its promise: {what}", "promise-broken", model_type=pipeline.name, what=what
    )
