"""`bt registry best`, `list`, `show` and `pull` against a small registry with real files."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from bike_traffic.registry.queries import EVERYTHING
from bike_traffic.registry.records import ModelRecord
from tests.conftest import HERE, Bt
from tests.test_registry import local_registry, make_record, register

FILES = {"model.bin": b"trees", "sub/scaler.json": b"{}"}


@pytest.fixture
def records() -> dict[str, ModelRecord]:
    """Fill ``models/`` with five records and their files."""
    registry = local_registry()
    made = [
        make_record("aaaa1111", timestamp="2026-01-01T00:00:00.000000+00:00", metrics={"r2": 0.7, "rmse": 50.0}),
        make_record("aabb2222", timestamp="2026-02-01T00:00:00.000000+00:00", metrics={"r2": 0.8, "rmse": 42.0}),
        make_record("cccc3333", model_type="nn", metrics={"r2": 0.85, "rmse": 45.0}, env="prod"),
        make_record("dddd4444", model_type="rf_class", metrics={"accuracy": 0.9, "f1_score": 0.875}),
        make_record("eeee5555", test_mode=True, metrics={"r2": 0.99, "rmse": 1.0}),
    ]
    return {record.run_id: register(registry, record, FILES) for record in made}


def ok(bt: Bt, *words: str | Path) -> str:
    """Run a command that must succeed silently on stderr, and return its stdout."""
    done = bt("registry", *words)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def document(bt: Bt, *words: str | Path) -> Any:
    """Return the one JSON document on stdout."""
    return json.loads(ok(bt, *words, "--format", "json"))


def refused(bt: Bt, *words: str | Path) -> str:
    """Run a command that must fail as expected errors do, and return the one line without its prefix."""
    done = bt("registry", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ").rstrip("\n")


def table(text: str) -> list[list[str]]:
    """Return the cells of a table, header first; an empty cell leaves none."""
    rows = [line.split("  ") for line in text.splitlines() if "─" not in line]
    return [[cell.strip() for cell in row if cell] for row in rows]


@pytest.mark.parametrize(
    ("words", "best"),
    [
        (["--metric", "r2"], "cccc3333"),
        (["--metric", "rmse"], "aabb2222"),
        (["--metric", "f1_score"], "dddd4444"),
        (["--metric", "r2", "--model", "rf"], "aabb2222"),
        (["--metric", "rmse", "--env", "prod"], "cccc3333"),
        (["--metric", "r2", "--test-mode"], "eeee5555"),
        (["--metric", "r2", "--as-of", "2026-01-15T00:00Z"], "aaaa1111"),
        (["--metric", "r2", "--as-of", "2026-02-01T01:00:00+01:00"], "aabb2222"),
    ],
)
def test_best_compares_the_requested_records_by_the_metric(
    bt: Bt, records: dict[str, ModelRecord], words: list[str], best: str
) -> None:
    assert document(bt, "best", *words) == records[best].to_json()
    assert ok(bt, "best", *words, "--format", "uri") == f"{records[best].model_uri}\n"


@pytest.mark.parametrize(
    ("time", "best", "used"),
    [
        ("2026-01-31", "aaaa1111", "2026-01-31 23:59:59"),
        ("2026-02-01", "aabb2222", "2026-02-01 23:59:59"),
        ("2026-01-31T23:00", "aaaa1111", "2026-01-31 23:00:00"),
        ("20260201T00", "aabb2222", "2026-02-01 00:00:00"),
    ],
)
@pytest.mark.usefixtures("records")
def test_a_date_means_its_end_and_the_time_that_is_used_is_said(bt: Bt, time: str, best: str, used: str) -> None:
    done = bt("registry", "best", "--metric", "r2", "--as-of", time, "--format", "json")
    assert (json.loads(done.stdout)["run_id"], done.stderr) == (best, f"as of {used} UTC\n")


def test_a_model_may_be_called_by_its_whole_name(bt: Bt, records: dict[str, ModelRecord]) -> None:
    for words in (("best", "--metric", "r2"), ("list",)):
        assert document(bt, *words, "-m", "bike-traffic:rf") == document(bt, *words, "-m", "rf")


def test_best_is_a_table_of_one_row(bt: Bt, records: dict[str, ModelRecord]) -> None:
    assert table(ok(bt, "best", "--metric", "r2")) == [
        ["run", "model", "env", "time (UTC)", "r2", "rmse", "files"],
        ["cccc3333", "nn", "prod", "2026-03-01T12:00", "0.850", "45.000", records["cccc3333"].model_uri],
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "r2", "--model", "xgb"], "no registered model 'xgb'; there are nn, rf, rf_class " + HERE),
        (["--metric", "r2", "--env", "prod", "--test-mode"], "no record with r2 for env prod, test mode " + HERE),
        (
            ["--metric", "r2", "--as-of", "2025-01-01T00:00Z"],
            "no record with r2 for as of 2025-01-01T00:00:00+00:00 " + HERE,
        ),
        (
            ["--metric", "rsme"],
            "no metric 'rsme'; there are accuracy, f1_score, interval_score, mae, precision, r2, recall, rmse, "
            "rmsle, roc_auc, skill, wape (did you mean 'rmse'?)",
        ),
        (
            ["--metric", "r2", "--as-of", "yesterday"],
            "--as-of yesterday: not a time; write 2026-06-01 or 2026-06-01T12:00:00+02:00",
        ),
        (["--metric", "r2", "--backend", "locale"], "no registry backend 'locale'; there are "),
        (["--metric", "r2", "--registry", "ftp://x/y"], "no registry backend 'ftp://'; there are "),
    ],
)
@pytest.mark.usefixtures("records")
def test_best_reports_in_one_line_why_there_is_none(bt: Bt, words: list[str], message: str) -> None:
    line = refused(bt, "best", *words)
    assert line.startswith(message) if message.endswith("there are ") else line == message


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (["--limit", "2"], ["dddd4444", "eeee5555"]),
        (["--limit", "9"], ["aaaa1111", "aabb2222", "cccc3333", "dddd4444", "eeee5555"]),
        (["--sort", "rmse"], ["eeee5555", "aabb2222", "cccc3333", "aaaa1111", "dddd4444"]),
        (["--sort", "r2", "--limit", "2", "-m", "rf"], ["eeee5555", "aabb2222"]),
        (["--since", "2026-02-01T00:00Z", "--limit", "2", "-m", "rf"], ["aabb2222", "eeee5555"]),
        (["--since", "2026-03-01T12:00:00.000001Z"], []),
    ],
)
def test_a_list_may_be_the_newest_the_best_or_those_since_a_time(
    bt: Bt, records: dict[str, ModelRecord], words: list[str], listed: list[str]
) -> None:
    assert document(bt, "list", *words) == [records[run_id].to_json() for run_id in listed]


@pytest.mark.usefixtures("records")
def test_a_list_since_a_date_begins_with_the_day_and_says_so(bt: Bt) -> None:
    done = bt("registry", "list", "--since", "2026-03-01", "--format", "json")
    assert [entry["run_id"] for entry in json.loads(done.stdout)] == ["cccc3333", "dddd4444", "eeee5555"]
    assert done.stderr == "since 2026-03-01 00:00:00 UTC\n"
    assert refused(bt, "list", "--since", "lately").startswith("--since lately: not a time; ")
    assert refused(bt, "list", "--sort", "rsme").startswith("no metric 'rsme'; there are ")


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 1203])
def test_a_long_list_is_one_document(bt: Bt, clean_place: Path, number: int) -> None:
    entries = [make_record(f"run-{one}", extra={"note": "é\n\u202e"}).to_json() for one in range(number)]
    Path("models").mkdir()
    Path("models/summary.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    done = bt("registry", "list", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, entries)
    assert done.stdout == json.dumps(entries, indent=2, ensure_ascii=False).replace("\u202e", r"\u202e") + "\n"


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("output_format", ["table", "json"])
def test_a_list_decodes_no_entry_whole_and_show_only_one(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, output_format: str
) -> None:
    decoded: list[str] = []
    honest = ModelRecord.from_json.__func__  # type: ignore[attr-defined]

    def noted_down(cls: type[ModelRecord], entry: dict[str, Any]) -> ModelRecord:
        decoded.append(entry["run_id"])
        record: ModelRecord = honest(cls, entry)
        return record

    monkeypatch.setattr(ModelRecord, "from_json", classmethod(noted_down))
    assert "aabb2222" in ok(bt, "list", "--format", output_format)
    assert decoded == []
    assert "cccc3333" in ok(bt, "show", "ccc", "--format", output_format)
    assert decoded == ["cccc3333"]


ODD: dict[str, dict[str, Any]] = {
    "no time": {"timestamp": "then"},
    "no text": {"model_type": 7},
    "a digest too many": {"artifacts": {"model.bin": {"sha256": "ab", "size": 1, "md5": "cd"}}},
    "a name that leads out": {"artifacts": {"../model.bin": {"sha256": "ab", "size": 1}}},
    "digests of another form": {"artifacts": ["model.bin"]},
    "unusual names of files": {"artifacts": {"é å/model (1).bin": {"sha256": "ab", "size": 1}}},
    "no number": {"r2": float("nan")},
    "no split": {"split": "random", "data": 3, "beats_baseline": "no"},
}


@pytest.mark.parametrize("odd", ODD)
def test_a_list_has_the_records_that_can_be_read_and_no_other(bt: Bt, clean_place: Path, odd: str) -> None:
    Path("models").mkdir()
    entries = [make_record("aaaa1111").to_json(), make_record("bbbb2222").to_json() | ODD[odd]]
    Path("models/summary.json").write_text(json.dumps(entries))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [record.run_id for record in local_registry().records(EVERYTHING)]
    done = bt("registry", "list", "--format", "json")
    assert [entry["run_id"] for entry in json.loads(done.stdout)] == expected
    assert [row[0] for row in table(bt("registry", "list").stdout)[1:]] == expected
    assert done.stderr.count("entry 2 was left out") == 2 - len(expected)


def test_list_gives_all_records_in_order_test_mode_included(bt: Bt, records: dict[str, ModelRecord]) -> None:
    assert document(bt, "list") == [record.to_json() for record in records.values()]
    assert [entry["run_id"] for entry in document(bt, "list", "--model", "rf", "--env", "dev")] == [
        "aaaa1111",
        "aabb2222",
        "eeee5555",
    ]
    rows = [row for row in table(ok(bt, "list")) if row]
    classifiers = ["dddd4444"]
    others = [run_id for run_id in records if run_id not in classifiers]
    assert [row[0] for row in rows] == ["run", *others, "run", *classifiers]
    assert rows[len(others)][:4] == ["eeee5555", "rf", "dev", "test"]


def test_an_empty_registry_is_an_empty_list_and_a_note(bt: Bt, clean_place: Path) -> None:
    assert document(bt, "list") == []
    done = bt("registry", "list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"no records yet; `bt train` makes the first {HERE}\n"
    assert list(clean_place.iterdir()) == []


def test_show_finds_a_record_by_the_first_letters_of_its_id(bt: Bt, records: dict[str, ModelRecord]) -> None:
    record = records["aabb2222"]
    assert document(bt, "show", "aab") == record.to_json()
    rows = {row[0]: row[-1] for row in table(ok(bt, "show", "aabb2222"))}
    assert rows["run_id"] == "aabb2222"
    assert rows["rmse"] == "42.0"
    assert rows["model_uri"] == record.model_uri
    assert record.artifacts is not None
    digest = record.artifacts["model.bin"]
    assert rows["artifacts.model.bin"] == f"sha256 {digest.sha256[:16]}…, size {digest.size}"


@pytest.mark.parametrize("words", [["show", "{id}"], ["pull", "{id}", "pulled"]])
@pytest.mark.parametrize(
    ("run_id", "message"),
    [
        ("aa", "'aa' begins 2 run ids: aaaa1111, aabb2222"),
        ("zzzz", f"no record with run id 'zzzz'; `bt registry list` shows those there are {HERE}"),
    ],
)
@pytest.mark.usefixtures("records")
def test_an_id_of_no_record_or_of_several_is_reported(bt: Bt, words: list[str], run_id: str, message: str) -> None:
    assert refused(bt, *(word.replace("{id}", run_id) for word in words)) == message
    assert not Path("pulled").exists()


@pytest.mark.usefixtures("records")
def test_pull_copies_a_models_files_checked(bt: Bt) -> None:
    done = bt("registry", "pull", "cccc", "deep/pulled")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "nn of run cccc3333: files in deep/pulled\n"
    assert {name: Path("deep/pulled", name).read_bytes() for name in FILES} == FILES
    Path("empty").mkdir()
    assert bt("registry", "pull", "cccc", "empty").exit_code == 0


def test_pull_of_files_that_were_changed_is_refused_and_leaves_none_of_them(
    bt: Bt, records: dict[str, ModelRecord]
) -> None:
    uri = records["cccc3333"].model_uri
    Path(uri, "model.bin").write_bytes(b"TREES")
    assert refused(bt, "pull", "cccc", "pulled") == (
        f"{uri.rstrip('/')}: model.bin is not the file that was registered (its SHA-256 differs); nothing was loaded"
    )
    assert [path for path in Path().glob("pulled/**/*") if path.is_file()] == []


@pytest.mark.usefixtures("records")
def test_pull_into_a_folder_that_is_not_empty_is_refused_and_touches_nothing(bt: Bt) -> None:
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    assert refused(bt, "pull", "cccc", "full") == "full is not empty; name a new folder"
    assert [path.name for path in Path("full").iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("records")
def test_pull_into_a_folder_that_cannot_be_made_is_reported_in_one_line(bt: Bt) -> None:
    Path("file.txt").write_text("mine")
    assert refused(bt, "pull", "cccc", "file.txt/pulled") == "file.txt: File exists"


@pytest.mark.parametrize(
    ("words", "environ", "file"),
    [
        (["--registry", "moved"], {}, ""),
        ([], {"BT_REGISTRY": "moved/summary.json"}, ""),
        ([], {}, '[backends.local]\nregistry = "moved"\n'),
    ],
)
@pytest.mark.usefixtures("records")
def test_the_registry_is_named_by_a_flag_a_variable_or_the_file(
    bt: Bt, monkeypatch: pytest.MonkeyPatch, words: list[str], environ: dict[str, str], file: str
) -> None:
    Path("models").rename("moved")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    Path("bt.toml").write_text(file)
    assert len(document(bt, "list", *words)) == 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "words", [["list"], ["best", "--metric", "r2"], ["show", "aaaa"], ["pull", "aaaa", "pulled"]]
)
@pytest.mark.parametrize("content", ["", "[{", '{"run_id": 1}', '["x"]'])
def test_a_corrupt_summary_is_one_line_and_left_as_it_is(bt: Bt, words: list[str], content: str) -> None:
    Path("models").mkdir()
    Path("models/summary.json").write_text(content)
    assert refused(bt, *words).startswith("summary.json is not a JSON array of records: ")
    assert Path("models/summary.json").read_text() == content
