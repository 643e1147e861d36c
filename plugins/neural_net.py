"""The neural net: embeddings of counter and hour of the week, and the counter's profile as offset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from bike_traffic.columns import COUNT, HOUR, TIME, WEEKDAY
from bike_traffic.errors import ParameterError
from bike_traffic.features.calendar import SUNDAY_OR_HOLIDAY
from bike_traffic.features.history import CountFeatures
from bike_traffic.features.outages import training_rows
from bike_traffic.names import Task
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.quiet_keras import keras
from bike_traffic.progress import progress

STATE_FILE = "state.joblib"
HOURS_OF_WEEK = 168
CALENDAR = ["public_holiday", "school_holiday", "bridge_day", "previous_day_off", "next_day_off"]
SEASON = ["season_sine", "season_cosine"]

SEASON_DAYS = 330
"""Fewest days of training for the season as an input. With fewer the nets extrapolate badly to the rest of the year:
trained on September to March, their error in April was three times that without the season."""


class NNPipeline(Pipeline):
    """Mean of a few small Keras nets that predict the count as a factor on the counter's profile for the hour.

    Each multiplies exp(net) by the profile and minimises the Poisson loss, so that predictions are positive and
    counters weigh in proportion to their counts. The season is an input only if training covers `SEASON_DAYS`.

    Parameters
    ----------
    epochs : passes over the training rows.
    batch_size : rows in a training step.
    learning_rate : at the start; it falls to zero along a cosine.
    embedding_size : dimensions of the counter's and of the hour's embedding.
    hidden : units of the hidden layers.
    dropout : share of units left out while training.
    n_nets : nets whose predictions are averaged.
    random_state : seed.
    """

    name: ClassVar[str] = "nn"
    task: ClassVar[Task] = "regression"

    def __init__(
        self,
        epochs: int = 5,
        batch_size: int = 2048,
        learning_rate: float = 2e-3,
        embedding_size: int = 8,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.1,
        n_nets: int = 2,
        random_state: int = 0,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.embedding_size = embedding_size
        self.hidden = hidden
        self.dropout = dropout
        self.n_nets = n_nets
        self.random_state = random_state

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Drop outages, learn the history, and train the nets."""
        self._check_parameters()
        cleaned = training_rows(cleaned)
        self.features_ = CountFeatures().fit(cleaned)
        self.counters_ = self.features_.history_.counters_
        features = self.features_.transform(cleaned)
        self.season_ = cleaned[TIME].max() - cleaned[TIME].min() >= pd.Timedelta(days=SEASON_DAYS)
        self.scaler_ = StandardScaler().fit(self._continuous(features))
        inputs = self._inputs(features)
        target = cleaned[COUNT].to_numpy(np.float32)
        self.nets_ = []
        self.history_: dict[str, list[float]] = {}
        with progress(f"{self.name}: training nets", self.n_nets * self.epochs) as advance:
            for number in range(self.n_nets):
                keras.utils.set_random_seed((self.random_state * 1000 + number) % 2**32)
                net = self._build(len(self.counters_) + 1, inputs["numbers"].shape[1], len(target))
                watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: advance(1))
                done = net.fit(
                    inputs, target, self.batch_size, self.epochs, verbose=0, shuffle=True, callbacks=[watch]
                )
                self.nets_.append(net)
                self.history_[f"loss/net_{number + 1}"] = [float(loss) for loss in done.history["loss"]]

    @property
    def feature_names_(self) -> list[str]:
        """The nets' inputs."""
        return ["counter", "hour_of_week", *self.scaler_.feature_names_in_, "log_profile"]

    def _check_parameters(self) -> None:
        whole = ("epochs", "batch_size", "embedding_size", "n_nets")
        for name in whole:
            if getattr(self, name) < 1:
                raise ParameterError(
                    f"'{self.name}': {name} must be 1 or more, not {getattr(self, name)}",
                    "parameter-below-one",
                    model_type=self.name,
                    name=name,
                    value=getattr(self, name),
                )
        if self.learning_rate <= 0:
            raise ParameterError(
                f"'{self.name}': learning_rate must be above 0, not {self.learning_rate}",
                "learning-rate-range",
                model_type=self.name,
                learning_rate=self.learning_rate,
            )
        if not 0 <= self.dropout < 1:
            raise ParameterError(
                f"'{self.name}': dropout must be from 0 to below 1, not {self.dropout}",
                "dropout-range",
                model_type=self.name,
                dropout=self.dropout,
            )
        if not all(isinstance(units, int) and units > 0 for units in self.hidden):
            raise ParameterError(
                f"'{self.name}': hidden must be whole numbers above 0, not {self.hidden}",
                "hidden-range",
                model_type=self.name,
                hidden=str(self.hidden),
            )

    def _build(self, counters: int, numbers: int, rows: int) -> Any:
        """Return a compiled net; counter 0 is any counter that training does not have."""
        layers = keras.layers
        small = keras.regularizers.L2(1e-6)
        counter = keras.Input((), name="counter", dtype="int32")
        hour = keras.Input((), name="hour_of_week", dtype="int32")
        number = keras.Input((numbers,), name="numbers")
        offset = keras.Input((1,), name="log_profile")
        of_counter = layers.Embedding(counters, self.embedding_size, embeddings_regularizer=small)(counter)
        of_hour = layers.Embedding(HOURS_OF_WEEK, self.embedding_size, embeddings_regularizer=small)(hour)
        joined = layers.Concatenate()([of_counter, of_hour, layers.Multiply()([of_counter, of_hour]), number])
        for units in self.hidden:
            joined = layers.Dense(units, activation="relu")(joined)
            joined = layers.Dropout(self.dropout)(joined)
        log_rate = layers.Add()([layers.Dense(1, kernel_initializer="zeros")(joined), offset])
        net = keras.Model([counter, hour, number, offset], layers.Activation("exponential")(log_rate))
        steps = self.epochs * -(-rows // self.batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(self.learning_rate, steps)
        net.compile(optimizer=keras.optimizers.Adam(schedule), loss="poisson")
        return net

    def _inputs(self, features: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the nets' inputs; a public holiday counts as a Sunday."""
        weekday = np.where(features["day_type"] == SUNDAY_OR_HOLIDAY, 6, features[WEEKDAY])
        counter = self.features_.history_.positions(features) + 1
        return {
            "counter": counter.astype(np.int32),
            "hour_of_week": (weekday * 24 + features[HOUR]).to_numpy(np.int32),
            "numbers": self.scaler_.transform(self._continuous(features)).clip(-4, 4).astype(np.float32),
            "log_profile": np.log(features[["profile"]].to_numpy(np.float32) + 1.0),
        }

    def _continuous(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return the inputs that are scaled: calendar, and the profiles as log ratios to the counter's mean."""
        columns = features[CALENDAR + (SEASON if self.season_ else [])].copy()
        for name in ("profile", "school_profile"):
            columns[name] = np.log((features[name] + 1.0) / (features["counter_mean"] + 1.0))
        columns["level"] = np.log(features["level"])
        return columns

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Predict bikes per hour, shape (n,)."""
        inputs = self._inputs(self.features_.transform(cleaned))
        rates = [_rates(net, inputs, len(cleaned)) for net in self.nets_]
        return np.asarray(np.mean(rates, axis=0, dtype=np.float64))

    def save(self, directory: Path) -> None:
        """Write each net in Keras' own format, and the features in a pickle."""
        for number, net in enumerate(self.nets_):
            net.save(directory / f"net_{number}.keras")
        state = {name: getattr(self, name) for name in ("features_", "season_", "scaler_")}
        joblib.dump({"parameters": self.get_params(), "fitted": state}, directory / STATE_FILE, compress=3)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. It contains a pickle: load only files whose digests were checked."""
        state = joblib.load(directory / STATE_FILE)
        pipeline = cls(**state["parameters"])
        for name, value in state["fitted"].items():
            setattr(pipeline, name, value)
        paths = [directory / f"net_{number}.keras" for number in range(pipeline.n_nets)]
        pipeline.nets_ = [keras.saving.load_model(path, compile=False) for path in paths]
        pipeline.counters_ = pipeline.features_.history_.counters_
        return pipeline


_BLOCK_ROWS = 32_768


def _rates(net: Any, inputs: dict[str, NDArray[Any]], rows: int) -> NDArray[np.float32]:
    """Return a net's predictions; its `predict` method would trace a graph again for every net and every shape."""
    answers = []
    for start in range(0, rows, _BLOCK_ROWS):
        block = {name: values[start : start + _BLOCK_ROWS] for name, values in inputs.items()}
        answers.append(np.asarray(net(block, training=False)).ravel())
    return np.concatenate(answers)
