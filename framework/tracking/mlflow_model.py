"""The Python file that MLflow stores with a model and runs to load it (MLflow's "models from code").

It contains no model and no code of this project: the model's files are stored with it, and bike-traffic reads them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd  # at the top, because MLflow evaluates the type hints
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class BikeTrafficModel(PythonModel):
    """A pipeline with MLflow's interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Check the files against their manifest, and load them with the class that wrote them.

        Raises
        ------
        IntegrityError, UnknownPipeline, AmbiguousName, PluginError, MissingExtra
        """
        from bike_traffic.loading import declaration_of
        from bike_traffic.manager import PluginHost
        from bike_traffic.registry.files.artifacts import MANIFEST, read_digests, verify
        from bike_traffic.registry.record_parts import PluginInfo

        directory = Path(context.artifacts["files"])
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        verify(directory, read_digests(manifest["files"]), str(directory))
        plugin = PluginInfo.from_json(manifest.get("plugin"))
        declaration = declaration_of(manifest["model_type"], plugin, "the model", PluginHost())
        self.pipeline = declaration.load().load(directory)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predict counts with the City's headers; see `bike_traffic.prediction.predict`.

        The parameter ``unknown_counters`` is ``refuse``, ``predict`` or ``empty``.
        """
        from bike_traffic.answering import Answering
        from bike_traffic.prediction import predict

        how = Answering(unknown_counters=(params or {}).get("unknown_counters", "refuse"))
        return predict(self.pipeline, model_input, how, where="the model's input")


set_model(BikeTrafficModel())
