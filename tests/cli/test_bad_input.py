"""Bad input: one line with the fault, its place and what to do; exit code 1; nothing half-written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from bike_traffic.cli.main import main
from bike_traffic.data.checking.rules import SPREADSHEET_ADVICE
from bike_traffic.manager import PluginHost
from bike_traffic.plugins.random_forest import RFPipeline
from tests.conftest import Bt

TINY = ("--set", "n_estimators=2")
TRAIN = ("train", "-m", "rf", *TINY)
DEFAULT_TREES = RFPipeline().n_estimators
PARAMETERS = ", ".join(sorted(RFPipeline().get_params(deep=False)))


@pytest.fixture(autouse=True)
def built_ins_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plugins of others that are installed here: messages list the names there are."""
    monkeypatch.setenv("BT_PLUGINS", "")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return everything below a folder: files with their bytes, folders with none."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refuse(bt: Bt, folder: Path, message: str, *words: str) -> None:
    """Require that the command says `message`, and nothing else, and leaves everything below `folder` alone."""
    before = contents(folder)
    done = bt(*words)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")
    assert contents(folder) == before


Lines = list[str]


def changed(row: int, column: int, value: str) -> Callable[[Lines], bytes]:
    """Return what writes the lines with one field changed; row 1 is the header, columns count from 0."""

    def write(lines: Lines) -> bytes:
        fields = lines[row - 1].rstrip("\n").split(";")
        fields[column] = value
        return "".join([*lines[: row - 1], ";".join(fields) + "\n", *lines[row:]]).encode()

    return write


def text(lines: Lines) -> bytes:
    return "".join(lines).encode()


NAME, COUNT, TIME, PLACE = range(4)
OTHERS = "Coordonnées géographiques, Date et heure de comptage, Nom du compteur"
TIME_ADVICE = "write times as ISO 8601 with their offset, like 2021-06-01T08:00:00+02:00"
PLACE_ADVICE = "write 'latitude,longitude' in degrees, 48.0 to 49.5 and 1.4 to 3.6, or leave them empty"
ONE = "1 of 9,600 rows cannot be used: "
BAD_FILES: dict[str, tuple[str, Callable[[Lines], bytes], str]] = {
    "missing column": (
        "bad.csv",
        lambda lines: text([line.split(";", 1)[1] for line in lines]),
        "no column 'Nom du compteur'; there are Comptage horaire, Coordonnées géographiques, "
        "Date et heure de comptage",
    ),
    "misnamed column": (
        "bad.csv",
        changed(1, COUNT, "Comptage horraire"),
        f"no column 'Comptage horaire'; there are Comptage horraire, {OTHERS} (did you mean 'Comptage horraire'?)",
    ),
    "empty file": ("bad.csv", lambda _: b"", "the file is empty"),
    "header only": ("bad.csv", lambda lines: text(lines[:1]), "there is no row of counts, only a header"),
    "unparseable date": (
        "bad.csv",
        changed(7, TIME, "01/09/2024 08:00"),
        ONE + f"column 'Date et heure de comptage': not a time in row 7 ('01/09/2024 08:00'); {SPREADSHEET_ADVICE}",
    ),
    "negative count": (
        "bad.csv",
        changed(7, COUNT, "-3"),
        ONE + "column 'Comptage horaire': a negative count in row 7 ('-3'); counts are 0 or more bikes per hour",
    ),
    "fractional count": (
        "bad.csv",
        changed(7, COUNT, "2.5"),
        ONE + "column 'Comptage horaire': a fractional count in row 7 ('2.5'); counts are whole bikes per hour",
    ),
    "missing count": (
        "bad.csv",
        changed(7, COUNT, ""),
        ONE
        + "column 'Comptage horaire': not a number in row 7 (empty); give each row its count, or leave the row out",
    ),
    "no name": (
        "bad.csv",
        changed(7, NAME, ""),
        ONE + "column 'Nom du compteur': no name in row 7 (empty); give each row the name of its counter",
    ),
    "duplicate row": (
        "bad.csv",
        lambda lines: text([*lines, lines[1]]),
        "1 of 9,601 rows cannot be used: column 'Date et heure de comptage': the same counter and hour again in row "
        "9602 ('2024-08-23T01:00:00+02:00'); keep one row for each counter and hour",
    ),
    "swapped coordinates": (
        "bad.csv",
        changed(7, PLACE, "2.35,48.85"),
        "column 'Coordonnées géographiques': not coordinates in or near Paris in row 7 ('2.35,48.85'); "
        + PLACE_ADVICE,
    ),
    "two encodings": (
        "bad.csv",
        lambda lines: text(lines[:7]) + text(lines[7:]).decode().replace("Moulin", "Môlin").encode("latin-1"),
        "row 8 is in another encoding than the rows before it, or has two; save the file as UTF-8",
    ),
    "UTF-16": ("bad.csv", lambda lines: text(lines).decode().encode("utf-16"), "UTF-16 text; save it as UTF-8"),
    "tabs": (
        "bad.csv",
        lambda lines: text(lines).replace(b";", b"\t"),
        "row 1 has neither ';' nor ',' between column names: "
        r"'Nom du compteur\tComptage horaire\tDate et heure de comptage\tC'; "
        "save the file with one of them as delimiter",
    ),
    "truncated gz": (
        "bad.csv.gz",
        lambda lines: gzip.compress(text(lines))[:-500],
        "broken off: Compressed file ended before the end-of-stream marker was reached",
    ),
    "several faults": (
        "bad.csv",
        lambda lines: changed(7, COUNT, "-3")(changed(8, TIME, "hier")(lines).decode().splitlines(keepends=True)),
        f"2 of 9,600 rows cannot be used: column 'Date et heure de comptage': not a time in row 8 ('hier'); "
        f"{TIME_ADVICE} "
        "(and 1 other fault: `bt data check` lists them)",
    ),
}
FAULTS_OF_COUNTS = ("misnamed column", "negative count", "fractional count", "missing count", "duplicate row")


