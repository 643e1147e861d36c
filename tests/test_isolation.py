"""Faulty plugins, installed and run in separate processes: what is reported, and that everything else works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import HERE
from tests.plugin_site import write_distribution
from tests.test_manager import HEADER, declaring
from tests.testing.test_pipeline_checks import MODEL

pytestmark = pytest.mark.slow

SPEC = 'PipelineSpec(name="mean", target="mean_model:Model"{more})'
MEAN = declaring(f"[{SPEC.format(more='')}]")
MARK = "from pathlib import Path; Path('imported').touch()\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return where plugins are installed."""
    return tmp_path / "site"


def install(site: Path, source: str = MEAN, model: str = MODEL, version: str = "1.0") -> None:
    """Install ``mean-dist`` with its pipeline ``mean``."""
    modules = {"mean_dist": source, "mean_model": model}
    write_distribution(site, "mean-dist", modules, {"bike_traffic/main": "mean_dist"}, version)


def run_python(site: Path, *words: str, **environ: str) -> tuple[int, str, str]:
    """Run Python with the installed plugins, and return its exit code, stdout and stderr."""
    environ = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", **environ}
    done = subprocess.run(
        [sys.executable, *words], env=environ, capture_output=True, text=True, check=False, timeout=600
    )
    return done.returncode, done.stdout, done.stderr


def bt(site: Path, *words: str | Path, **environ: str) -> tuple[int, str, str]:
    return run_python(site, "-m", "bike_traffic.cli.main", *map(str, words), **environ)


def trained(site: Path, counts: Path, model: str = "mean") -> dict[str, Any]:
    code, out, err = bt(site, "train", "-m", model, "--data", counts, "--format", "json")
    assert code == 0, err
    (entry,) = json.loads(out)
    return dict(entry)


def test_a_slow_import_costs_only_those_who_need_the_names_of_models(site: Path, clean_place: Path) -> None:
    install(site, f"{MARK}import time; time.sleep(2)\n{MEAN}")
    assert bt(site, "--help")[0] == 0
    assert not Path("imported").exists()
    code, out, err = bt(site, "models", "--format", "json")
    assert (code, [model["name"] for model in json.loads(out)], err) == (
        0,
        ["rf", "nn", "rf_class", "ahead", "mean"],
        "",
    )
    assert Path("imported").exists()


def test_what_a_plugin_prints_goes_to_standard_error_and_the_result_stays_one_document(
    site: Path, small_file: Path
) -> None:
    declaration = MEAN.replace("    return", "    print('declaring')\n    return")
    declaration += "\n@hookimpl\ndef bt_after_train(record):\n    print('told of', record.model_type)\n"
    model = MODEL
    for method, word in (("_fit(self, cleaned)", "fitting"), ("_predict(self, cleaned, history)", "predicting")):
        assert f"def {method}:\n" in model
        model = model.replace(f"def {method}:\n", f"def {method}:\n        print('{word}')\n")
    install(site, f"print('importing')\n{declaration}", f"print('importing the class')\n{model}")
    code, out, err = bt(site, "models", "--format", "json")
    assert (code, len(json.loads(out)), err) == (0, 5, "importing\ndeclaring\n")

    train = ("train", "-m", "mean", "--data", small_file, "--format", "json", "--no-interval", "--no-refit")
    code, out, err = bt(site, *train)
    assert (code, [entry["model_type"] for entry in json.loads(out)]) == (0, ["mean"])
    assert [line for line in err.splitlines() if not line.startswith("mean: fitted in")] == [
        *("importing", "declaring", "importing the class", "fitting", "predicting", "told of mean"),
        "find it again: bt registry best --metric r2",
    ]
    for words in (
        ("evaluate", "-m", "mean", small_file),
        ("backtest", "-m", "mean", "--data", small_file, "--folds", "1"),
        ("plugins", "check", "mean"),
    ):
        assert json.loads(bt(site, *words, "--format", "json")[1])


def test_a_plugin_whose_extra_is_missing_is_listed_with_the_pip_line(site: Path, small_file: Path) -> None:
    more = ', requires=("no_such_library",), install="\'mean-dist[fast]\'"'
    install(site, declaring(f"[{SPEC.format(more=more)}]"), "import no_such_library")
    code, out, err = bt(site, "models", "--format", "json")
    (mean,) = [model for model in json.loads(out) if model["name"] == "mean"]
    assert (code, mean["ready"], mean["install"], err) == (0, False, "pip install 'mean-dist[fast]'", "")
    line = "'mean' needs no_such_library, which is not installed: pip install 'mean-dist[fast]'"
    for words in (("train", "-m", "mean", "--data", small_file), ("plugins", "check", "mean")):
        assert bt(site, *words) == (1, "", f"Error: {line}\n")
    assert trained(site, small_file, "rf")["model_type"] == "rf"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def half(:", "SyntaxError: invalid syntax (mean_model.py, line 1)"),
    ],
)
def test_a_class_that_cannot_be_imported_any_more_is_one_line(
    site: Path, small_file: Path, model: str, reason: str
) -> None:
    install(site)
    entry = trained(site, small_file)
    install(site, model=model)
    line = f"Error: 'mean' of mean-dist 1.0 cannot be imported: {reason}\n"
    for named in (("--run-id", entry["run_id"]), ("-m", "mean")):
        assert bt(site, "predict", *named, small_file, "-o", "out.csv") == (1, "", line)
    assert not Path("out.csv").exists()


