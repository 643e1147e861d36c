"""What the checks of a pipeline use: the pipeline, small counts, and one fit that most checks share."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bike_traffic.columns import COUNT, COUNTER
from bike_traffic.data.sample import COUNTERS, generate_sample
from bike_traffic.data.schema import CITY_HEADERS
from bike_traffic.errors import BikeTrafficError, PluginError, UnknownPipeline
from bike_traffic.evaluation.baselines import BASELINE_FILE
from bike_traffic.evaluation.references import FOLDER
from bike_traffic.manager import Declaration, PluginHost
from bike_traffic.parameters import new_pipeline
from bike_traffic.pipeline import Pipeline
from bike_traffic.registry.files.artifacts import MANIFEST
from bike_traffic.specs import PipelineSpec
from bike_traffic.testing.pipelines.fresh_process import Reloaded, reload_in_a_fresh_process

TRAINING_HOURS, ROWS_HOURS = 8 * 7 * 24, 2 * 24
KEPT_COUNTERS = 4

SEED = 1
RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""Tolerances of equal predictions: sums in another order differ by as much."""


class CheckFailed(AssertionError):
    """A pipeline broke a promise; the message names the call, what it did, and what it should do."""


@attrs.frozen
class FirstFit:
    """A fitted pipeline, what `fit` returned, the counts that it was given, and a copy of its attributes."""

    pipeline: Pipeline
    returned: object
    given: pd.DataFrame
    attributes: Mapping[str, object]


@attrs.define(slots=False)
class PipelineSubject:
    """The pipeline to check, and the generated counts for the checks.

    Parameters
    ----------
    declaration : the pipeline's spec and its package.
    training : eight weeks of hourly counts of four counters, columns as the City publishes them.
    rows : the two days after these, with their counts, as plain text and with an index that does not start at 0.
    """

    declaration: Declaration[PipelineSpec]
    training: pd.DataFrame
    rows: pd.DataFrame

    @property
    def spec(self) -> PipelineSpec:
        """What the plugin declares."""
        return self.declaration.spec

    def unfitted(self, seed: int = SEED) -> Pipeline:
        """Return a new pipeline with its default parameters; raise `CheckFailed` if it cannot be created."""
        try:
            return new_pipeline(self.declaration, {}, seed)
        except BikeTrafficError as error:
            raise CheckFailed(str(error)) from error

    @property
    def first_fit(self) -> FirstFit:
        """The fit that checks share; raise `CheckFailed` if it failed."""
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
            return FirstFit(pipeline, fit(pipeline, given), given, attributes_of(pipeline))
        except CheckFailed as failure:
            return failure

    @property
    def history(self) -> pd.DataFrame | None:
        """The counts before `rows`, for a pipeline that needs them."""
        return self.training.copy() if "history" in getattr(self.fitted, "needs", ()) else None

    @cached_property
    def expected(self) -> pd.Series:
        """What the fitted pipeline predicts for `rows`."""
        return predict(self, self.rows)

    @cached_property
    def reloaded(self) -> Sequence[Reloaded]:
        """What a new process predicts for `rows` from the saved files, then from the same files moved elsewhere."""
        with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
            saved = Path(folder, "saved")
            saved.mkdir()
            self._save(saved)
            return reload_in_a_fresh_process(self.declaration, saved, self.rows, self.history, Path(folder))

    def _save(self, directory: Path) -> None:
        with calling("save"):
            self.fitted.save(directory)
        written = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
        if not written:
            raise CheckFailed("save wrote no file into the directory that it was given")
        taken = sorted(name for name in written if name.partition("/")[0] in (MANIFEST, BASELINE_FILE, FOLDER))
        if taken:
            raise CheckFailed(f"save wrote {taken[0]}, a name that training uses for a file of its own")


def pipeline_subject(name: str, host: PluginHost) -> PipelineSubject:
    """Return the pipeline `name` with the counts to check it on.

    Raises
    ------
    UnknownPipeline, AmbiguousName, MissingExtra
    PluginError
        There is no such pipeline, but a plugin failed to load that may declare it.
    """
    try:
        declaration = host.pipeline(name)
    except UnknownPipeline as error:
        if not host.failures:
            raise
        raise PluginError(
            "; ".join(map(str, [error, *host.failures])), "pipeline-unknown-plugins-failed"
        ) from host.failures[0].error
    declaration.spec.require_trainable()
    return PipelineSubject(declaration, *_small_counts())


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
    """Turn an exception of the pipeline into `CheckFailed`, which names the call."""
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


def predict(
    subject: PipelineSubject, counts: pd.DataFrame, where: str = "", pipeline: Pipeline | None = None
) -> pd.Series:
    """Return a prediction, which is a Series with one number for each row.

    Parameters
    ----------
    where : describes the counts in messages, such as ``"for one row"``.
    pipeline : the default is the subject's fitted one.
    """
    call = f"predict {where}".rstrip()
    with calling(call):
        answer = (pipeline or subject.fitted).predict(counts, subject.history)
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


def require_same(predicted: Any, expected: pd.Series, what: str) -> None:
    """Raise `CheckFailed` unless two predictions are equal up to the order of sums."""
    values, wanted = np.asarray(predicted, np.float64), expected.to_numpy(np.float64)
    same = np.isclose(values, wanted, rtol=RELATIVE, atol=ABSOLUTE)
    if not same.all():
        place = int(np.flatnonzero(~same)[0])
        raise CheckFailed(f"{what}: row {place} was predicted as {wanted[place]:.6g} and as {values[place]:.6g}")


def attributes_of(pipeline: Pipeline) -> dict[str, object]:
    """Return the attributes, with copies of the containers, arrays and pandas objects among them."""
    copied = (dict, list, set, np.ndarray, pd.DataFrame, pd.Series)
    return {name: copy.copy(value) if isinstance(value, copied) else value for name, value in vars(pipeline).items()}


def changed_attributes(before: Mapping[str, object], pipeline: Pipeline) -> list[str]:
    """Return the names of attributes that were set, deleted, replaced or changed after `attributes_of`."""
    after = vars(pipeline)
    names = sorted({*before, *after})
    return [n for n in names if n not in before or n not in after or not _unchanged(before[n], after[n])]


def _unchanged(before: Any, after: Any) -> bool:
    """Compare arrays and pandas objects by value, the items of containers and everything else by identity."""
    if type(before) is not type(after):
        return False
    if isinstance(before, pd.DataFrame | pd.Series):
        return bool(before.equals(after))
    if isinstance(before, np.ndarray):
        return bool(before.shape == after.shape and before.tobytes() == after.tobytes())
    if isinstance(before, set):
        return bool(before == after)
    if isinstance(before, dict):
        before, after = [*before, *before.values()], [*after, *after.values()]
    if isinstance(before, list):
        return list(map(id, before)) == list(map(id, after))
    return before is after
