"""What the core's estimators promise scikit-learn, which does not see that they do not inherit from it."""

from __future__ import annotations

import re
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from bike_traffic.estimator import Estimator, Transformer, raise_not_fitted


class Scaled(Transformer):
    """A transformer with a parameter that is an estimator."""

    def __init__(self, factor: float = 2.0, inner: Any = None) -> None:
        self.factor = factor
        self.inner = inner

    def fit(self, rows: pd.DataFrame, y: object = None) -> Self:
        """Learn the largest value."""
        self.largest_ = rows.to_numpy().max()
        return self

    def transform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows times the factor."""
        return rows * self.factor


class Plain(Estimator):
    """An estimator without parameters."""


def test_parameters_are_read_and_set_by_name_also_those_of_an_inner_estimator() -> None:
    inner = LinearRegression()
    scaled = Scaled(inner=inner)
    assert scaled.get_params(deep=False) == {"factor": 2.0, "inner": inner}
    assert scaled.get_params()["inner__fit_intercept"] is True
    assert scaled.set_params(factor=3.0, inner__fit_intercept=False) is scaled
    assert (scaled.factor, inner.fit_intercept) == (3.0, False)
    assert Plain().get_params() == {}


def test_an_unknown_parameter_is_refused_by_name() -> None:
    message = "Scaled has no parameter 'size'; there are factor, inner"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Scaled().set_params(size=1)


def test_the_text_of_an_estimator_names_the_parameters_that_are_not_the_default() -> None:
    assert (repr(Scaled()), repr(Scaled(factor=1.5)), repr(Plain())) == ("Scaled()", "Scaled(factor=1.5)", "Plain()")


def test_a_clone_has_the_parameters_and_nothing_learned() -> None:
    fitted = Scaled(factor=3.0, inner=LinearRegression()).fit(pd.DataFrame({"a": [1.0, 2.0]}))
    again = clone(fitted)
    assert again.get_params(deep=False).keys() == fitted.get_params(deep=False).keys()
    assert (again.factor, again.inner is fitted.inner, hasattr(again, "largest_")) == (3.0, False, False)


def test_a_transformer_is_a_step_of_a_pipeline_of_scikit_learn() -> None:
    rows = pd.DataFrame({"a": np.arange(5.0)})
    pipeline = make_pipeline(Scaled(), LinearRegression()).fit(rows, 4 * rows["a"])
    assert pipeline.predict(rows).round(9).tolist() == [0.0, 4.0, 8.0, 12.0, 16.0]
    assert is_regressor(pipeline)
    assert not is_regressor(Scaled())
    assert Scaled().fit_transform(rows)["a"].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_what_is_not_fitted_raises_the_error_of_scikit_learn() -> None:
    with pytest.raises(NotFittedError, match=r"^no fit yet$"):
        raise_not_fitted("no fit yet")
