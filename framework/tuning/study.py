"""The trials of a search in a storage of Optuna, which another call continues."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from bike_traffic.addresses import shown
from bike_traffic.errors import TuningError
from bike_traffic.search_space import Between, Searched

AT_ONCE = 4
"""Trials that are chosen before the first of them is finished. It does not depend on how many processes there are, so
that the trials do not."""

_STARTUP_TRIALS = 8
"""Trials at random before earlier ones guide the choice, the defaults among them."""
_FOLD = "fold_"
_DIGITS = 3
"""Significant digits of a parameter: more are no better, and nobody wants to type them."""


@attrs.frozen(kw_only=True)
class Trial:
    """One trial: its parameters, and the metric of each fold that was measured, the oldest first.

    `state` is ``"complete"``, ``"pruned"`` (given up after some folds), ``"failed"``, or ``"running"``.
    """

    number: int
    parameters: Mapping[str, Any]
    values: Sequence[float]
    state: str

    @property
    def score(self) -> float | None:
        """The mean of the folds; ``None`` before the first."""
        return float(np.mean(self.values)) if self.values else None


class Study:
    """The trials of one search: one model, one set of counts and folds, one seed."""

    def __init__(
        self, storage: str, name: str, space: Mapping[str, Searched], *, higher_is_better: bool, seed: int
    ) -> None:
        self._space = space
        self._seed = seed
        self._higher_is_better = higher_is_better
        self._distributions = {name: _distribution_of(searched) for name, searched in space.items()}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        try:
            self._storage = optuna.storages.RDBStorage(_url_of(storage))
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                load_if_exists=True,
                direction="maximize" if higher_is_better else "minimize",
            )
        except Exception as error:  # each kind of database has its own errors
            reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            raise TuningError(
                f"{shown(storage)}: the trials cannot be kept there: {reason}",
                "trials-not-kept",
                storage=shown(storage),
                reason=reason,
            ) from None

    def close(self) -> None:
        """Close the connections to the storage, which Optuna leaves open."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[Trial]:
        """Return all trials in their order."""
        return [self._trial_of(one) for one in self._frozen()]

    def start_with(self, parameters: Mapping[str, Any]) -> None:
        """Make these the parameters of the first trial."""
        if not self._frozen():
            plain = {name: _plain(self._space[name], parameters[name]) for name in self._space}
            self._study.enqueue_trial(plain)

    def next_trials(self, number: int) -> list[Trial]:
        """Return the trials that are to be measured together, `number` of all trials at most; none at the end.

        They are those that an earlier call left unfinished, or new ones. Each choice has a seed of its own, so that
        an interrupted search goes on as if it had not been interrupted.
        """
        started = [one for one in self._frozen() if one.state != TrialState.WAITING]
        batch = len(started) // AT_ONCE * AT_ONCE
        running = [one for one in started if one.state == TrialState.RUNNING]
        if not (running and len(started) % AT_ONCE == 0):
            for _ in range(len(started), min(batch + AT_ONCE, number)):
                self._ask()
        return [self._trial_of(one) for one in self._frozen() if one.state == TrialState.RUNNING]

    def report(self, trial: Trial, values: Sequence[float]) -> None:
        """Keep the metric of each fold so far."""
        handle = self._handle(trial)
        for fold in range(len(trial.values), len(values)):
            handle.report(float(np.mean(values[: fold + 1])), fold)
            handle.set_user_attr(f"{_FOLD}{fold}", values[fold])

    def is_behind(self, trial: Trial) -> bool:
        """Return whether a trial is worse than the median of the complete ones after as many folds."""
        folds = len(trial.values)
        complete = [one for one in self.trials() if one.state == "complete"]
        if len(complete) < AT_ONCE:
            return False
        # Not Optuna's own rule, which compares the best fold so far: folds are not equally hard.
        own, others = np.mean(trial.values), np.median([np.mean(one.values[:folds]) for one in complete])
        return bool(own < others if self._higher_is_better else own > others)

    def finish(self, trial: Trial, state: str) -> Trial:
        """Keep the end of a trial: ``"complete"``, ``"pruned"`` or ``"failed"``."""
        kept = self._trial_of(self._frozen()[trial.number])
        ends = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        value = kept.score if state == "complete" else None
        self._study.tell(trial.number, value, ends[state], skip_if_finished=True)
        return attrs.evolve(kept, state=state)

    def _ask(self) -> None:
        number = len([one for one in self._frozen() if one.state != TrialState.WAITING])
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study.sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=_STARTUP_TRIALS, constant_liar=True
            )
        self._study.ask(self._distributions)

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _handle(self, trial: Trial) -> optuna.trial.Trial:
        return optuna.trial.Trial(self._study, self._frozen()[trial.number]._trial_id)

    def _trial_of(self, frozen: FrozenTrial) -> Trial:
        folds = sorted((name for name in frozen.user_attrs if name.startswith(_FOLD)), key=_number_of_fold)
        return Trial(
            number=frozen.number,
            parameters={name: _typed(self._space[name], value) for name, value in frozen.params.items()},
            values=[frozen.user_attrs[name] for name in folds],
            state={"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(frozen.state.name, "running"),
        )


def _number_of_fold(name: str) -> int:
    return int(name.removeprefix(_FOLD))


def _distribution_of(searched: Searched) -> BaseDistribution:
    if not isinstance(searched, Between):
        return CategoricalDistribution([repr(value) for value in searched.values])
    if searched.whole:
        return IntDistribution(int(searched.low), int(searched.high), log=searched.log)
    return FloatDistribution(searched.low, searched.high, log=searched.log)


def _plain(searched: Searched, value: Any) -> Any:
    """Return a value as Optuna keeps it: of any type but numbers, its text."""
    return value if isinstance(searched, Between) else repr(value)


def _typed(searched: Searched, value: Any) -> Any:
    """Return a value of Optuna as the pipeline takes it."""
    if not isinstance(searched, Between):
        return next(one for one in searched.values if repr(one) == value)
    if searched.whole:
        return int(value)
    return float(np.clip(float(f"{value:.{_DIGITS}g}"), searched.low, searched.high))


def _url_of(storage: str) -> str:
    if "://" in storage:
        return storage
    return f"sqlite:///{Path(storage).absolute()}"
