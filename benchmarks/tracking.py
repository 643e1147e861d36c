"""What a training costs with and without tracking: `bt train -m rf` as whole processes, in turn.

    python benchmarks/tracking.py --data comptage-velo-donnees-compteurs.csv.gz

Both register the model in a folder. Tracked, the run goes to the store of the profile, a file of SQLite that the
first turn, which is not measured, has made.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from report import Run, bt_command, cached_bytecode, note, parser, print_machine, print_table, runs_in_turn

TRAIN = ("train", "-m", "rf")
KINDS = {"rf": (), "rf in test mode": ("--test-mode",)}
SIDES = {"untracked": "--no-track", "tracked": "--track"}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="counts in the City's format")
    arguments.add_argument("--repeats", type=int, default=5, help="the median of so many is shown (default: 5)")
    options = arguments.parse_args()

    print_machine()
    rows = [
        row
        for label, flags in KINDS.items()
        for row in measure(label, [*TRAIN, "--data", str(Path(options.data).resolve()), *flags], options.repeats)
    ]
    print_table(["training", "CPU s (median)", "CPU s (least)", "wall s", "times untracked"], rows)


def measure(label: str, words: Sequence[str], repeats: int) -> list[list[object]]:
    """Return the rows of an untracked and a tracked training."""
    note(f"training {label}")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        environment = cached_bytecode(folder)
        sides = {side: ([bt_command(), *words, flag], environment) for side, flag in SIDES.items()}
        runs = runs_in_turn(sides, repeats)
    return [[f"{label}, {side}", *_cost(own), _times(own, runs["untracked"])] for side, own in runs.items()]


def _cost(runs: Sequence[Run]) -> tuple[float, float, float]:
    seconds = [one.cpu_seconds for one in runs]
    return statistics.median(seconds), min(seconds), statistics.median(one.seconds for one in runs)


def _times(runs: Sequence[Run], untracked: Sequence[Run]) -> float:
    """Return the median of the ratios turn by turn, so that a machine that gets slower slows both."""
    return statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in zip(runs, untracked, strict=True))


if __name__ == "__main__":
    main()
