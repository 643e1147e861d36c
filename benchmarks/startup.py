"""How long `bt --help` and `bt registry best` take as whole processes, beside an import of click.

    python benchmarks/startup.py

The commands take turns, so that a busy machine slows all of them alike. Bytecode is cached, as pip leaves it: it
is written to a folder of its own by a first round that is not measured.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from records import make_records, summary_of
from report import bt_command, note, parser, print_machine, print_table, run


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--records", type=int, default=10_000, help="size of the registry (default: 10,000)")
    arguments.add_argument("--repeats", type=int, default=15, help="the median of so many is shown (default: 15)")
    options = arguments.parse_args()

    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder, "summary.json")
        summary.write_bytes(summary_of(make_records(options.records)))
        note(f"{summary}: {options.records:,} records, {summary.stat().st_size / 1e6:.1f} MB")
        best = [bt_command(), "registry", "best", "--metric", "r2", "--registry", str(summary)]
        commands = {
            '`python -c "import click"`': [sys.executable, "-c", "import click"],
            "`bt --help`": [bt_command(), "--help"],
            f"`bt registry best --metric r2`, {options.records:,} records": best,
            "the same, `--format json`": [*best, "--format", "json"],
        }
        seconds: dict[str, list[float]] = {label: [] for label in commands}
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
        for turn in range(1 + options.repeats):
            for label, command in commands.items():
                spent = run(command, environment).seconds
                if turn:
                    seconds[label].append(spent)
    click = statistics.median(next(iter(seconds.values())))
    rows = []
    for label, values in seconds.items():
        median = statistics.median(values)
        rows.append([label, _ms(median), _ms(min(values)), f"{median / click:.2f}"])
    print_table(["command", "median ms", "fastest ms", "times click"], rows)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


if __name__ == "__main__":
    main()
