"""What the checks of a pipeline work on: the pipeline, small counts, and one fit that many checks share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bike_traffic.artifacts import MANIFEST
from bike_traffic.data.sample import COUNTERS, generate_sample
from bike_traffic.data.schema import CITY_HEADERS, COUNT, COUNTER
from bike_traffic.errors import BikeTrafficError, PluginError, UnknownPipeline
from bike_traffic.evaluation import BASELINE_FILE
from bike_traffic.manager import Offer, PluginHost
from bike_traffic.pipeline import Pipeline
from bike_traffic.specs import PipelineSpec
from bike_traffic.testing.fresh_process import Reloaded, reload_in_a_fresh_process
from bike_traffic.training import new_pipeline

TRAINING_HOURS, ROWS_HOURS = 8 * 7 * 24, 2 * 24
KEPT_COUNTERS = 4

SEED = 1
RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""How far apart two predictions may be and still be called the same: sums in another order differ by that."""


class CheckFailed(AssertionError):
    """A pipeline broke a promise; the message says which call did what, and what it should do."""


@attrs.frozen
class FirstFit:
    """A fitted pipeline, what `fit` returned, and the counts that it was given, as they are after it."""

    pipeline: Pipeline
    returned: object
    given: pd.DataFrame


@attrs.define(slots=False)
class PipelineSubject:
    """The pipeline under check, and the generated counts that it is checked on.

    Parameters
    ----------
    offer : the pipeline's spec and where it comes from.
    training : eight weeks of hourly counts of four counters, columns as the City publishes them.
    rows : the two days after these, count included, as plain text with an index of its own.
    """

    offer: Offer[PipelineSpec]
    training: pd.DataFrame
    rows: pd.DataFrame

    @property
    def spec(self) -> PipelineSpec:
        """What the plugin declares."""
        return self.offer.spec

    def unfitted(self, seed: int = SEED) -> Pipeline:
        """Return a new pipeline with its default parameters; raise `CheckFailed` where it cannot be made."""
        try:
            return new_pipeline(self.offer, {}, seed)
        except BikeTrafficError as error:
            raise CheckFailed(str(error)) from error

    @property
    def first_fit(self) -> FirstFit:
        """The one fit that checks share; raise `CheckFailed` where it failed."""
        if isinstance(self._attempt, CheckFailed):
            raise CheckFailed(str(self._attempt)) from self._attempt.__cause__
        return self._attempt

    @property
    def fitted(self) -> Pipeline:
        """The pipeline of the first fit."""
        return self.first_fit.pipeline

    @cached_property
    def _attempt(self) -> FirstFit | CheckFailed:
        try:
            pipeline, given = self.unfitted(), self.training.copy()
            return FirstFit(pipeline, fit(pipeline, given), given)
        except CheckFailed as failure:
            return failure

    @cached_property
    def expected(self) -> pd.Series:
        """What the fitted pipeline predicts for `rows`."""
        return predict(self.fitted, self.rows)

    @cached_property
    def reloaded(self) -> Sequence[Reloaded]:
        """What a fresh process predicts for `rows` from the saved files, where they were saved and then elsewhere."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            saved = Path(folder, "saved")
            saved.mkdir()
            self._save(saved)
            return reload_in_a_fresh_process(self.offer, saved, self.rows, Path(folder))

    def _save(self, directory: Path) -> None:
        with calling("save"):
            self.fitted.save(directory)
        written = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
        if not written:
            raise CheckFailed("save wrote no file into the directory that it was given")
        taken = sorted(written & {MANIFEST, BASELINE_FILE})
        if taken:
            raise CheckFailed(f"save wrote {taken[0]}, a name that training gives to a file of its own")


def pipeline_subject(name: str, host: PluginHost) -> PipelineSubject:
    """Return the pipeline `name` with the counts to check it on.

    Raises
    ------
    UnknownPipeline, AmbiguousName, MissingExtra
    PluginError
        There is no such pipeline, and a plugin failed to load that may be the one.
    """
    try:
        offer = host.pipeline(name)
    except UnknownPipeline as error:
        if not host.failures:
            raise
        raise PluginError("; ".join(map(str, [error, *host.failures]))) from host.failures[0].error
    if offer.spec.missing():
        raise offer.spec.missing_extra(offer.spec.missing()[0])
    return PipelineSubject(offer, *_small_counts())


def _small_counts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the counts to train on, and rows of the two days after them."""
    recent = generate_sample().tail((TRAINING_HOURS + ROWS_HOURS) * COUNTERS)
    counter = CITY_HEADERS[COUNTER]
    kept = recent[recent[counter].isin(recent[counter].cat.categories[:KEPT_COUNTERS])].reset_index(drop=True)
    training = kept.head(TRAINING_HOURS * KEPT_COUNTERS)
    text = kept.columns.drop(CITY_HEADERS[COUNT])
    return training, kept.tail(ROWS_HOURS * KEPT_COUNTERS).astype(dict.fromkeys(text, str))


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn an exception of the pipeline's into `CheckFailed`, which says what was called."""
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        raise CheckFailed(f"{what} raised {type(error).__name__}: {reason}") from error


def fit(pipeline: Pipeline, counts: pd.DataFrame) -> object:
    """Return what `fit` returns."""
    with calling("fit"):
        return pipeline.fit(counts)


def predict(pipeline: Pipeline, counts: pd.DataFrame, where: str = "") -> pd.Series:
    """Return a prediction, which is a Series with one number a row.

    Parameters
    ----------
    where : what is special about the counts, for the message, such as ``"for one row"``.
    """
    call = f"predict {where}".rstrip()
    with calling(call):
        answer = pipeline.predict(counts)
    if not isinstance(answer, pd.Series):
        raise CheckFailed(f"{call} returned a {type(answer).__name__}; return a pandas Series")
    if len(answer) != len(counts):
        raise CheckFailed(f"{call} returned {len(answer)} values for {len(counts)} rows")
    if not pd.api.types.is_numeric_dtype(answer.dtype):
        raise CheckFailed(f"{call} returned values of dtype {answer.dtype}; return numbers")
    return answer


def require_sound(pipeline: Pipeline, predicted: pd.Series, where: str = "") -> None:
    """Raise `CheckFailed` unless each value is finite and not negative, and a classifier's is 0 or 1."""
    call = f"predict {where}".rstrip()
    values = predicted.to_numpy(np.float64)
    sound = np.isfinite(values) & (values >= 0)
    wanted = "finite and 0 or more"
    if pipeline.task == "classification":
        sound &= np.isin(values, (0.0, 1.0))
        wanted = "the labels 0 and 1"
    if not sound.all():
        place = int(np.flatnonzero(~sound)[0])
        raise CheckFailed(f"{call} returned {values[place]} for row {place}; predictions must be {wanted}")


def require_same(found: Any, expected: pd.Series, what: str) -> None:
    """Raise `CheckFailed` unless two predictions are the same but for the order of sums."""
    values, wanted = np.asarray(found, np.float64), expected.to_numpy(np.float64)
    same = np.isclose(values, wanted, rtol=RELATIVE, atol=ABSOLUTE)
    if not same.all():
        place = int(np.flatnonzero(~same)[0])
        raise CheckFailed(f"{what}: row {place} was predicted as {wanted[place]:.6g} and as {values[place]:.6g}")
