"""Bytes and seconds of counts as the City's CSV and as a store of monthly Parquet.

    PYTHONPATH=. python benchmarks/store.py --data comptage-velo-donnees-compteurs.csv.gz

A portal on this machine publishes the counts of the file; they are fetched from it into a store, and read from each
form as training reads them, each in a process of its own. Seconds are those of a whole process with its start, the
median of three.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bike_traffic.cities import City
from bike_traffic.columns import COUNT, COUNTER, IDENTIFIER, LATITUDE, LONGITUDE, TIME
from bike_traffic.data.loading import load_counts
from bike_traffic.opendata.fetching import fetch
from report import note, parser, print_machine, print_table, run
from tests.opendata.explore_api import ExploreApi, point, portal_of

REPEATS = 3
START = """
import pandas, pyarrow.parquet, pyarrow.csv
from bike_traffic.data.loading import load_counts
from bike_traffic.data.window import Window
"""
READ = f"""{START}
load_counts({{source!r}}, window=Window.parse({{since!r}}))
"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="CSV.gz of counts in the City's format")
    options = arguments.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        packed, plain, store = options.data, f"{folder}/counts.csv", f"{folder}/store"
        with gzip.open(packed) as source, Path(plain).open("wb") as target:
            shutil.copyfileobj(source, target)
        cleaned = load_counts(plain)
        since = str((cleaned[TIME].max() - pd.DateOffset(months=2)).strftime("%Y-%m"))
        with _portal(cleaned) as city:
            start = time.perf_counter()
            result = fetch(city, store, since=pd.Period(cleaned[TIME].min().tz_localize(None), "M"))
            note(f"fetched {len(result.months)} months in {time.perf_counter() - start:.1f} s")
        forms = [
            ("the City's CSV", plain, None),
            ("the same, gzip", packed, None),
            ("store", store, None),
            (f"store, since {since}", store, since),
            (f"the City's CSV, since {since}", plain, since),
        ]
        runs = [run([sys.executable, "-c", START]) for _ in range(REPEATS)]
        rows = [["the start alone", None, *(statistics.median(one[place] for one in runs) for place in (0, 1))]]
        for label, source, first in forms:
            runs = [run([sys.executable, "-c", READ.format(source=source, since=first)]) for _ in range(REPEATS)]
            seconds, cpu = (statistics.median(one[place] for one in runs) for place in (0, 1))
            rows.append([label, _bytes(source) / 1e6, seconds, cpu])
    print_table(["form", "MB", "wall s", "CPU s"], rows)


def _bytes(source: str) -> int:
    path = Path(source)
    return sum(one.stat().st_size for one in path.iterdir()) if path.is_dir() else path.stat().st_size


@contextmanager
def _portal(cleaned: pd.DataFrame) -> Iterator[City]:
    """Publish clean counts as the City's portal does."""
    places = zip(cleaned[LATITUDE], cleaned[LONGITUDE], strict=True)
    published = pd.DataFrame(
        {
            "id_compteur": cleaned[IDENTIFIER if IDENTIFIER in cleaned else COUNTER].astype(str),
            "nom_compteur": cleaned[COUNTER].astype(str),
            "sum_counts": cleaned[COUNT],
            "date": cleaned[TIME].dt.tz_convert("UTC"),
            "coordinates": [point(float(latitude), float(longitude)) for latitude, longitude in places],
        }
    )
    with portal_of(ExploreApi(published)) as city:
        yield city


if __name__ == "__main__":
    main()
