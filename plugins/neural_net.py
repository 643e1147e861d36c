"""The neural net: embeddings of counter and hour of the week, the counter's profile as offset, the recent level."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.columns import COUNT, COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.errors import ParameterError
from bike_traffic.features.calendar import FRANCE, SUNDAY_OR_HOLIDAY
from bike_traffic.features.history import CountFeatures
from bike_traffic.features.outages import training_rows, usual_weeks
from bike_traffic.features.recent import WEEKS, RecentLevel
from bike_traffic.names import Task
from bike_traffic.pipeline import Pipeline
from bike_traffic.plugins.net import Net
from bike_traffic.plugins.net_inputs import CALENDAR, HOURS_OF_WEEK, PROFILES, SEASON, Inputs, Scaling, continuous
from bike_traffic.progress import progress
from bike_traffic.search_space import Between, OneOf, Searched

STATE_FILE, NET_FILE = "state.joblib", "net_{}.keras"
STATE = ("features_", "scaling_", "nets_", "recent_", "own_recent_", "level_", "recent_weight_")

SEASON_DAYS = 330
"""Fewest days of training for the season as an input. With fewer the nets extrapolate badly to the rest of the year:
trained on September to March, their error in April was three times that without the season."""

RECENT_WEIGHT, RECENT_WEIGHT_WITH_SEASON = 0.6, 0.4
"""Weight of the recent level in predictions for hours after training, without and with the season as an input.

