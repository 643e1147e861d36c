"""A model in MLflow's format: the files that `Pipeline.save` wrote, and a Python file that loads them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from bike_traffic.columns import COUNTER, TIME
from bike_traffic.data.schema import CITY_HEADERS, COORDINATES, IDENTIFYING
from bike_traffic.tracking.mlflow_client import quiet

MODEL = "model"
FILES = f"{MODEL}/artifacts/files"
"""The path of a model's files in a run."""


@contextmanager
def mlflow_model(directory: Path) -> Iterator[Path]:
    """Yield a folder with the files of `directory` inside a model that plain ``mlflow.pyfunc`` can load."""
    with tempfile.TemporaryDirectory(prefix="bike-traffic-") as folder:
        files, model = Path(folder, Path(FILES).name), Path(folder, MODEL)
        shutil.copytree(directory, files)  # MLflow uses the name of the folder, and accepts no symbolic link
        with quiet():
            _save(files, model)
        yield model


def _save(files: Path, target: Path) -> None:
    import pandas as pd
    from mlflow import pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    # Only strings: with another type MLflow cannot read CSV. This refuses categories and times of pandas.
    columns: list[ColSpec | TensorSpec] = [
        ColSpec("string", CITY_HEADERS[key], required=key in IDENTIFYING) for key in (*IDENTIFYING, COORDINATES)
    ]
    row = {COUNTER: "97 avenue Denfert Rochereau SO-NE", TIME: "2025-06-02T08:00:00+02:00"}
    row |= {COORDINATES: "48.83504,2.33357"}
    pyfunc.save_model(
        str(target),
        python_model=str(Path(__file__).with_name("mlflow_model.py")),
        artifacts={files.name: str(files)},
        signature=ModelSignature(
            inputs=Schema(columns), params=ParamSchema([ParamSpec("unknown_counters", "string", "refuse")])
        ),
        input_example=(
            pd.DataFrame({CITY_HEADERS[name]: [value] for name, value in row.items()}),
            {"unknown_counters": "predict"},
        ),
        pip_requirements=[f"bike-traffic=={version('bike-traffic')}", f"mlflow=={version('mlflow')}"],
    )
