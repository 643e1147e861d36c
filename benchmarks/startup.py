"""Time of `bt --help` and `bt registry best` as whole processes, compared with an import of click, and with plugins.

    python benchmarks/startup.py

The commands take turns, so that a busy machine slows all of them alike. Bytecode is cached, as after an installation
by pip: a first round, which is not measured, writes it to a folder of its own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from records import make_records, summary_of
from report import Run, bt_command, cached_bytecode, note, parser, print_machine, print_table, runs_in_turn

PLUGINS = 10
SLOW_SECONDS = 2.0


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
        environment = cached_bytecode(folder)
        sides = {label: (command, environment) for label, command in commands.items()}
        report("times click", runs_in_turn(sides, options.repeats))

        bare, full = Path(folder, "bare"), Path(folder, "plugins")
        bare.mkdir()
        for number in range(PLUGINS):
            install_plugin(full, number, seconds_to_import=SLOW_SECONDS if number == 0 else 0)
        sides = {}
        for what, site in (("no plugin", bare), (f"{PLUGINS} plugins, one of them slow", full)):
            with_site = environment | {"PYTHONPATH": str(site)}
            sides[f"`bt --help`, {what}"] = ([bt_command(), "--help"], with_site)
        report("times without", runs_in_turn(sides, 2 * options.repeats))


def report(ratio: str, runs: Mapping[str, list[Run]]) -> None:
    """Print one line for each side, with the ratio of its median to that of the first."""
    seconds = {label: [one.seconds for one in own] for label, own in runs.items()}
    first = statistics.median(next(iter(seconds.values())))
    rows = []
    for label, values in seconds.items():
        median = statistics.median(values)
        rows.append([label, _ms(median), _ms(min(values)), f"{median / first:.2f}"])
    print_table(["command", "median ms", "fastest ms", ratio], rows)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def install_plugin(site: Path, number: int, seconds_to_import: float) -> None:
    """Write a plugin into a folder as pip installs one: a pipeline's declaration, a command, and their metadata."""
    name = f"bt_plugin_{number}"
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text(
        f"import time\n\ntime.sleep({seconds_to_import})\n\n"
        "from bike_traffic import PipelineSpec, hookimpl\n\n\n"
        "@hookimpl\ndef bt_pipelines():\n"
        f'    return [PipelineSpec(name="plugin-{number}", target="{name}.model:Model")]\n'
    )
    (site / name / "command.py").write_text("import click\n\n\n@click.command()\ndef command():\n    pass\n")
    information = site / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        f"[bike_traffic]\nmain = {name}\n\n[bike_traffic.commands]\nplugin-{number} = {name}.command:command\n"
    )


if __name__ == "__main__":
    main()
