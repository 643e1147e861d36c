"""What checks of a pipeline run in a new process: the imports of a declaration, and loading saved files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import pandas as pd

    from bike_traffic.manager import Declaration
    from bike_traffic.specs import PipelineSpec

_CALL = "import sys; from bike_traffic.testing.pipelines import fresh_process as here; here.{function}(*sys.argv[1:])"


@attrs.frozen
class Reloaded:
    """What a new process read from a pipeline's files: predictions and counters, or the error that was raised."""

    predicted: list[float] = attrs.field(factory=list)
    counters: list[str] = attrs.field(factory=list)
    error: str | None = None


def modules_of_declaration(declaration: Declaration[PipelineSpec], folder: Path) -> set[str]:
    """Return the top-level packages that loading the plugin imports, apart from the standard library and itself."""
    answer = _ask("write_new_modules", declaration.source.distribution, folder / "modules.json")
    own = {declaration.spec.target.partition(":")[0].partition(".")[0], *answer["declaring"], "bike_traffic"}
    return {name.partition(".")[0] for name in answer["modules"]} - own - sys.stdlib_module_names


def reload_in_a_fresh_process(
    declaration: Declaration[PipelineSpec],
    saved: Path,
    rows: pd.DataFrame,
    history: pd.DataFrame | None,
    folder: Path,
) -> list[Reloaded]:
    """Load the files of `saved` and predict `rows`; then again after moving the files and the working directory."""
    rows.to_parquet(folder / "rows.parquet")
    if history is not None:
        history.to_parquet(folder / "history.parquet")
    words = (declaration.source.distribution, declaration.qualified_name, saved, folder / "rows.parquet")
    return [Reloaded(**trip) for trip in _ask("write_predictions", *words, folder / "predicted.json")]


def _ask(function: str, *words: str | Path) -> Any:
    """Call a function of this module in a new process with the same `sys.path`, and return its answer.

    The last of `words` is the file that the function writes.
    """
    paths = [path or str(Path.cwd()) for path in sys.path]
    done = subprocess.run(
        [sys.executable, "-c", _CALL.format(function=function), *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a new process failed: {done.stderr}")
    return json.loads(Path(words[-1]).read_text(encoding="utf-8"))


def write_new_modules(distribution: str, target: str) -> None:
    """Write the modules that loading a distribution's plugins imports, and the packages of its entry points."""
    from importlib.metadata import entry_points

    from bike_traffic.installed import ENTRY_POINT_GROUP
    from bike_traffic.manager import PluginHost

    before = set(sys.modules)
    PluginHost(only=[distribution])
    added = sorted(set(sys.modules) - before)
    declaring = [
        point.module.partition(".")[0]
        for point in entry_points(group=ENTRY_POINT_GROUP)
        if point.dist and point.dist.name == distribution
    ]
    answer = {"modules": added, "declaring": declaring}
    Path(target).write_text(json.dumps(answer), encoding="utf-8")


def write_predictions(distribution: str, name: str, saved: str, rows: str, target: str) -> None:
    """Write what the pipeline `name` predicts, loaded from `saved`, and then from the same files moved elsewhere."""
    import pandas as pd

    from bike_traffic.manager import PluginHost

    counts, before = pd.read_parquet(rows), Path(rows).with_name("history.parquet")
    history = pd.read_parquet(before) if before.exists() else None
    pipeline_class = PluginHost(only=[distribution]).pipeline(name).spec.load()
    trips = []
    for folder in (Path(saved), Path(target).parent / "elsewhere" / "files"):
        if not folder.exists():
            folder.parent.mkdir()
            shutil.move(saved, folder)
        os.chdir(folder.parent)
        try:
            pipeline = pipeline_class.load(folder)
            predicted = [float(value) for value in pipeline.predict(counts, history)]
            trip = Reloaded(predicted, [str(counter) for counter in pipeline.counters_])
        except Exception as error:
            trip = Reloaded(error=f"{type(error).__name__}: {' '.join(str(error).split())}")
        trips.append(attrs.asdict(trip))
    Path(target).write_text(json.dumps(trips), encoding="utf-8")
