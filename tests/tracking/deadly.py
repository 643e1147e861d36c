"""A pipeline that kills the tracking server while it is fitted."""

from __future__ import annotations

import os
import signal
from typing import ClassVar

import pandas as pd

from bike_traffic.plugins.random_forest import RFPipeline

VICTIM = "BT_TEST_VICTIM"
"""The variable that names the process group to kill."""


class DeadlyPipeline(RFPipeline):
    """The forest; its fit kills the process group in `VICTIM` first."""

    name: ClassVar[str] = "deadly"

    def _fit(self, cleaned: pd.DataFrame) -> None:
        os.killpg(int(os.environ[VICTIM]), signal.SIGKILL)
        super()._fit(cleaned)
