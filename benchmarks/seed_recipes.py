"""The seed's recipes, written again from its description, for comparison; they are not installed.

What the description does not define is chosen in the seed's favour: rows are shuffled before Keras sets the last of
them aside, the year is the plain year (a table of two years was missing in all others), predictions below zero
are raised to zero, files are uncompressed as joblib writes them by default. The net's layers, batch size and
epochs are guesses. The seed's cleaning is `clean`, which is measured by itself; the recipes get our clean frames.
"""

from __future__ import annotations

import datetime
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.schema import COORDINATES, headers_of
from bike_traffic.names import Task
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline

FEATURES = ["heure", "jour_mois", "mois", "annee", "jour_semaine", "latitude", "longitude"]


def clean(counts: pd.DataFrame) -> pd.DataFrame:
    """Clean as the seed did: texts are split row by row, names and coordinates corrected counter by counter."""
    wanted = [COUNTER, TIME, COORDINATES, COUNT]
    headers = headers_of(counts.columns, wanted)
    cleaned = counts[list(headers.values())].rename(columns={header: name for name, header in headers.items()})
    # Plain texts: a column of categories would be split once a category, and that is not what the seed had.
    for name in (COUNTER, TIME, COORDINATES):
        cleaned[name] = cleaned[name].astype(object)
    cleaned["heure"] = cleaned[TIME].apply(lambda stamp: int(stamp.split("T")[1].split(":")[0]))
    cleaned["jour_mois"] = cleaned[TIME].apply(lambda stamp: int(stamp.split("T")[0].split("-")[2]))
    cleaned["mois"] = cleaned[TIME].apply(lambda stamp: int(stamp.split("-")[1]))
    cleaned["annee"] = cleaned[TIME].apply(lambda stamp: int(stamp.split("-")[0]))
    cleaned["jour_semaine"] = cleaned[TIME].apply(lambda stamp: datetime.datetime.fromisoformat(stamp).weekday())
    cleaned["latitude"] = cleaned[COORDINATES].apply(lambda pair: float(pair.split(",")[0]))
    cleaned["longitude"] = cleaned[COORDINATES].apply(lambda pair: float(pair.split(",")[1]))
    for counter in cleaned[COUNTER].unique():
        rows = cleaned[COUNTER] == counter
        for place in ("latitude", "longitude"):
            cleaned.loc[rows, place] = cleaned.loc[rows, place].mean()
        cleaned.loc[rows, COUNTER] = counter.strip()
    cleaned[COUNT] = cleaned[COUNT].astype(float)
    return cleaned.drop(columns=[TIME, COORDINATES])


class _SeedForest(Pipeline):
    """One-hot counters beside the plain features, and a forest on top."""

    def _fit(self, cleaned: pd.DataFrame) -> None:
        cleaned = cleaned.astype({COUNTER: str})
        self.means_ = cleaned.groupby(COUNTER)[COUNT].mean()
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.columns_ = ColumnTransformer([("counter", one_hot, [COUNTER]), ("plain", "passthrough", FEATURES)])
        self.forest_ = self._forest().fit(self.columns_.fit_transform(cleaned), self._target(cleaned))

    @abstractmethod
    def _forest(self) -> Any: ...

    @abstractmethod
    def _target(self, cleaned: pd.DataFrame) -> pd.Series: ...

    def _design(self, cleaned: pd.DataFrame) -> Any:
        return self.columns_.transform(cleaned.astype({COUNTER: str}))

    def save(self, directory: Path) -> None:
        joblib.dump(vars(self), directory / "model.joblib")

    @classmethod
    def load(cls, directory: Path) -> Self:
        pipeline = cls()
        pipeline.__dict__.update(joblib.load(directory / "model.joblib"))
        return pipeline