@pytest.mark.parametrize(("name", "write", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_and_nothing_registered(
    bt: Bt, small_file: Path, tmp_path: Path, name: str, write: Callable[[Lines], bytes], message: str
) -> None:
    Path(name).write_bytes(write(small_file.read_text(encoding="utf-8").splitlines(keepends=True)))
    refuse(bt, tmp_path, f"{name}: {message}", *TRAIN, "--strict", "--data", name)


@pytest.mark.parametrize("model", ["rf", "rf_class"])
def test_counters_that_are_dead_all_the_time_are_refused(
    bt: Bt, small_counts: pd.DataFrame, tmp_path: Path, model: str
) -> None:
    small_counts.assign(**{"Comptage horaire": 0}).to_csv("dead.csv", sep=";", index=False)
    before = contents(tmp_path)
    done = bt("train", "-m", model, *TINY, "--data", "dead.csv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "nope.csv"), "nope.csv: no such file"),
        (("--data", ".."), "..: a folder without CSV or Parquet files"),
        (("-m", "rff"), "no pipeline 'rff'; there are ahead, nn, rf, rf_class (did you mean 'rf'?)"),
        (
            ("--set", "n_estimator=5"),
            f"no parameter of 'rf' 'n_estimator'; there are {PARAMETERS} (did you mean 'n_estimators'?)",
        ),
        (
            ("--set", "n_estimators=banana"),
            f"n_estimators: 'banana' is not a whole number (the default is {DEFAULT_TREES})",
        ),
        (("--set", "n_estimators=2.5"), f"n_estimators: 2.5 is not a whole number (the default is {DEFAULT_TREES})"),
        (
            ("--set", "n_estimators=0"),
            "'rf': The 'n_estimators' parameter of RandomForestRegressor must be an int in the range [1, inf). "
            "Got 0 instead.",
        ),
        (("--set", "n_jobs=0"), "'rf': n_jobs must not be 0; -1 is all processors"),
        (("--set", "novalue"), "--set novalue: write KEY=VALUE, such as --set n_estimators=50"),
        (("--holdout", "banana"), "'banana' is not a span of time; write one such as 28d, 4w or 12h"),
        (("--holdout", "0d"), "'0d' is out of range; write one such as 28d, 4w or 12h"),
        (
            ("--holdout", "900d"),
            "the counts span 100 d: holding out the last 900 d leaves less than that to train on; "
            "give a shorter --holdout, or more counts",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_bad_option_is_refused_and_nothing_registered(
    bt: Bt, small_file: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    refuse(bt, tmp_path, message, *TRAIN, "--data", small_file.name, *words)


def test_an_unknown_backend_is_named_with_those_there_are(bt: Bt, small_file: Path, tmp_path: Path) -> None:
    there_are = ", ".join(sorted(PluginHost().backends()))
    message = f"no registry backend 'locale'; there are {there_are} (did you mean 'local'?)"
    refuse(bt, tmp_path, message, *TRAIN, "--data", small_file.name, "--backend", "locale")


def test_an_unknown_metric_is_named_with_those_there_are(bt: Bt, tmp_path: Path) -> None:
    message = (
        "no metric 'r22'; there are accuracy, f1_score, interval_score, mae, precision, r2, recall, rmse, rmsle, "
        "roc_auc, skill, wape (did you mean 'r2'?)"
    )
    refuse(bt, tmp_path, message, "registry", "best", "--metric", "r22")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (b"env = ", "bt.toml is not TOML: Invalid value (at end of document)"),
        (
            b'env = "\xe9"',
            "bt.toml is not TOML: 'utf-8' codec can't decode byte 0xe9 in position 7: invalid continuation byte",
        ),
        (
            b'envs = "dev"',
            "bt.toml: no setting 'envs'; there are backends, cities, city, env, keep_doubtful, max_left_out, "
            "plugins, profiles, public_key, signing_key, track (did you mean 'env'?)",
        ),
        (b'[profiles.test]\nbackend = "local"', "bt.toml [profiles]: no setting 'test'; there are dev, prod"),
        (
            b'[profiles.dev]\nbackends = "local"',
            "bt.toml [profiles.dev]: no setting 'backends'; there are artifacts, backend, data, tracking_uri, "
            "weather (did you mean 'backend'?)",
        ),
        (b"[profiles.dev]\nbackend = 3", "bt.toml [profiles.dev]: backend must be a string, not 3"),
        (b'env = "test"', "no environment 'test'; there are dev, prod [bt.toml]"),
        (b"[backends.local]\nregistry = 3", "bt.toml [backends.local]: registry must be a string, not 3"),
        (
            b"[backends.local]\nregistri = 'm'",
            "[backends.local] in bt.toml: no option of backend 'local' 'registri'; there are none",
        ),
    ],
)
def test_a_bad_settings_file_is_refused_and_nothing_registered(
    bt: Bt, small_file: Path, tmp_path: Path, toml: bytes, message: str
) -> None:
    Path("bt.toml").write_bytes(toml)
    refuse(bt, tmp_path, message, *TRAIN, "--data", small_file.name)


@pytest.mark.parametrize(("name", "reason"), [("nope.toml", "No such file or directory"), (".", "Is a directory")])
def test_a_missing_settings_file_is_reported(bt: Bt, tmp_path: Path, name: str, reason: str) -> None:
    refuse(bt, tmp_path, f"{name}: {reason}; give --config an existing file", "--config", name, *TRAIN)


@pytest.fixture(scope="module")
def registry(small_counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a registry that holds one tiny forest."""
    folder = tmp_path_factory.mktemp("registry")
    small_counts.to_csv(folder / "counts.csv", sep=";", index=False)
    words = (*TRAIN, "--backend", "local", "--registry", f"{folder}/models", "--data", f"{folder}/counts.csv")
    assert CliRunner().invoke(main, words).exit_code == 0
    return f"{folder}/models"


@pytest.fixture
def partly_unknown(small_counts: pd.DataFrame, clean_place: Path) -> Path:
    """Return a file of ten rows: rows 3 to 9 are of one counter that the model never saw, row 11 is of another."""
    rows = small_counts.head(10).copy()
    rows.loc[1:7, "Nom du compteur"] = "rue Neuve"
    rows.loc[9, "Nom du compteur"] = "sente du Bois"
    path = clean_place / "future.csv"
    rows.to_csv(path, sep=";", index=False)
    return path


@pytest.mark.parametrize("output", [("-o", "out.csv"), ("-o", "out.parquet"), ()])
def test_unknown_counters_are_named_with_their_rows_and_refused(
    bt: Bt, registry: str, partly_unknown: Path, output: tuple[str, ...]
) -> None:
    message = (
        "8 rows are of counters the model was not trained on: 'rue Neuve' (row 3, 4, 5, 6, 7 and 2 more); "
        "'sente du Bois' (row 11); leave them empty with --unknown-counters empty, train on counts that hold them, "
        "or take a rough guess with --unknown-counters predict"
    )
    words = ("predict", "-m", "rf", "--registry", registry, partly_unknown.name, *output)
    refuse(bt, partly_unknown.parent, message, *words)


def test_unknown_counters_are_predicted_on_request_and_each_row_is_marked(
    bt: Bt, registry: str, partly_unknown: Path
) -> None:
    words = ("predict", "-m", "rf", "--registry", registry, partly_unknown.name, "-o", "out.csv")
    done = bt(*words, "--unknown-counters", "predict")
    assert (done.exit_code, done.stdout) == (0, "")
    written = pd.read_csv("out.csv", sep=";")
    assert written["unknown_counter"].tolist() == [False, *[True] * 7, False, True]
    assert written["prediction"].ge(0).all()
    assert written["Nom du compteur"].tolist() == pd.read_csv(partly_unknown, sep=";")["Nom du compteur"].tolist()


@pytest.mark.parametrize(
    "fault",
    [fault for fault in BAD_FILES if fault not in (*FAULTS_OF_COUNTS, "several faults")],
)
def test_a_bad_file_is_not_predicted_and_the_old_output_stays(
    bt: Bt, registry: str, small_file: Path, clean_place: Path, fault: str
) -> None:
    name, write, message = BAD_FILES[fault]
    Path(name).write_bytes(write(small_file.read_text(encoding="utf-8").splitlines(keepends=True)))
    Path("out.csv").write_text("the previous content", encoding="utf-8")
    words = ("predict", "-m", "rf", "--registry", registry, "--strict", name, "-o", "out.csv")
    refuse(bt, clean_place, f"{name}: {message}", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-m", "rf", "nope.csv", "-o", "out.csv"), "nope.csv: no such file"),
        (("-m", "rff", "counts.csv"), "no pipeline 'rff'; there are ahead, nn, rf, rf_class (did you mean 'rf'?)"),
        (
            ("-m", "rf_class", "counts.csv", "-o", "out.csv"),
            "no registered model 'rf_class'; there are rf [local registry REGISTRY]",
        ),
        (
            ("--run-id", "zzz", "counts.csv", "-o", "out.csv"),
            "no record with run id 'zzz'; `bt registry list` shows those there are [local registry REGISTRY]",
        ),
        (
            ("-m", "rf", "counts.csv", "-o", "nowhere/out.csv"),
            "nowhere/out.csv: cannot be written: No such file or directory",
        ),
    ],
)
def test_a_prediction_that_cannot_be_made_is_refused_in_one_line(
    bt: Bt, registry: str, small_file: Path, words: tuple[str, ...], message: str
) -> None:
    message = message.replace("REGISTRY", registry)
    refuse(bt, small_file.parent, message, "predict", "--registry", registry, *words)


def test_counts_without_the_truth_are_not_evaluated(
    bt: Bt, registry: str, small_counts: pd.DataFrame, clean_place: Path
) -> None:
    small_counts.drop(columns="Comptage horaire").to_csv("future.csv", sep=";", index=False)
    message = f"future.csv: no column 'Comptage horaire'; there are {OTHERS}"
    refuse(bt, clean_place, message, "evaluate", "-m", "rf", "--registry", registry, "future.csv")
