"""A pipeline in whose training the server of the tracking dies."""

from __future__ import annotations

import os
import signal
from typing import ClassVar, Self

import pandas as pd

from bike_traffic.plugins.random_forest import RFPipeline

VICTIM = "BT_TEST_VICTIM"
"""The variable that names the process group to kill."""


class DeadlyPipeline(RFPipeline):
    """The forest, which kills while it fits."""

    name: ClassVar[str] = "deadly"

    def fit(self, counts: pd.DataFrame, y: object = None) -> Self:
        os.killpg(int(os.environ[VICTIM]), signal.SIGKILL)
        super().fit(counts)
        return self
