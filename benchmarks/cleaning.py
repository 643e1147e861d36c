"""Rows cleaned per second, compared with the seed's recipe on the same frame.

    python benchmarks/cleaning.py --data comptage-velo-donnees-compteurs.csv.gz

The frame is what pandas reads from the file: plain text. The last row is our cleaner on the frame of our own reader,
whose texts are categories.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pandas as pd

from bike_traffic.data.cleaning import RawCleanerTransformer
from bike_traffic.data.files.reading import open_counts, read_counts
from report import note, parser, print_machine, print_table
from seed_recipes import clean


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="CSV of counts in the City's format")
    arguments.add_argument("--repeats", type=int, default=5, help="the median of so many is shown (default: 5)")
    options = arguments.parse_args()

    print_machine()
    with open_counts(options.data) as source:
        delimiter = source.delimiter
    plain = pd.read_csv(options.data, sep=delimiter)
    ours = RawCleanerTransformer().transform
    sides: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], pd.DataFrame]] = {
        "seed's recipe": (clean, plain),
        "RawCleanerTransformer": (ours, plain),
        "RawCleanerTransformer, our reader": (ours, read_counts(options.data)),
    }
    _compare(ours(plain), clean(plain))
    seconds: dict[str, list[float]] = {label: [] for label in sides}
    for repeat in range(options.repeats):
        for label, (cleaner, frame) in sides.items():
            start = time.perf_counter()
            cleaner(frame)
            seconds[label].append(time.perf_counter() - start)
        note(f"{repeat + 1} of {options.repeats}")
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    slowest = medians["seed's recipe"]
    print_table(
        ["cleaner", "seconds (median)", "rows / s", "times the seed's"],
        [[label, median, len(plain) / median, f"{slowest / median:.1f}"] for label, median in medians.items()],
    )


def _compare(ours: pd.DataFrame, seed: pd.DataFrame) -> None:
    """Report the rows on which the two sides differ."""
    for name in ("heure", "jour_mois", "mois", "annee", "jour_semaine"):
        differing = int((ours[name] != seed[name]).sum())
        if differing:
            note(f"{name}: {differing:,} rows differ from the seed's recipe")


if __name__ == "__main__":
    main()
