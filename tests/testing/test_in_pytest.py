"""The kit in a plugin's own tests: what pytest shows, and that each check of a backend can fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bike_traffic.testing import PIPELINE_CHECKS, pipeline_checks
from bike_traffic.testing.pipelines import in_pytest
from tests.plugin_docs import backend_checks
from tests.plugin_site import write_distribution
from tests.test_manager import declaring
from tests.testing.test_pipeline_checks import MODEL, RETURNS_NOTHING

CHECKS = [check.__name__ for check in PIPELINE_CHECKS]


def write_plugin(site: Path, model: str) -> None:
    """Put the package ``mean-dist`` into a folder as pip would."""
    declaration = declaring('[PipelineSpec(name="mean", target="mean_dist_model:Model")]')
    modules = {"mean_dist": declaration, "mean_dist_model": model}
    write_distribution(site, "mean-dist", modules, {"bike_traffic/mean": "mean_dist"})


def run_pytest(site: Path, source: str, *words: str) -> tuple[dict[str, str], str]:
    """Run tests as a plugin's author does, and return the outcome of each by its id, and all that was shown."""
    Path("test_mine.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *(words or ["test_mine.py"])],
        env={**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    outcomes = re.findall(r"^test_mine\.py::(\S+) ([A-Z]+)", done.stdout, flags=re.MULTILINE)
    return dict(outcomes), done.stdout


PROMISES = """
from bike_traffic.testing import pipeline_checks

@pipeline_checks("mean"{more})
def test_promises(check):
    check()
"""


def test_each_promise_is_a_test_of_its_name(tmp_path: Path) -> None:
    write_plugin(tmp_path / "site", MODEL)
    outcomes, _ = run_pytest(tmp_path / "site", PROMISES.format(more=""))
    assert outcomes == {f"test_promises[{name}]": "PASSED" for name in CHECKS}


def test_a_plugin_that_is_not_installed_fails_once_and_says_where_it_is_missing(tmp_path: Path) -> None:
    outcomes, shown = run_pytest(tmp_path / "site", PROMISES.format(more=""))
    first, *others = CHECKS
    assert outcomes == {
        f"test_promises[{first}]": "FAILED",
        **{f"test_promises[{name}]": "SKIPPED" for name in others},
    }
    said, _, _ = shown.partition("short test summary")  # which has it too where lines are as long as they like
    assert said.count("pip install --editable .") == 1
    assert f"The tests run in the environment of {sys.executable}." in shown
    assert "Traceback" not in shown
    assert "another exception" not in shown


def test_the_check_that_said_it_fails_again_when_it_is_run_again() -> None:
    subject = in_pytest._Subject("nowhere")
    for check, outcome in (
        ("one", pytest.fail.Exception),
        ("two", pytest.skip.Exception),
        ("one", pytest.fail.Exception),
    ):
        with pytest.raises(outcome):
            subject.get(check)


def test_an_expected_failure_is_one_only_as_long_as_it_fails(tmp_path: Path) -> None:
    write_plugin(tmp_path / "site", RETURNS_NOTHING)
    expected = {
        "check_fit_returns_the_pipeline": "told upstream",
        "check_one_row_is_predicted_as_among_many": "it was so once",
    }
    outcomes, shown = run_pytest(tmp_path / "site", PROMISES.format(more=f", expected_failures={expected}"))
    assert outcomes == {f"test_promises[{name}]": "PASSED" for name in CHECKS} | {
        "test_promises[check_fit_returns_the_pipeline]": "XFAIL",
        "test_promises[check_one_row_is_predicted_as_among_many]": "FAILED",
    }
    assert "\n[XPASS(strict)] it was so once\n" in shown


def test_a_broken_promise_fails_with_its_sentence_and_a_missing_pipeline_is_no_expected_failure(
    tmp_path: Path,
) -> None:
    write_plugin(tmp_path / "site", RETURNS_NOTHING)
    name = "check_fit_returns_the_pipeline"
    chosen = f"test_mine.py::test_promises[{name}]"
    outcomes, shown = run_pytest(tmp_path / "site", PROMISES.format(more=""), chosen)
    assert outcomes == {f"test_promises[{name}]": "FAILED"}
    assert (
        "\nE           bike_traffic.testing.pipelines.subject.CheckFailed: fit returned a NoneType; return self\n"
        in shown
    )
    expecting = PROMISES.format(more=f", expected_failures={{'{name}': 'known'}}")
    outcomes, shown = run_pytest(tmp_path / "elsewhere", expecting, chosen)
    assert outcomes == {f"test_promises[{name}]": "FAILED"}
    assert "no pipeline 'mean'; there are ahead, nn, rf, rf_class" in shown


def test_an_unknown_check_cannot_be_expected_to_fail() -> None:
    with pytest.raises(ValueError, match=r"^no check 'check_one_row'; there are check_.+$"):
        pipeline_checks("rf", expected_failures={"check_one_row": "a slip"})


def test_the_command_needs_no_pytest(tmp_path: Path) -> None:
    write_plugin(tmp_path / "site", MODEL)
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "from bike_traffic.cli.main import main; main(['plugins', 'check', 'mean'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (
        0,
        f"mean-dist:mean: {len(CHECKS)} of {len(CHECKS)} promises are kept\n",
    )


BACKENDS = """
import json
import time
from pathlib import Path

import attrs
import pytest

from bike_traffic.errors import NoRecord, RegistryConflict, UnknownMetric
from bike_traffic.evaluation.metrics import metric_named
from bike_traffic.registry.backend import RegistryBackend
from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry_backends.summary import LocalRegistry
from bike_traffic.testing import BackendChecks


class Naive(LocalRegistry):
    '''Reads, adds, writes: two at once overwrite each other.'''

    def append(self, record):
        self._add("summary.json", record.to_json())

    def append_event(self, event):
        self._add("aliases.json", event.to_json())

    def _add(self, name, entry):
        path = Path(self.root, name)
        entries = json.loads(path.read_text()) if path.exists() else []
        time.sleep(0.02)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([*entries, entry]))


class TestWithoutAFixture(BackendChecks):
    pass

"""

NAIVE = None
"""The registry that breaks the promise is `Naive` as it is."""

BROKEN: dict[str, str | None] = {
    "test_an_empty_registry_answers_and_says_what_is_not_there": "def events(self): raise NoRecord('none')",
    "test_records_come_back_whole_and_in_the_order_of_their_appending": (
        "def records(self, query): return reversed(list(super().records(query)))"
    ),
    "test_foreign_keys_are_kept_as_they_were": (
        "def append(self, record): super().append(attrs.evolve(record, extra={'author': record.extra['author']}))"
    ),
    "test_an_entry_of_the_original_project_is_a_record": (
        "def append(self, record): super().append(attrs.evolve(record, timestamp=record.timestamp + '+00:00'))"
    ),
    "test_the_same_record_twice_is_a_no_op": NAIVE,
    "test_another_content_under_one_run_id_is_a_conflict": NAIVE,
    "test_two_writers_at_once_lose_nothing_and_double_nothing": NAIVE,
    "test_of_two_contents_written_at_once_one_stands": NAIVE,
    "test_records_are_filtered_by_model_environment_test_mode_sample_split_and_time": (
        "def records(self, query): return super().records(attrs.evolve(query, split=None))"
    ),
    "test_the_best_goes_by_the_metrics_direction_and_the_query": (
        "def best(self, metric, query): return super().best('r2' if metric == 'rmse' else metric, query)"
    ),
    "test_an_unknown_metric_is_refused": "def best(self, metric, query): raise NoRecord(metric)",
    "test_a_record_is_found_by_its_id_or_its_first_letters": (
        "def get(self, run_id): return next(r for r in self.records(EVERYTHING) if r.run_id.startswith(run_id))"
    ),
    "test_files_come_back_byte_for_byte": (
        "def download(self, record, directory):\n"
        "        super().download(record, directory)\n"
        "        model = directory / 'model.bin'\n"
        "        model.write_bytes(model.read_bytes().replace(b'\\r\\n', b'\\n'))"
    ),
    "test_files_are_uploaded_once_and_never_replaced": (
        "def upload(self, directory, **words):\n"
        "        __import__('shutil').rmtree(self.root + '/rf', ignore_errors=True)\n"
        "        return super().upload(directory, **words)"
    ),
    "test_files_that_differ_from_their_digests_are_not_handed_out": (
        "def download(self, record, directory): super().download(attrs.evolve(record, artifacts=None), directory)"
    ),
    "test_a_record_whose_files_are_not_there_says_so": "def download(self, record, directory): pass",
    "test_an_alias_moves_goes_back_and_answers_for_the_past": (
        "def alias(self, alias, as_of=None): return super().alias(alias)"
    ),
    "test_the_version_changes_with_every_record_and_event_and_not_without": "def version(self): return '1'",
    "test_the_same_event_twice_is_a_no_op_and_another_content_a_conflict": NAIVE,
    "test_of_two_promotions_at_once_both_are_kept": NAIVE,
    "test_a_withdrawn_record_is_not_the_best_until_it_is_restored": (
        "def best(self, metric, query): return self._compare(metric_named(metric), query)[0]"
    ),
    "test_a_signature_that_is_added_later_comes_back_whole": "def signatures(self): return {}",
    "test_an_alias_does_not_answer_with_a_withdrawn_run": (
        "def alias(self, alias, as_of=None): return self.get(self.alias_history(alias)[-1].run_id)"
    ),
}


def test_every_check_of_a_backend_fails_for_a_registry_that_breaks_it(tmp_path: Path) -> None:
    """Each by a variant of `LocalRegistry` that breaks it."""
    assert list(BROKEN) == [check.__name__ for check in backend_checks()]
    source, chosen = BACKENDS, []
    for number, (name, override) in enumerate(BROKEN.items()):
        base = "LocalRegistry" if override else "Naive"
        source += f"\nclass Broken{number}({base}):\n    {override or 'pass'}\n\n"
        source += f"class TestBroken{number}(BackendChecks):\n    @pytest.fixture\n"
        source += (
            f"    def open_backend(self, tmp_path):\n        return lambda: Broken{number}(f'{{tmp_path}}/models')\n"
        )
        chosen.append(f"TestBroken{number}::{name}")
    outcomes, shown = run_pytest(tmp_path / "site", source, *(f"test_mine.py::{test}" for test in chosen))
    assert outcomes == dict.fromkeys(chosen, "FAILED")
    assert "E       AssertionError: assert [" in shown  # and not the bare word: the kit is rewritten by pytest


def test_a_class_without_the_fixture_names_it(tmp_path: Path) -> None:
    chosen = "TestWithoutAFixture::test_foreign_keys_are_kept_as_they_were"
    outcomes, shown = run_pytest(tmp_path / "site", BACKENDS, f"test_mine.py::{chosen}")
    assert outcomes == {chosen: "ERROR"}
    assert "NotImplementedError: TestWithoutAFixture must have a fixture `open_backend`; see BackendChecks\n" in shown


def test_every_check_of_a_backend_has_a_docstring() -> None:
    assert [test.__name__ for test in backend_checks() if not (test.__doc__ or "").strip().endswith(".")] == []
