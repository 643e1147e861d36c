"""Each check of the kit passes for a pipeline that keeps the promise, and fails with one sentence for others."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.errors import MissingExtra, PluginError, UnknownPipeline
from bike_traffic.manager import PluginHost
from bike_traffic.testing import PIPELINE_CHECKS, CheckFailed, PipelineSubject
from bike_traffic.testing.pipelines.checks import CheckResult, promise_of, run_pipeline_checks
from bike_traffic.testing.pipelines.subject import pipeline_subject
from tests.conftest import Bt
from tests.test_manager import declaring, install_distribution

MODEL = """
import json

import numpy as np
import pandas as pd
from bike_traffic import Pipeline, RawCleanerTransformer
from bike_traffic.columns import COUNT, COUNTER, HOUR, LATITUDE


class Model(Pipeline):
    name = "mean"
    task = "regression"

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def _fit(self, cleaned):
        means = cleaned.groupby(cleaned[COUNTER].astype(str))[COUNT].mean()
        self.means_ = dict(means)

    def _predict(self, cleaned, history):
        usual = cleaned[COUNTER].astype(str).map(self.means_).fillna(7.0)
        values = usual.to_numpy(float) * (1 + cleaned[HOUR].to_numpy())
        return values

    def save(self, directory):
        (directory / "means.json").write_text(json.dumps(self.means_))

    @classmethod
    def load(cls, directory):
        pipeline = cls()
        pipeline.means_ = json.loads((directory / "means.json").read_text())
        pipeline.counters_ = pd.Index(pipeline.means_)
        return pipeline
"""
SPEC = '[PipelineSpec(name="mean", target="{here}_model:Model")]'
RETURNED = "return values"

Change = tuple[str, str]


class Abstract(ABC):
    @abstractmethod
    def _fit(self) -> None: ...


with pytest.raises(TypeError) as caught:
    Abstract()  # type: ignore[abstract]
ABSTRACT = str(caught.value).replace("Abstract", "Model")
"""What this version of Python says of a class that lacks the method `_fit`."""


def overriding(*lines: str) -> Change:
    """Return the change that adds a method, which overrides one of the base class."""
    method = "\n        ".join(lines)
    return ("def save", f"{method}\n\n    def save")


RETURNS_NOTHING = MODEL.replace(*overriding("def fit(self, counts, y=None):", "super().fit(counts)"))
"""The pipeline with a `fit` that breaks its promise."""

PREDICT = "def predict(self, counts, history=None):"
PREDICT_AND = [PREDICT, "predicted = super().predict(counts, history)"]
"""A public method that overrides the base class's: the checks must not rely on those of the base class."""


def searching(space: str) -> Change:
    """Return the change that declares a space of search."""
    return ("    def save", f"    @classmethod\n    def search_space(cls):\n        return {space}\n\n    def save")


