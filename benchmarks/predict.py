"""Rows predicted per second by `bt predict`, as a whole process from CSV to CSV, and its peak memory.

    python benchmarks/predict.py --data comptage-velo-donnees-compteurs.csv.gz

The rows of the file are repeated to the wanted number, in all 16 columns that the City has published. Two sizes
show that memory does not grow with the input. For comparison the seed's way on fewer rows: the whole CSV read by
pandas, its cleaning, its forest, a CSV written; without the start of its process and the loading of its model.

The second table is in this process: label and probability of the classifier for published rows, from one call of
`predict_frame`, and from two calls, which is what two separate methods cost.
"""

from __future__ import annotations

import csv
import gzip
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from report import Run, bt_command, note, parser, print_machine, print_table, run

# Heavy imports are in functions: this process must stay small, see `run`.

STAMP, PLACE = "Date et heure de comptage", "Coordonnées géographiques"
PHOTO = "https://filer.example.org/file/{0:064x}/Y2111121725_20200818123410.jpg"
COLUMNS = {
    "Identifiant du compteur": "100007049-101007049",
    "Nom du compteur": "",
    "Identifiant du site de comptage": "100007049",
    "Nom du site de comptage": "28 boulevard Diderot",
    "Comptage horaire": "",
    STAMP: "",
    "Date d'installation du site de comptage": "2013-01-18",
    "Lien vers photo du site de comptage": "",
    PLACE: "",
    "Identifiant technique compteur": "Y2H15027244",
    "ID Photos": "",
    "test_lien_vers_photos_du_site_de_comptage_": "",
    "id_photo_1": "",
    "url_sites": "",
    "type_dimage": "",
    "mois_annee_comptage": "2020-09",
}
"""The City's columns of 2021, and the value that is written if the data have none."""
PHOTO_COLUMNS = {
    "Lien vers photo du site de comptage": PHOTO.format(7),
    "ID Photos": "/".join(PHOTO.format(number) for number in range(6)),
    "test_lien_vers_photos_du_site_de_comptage_": PHOTO.format(7),
    "id_photo_1": "https:",
    "url_sites": "https://www.eco-visio.net/Photos/100007049",
    "type_dimage": "jpg",
}
"""The links to photos that some years have in each row: about 900 bytes."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="CSV(.gz) of counts in the City's format")
    arguments.add_argument("--rows", type=int, default=1_000_000, help="rows of the large input (default: 1,000,000)")
    arguments.add_argument("--model", default="rf", help="model to train and predict with (default: rf)")
    arguments.add_argument(
        "--registry", metavar="URI", help="use the best model of this registry instead of training"
    )
    arguments.add_argument("--photos", action="store_true", help="fill the columns of photos, as in some years")
    arguments.add_argument("--repeats", type=int, default=3, help="the fastest of so many is shown (default: 3)")
    arguments.add_argument("--seed-rows", type=int, default=100_000, help="rows for the seed's way; 0 leaves it out")
    arguments.add_argument(
        "--classifier-rows", type=int, default=100_000, help="rows for the classifier's calls; 0 leaves them out"
    )
    options = arguments.parse_args()

    print_machine()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        environment = {"BT_CACHE": str(folder / "cache")}
        registry = options.registry or str(folder / "models")
        if not options.registry:
            note(f"training {options.model}")
            train = [bt_command(), "train", "-m", options.model, "--data", options.data, "--registry", registry]
            run([*train, "--no-track"], environment)
        rows: list[list[object]] = []
        for size in (options.rows // 4, options.rows):
            source = folder / f"{size}.csv"
            megabytes = write_input(Path(options.data), source, size, photos=options.photos)
            note(f"{size:,} rows of input, {megabytes:,.0f} MB")
            predict = [bt_command(), "predict", "-m", options.model, "--registry", registry, str(source)]
            runs = [run([*predict, "-o", str(folder / "out.csv")], environment) for _ in range(options.repeats)]
            rows.append(_row(f"bt predict -m {options.model}", size, megabytes, min(runs)))
            note(f"bt predict: {', '.join(f'{one.seconds:.2f}' for one in runs)} s")
            if size == options.rows // 4:
                smaller = source
        if options.seed_rows:
            write_input(Path(options.data), smaller, options.seed_rows, photos=options.photos)
            seconds = seed_way(options.data, smaller, folder / "out.csv")
            seed = options.seed_rows / seconds
            rows.append(["seed's way", options.seed_rows, None, seconds, None, seed, None])
            rows = [[*row, f"{float(str(row[5])) / seed:.1f}"] for row in rows]
        columns = ["way", "rows", "input MB", "wall s", "CPU s", "rows / s", "peak MB"]
        print_table([*columns, "times the seed's"] if options.seed_rows else columns, rows)
    if options.classifier_rows:
        classifier_calls(options.data, options.classifier_rows, options.repeats)


def _row(label: str, size: int, megabytes: float, fastest: Run) -> list[object]:
    seconds, cpu_seconds, peak = fastest
    return [label, size, megabytes, seconds, cpu_seconds, size / seconds, peak]


def write_input(data: Path, target: Path, size: int, *, photos: bool) -> float:
    """Write `size` rows in the City's format, and return the size in megabytes."""
    filler = COLUMNS | (PHOTO_COLUMNS if photos else {})
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in islice(_repeated(data), size):
            filler["mois_annee_comptage"] = row[STAMP][:7]
            writer.writerow([row.get(name) or fill for name, fill in filler.items()])
    return target.stat().st_size / 1e6


