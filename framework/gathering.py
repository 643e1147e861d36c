"""The counts of a training or of an evaluation: in parts where that is possible, else in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import pandas as pd

from bike_traffic.config import SAMPLE
from bike_traffic.data.files.sources import STANDARD_INPUT
from bike_traffic.data.parts.loading import store_counts
from bike_traffic.data.parts.stored import StoredCounts
from bike_traffic.data.weather.reading import name_of, read_weather
from bike_traffic.data.window import EVERYTHING, Window
from bike_traffic.loading import LoadedModel
from bike_traffic.manager import Declaration
from bike_traffic.memory import free_memory
from bike_traffic.progress import progress
from bike_traffic.specs import PipelineSpec
from bike_traffic.training import TrainingPlan
from bike_traffic.workspace import Workspace

TRAINING_BYTES = 500
"""About so many bytes a row are in use at the peak of a training in memory."""


@contextmanager
def training_counts(
    workspace: Workspace,
    declarations: Sequence[Declaration[PipelineSpec]],
    plan: TrainingPlan,
    source: str | pd.DataFrame | None = None,
    *,
    weather: str | pd.DataFrame | None = None,
    window: Window,
) -> Iterator[pd.DataFrame | StoredCounts]:
    """Give the usable counts for pipelines; temporary files are deleted at the end of the block.

    Parameters
    ----------
    source, weather, window : as for `Workspace.counts`.
    """
    data = workspace.settings.data if source is None else source
    whole = plan.test_mode or plan.split == "random"
    of_file = isinstance(data, str) and data not in (SAMPLE, STANDARD_INPUT)
    if of_file and not whole and all(one.load().learns_from_parts() for one in declarations):
        kept = workspace.settings.keep_doubtful
        with _stored(workspace, str(data), window, weather=weather, keep_doubtful=kept) as counts:
            yield counts
        return
    cleaned = workspace.counts(source, weather=weather, test_mode=plan.test_mode, window=window)
    need, free = len(cleaned) * TRAINING_BYTES, free_memory()
    if free is not None and need > free:
        # A warning and no error: the need is an estimate, and the system may have more to give.
        workspace.notify(
            f"training on {len(cleaned):,} rows in memory takes about {need / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free: the system may end it; train on fewer days, or only models that learn "
            "from parts, such as rf"
        )
    yield cleaned


@contextmanager
def evaluation_counts(
    workspace: Workspace, loaded: LoadedModel, source: str, *, whole: bool = False
) -> Iterator[pd.DataFrame | StoredCounts]:
    """Give the usable counts to measure a model on, the doubtful ones among them, whose weight it says.

    Parameters
    ----------
    source : as for `Workspace.counts`.
    whole : whether all rows are needed at once. Those of a model that needs history always are.
    """
    whole = whole or "history" in loaded.pipeline.needs
    if whole or source in (SAMPLE, STANDARD_INPUT):
        yield workspace.counts(source, keep_doubtful=True)
        return
    with _stored(workspace, source, EVERYTHING, keep_doubtful=True) as counts:
        yield counts


@contextmanager
def _stored(
    workspace: Workspace,
    source: str,
    window: Window,
    *,
    weather: str | pd.DataFrame | None = None,
    keep_doubtful: bool,
) -> Iterator[StoredCounts]:
    weather = (workspace.settings.weather or None) if weather is None else weather
    # What is wrong with the weather is raised before the counts are read.
    known = None if weather is None else (read_weather(weather, workspace.city), name_of(weather))
    with progress("reading", None) as advance:
        counts = store_counts(
            source,
            tolerance=attrs.evolve(workspace.tolerance, keep_doubtful=keep_doubtful),
            notify=workspace.notify,
            window=window,
            city=workspace.city,
            on_rows=advance,
        )
    with counts:
        if known is not None:
            counts.add_weather(*known)
        yield counts
