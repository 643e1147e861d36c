"""The python file that MLflow stores with a registered model and runs to load it (its "models from code").

It holds no model and no copy of this project's code: the model's files lie beside it, and bike-traffic reads them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd  # here, because MLflow evaluates the type hints
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class BikeTrafficModel(PythonModel):
    """A pipeline behind MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Check the files against their manifest, and load them with the pipeline that wrote them.

        Raises
        ------
        IntegrityError, UnknownPipeline, MissingExtra
        """
        from bike_traffic.artifacts import MANIFEST, read_digests, verify
        from bike_traffic.manager import PluginHost

        directory = Path(context.artifacts["files"])
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        verify(directory, read_digests(manifest["files"]), str(directory))
        self.pipeline = PluginHost().pipeline(manifest["model_type"]).spec.load().load(directory)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predict counts with the City's headers; see `bike_traffic.prediction.predict`.

        The parameter ``unknown_counters`` is ``refuse`` or ``predict``.
        """
        from bike_traffic.data.check import require_valid
        from bike_traffic.prediction import predict

        require_valid(model_input, "the model's input", with_counts=False)
        policy = (params or {}).get("unknown_counters", "refuse")
        return predict(self.pipeline, model_input, unknown_counters=policy)


set_model(BikeTrafficModel())
