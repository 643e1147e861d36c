"""Each check of the kit passes a pipeline that keeps its promise, and says in one sentence how another broke it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bike_traffic.errors import MissingExtra, PluginError, UnknownPipeline
from bike_traffic.manager import PluginHost
from bike_traffic.testing import PIPELINE_CHECKS, CheckFailed, PipelineSubject
from bike_traffic.testing.pipelines import CheckResult, promise_of, run_pipeline_checks
from bike_traffic.testing.subject import pipeline_subject
from tests.conftest import Bt
from tests.test_manager import declaring, install_distribution

MODEL = """
import json

import numpy as np
import pandas as pd
from bike_traffic import Pipeline, RawCleanerTransformer
from sklearn.utils.validation import check_is_fitted


class Model(Pipeline):
    name = "mean"
    task = "regression"

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def fit(self, counts, y=None):
        cleaned = RawCleanerTransformer().transform(counts)
        means = cleaned.groupby(cleaned["nom_du_compteur"].astype(str))["comptage_horaire"].mean()
        self.means_ = dict(means)
        self.counters_ = pd.Index(self.means_)
        return self

    def predict(self, counts):
        check_is_fitted(self, "means_")
        cleaned = RawCleanerTransformer().transform(counts)
        usual = cleaned["nom_du_compteur"].astype(str).map(self.means_).fillna(7.0)
        values = usual.to_numpy(float) * (1 + cleaned["heure"].to_numpy())
        return pd.Series(values, index=counts.index)

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
RETURNED = "return pd.Series(values, index=counts.index)"

Change = tuple[str, str]
BROKEN: list[tuple[str, Change, str]] = [
    (
        "check_name_and_task_agree",
        ('name = "mean"', 'name = "means"'),
        "the spec says 'mean', the class attribute `name` says 'means'",
    ),
    (
        "check_name_and_task_agree",
        ('task = "regression"', 'task = "ranking"'),
        "the class attribute `task` is 'ranking', not one of ('regression', 'classification')",
    ),
    (
        "check_is_a_clonable_estimator",
        ("self.random_state = random_state", "self.random_state = random_state; self.means_ = {}"),
        "a clone has means_; __init__ may only store its arguments",
    ),
    (
        "check_is_a_clonable_estimator",
        ("random_state: int = 0", "random_state"),
        "'mean' cannot be made: TypeError: Model.__init__() missing 1 required positional argument: 'random_state'",
    ),
    (
        "check_is_a_clonable_estimator",
        ("self.random_state = random_state", "self.random_state = [random_state]"),
        "sklearn.base.clone raised RuntimeError: Cannot clone object Model(random_state=1), as the constructor "
        "either does not set or modifies parameter random_state",
    ),
    ("check_fit_returns_the_pipeline", ("return self", "return None"), "fit returned a NoneType; return self"),
    (
        "check_predict_before_fit_raises_not_fitted",
        ('check_is_fitted(self, "means_")', "pass"),
        "predict before fit raised AttributeError; raise sklearn.exceptions.NotFittedError, as "
        "sklearn.utils.validation.check_is_fitted does",
    ),
    (
        "check_predict_before_fit_raises_not_fitted",
        ('check_is_fitted(self, "means_")', 'if not hasattr(self, "means_"): return 0'),
        "predict before fit returned something; raise sklearn.exceptions.NotFittedError, as "
        "sklearn.utils.validation.check_is_fitted does",
    ),
    (
        "check_input_is_left_unchanged",
        ("self.means_ = dict(means)", "self.means_ = dict(means); counts['seen'] = True"),
        "fit changed the counts that it was given; work on a copy",
    ),
    (
        "check_input_is_left_unchanged",
        (RETURNED, f"counts['Comptage horaire'] = 0; {RETURNED}"),
        "predict changed the counts that it was given; work on a copy",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, f"values[3] = -1; {RETURNED}"),
        "predict returned -1.0 for row 3; predictions must be finite and 0 or more",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, f"values[0] = np.inf; {RETURNED}"),
        "predict returned inf for row 0; predictions must be finite and 0 or more",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        ('task = "regression"', 'task = "classification"'),
        "predict returned N for row 0; predictions must be the labels 0 and 1",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, "return values"),
        "predict returned a ndarray; return a pandas Series",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, "return pd.Series(values[:5])"),
        "predict returned N values for 192 rows",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        (RETURNED, 'return pd.Series(["many"] * len(counts), index=counts.index)'),
        "predict returned values of dtype str; return numbers",
    ),
    (
        "check_predictions_are_finite_and_not_negative",
        ('["comptage_horaire"].mean()', '["bikes"].mean()'),
        "fit raised KeyError: 'Column not found: bikes'",
    ),
    (
        "check_predictions_stand_on_the_index_of_the_counts",
        ("index=counts.index", "index=range(len(counts))"),
        "predict for counts with an index that does not start at 0 returned another index; pass index=counts.index",
    ),
    (
        "check_predictions_stand_on_the_index_of_the_counts",
        ("usual.to_numpy(float)", "usual.loc[counts.index].to_numpy(float)"),
        "predict for counts with an index that says the same for all rows raised ValueError: operands could not be "
        "broadcast together with shapes (36864,) (192,)",
    ),
    (
        "check_predicts_from_name_time_and_place_alone",
        ('cleaned["heure"].to_numpy()', 'cleaned["comptage_horaire"].to_numpy()'),
        "predict without the count raised KeyError: 'comptage_horaire'",
    ),
    (
        "check_predicts_from_name_time_and_place_alone",
        (RETURNED, f'values = values + ("comptage_horaire" in cleaned); {RETURNED}'),
        "without the count: row 0 was predicted as N and as N",
    ),
    (
        "check_order_of_rows_and_extra_columns_do_not_matter",
        (RETURNED, f"values[0] += 1; {RETURNED}"),
        "for rows in another order with extra columns: row 0 was predicted as N and as N",
    ),
    (
        "check_order_of_rows_and_extra_columns_do_not_matter",
        ("self.means_ = dict(means)", "self.means_ = dict(means + 0 * counts.iloc[:, 1].mean())"),
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
        ("self.counters_ = pd.Index(self.means_)", "pass"),
        "fit sets no counters_; set it to the names that RawCleanerTransformer gives",
    ),
    (
        "check_remembers_its_counters",
        ("pipeline.counters_ = pd.Index(pipeline.means_)", "pipeline.counters_ = pd.Index([1])"),
        "after load, counters_ is ['1'], not ['12 quai des Hirondelles N-S', '12 quai des Hirondelles S-N', "
        "'Pont du Vieux Moulin N-S', 'Pont du Vieux Moulin S-N']",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ("pipeline.means_ = json", "pipeline.means_ = {} and json"),
        "loaded in a fresh process: row 0 was predicted as N and as N",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ('(directory / "means.json").write_text(json.dumps(self.means_))', "pass"),
        "save wrote no file into the directory that it was given",
    ),
    (
        "check_saved_and_loaded_in_a_fresh_process_predicts_the_same",
        ("means.json", "manifest.json"),
        "save wrote manifest.json, a name that training gives to a file of its own",
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
        (RETURNED, f"values.max(); {RETURNED}"),
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
        "predict for an unknown counter returned nan for row 0; predictions must be finite and 0 or more",
    ),
    (
        "check_unknown_counters_get_a_best_effort",
        (RETURNED, f'values = values * cleaned["latitude"].notna().mean(); {RETURNED}'),
        "beside rows of an unknown counter: row 0 was predicted as N and as N",
    ),
    (
        "check_hours_of_clock_changes_are_predicted",
        ('cleaned["heure"].to_numpy()', 'counts["Date et heure de comptage"].str[11:13].astype(int).to_numpy()'),
        "for times written in UTC: row 0 was predicted as N and as N",
    ),
    (
        "check_probabilities_are_a_classifiers",
        ("def save", "def probability(self, counts):\n        return self.predict(counts)\n\n    def save"),
        "probability returned values for a regression; return None",
    ),
]