def test_a_backend_that_cannot_be_imported_is_one_line(site: Path) -> None:
    spec = 'BackendSpec(name="shelf", target="shelf_registry:Shelf", schemes=("shelf",))'
    modules = {"shelf_dist": declaring(f"[{spec}]", "bt_registry_backends"), "shelf_registry": "1 / 0"}
    write_distribution(site, "shelf-dist", modules, {"bike_traffic/main": "shelf_dist"})
    line = "Error: 'shelf' of shelf-dist 1.0 cannot be imported: ZeroDivisionError: division by zero\n"
    assert bt(site, "registry", "list", "--registry", "shelf://books") == (1, "", line)
    assert bt(site, "registry", "list") == (0, "", f"no records yet; `bt train` makes the first {HERE}\n")


SHELF = """
from bike_traffic.registry_backends.summary import LocalRegistry


class Shelf(LocalRegistry):
    name = "shelf"

    def __init__(self, uri):
        super().__init__(uri.removeprefix("shelf://"))
"""


def test_an_option_that_a_backend_does_not_take_is_one_line(site: Path) -> None:
    spec = 'BackendSpec(name="shelf", target="shelf_registry:Shelf", schemes=("shelf",))'
    modules = {"shelf_dist": declaring(f"[{spec}]", "bt_registry_backends"), "shelf_registry": SHELF}
    write_distribution(site, "shelf-dist", modules, {"bike_traffic/main": "shelf_dist"})
    listed = ("registry", "list", "--registry", "shelf://books")
    Path("books").mkdir()
    Path("books/summary.json").write_text("[]")
    empty = "no records yet; `bt train --registry shelf://books` makes the first [shelf registry shelf://books]\n"
    assert bt(site, *listed) == (0, "", empty)
    Path("bt.toml").write_text("[backends.shelf]\nrows = 3\n")
    line = "Error: [backends.shelf] in bt.toml: no option of backend 'shelf' 'rows'; there are none\n"
    assert bt(site, *listed) == (1, "", line)
    assert "def __init__(self, uri):" in SHELF
    modules["shelf_registry"] = SHELF.replace(
        "def __init__(self, uri):", "def __init__(self, uri, width=1, **options):"
    )
    write_distribution(site, "shelf-dist", modules, {"bike_traffic/main": "shelf_dist"})
    line = "Error: [backends.shelf] in bt.toml: no option of backend 'shelf' 'rows'; there are width\n"
    assert bt(site, *listed) == (1, "", line)
    Path("bt.toml").write_text("[backends.shelf]\nwidth = 3\n")
    assert bt(site, *listed)[0] == 0


LOAD_BEST = """
import json, sys
import bike_traffic

for question in json.loads(sys.argv[1]):
    try:
        print(bike_traffic.load_best(**question).name)
    except bike_traffic.BikeTrafficError as error:
        print(type(error).__name__, error)
"""


def load_best(site: Path, *questions: dict[str, str]) -> tuple[int, str, str]:
    """Call `load_best` with each question, in one process."""
    return run_python(site, "-c", LOAD_BEST, json.dumps(questions))


def test_a_model_whose_plugin_was_uninstalled_is_listed_and_names_the_package_to_install(
    site: Path, small_file: Path
) -> None:
    install(site)
    entry = trained(site, small_file)
    shutil.rmtree(site)
    for words in (
        ("registry", "list"),
        ("registry", "best", "--metric", "rmse"),
        ("registry", "show", entry["run_id"]),
    ):
        code, out, err = bt(site, *words, "--format", "json")
        assert (code, json.loads(out), err) == (0, [entry] if words[1] == "list" else entry, "")
    assert bt(site, "registry", "verify")[0] == 0

    line = (
        f"run {entry['run_id'][:8]} was trained by 'mean' of mean-dist 1.0, which is not loaded: "
        "pip install mean-dist if you trust the record, which names this package"
    )
    for named in (("-m", "mean"), ("--run-id", entry["run_id"])):
        assert bt(site, "predict", *named, small_file, "-o", "out.csv") == (1, "", f"Error: {line}\n")
    questions = [
        {"model": "mean"},
        {"model": "mean-dist:mean"},
        {"metric": "rmse"},
        {"model": "mean", "metric": "r2"},
    ]
    assert load_best(site, *questions) == (0, f"PluginError {line}\n" * 4, "")
    install(site)
    assert load_best(site, *questions, {"model": "mean-dist:mean", "metric": "r2"}) == (0, "mean\n" * 5, "")