class SeedRandomForest(_SeedForest):
    """50 trees, 20 levels deep."""

    name: ClassVar[str] = "seed RF"
    task: ClassVar[Task] = "regression"

    def _forest(self) -> RandomForestRegressor:
        return RandomForestRegressor(n_estimators=50, max_depth=20, random_state=0, n_jobs=-1)

    def _target(self, cleaned: pd.DataFrame) -> pd.Series:
        return cleaned[COUNT]

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:  # noqa: ARG002
        return self.forest_.predict(self._design(cleaned))


class SeedClassifier(_SeedForest):
    """100 trees without limit; the label is a count above its counter's training mean."""

    name: ClassVar[str] = "seed RFC"
    task: ClassVar[Task] = "classification"

    def _forest(self) -> RandomForestClassifier:
        return RandomForestClassifier(n_estimators=100, random_state=0, n_jobs=-1)

    def _target(self, cleaned: pd.DataFrame) -> pd.Series:
        return (cleaned[COUNT] > cleaned[COUNTER].astype(str).map(self.means_)).astype(np.int64)

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:  # noqa: ARG002
        probability = self.forest_.predict_proba(self._design(cleaned))
        return {PREDICTION: probability.argmax(axis=1), PROBABILITY: probability[:, 1]}

    def _truth(self, cleaned: pd.DataFrame) -> pd.Series:
        return self._target(cleaned)


class SeedNet(Pipeline):
    """An embedding of the counter beside the scaled features, dense layers, squared error."""

    name: ClassVar[str] = "seed NN"
    task: ClassVar[Task] = "regression"

    def _fit(self, cleaned: pd.DataFrame) -> None:
        from bike_traffic.plugins.quiet_keras import keras

        keras.utils.set_random_seed(0)
        cleaned = cleaned.astype({COUNTER: str}).sample(frac=1, random_state=0)
        self.counters_ = pd.Index(sorted(cleaned[COUNTER].unique()))
        self.scaler_ = StandardScaler().fit(cleaned[FEATURES])
        counter, numbers = keras.Input((1,)), keras.Input((len(FEATURES),))
        embedded = keras.layers.Flatten()(keras.layers.Embedding(len(self.counters_), 8)(counter))
        layer = keras.layers.Concatenate()([embedded, numbers])
        for units in (128, 64, 32):
            layer = keras.layers.Dense(units, activation="relu")(layer)
        self.net_ = keras.Model([counter, numbers], keras.layers.Dense(1)(layer))
        self.net_.compile(optimizer="adam", loss="mse")
        stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
        self.net_.fit(
            self._inputs(cleaned),
            cleaned[COUNT].to_numpy(),
            batch_size=128,
            epochs=30,
            validation_split=0.2,
            callbacks=[stop],
            verbose=0,
        )

    def _inputs(self, cleaned: pd.DataFrame) -> list[NDArray[Any]]:
        counter = self.counters_.get_indexer(pd.Index(cleaned[COUNTER].astype(str))).reshape(-1, 1)
        return [counter, self.scaler_.transform(cleaned[FEATURES])]

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> Any:  # noqa: ARG002
        predicted = self.net_.predict(self._inputs(cleaned), batch_size=4096, verbose=0)
        return predicted.ravel().astype(np.float64).clip(min=0)

    def save(self, directory: Path) -> None:
        self.net_.save(directory / "net.keras")
        joblib.dump({"counters_": self.counters_, "scaler_": self.scaler_}, directory / "state.joblib")

    @classmethod
    def load(cls, directory: Path) -> Self:
        from bike_traffic.plugins.quiet_keras import keras

        pipeline = cls()
        pipeline.__dict__.update(joblib.load(directory / "state.joblib"))
        pipeline.net_ = keras.saving.load_model(directory / "net.keras")
        return pipeline


SEED_RECIPES: dict[str, Callable[[], Pipeline]] = {"rf": SeedRandomForest, "nn": SeedNet, "rf_class": SeedClassifier}
"""The recipe that each of our pipelines is compared with."""