def _repeated(data: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of the file again and again."""
    while True:
        with gzip.open(data) if data.suffix == ".gz" else data.open("rb") as file:
            lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            delimiter = max(";,", key=(header := next(lines)).count)
            names = next(csv.reader([header], delimiter=delimiter))
            for fields in csv.reader(lines, delimiter=delimiter):
                yield dict(zip(names, fields, strict=True))


def seed_way(data: str, source: Path, target: Path) -> float:
    """Fit the seed's forest, and return the seconds it takes from CSV to CSV."""
    import pandas as pd

    from bike_traffic.data.files.reading import read_counts
    from seed_recipes import SeedRandomForest, clean

    note("fitting the seed's forest")
    forest = SeedRandomForest().fit(read_counts(data))
    note("predicting with it")
    start = time.perf_counter()
    counts = pd.read_csv(source, sep=";", low_memory=False)
    counts.assign(prediction=forest._predict(clean(counts), None)).to_csv(target, sep=";", index=False)
    return time.perf_counter() - start


def classifier_calls(data: str, rows: int, repeats: int) -> None:
    """Print what label and probability of the classifier cost, in one pass over the model and in two."""
    from bike_traffic.data.files.reading import read_counts
    from bike_traffic.manager import PluginHost
    from bike_traffic.parameters import new_pipeline

    note("fitting the classifier")
    counts = read_counts(data)
    pipeline = new_pipeline(PluginHost().pipeline("rf_class"), {}, seed=0).fit(counts)
    part = counts.tail(rows)
    ways: dict[str, Callable[[], object]] = {
        "one pass: predict_frame": lambda: pipeline.predict_frame(part),
        "two passes: predict, then predict_frame": lambda: (pipeline.predict(part), pipeline.predict_frame(part)),
    }
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for turn in range(1 + repeats):
        for way, call in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            if turn:
                spent[way].append((time.perf_counter() - wall, time.process_time() - cpu))
    per_rows = 100_000 / len(part)
    medians = {
        way: [statistics.median(values) * per_rows for values in zip(*both, strict=True)]
        for way, both in spent.items()
    }
    first = next(iter(medians.values()))
    print_table(
        ["classifier: predict + probability", "wall s / 100,000 rows", "CPU s / 100,000 rows", "times the CPU s"],
        [[way, wall, cpu, f"{cpu / first[1]:.2f}"] for way, (wall, cpu) in medians.items()],
    )


if __name__ == "__main__":
    main()