BROKEN: list[tuple[str, Change, str]] = [
    (
        "check_search_space_fits_the_parameters",
        searching("{'depth': 3}"),
        "search_space declares depth, which is no parameter; there are ['random_state']",
    ),
    (
        "check_search_space_fits_the_parameters",
        searching("{'random_state': 3}"),
        "search_space declares random_state as 3; use Between or OneOf",
    ),
    (
        "check_name_and_task_agree",
        ('name = "mean"', 'name = "means"'),
        "the spec has name 'mean', the class 'means'; make them equal",
    ),
    (
        "check_name_and_task_agree",
        ('task = "regression"', 'task = "ranking"'),
        "the class attribute `task` is 'ranking', not one of ('regression', 'classification')",
    ),
    (
        "check_name_and_task_agree",
        ('task = "regression"', 'task, needs = "regression", ("history",)'),
        "the spec has needs (), the class ('history',); make them equal",
    ),
    (
        "check_is_a_clonable_estimator",
        ("self.random_state = random_state", "self.random_state = random_state; self.means_ = {}"),
        "a clone has means_; __init__ may only store its arguments",
    ),
    (
        "check_is_a_clonable_estimator",
        ("random_state: int = 0", "random_state"),
        "'mean' cannot be created: TypeError: Model.__init__() missing 1 required positional argument: "
        "'random_state'",
    ),
    (
        "check_is_a_clonable_estimator",
        ("def _fit", "def _learn"),
        f"'mean' cannot be created: TypeError: {ABSTRACT}",
    ),
    (
        "check_is_a_clonable_estimator",
        ("self.random_state = random_state", "self.random_state = [random_state]"),
        "sklearn.base.clone raised RuntimeError: Cannot clone object Model(random_state=1), as the constructor "
        "either does not set or modifies parameter random_state",
    ),
    (
        "check_fit_returns_the_pipeline",
        overriding("def fit(self, counts, y=None):", "super().fit(counts)"),
        "fit returned a NoneType; return self",
    ),
    (
        "check_predict_before_fit_raises_not_fitted",
        overriding(PREDICT, "return self._predict(RawCleanerTransformer().transform(counts), history)"),
        "predict before fit raised AttributeError; raise sklearn.exceptions.NotFittedError, as "
        "sklearn.utils.validation.check_is_fitted does",
    ),
    (
        "check_predict_before_fit_raises_not_fitted",
        overriding(PREDICT, 'return super().predict(counts, history) if hasattr(self, "means_") else 0'),
        "predict before fit returned a value; raise sklearn.exceptions.NotFittedError, as "
        "sklearn.utils.validation.check_is_fitted does",
    ),
    (
        "check_input_is_left_unchanged",
        overriding("def fit(self, counts, y=None):", "counts['seen'] = True", "return super().fit(counts)"),
        "fit changed the counts that it was given; work on a copy",
    ),
    (
        "check_input_is_left_unchanged",
        overriding(PREDICT, "counts['Comptage horaire'] = 0", "return super().predict(counts, history)"),
        "predict changed the counts that it was given; work on a copy",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, f"values[3] = -1; {RETURNED}"),
        "predict raised PredictionError: pipeline 'mean' broke its promise: prediction is -1.0 for row 5379; values "
        "must be finite and never negative",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        overriding(*PREDICT_AND, "return predicted - 1e9"),
        "predict returned N for row 0; predictions must be finite and 0 or more",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        overriding(*PREDICT_AND, "return predicted * np.inf"),
        "predict returned inf for row 0; predictions must be finite and 0 or more",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        ('task = "regression"', 'task = "classification"'),
        "predict raised PredictionError: pipeline 'mean' broke its promise: prediction is N for row 5376; values "
        "must be the labels 0 and 1",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        overriding(*PREDICT_AND, "return predicted.to_numpy()"),
        "predict returned a ndarray; return a pandas Series",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, "return values[:5]"),
        "predict raised PredictionError: pipeline 'mean' broke its promise: prediction has the shape (5,) for 192 "
        "rows",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        overriding(*PREDICT_AND, "return predicted.head(5)"),
        "predict returned N values for 192 rows",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        overriding(*PREDICT_AND, "return predicted.astype(str)"),
        "predict returned values of dtype str; return numbers",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        ("[COUNT].mean()", '["bikes"].mean()'),
        "fit raised KeyError: 'Column not found: bikes'",
    ),
    (
        "check_predictions_have_the_index_of_the_counts",
        overriding(*PREDICT_AND, "return predicted.reset_index(drop=True)"),
        "predict for counts with an index that does not start at 0 returned another index; pass index=counts.index",
    ),
    (
        "check_predictions_have_the_index_of_the_counts",
        ("usual.to_numpy(float)", "usual.loc[cleaned.index].to_numpy(float)"),
        "predict for counts with an index with one value for all rows raised ValueError: operands could not be "
        "broadcast together with shapes (36864,) (192,)",
    ),
    (
        "check_predicts_from_name_time_and_place_alone",
        ("cleaned[HOUR].to_numpy()", "cleaned[COUNT].to_numpy()"),
        "predict without the count raised KeyError: 'comptage_horaire'",
    ),
    (
        "check_predicts_from_name_time_and_place_alone",
        (RETURNED, f"values = values + (COUNT in cleaned); {RETURNED}"),
        "without the count: row 0 was predicted as N and as N",
    ),
    (
        "check_order_of_rows_and_extra_columns_do_not_matter",
        (RETURNED, f"values[0] += 1; {RETURNED}"),
        "for rows in another order with extra columns: row 0 was predicted as N and as N",
    ),
    (
        "check_order_of_rows_and_extra_columns_do_not_matter",
        overriding("def fit(self, counts, y=None):", "counts.iloc[:, 1].mean()", "return super().fit(counts)"),
        "with rows in another order and extra columns, fit raised TypeError: 'Categorical' with dtype category does "
        "not support operation 'mean'",
    ),
    (
        "check_same_seed_same_predictions",
        ("self.means_ = dict(means)", "self.means_ = dict(means + np.random.default_rng().random() + 1)"),
        "fitted twice with the same random_state: row 0 was predicted as N and as N",
    ),
    (
        "check_remembers_its_counters",
        overriding("def fit(self, counts, y=None):", "super().fit(counts)", "del self.counters_", "return self"),
        "fit sets no counters_; set it to the names of the counters in the clean frame",
    ),
    (
        "check_remembers_its_counters",
        ("pipeline.counters_ = pd.Index(pipeline.means_)", "pipeline.counters_ = pd.Index([1])"),
        "after load, counters_ is ['1'], not ['12 quai des Hirondelles N-S', '12 quai des Hirondelles S-N', "
        "'Pont du Vieux Moulin N-S', 'Pont du Vieux Moulin S-N']",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ("pipeline.counters_ = pd.Index(pipeline.means_)", "pass"),
        "load, or predict after it, raised NotFittedError: pipeline 'mean' has not been fitted yet; call fit or load "
        "first",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ("pipeline.counters_ = pd.Index(pipeline.means_)", "pipeline.counters_ = []; pipeline.means_ = {}"),
        "loaded in a new process: row 0 was predicted as N and as N",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ('(directory / "means.json").write_text(json.dumps(self.means_))', "pass"),
        "save wrote no file into the directory that it was given",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ("means.json", "manifest.json"),
        "save wrote manifest.json, a name that training uses for a file of its own",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ('(directory / "means.json").read_text()', '"{"'),
        "load, or predict after it, raised JSONDecodeError: Expecting property name enclosed in double quotes: line "
        "1 column 2 (char 1)",
    ),
    (
        "check_loads_under_another_working_directory",
        ("pipeline = cls()", "pipeline = cls(); open('saved/means.json')"),
        "load, or predict after it, raised FileNotFoundError: [Errno 2] No such file or directory: "
        "'saved/means.json'",
    ),
    (
        "check_empty_counts_give_an_empty_prediction",
        overriding(*PREDICT_AND, "predicted.to_numpy().max()", "return predicted"),
        "predict for no rows raised ValueError: zero-size array to reduction operation maximum which has no identity",
    ),
    (
        "check_one_row_is_predicted_as_among_many",
        (RETURNED, f"values = values + len(values); {RETURNED}"),
        "alone and among others: row 0 was predicted as N and as N",
    ),
    (
        "check_unknown_counters_get_a_best_effort",
        (".fillna(7.0)", ""),
        "predict for an unknown counter raised PredictionError: pipeline 'mean' broke its promise: prediction is nan "
        "for row 5376; values must be finite and never negative",
    ),
    (
        "check_unknown_counters_get_a_best_effort",
        (RETURNED, f"values = values * cleaned[LATITUDE].notna().mean(); {RETURNED}"),
        "with rows of an unknown counter added: row 0 was predicted as N and as N",
    ),
    (
        "check_hours_of_clock_changes_are_predicted",
        overriding(*PREDICT_AND, "return predicted + counts.iloc[:, 2].astype(str).str[11:13].astype(int)"),
        "for times written in UTC: row 0 was predicted as N and as N",
    ),
    (
        "check_clean_counts_give_the_same_as_published_ones",
        overriding(
            PREDICT, "return super().predict(counts.drop(columns='nom_du_compteur', errors='ignore'), history)"
        ),
        "predict for clean rows raised SchemaError: the counts: no column 'Nom du compteur'; there are annee, "
        "comptage_horaire, date_et_heure_de_comptage, heure, jour_mois, jour_semaine, latitude, longitude, mois",
    ),
    (
        "check_clean_counts_give_the_same_as_published_ones",
        overriding(*PREDICT_AND, "return predicted + ('heure' in counts)"),
        "for clean rows: row 0 was predicted as N and as N",
    ),
    (
        "check_clean_counts_give_the_same_as_published_ones",
        overriding(*PREDICT_AND, "counts['mois'] = 0", "return predicted"),
        "a clean frame was changed; work on a copy",
    ),
    (
        "check_threads_share_a_fitted_pipeline",
        (RETURNED, f"self.latest_ = values; {RETURNED}"),
        "predict changed latest_; a prediction must not change the pipeline",
    ),
    (
        "check_threads_share_a_fitted_pipeline",
        (RETURNED, f"self.means_ = {{**self.means_, 'latest': 1.0}}; {RETURNED}"),
        "predict changed means_; a prediction must not change the pipeline",
    ),
    (
        "check_threads_share_a_fitted_pipeline",
        overriding(*PREDICT_AND, "self.counters_ = self.counters_[:0]", "return predicted"),
        "predict changed counters_; a prediction must not change the pipeline",
    ),
    (
        "check_threads_share_a_fitted_pipeline",
        (RETURNED, f"self.calls_ = getattr(self, 'calls_', 0) + 1; values = values + self.calls_; {RETURNED}"),
        "in several threads at once: row 0 was predicted as N and as N",
    ),
    (
        "check_probabilities_are_a_classifiers",
        (RETURNED, "return {'prediction': values, 'probability': 0 * values}"),
        "predict_frame returned a probability for a regression; leave it out",
    ),
    (
        "check_probabilities_are_a_classifiers",
        (RETURNED, "return {'prediction': values, 'probability': 2 + values}"),
        "predict_frame raised PredictionError: pipeline 'mean' broke its promise: probability is N for row 5376; "
        "values must be from 0 to 1",
    ),
    (
        "check_probabilities_are_a_classifiers",
        overriding(*PREDICT_AND, "return predicted + 1"),
        "by predict_frame and by predict: row 0 was predicted as N and as N",
    ),
]