def test_the_message_for_a_model_whose_plugin_is_not_loaded_gives_the_reason(site: Path, small_file: Path) -> None:
    install(site)
    entry = trained(site, small_file)
    beginning = f"Error: run {entry['run_id'][:8]} was trained by 'mean' of mean-dist 1.0, which is not loaded: "
    predict = ("predict", "-m", "mean", small_file, "-o", "out.csv")
    line = f"{beginning}the setting `plugins` (BT_PLUGINS) leaves it out\n"
    assert bt(site, *predict, BT_PLUGINS="") == (1, "", line)
    install(site, "1 / 0")
    failed = "plugin mean-dist 1.0 (main) failed at import: ZeroDivisionError: division by zero"
    assert bt(site, *predict) == (1, "", f"{failed} (see bt plugins)\n{beginning}{failed}\n")


def test_another_major_version_loads_with_one_line_of_warning(site: Path, small_file: Path) -> None:
    install(site, version="1.4.0")
    entry = trained(site, small_file)
    assert entry["plugin"] == {"distribution": "mean-dist", "version": "1.4.0"}
    predict = ("predict", "-m", "mean", small_file, "-o", "out.csv")
    rows = len(small_file.read_text().splitlines()) - 1
    done = f"mean of run {entry['run_id'][:8]}: {rows:,} rows predicted into out.csv\n"
    install(site, version="1.5.0rc1")
    assert bt(site, *predict) == (0, "", done)
    install(site, version="2.0")
    line = (
        f"run {entry['run_id'][:8]} was trained by 'mean' of mean-dist 1.4.0, and mean-dist 2.0 loads it: another "
        "major version may understand its files differently; train it again, or pip install 'mean-dist==1.4.0'"
    )
    for filters in ("error", "ignore"):
        assert bt(site, *predict, PYTHONWARNINGS=filters) == (0, "", f"{line}\n{done}")
    code, out, err = load_best(site, {"model": "mean"})
    assert (code, out) == (0, "mean\n")
    assert re.fullmatch(rf".*: PluginVersionWarning: {re.escape(line)}\n.*\n?", err)


def hook(body: str) -> str:
    return f"{HEADER}@hookimpl\ndef bt_after_train(record, metrics):\n    {body}\n"


def test_every_plugin_is_called_after_a_training_and_none_can_make_it_fail(site: Path, small_file: Path) -> None:
    """After `bt train` and `bike_traffic.train`; the model of another plugin is not imported."""
    install(site, model=f"{MARK}{MODEL}")
    for name, source in {
        "a-broken": hook("1 / 0"),
        "good": hook("with open('learnt', 'a') as file: print(record.run_id, sorted(metrics), file=file)"),
        "worse": hook("raise SystemExit(3)"),
    }.items():
        module = name.replace("-", "_")
        write_distribution(site, f"{name}-dist", {module: source}, {"bike_traffic/main": module})
    failures = [
        "plugin a-broken-dist 1.0 (main) failed at bt_after_train: ZeroDivisionError: division by zero",
        "plugin worse-dist 1.0 (main) failed at bt_after_train: SystemExit: 3",
    ]
    words = ("train", "-m", "rf", "--set", "n_estimators=2", "--data", small_file, "--format", "json", "--no-refit")
    code, out, err = bt(site, *words, BT_STRICT_PLUGINS="1")
    (entry,) = json.loads(out)
    summary = f"rf: fitted in {entry['fit_seconds']} s, registered as {entry['model_uri']}"
    assert (code, err.splitlines()) == (0, [*failures, summary, "find it again: bt registry best --metric r2"])

    script = (
        "import bike_traffic\n"
        f"result = bike_traffic.train('rf', '{small_file}', parameters={{'n_estimators': 2}})\n"
        "print(result.record.run_id)"
    )
    code, out, err = run_python(site, "-W", "error", "-c", script)
    assert (code, err.splitlines()) == (0, failures)
    names = ["coverage", "interval_score", "interval_width", "mae", "r2", "rmse", "rmsle", "skill", "wape"]
    assert Path("learnt").read_text().splitlines() == [f"{entry['run_id']} {names}", f"{out.strip()} {names}"]
    assert not Path("imported").exists()


def test_a_name_of_two_third_parties_is_refused_without_the_distribution(site: Path, small_file: Path) -> None:
    install(site)
    modules = {"other_dist": MEAN.replace("mean_model", "other_model"), "other_model": MODEL}
    write_distribution(site, "other-dist", modules, {"bike_traffic/main": "other_dist"})
    line = "Error: pipeline 'mean' is declared more than once; use mean-dist:mean or other-dist:mean\n"
    assert bt(site, "train", "-m", "mean", "--data", small_file) == (1, "", line)
    assert trained(site, small_file, "other-dist:mean")["plugin"]["distribution"] == "other-dist"
    assert bt(site, "predict", "-m", "mean-dist:mean", small_file, "-o", "out.csv")[0] == 0


def test_a_plugin_with_the_name_of_a_built_in_does_not_replace_it(site: Path, small_file: Path) -> None:
    install(site, MEAN.replace('name="mean"', 'name="rf"'), MODEL.replace('name = "mean"', 'name = "rf"'))
    assert trained(site, small_file, "rf")["plugin"]["distribution"] == "bike-traffic"
    assert trained(site, small_file, "mean-dist:rf")["plugin"]["distribution"] == "mean-dist"
