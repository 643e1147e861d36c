"""CPU seconds of one training of the classifier outside `fit`, and their parts; beside another version's, if given.

    python benchmarks/training.py --data comptage-velo-donnees-compteurs.csv.gz
    python benchmarks/training.py --data FILE --other-python ../other/.venv/bin/python

Each training is a process of its own: it imports the library, reads and checks the file, fits, measures, and
registers the model in a temporary folder. The versions take turns, after a first round that is not measured. The
other Python runs this same script, unless `--other-script` names another that prints the same JSON for ``--once``.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from report import note, parser, print_machine, print_table

MODEL = "rf_class"
FIT = "fit"
IMPORTS = "imports"
REST = "split, record, registry"
PARTS: Mapping[str, tuple[str, ...]] = {
    "read, check, clean": ("bike_traffic.data.loading:load_counts", "bike_traffic.api:read_for_training"),
    FIT: ("bike_traffic.plugins.forest:ForestPipeline.fit",),
    "fit the 4-week mean": (
        "bike_traffic.evaluation.baselines:FourWeekMean.fit",
        "bike_traffic.evaluation:FourWeekMean.fit",
    ),
    "evaluate": ("bike_traffic.training:evaluate",),
    "save": ("bike_traffic.plugins.forest:ForestPipeline.save",),
}
"""The functions of each part, as ``module:name``; a version has one of them. None calls another one."""

Seconds = dict[str, float]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="counts in the City's format")
    arguments.add_argument("--track", action="store_true", help="make the training a run in MLflow")
    arguments.add_argument("--repeats", type=int, default=3, help="the median of so many is shown (default: 3)")
    arguments.add_argument("--other-python", metavar="PATH", help="Python of an environment with another version")
    arguments.add_argument("--other-script", metavar="PATH", default=__file__, help="what it runs (default: this)")
    arguments.add_argument("--once", action="store_true", help="train once in this process, and print JSON")
    options = arguments.parse_args()
    if options.once:
        print(json.dumps(train(options.data, track=options.track)))
        return

    print_machine()
    versions = {"this": (sys.executable, __file__)}
    if options.other_python:
        versions["other"] = (options.other_python, options.other_script)
    seconds: dict[str, list[Seconds]] = {version: [] for version in versions}
    for turn in range(1 + options.repeats):
        for version, (python, script) in versions.items():
            once = in_a_process(python, script, options)
            note(f"{version}: {outside(once):.2f} CPU s outside fit, {once[FIT]:.2f} in fit")
            if turn:
                seconds[version].append(once)
    report({version: sorted(runs, key=outside)[len(runs) // 2] for version, runs in seconds.items()})


def in_a_process(python: str, script: str, options: argparse.Namespace) -> Seconds:
    """Train once with a Python of its own; return the CPU seconds of each part."""
    command = [python, script, "--once", "--data", str(Path(options.data).resolve())]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--track"] if options.track else command,
            cwd=folder,
            env={**os.environ, "BT_CACHE": str(Path(folder, "cache"))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return {str(part): float(value) for part, value in json.loads(done.stdout.splitlines()[-1]).items()}


def train(data: str, *, track: bool) -> Seconds:
    """Train in this process; return the CPU seconds of each part, imports while the parts run included."""
    spent = dict.fromkeys([IMPORTS, *PARTS], 0.0)
    start = time.process_time()
    with timed(spent):
        import bike_traffic

        spent[IMPORTS] = time.process_time() - start
        bike_traffic.train(MODEL, data, track=track)
    return {**spent, REST: time.process_time() - start - sum(spent.values())}


@contextmanager
def timed(spent: Seconds) -> Iterator[None]:
    """Add the CPU seconds of each part to `spent` while the block runs."""
    restore: list[Callable[[], None]] = []
    for part, candidates in PARTS.items():
        owner, name = first_of(candidates)
        function = getattr(owner, name)
        setattr(owner, name, timer(function, part, spent))
        restore.append(functools.partial(setattr, owner, name, function))
    try:
        yield
    finally:
        for call in restore:
            call()


def first_of(candidates: tuple[str, ...]) -> tuple[Any, str]:
    """Return the first function that this version has, as its owner and its name there."""
    for candidate in candidates:
        module, _, path = candidate.partition(":")
        *outer, name = path.split(".")
        try:
            owner = functools.reduce(getattr, outer, importlib.import_module(module))
        except (ImportError, AttributeError):
            continue
        if hasattr(owner, name):
            return owner, name
    raise SystemExit(f"this version has none of {', '.join(candidates)}")


def timer(function: Callable[..., Any], part: str, spent: Seconds) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        start = time.process_time()
        try:
            return function(*arguments, **keywords)
        finally:
            spent[part] += time.process_time() - start

    return call


def outside(once: Seconds) -> float:
    """Return the CPU seconds outside `fit`."""
    return sum(once.values()) - once[FIT]


def report(medians: Mapping[str, Seconds]) -> None:
    """Print the parts of each version's median training, each with its share of what is outside `fit`."""
    columns = [f"one training of {MODEL}"]
    for version in medians:
        columns += [f"{version}, CPU s", "share"]
    parts = [part for part in next(iter(medians.values())) if part != FIT]
    rows: list[list[object]] = []
    for part in parts:
        row: list[object] = [part]
        for once in medians.values():
            row += [once[part], f"{once[part] / outside(once):.0%}"]
        rows.append(row)
    rows.append(["**outside fit**", *(cell for once in medians.values() for cell in (outside(once), "100%"))])
    rows.append(["fit", *(cell for once in medians.values() for cell in (once[FIT], ""))])
    print_table(columns, rows)
    if len(medians) > 1:
        this, other = medians.values()
        ratio = (outside(other) - other[IMPORTS]) / (outside(this) - this[IMPORTS])
        print(f"Outside fit, other / this: {outside(other) / outside(this):.2f}; without the imports: {ratio:.2f}.")


if __name__ == "__main__":
    main()