def install(monkeypatch: pytest.MonkeyPatch, site: Path, model: str, declaration: str = declaring(SPEC)) -> None:
    """Install the plugin ``mean-dist``, with its class in a separate module."""
    module = install_distribution(monkeypatch, site, "mean-dist", declaration)
    (site / f"{module}_model.py").write_text(model, encoding="utf-8")


@pytest.fixture(scope="module")
def counts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the counts that the kit generates."""
    subject = pipeline_subject("rf", PluginHost(only=()))
    return subject.training, subject.rows


def subject_on(counts: tuple[pd.DataFrame, pd.DataFrame]) -> PipelineSubject:
    training, rows = counts
    return PipelineSubject(PluginHost().pipeline("mean"), training.copy(), rows.copy())


def test_a_pipeline_that_keeps_its_promises_passes_every_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    install(monkeypatch, tmp_path / "site", MODEL)
    assert list(run_pipeline_checks(subject_on(counts))) == [
        CheckResult(check.__name__, promise_of(check), None) for check in PIPELINE_CHECKS
    ]


@pytest.mark.parametrize(("check", "change", "message"), BROKEN, ids=[f"{b[0]}-{n}" for n, b in enumerate(BROKEN)])
def test_a_broken_promise_is_reported_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    counts: tuple[pd.DataFrame, pd.DataFrame],
    check: str,
    change: Change,
    message: str,
) -> None:
    assert change[0] in MODEL
    install(monkeypatch, tmp_path / "site", MODEL.replace(*change))
    (run,) = [run for run in PIPELINE_CHECKS if run.__name__ == check]
    with pytest.raises(CheckFailed) as caught:
        run(subject_on(counts))
    shown = re.sub(r"(returned|predicted as|and as) -?\d[\d.]*\b", r"\1 N", str(caught.value))
    assert re.sub(r"is (?!-1\.0)\d[\d.]*(?= for row 5376)", "is N", shown) == message


def failures(subject: PipelineSubject) -> dict[str, str]:
    """Return the message of each check that fails."""
    return {result.check: result.failure for result in run_pipeline_checks(subject) if result.failure is not None}


def test_an_attribute_that_only_the_first_prediction_sets_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """Checks share a fitted pipeline, so it has predicted before the check of its attributes runs."""
    caching = MODEL.replace(RETURNED, f"self.__dict__.setdefault('cache_', True); {RETURNED}")
    install(monkeypatch, tmp_path / "site", caching)
    assert failures(subject_on(counts)) == {
        "check_threads_share_a_fitted_pipeline": "predict changed cache_; a prediction must not change the pipeline"
    }


NEEDS_HISTORY = MODEL.replace('task = "regression"', 'task, needs = "regression", ("history",)').replace(
    ".map(self.means_)", ".map(past.groupby(past[COUNTER].astype(str))[COUNT].mean())"
)
NEEDS_HISTORY = NEEDS_HISTORY.replace(
    "        usual =", "        past = history[history[TIME] < cleaned[TIME].min().normalize()]\n        usual ="
).replace("import COUNT, COUNTER, HOUR, LATITUDE", "import COUNT, COUNTER, HOUR, LATITUDE, TIME")
"""A pipeline that predicts from the history before the day of the first row."""
HISTORY_SPEC = SPEC.replace(")]", ', needs=["history"])]')


def test_a_pipeline_that_needs_history_gets_it_in_every_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    install(monkeypatch, tmp_path / "site", NEEDS_HISTORY, declaring(HISTORY_SPEC))
    assert failures(subject_on(counts)) == {}


def test_a_changed_history_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    change = overriding(PREDICT, "history['seen'] = True", "return super().predict(counts, history)")
    install(monkeypatch, tmp_path / "site", NEEDS_HISTORY.replace(*change), declaring(HISTORY_SPEC))
    message = "predict changed the history that it was given; work on a copy"
    assert failures(subject_on(counts)) == {"check_input_is_left_unchanged": message}


def test_a_pipeline_that_uses_later_counts_of_the_history_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    model = NEEDS_HISTORY.replace("< cleaned[TIME].min().normalize()", "< cleaned[TIME].max() + pd.Timedelta('1h')")
    install(monkeypatch, tmp_path / "site", model, declaring(HISTORY_SPEC))
    (check,) = [check for check in PIPELINE_CHECKS if check.__name__ == "check_later_counts_change_no_prediction"]
    message = "with other counts of the row's hour and later ones in the history: row 0 was predicted as"
    with pytest.raises(CheckFailed, match=rf"^{message} [\d.]+ and as [\d.]+$"):
        check(subject_on(counts))


def test_every_check_can_fail() -> None:
    others = {"check_declared_without_heavy_imports", "check_later_counts_change_no_prediction"}
    assert {check for check, _, _ in BROKEN} | others == {check.__name__ for check in PIPELINE_CHECKS}


def test_a_library_that_a_declaration_imports_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    install(monkeypatch, tmp_path / "site", MODEL, "import json, heavy_library\n" + declaring(SPEC))
    (tmp_path / "site/heavy_library.py").write_text("")
    message = (
        "loading the plugin imports heavy_library; import them in the module of the class, and do not import "
        "that module in the one with the hook"
    )
    with pytest.raises(CheckFailed, match=f"^{re.escape(message)}$"):
        PIPELINE_CHECKS[0](subject_on(counts))


def test_every_promise_is_one_sentence() -> None:
    promises = [promise_of(check) for check in PIPELINE_CHECKS]
    assert [promise for promise in promises if not re.fullmatch(r"[^.]+(\w\.\w[^.]*)*\.", promise)] == []
    assert len(set(promises)) == len(promises)


def test_the_error_for_an_unknown_pipeline_names_the_plugin_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = "no pipeline 'mean'; there are ahead, nn, rf, rf_class"
    with pytest.raises(UnknownPipeline, match=f"^{there}$"):
        pipeline_subject("mean", PluginHost())
    install(monkeypatch, tmp_path / "site", MODEL, "1 / 0")
    failed = "plugin mean-dist 1.0 (main) failed at import: ZeroDivisionError: division by zero"
    with pytest.raises(PluginError, match=f"^{re.escape(f'{there}; {failed}')}$"):
        pipeline_subject("mean", PluginHost())


def test_a_pipeline_whose_library_is_missing_is_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    needy = SPEC.replace(")]", ', requires=("no_such_library",))]')
    install(monkeypatch, tmp_path / "site", MODEL, declaring(needy))
    message = "'mean' needs no_such_library, which is not installed: pip install no_such_library"
    with pytest.raises(MissingExtra, match=f"^{message}$"):
        pipeline_subject("mean", PluginHost())


def test_the_command_lists_every_promise_and_has_exit_code_0_if_all_are_kept(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path / "site", MODEL)
    done = bt("plugins", "check", "mean")
    total = len(PIPELINE_CHECKS)
    assert (done.exit_code, done.stderr) == (0, f"mean-dist:mean: {total} of {total} promises are kept\n")
    head, _, *lines = done.stdout.splitlines()
    assert head.split() == ["check", "result", "what"]
    assert [line.split(None, 2) for line in lines] == [
        [check.__name__, "passed", promise_of(check)] for check in PIPELINE_CHECKS
    ]


def test_the_command_reports_a_broken_promise_with_exit_code_1(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path / "site", RETURNS_NOTHING)
    done = bt("plugins", "check", "mean", "--format", "json")
    total = len(PIPELINE_CHECKS)
    assert (done.exit_code, done.stderr) == (1, f"mean-dist:mean: {total - 1} of {total} promises are kept\n")
    document = json.loads(done.stdout)
    assert (document["pipeline"], document["version"]) == ("mean-dist:mean", "1.0")
    assert [one["check"] for one in document["checks"]] == [check.__name__ for check in PIPELINE_CHECKS]
    assert [one for one in document["checks"] if not one["passed"]] == [
        {
            "check": "check_fit_returns_the_pipeline",
            "promise": "`fit` returns the pipeline itself.",
            "failure": "fit returned a NoneType; return self",
            "passed": False,
        }
    ]
    (line,) = [line for line in bt("plugins", "check", "mean").stdout.splitlines() if " failed " in line]
    assert line.split(None, 2) == ["check_fit_returns_the_pipeline", "failed", "fit returned a NoneType; return self"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "local",
            "Error: 'local' is a registry backend: those are checked in pytest, by a class that inherits "
            "bike_traffic.testing.BackendChecks",
        ),
        (
            "bike-traffic:gcs",
            "Error: 'bike-traffic:gcs' is a registry backend: those are checked in pytest, by a class that inherits "
            "bike_traffic.testing.BackendChecks",
        ),
        ("rff", "Error: no pipeline 'rff'; there are ahead, nn, rf, rf_class (did you mean 'rf'?)"),
    ],
)
def test_another_name_than_a_pipelines_is_reported_in_one_line(bt: Bt, name: str, line: str) -> None:
    done = bt("plugins", "check", name)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{line}\n")
