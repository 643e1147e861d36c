"""A column that is empty, in the whole file or in a part of it, is named in one line; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import bike_traffic
from bike_traffic.data.files import reading
from tests.conftest import Bt

COLUMNS = ["Nom du compteur", "Comptage horaire", "Date et heure de comptage", "Coordonnées géographiques"]
COMMANDS = [
    "data check FILE",
    "data clean FILE out.csv",
    "predict -m rf FILE -o out.csv --registry MODELS --unknown-counters empty",
    "evaluate -m rf FILE --registry MODELS --unknown-counters empty",
    "train -m rf --set n_estimators=1 --no-interval --data FILE --registry own",
]


@pytest.fixture(scope="module")
def counts(small_counts: pd.DataFrame) -> pd.DataFrame:
    return small_counts.tail(80 * 24 * 4).reset_index(drop=True)


@pytest.fixture(scope="module")
def models(counts: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a registry with a forest of one tree, which the commands read alone."""
    folder = tmp_path_factory.mktemp("models")
    bike_traffic.train("rf", counts, registry=str(folder), parameters={"n_estimators": 1}, interval=False)
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_blank_column_is_no_traceback(
    bt: Bt, counts: pd.DataFrame, models: Path, monkeypatch: pytest.MonkeyPatch, column: str, ending: str
) -> None:
    """The first chunk of 1,000 rows, or all of them; coordinates may be empty anywhere, as the advice says."""
    monkeypatch.setattr(reading, "CHUNK_ROWS", 1000)
    for rows in (1000, len(counts)):
        blank = counts.astype({column: object})
        blank.loc[: rows - 1, column] = None
        name = f"blank.{ending}"
        if ending == "csv":
            blank.to_csv(name, sep=";", index=False)
        else:
            blank.to_parquet(name)
        for command in COMMANDS:
            done = bt(*command.replace("FILE", name).replace("MODELS", str(models)).split())
            assert isinstance(done.exception, SystemExit | None), (command, rows, done.exception)
            if column == COLUMNS[-1]:
                assert done.exit_code == 0, (command, rows, done.stderr)