def install(monkeypatch: pytest.MonkeyPatch, site: Path, model: str, declaration: str = declaring(SPEC)) -> None:
    """Install the plugin ``mean-dist``, whose class stands in a module of its own."""
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
def test_a_broken_promise_is_said_in_one_sentence(
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
    assert re.sub(r"(returned|predicted as|and as) \d[\d.]*\b", r"\1 N", str(caught.value)) == message


def test_every_check_is_seen_to_fail() -> None:
    others = {"check_declared_without_heavy_imports"}
    assert {check for check, _, _ in BROKEN} | others == {check.__name__ for check in PIPELINE_CHECKS}


def test_a_library_that_a_declaration_imports_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counts: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    install(monkeypatch, tmp_path / "site", MODEL, "import json, heavy_library\n" + declaring(SPEC))
    (tmp_path / "site/heavy_library.py").write_text("")
    message = (
        "loading the plugin imports heavy_library; import them in the module of the class, and keep that module out "
        "of the one with the hook"
    )
    with pytest.raises(CheckFailed, match=f"^{re.escape(message)}$"):
        PIPELINE_CHECKS[0](subject_on(counts))


def test_every_promise_is_one_sentence() -> None:
    promises = [promise_of(check) for check in PIPELINE_CHECKS]
    assert [promise for promise in promises if not re.fullmatch(r"[^.]+(\w\.\w[^.]*)*\.", promise)] == []
    assert len(set(promises)) == len(promises)


def test_a_pipeline_that_is_not_there_names_the_plugin_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = "no pipeline 'mean'; there are nn, rf, rf_class"
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


def test_the_command_lists_every_promise_and_leaves_with_0_where_all_are_kept(
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


def test_the_command_says_what_is_broken_and_leaves_with_1(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path / "site", MODEL.replace("return self", "return None"))
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
        ("rff", "Error: no pipeline 'rff'; there are nn, rf, rf_class (did you mean 'rf'?)"),
    ],
)
def test_what_is_no_pipeline_is_said_in_one_line(bt: Bt, name: str, line: str) -> None:
    done = bt("plugins", "check", name)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{line}\n")