A net that does not know the season adds only the calendar to the recent level, and deserves less weight beside it."""

VALIDATION = pd.Timedelta(days=28)
REFINING_EPOCHS = 2
"""The first net is trained on all but the last weeks, measured on these, and then trained on all rows this often."""

AGE_YEARS = 2.0
"""If training has more than `max_rows` rows, they are drawn with a probability that halves with each such age."""


class NNPipeline(Pipeline):
    """Mean of a few small Keras nets that predict the count as a factor on the counter's profile for the hour.

    Each multiplies exp(net) by the profile and minimises the Poisson loss, so that predictions are positive and
    counters weigh in proportion to their counts. The season is an input only if training covers `SEASON_DAYS`.

    The nets know calendar and season but not the time, so that their level is the mean of training. For hours after
    training the level therefore comes from `RecentLevel`: the predictions are multiplied by the recent counts over
    what the nets predict for the same weeks, and blended with the recent level.

    Parameters
    ----------
    epochs : passes over the training rows.
    batch_size : rows in a training step.
    learning_rate : at the start; it falls to zero along a cosine.
    embedding_size : dimensions of the counter's and of the hour's embedding.
    hidden : units of the hidden layers.
    dropout : share of units left out while training.
    n_nets : nets whose predictions are averaged.
    max_rows : most rows that a net is trained on; of more, new ones are preferred.
    random_state : seed.
    holidays : whose public holidays, see `calendar_features`.
    """

    name: ClassVar[str] = "nn"
    task: ClassVar[Task] = "regression"
    recent_: RecentLevel | None = None
    """``None`` for a model of an earlier version, which predicts without it."""

    def __init__(
        self,
        epochs: int = 5,
        batch_size: int = 2048,
        learning_rate: float = 2e-3,
        embedding_size: int = 8,
        hidden: tuple[int, ...] = (128, 64),
        dropout: float = 0.1,
        n_nets: int = 2,
        max_rows: int = 300_000,
        random_state: int = 0,
        holidays: str = FRANCE,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.embedding_size = embedding_size
        self.hidden = hidden
        self.dropout = dropout
        self.n_nets = n_nets
        self.max_rows = max_rows
        self.random_state = random_state
        self.holidays = holidays

    @classmethod
    def search_space(cls) -> Mapping[str, Searched]:
        """Return the parameters of the training and the size of the nets."""
        return {
            "epochs": Between(3, 12),
            "learning_rate": Between(5e-4, 1e-2, log=True),
            "embedding_size": Between(4, 16, log=True),
            "hidden": OneOf(((64, 32), (128, 64), (256, 128))),
            "dropout": Between(0.0, 0.4),
        }

    def _fit(self, cleaned: pd.DataFrame) -> None:
        """Drop outages and unusual weeks, learn the history, train the nets, and measure their recent level."""
        self._check_parameters()
        live = training_rows(cleaned)
        usual = live[usual_weeks(live)]
        self.features_ = CountFeatures(holidays=self.holidays).fit(usual)
        self.counters_ = self.features_.history_.counters_
        chosen = usual.iloc[self._sampled(usual[TIME])]
        features = self.features_.transform(chosen)
        season = usual[TIME].max() - usual[TIME].min() >= pd.Timedelta(days=SEASON_DAYS)
        columns = continuous(features)
        # A net's answer to an input that did not vary in training would be arbitrary.
        varying = [name for name in [*CALENDAR, *(SEASON if season else [])] if np.ptp(columns[name]) > 0]
        self.scaling_ = Scaling.of({name: columns[name] for name in [*varying, *PROFILES]})
        self.recent_weight_ = RECENT_WEIGHT_WITH_SEASON if season else RECENT_WEIGHT
        self._train(self._inputs(features), chosen[COUNT].to_numpy(np.float32), _newest(chosen[TIME]))
        self._measure_level(cleaned, live)

    def _sampled(self, times: pd.Series) -> NDArray[np.intp]:
        """Return the positions of the rows to train on, at most `max_rows`."""
        if len(times) <= self.max_rows:
            return np.arange(len(times))
        years = ((times.max() - times) / pd.Timedelta(days=365.25)).to_numpy()
        weight = 0.5 ** (years / AGE_YEARS)
        random = np.random.default_rng(self.random_state)
        drawn = random.choice(len(times), self.max_rows, replace=False, p=weight / weight.sum(), shuffle=False)
        return np.sort(drawn)

    def _train(self, inputs: Inputs, target: NDArray[np.float32], newest: NDArray[np.bool_]) -> None:
        """Train the nets on all rows; the first one on all but the newest before, to record its loss on these."""
        from bike_traffic.plugins.count_net import archive_of, build_net, train_net  # TensorFlow, only to train
        from bike_traffic.plugins.quiet_keras import keras

        self.nets_: list[Net] = []
        self.archives_: list[bytes] = []
        self.history_: dict[str, list[float]] = {}
        sizes = len(self.counters_) + 1, HOURS_OF_WEEK, inputs["numbers"].shape[1]
        total = self.n_nets * self.epochs + REFINING_EPOCHS * bool(newest.any())
        with progress(f"{self.name}: training nets", total) as advance:
            for number in range(self.n_nets):
                keras.utils.set_random_seed((self.random_state * 1000 + number) % 2**32)
                net = build_net(*sizes, self.embedding_size, self.hidden, self.dropout)
                losses = train_net(
                    net,
                    inputs,
                    target,
                    held_out=newest & (number == 0),
                    epochs=self.epochs,
                    refining_epochs=REFINING_EPOCHS,
                    learning_rate=self.learning_rate,
                    batch_size=self.batch_size,
                    after_epoch=lambda: advance(1),
                )
                self.nets_.append(Net.of(net))
                self.archives_.append(archive_of(net))
                self.history_ |= {f"loss/net_{number + 1}{kind}": values for kind, values in losses.items()}

    def _measure_level(self, cleaned: pd.DataFrame, live: pd.DataFrame) -> None:
        """Learn the recent level of the counts and of the nets' predictions, and each counter's ratio of the two."""
        self.recent_ = RecentLevel(holidays=self.holidays).fit(cleaned)
        last = live.groupby(COUNTER, observed=True)[TIME].transform("max")
        newest = live[last - live[TIME] < pd.Timedelta(weeks=WEEKS)]
        self.own_recent_ = RecentLevel(holidays=self.holidays).fit(newest.assign(**{COUNT: self._rates(newest)}))
        counts, own = (_means_of(level) for level in (self.recent_, self.own_recent_))
        # The last one is for counters that training does not have.
        self.level_ = (counts / own).reindex([*self.counters_, ""]).to_numpy()

    def for_calibration(self) -> Self:
        """Return a pipeline of one net on half the rows: its errors are hardly larger beside those of any month."""
        return type(self)(**self.get_params() | {"n_nets": 1, "max_rows": -(-self.max_rows // 2)})

    @property
    def feature_names_(self) -> list[str]:
        """The nets' inputs."""
        return ["counter", "hour_of_week", *self.scaling_.names, "log_profile"]

    def _check_parameters(self) -> None:
        whole = ("epochs", "batch_size", "embedding_size", "n_nets", "max_rows")
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

    def _inputs(self, features: pd.DataFrame) -> Inputs:
        """Return the nets' inputs; a public holiday counts as a Sunday."""
        weekday = np.where(features["day_type"] == SUNDAY_OR_HOLIDAY, 6, features[WEEKDAY])
        counter = self.features_.history_.positions(features) + 1
        return {
            "counter": counter.astype(np.int32),
            "hour_of_week": (weekday * 24 + features[HOUR]).to_numpy(np.int32),
            "numbers": self.scaling_(continuous(features)),
            "log_profile": np.log(features[["profile"]].to_numpy(np.float32) + 1.0),
        }

    def _rates(self, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Return the mean of the nets' predictions, whose level is that of all training, in bikes per hour."""
        inputs = self._inputs(self.features_.transform(cleaned))
        rates = [net.predict(inputs) for net in self.nets_]
        return np.asarray(np.mean(rates, axis=0, dtype=np.float64))

    def _predict(self, cleaned: pd.DataFrame, history: pd.DataFrame | None) -> NDArray[np.float64]:  # noqa: ARG002
        """Predict bikes per hour, shape (n,)."""
        rates = self._rates(cleaned)
        if self.recent_ is None:
            return rates
        after = cleaned[TIME] > self.recent_.until_
        moved = np.where(after, rates * self._correction(self.recent_, cleaned), rates)
        return self.recent_.blend(cleaned, moved, self.recent_weight_)

    def _correction(self, recent: RecentLevel, cleaned: pd.DataFrame) -> NDArray[np.float64]:
        """Return the factor from the nets' level to the recent one, shape (n,).

        It is the geometric mean of the ratio for the counter and the ratio for its hour of the week: the first is
        stable, the second also knows the recent shape of the week.
        """
        of_hour = (recent.predict(cleaned) + 0.1) / (self.own_recent_.predict(cleaned) + 0.1)
        of_counter = self.level_[self.features_.history_.positions(cleaned)]
        return np.asarray(np.sqrt(of_counter * of_hour))

    def save(self, directory: Path) -> None:
        """Write the state in a pickle, the weights of the nets among it, and each net in Keras' own format."""
        for number, archive in enumerate(self.archives_):
            (directory / NET_FILE.format(number)).write_bytes(archive)
        state = {name: getattr(self, name) for name in STATE}
        joblib.dump({"parameters": self.get_params(), "fitted": state}, directory / STATE_FILE, compress=3)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. It contains a pickle: load only files whose digests were checked.

        Raises
        ------
        MissingExtra
            An earlier version saved it, whose weights are in the files of Keras alone, and TensorFlow is missing.
        """
        state = joblib.load(directory / STATE_FILE)
        pipeline, fitted = cls(**state["parameters"]), state["fitted"]
        paths = [directory / NET_FILE.format(number) for number in range(pipeline.n_nets)]
        if "nets_" not in fitted:
            from bike_traffic.plugins.count_net import read_net

            fitted["nets_"] = [Net.of(read_net(path)) for path in paths]
            fitted["scaling_"] = Scaling.of_scaler(fitted.pop("scaler_"))
        for name, value in fitted.items():
            setattr(pipeline, name, value)
        pipeline.archives_ = [path.read_bytes() for path in paths]
        pipeline.counters_ = pipeline.features_.history_.counters_
        return pipeline


def _newest(times: pd.Series) -> NDArray[np.bool_]:
    """Return which rows are of the last weeks: the last fifth of training, at most `VALIDATION`."""
    return np.asarray(times > times.max() - min(VALIDATION, (times.max() - times.min()) / 5))


def _means_of(recent: RecentLevel) -> pd.Series:
    """Return the mean of each counter's recent week, in bikes per hour; that of an unknown counter is named ''."""
    return pd.Series(recent.table_.mean(axis=1), [*recent.counters_, ""])
