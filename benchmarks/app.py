"""What the app costs: the server process of `bt app`, asked over its websocket as a browser would.

    PYTHONPATH=. python benchmarks/app.py --data comptage-velo-donnees-compteurs.csv.gz

An `rf` is trained on the counts first, unless `--registry` names a registry that has one. CPU is that of the server
alone, user and system; a figure is the median of the turns, and so is what a fixed loop took after each of them: how
fast the machine was. "first page" is the CPU of a fresh process until the first page is complete, its start included.
Uploads go over HTTP, as from a browser. The check and the prediction of an uploaded file are called here, as the page
of files calls them, once before they are measured.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

import pandas as pd

from bike_traffic.app.batch import predict_upload
from bike_traffic.app.uploads import check_upload
from bike_traffic.data.files.reading import read_counts
from bike_traffic.places import places_of
from bike_traffic.workspace import Workspace
from report import (
    bt_command,
    cpu_seconds_of,
    loop_milliseconds,
    megabytes_of,
    note,
    parser,
    print_machine,
    print_table,
    run,
)
from tests.app.serving import Served, serve
from tests.app.sessions import Session, session, upload

TURNS, PAGES = 15, 5
UPLOADS, PER_SESSION, MEGABYTES = 50, 3, 5
FILE_ROWS = 100_000
AFTER_SECONDS = 180.0
"""Closed sessions are kept for a while, so that a reader whose network broke off finds theirs again."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", required=True, metavar="FILE", help="counts")
    arguments.add_argument("--registry", metavar="URI", help="a registry with an rf of these counts")
    options = arguments.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(options.data).resolve())
        registry = options.registry and str(Path(options.registry).resolve())
        if registry is None:
            registry = str(Path(folder, "models"))
            note("training rf")
            run([bt_command(), "train", "-m", "rf", "--no-track", "--data", data, "--registry", registry])
        rows = measure(Path(folder), registry, data)
    columns = ["what", "figure", "unit", "loop, ms"]
    print_table(columns, [row + [None] * (len(columns) - len(row)) for row in rows])


def measure(folder: Path, registry: str, data: str) -> list[list[object]]:
    """Return the rows of the table."""
    rows: list[list[object]] = []
    words = ("--registry", registry, "--data", data)
    serving = partial(serve, folder, *words, environ={"BT_CACHE": str(folder / "cache")})
    first_page(serving, 0)  # downloads the model
    rows.append(figure("first page of a fresh process", partial(first_page, serving), PAGES, "CPU s"))
    with serving() as app, session(app.url) as reader:
        reader.rerun({"model": "rf"})
        rows.append(["its payload", reader.size / 1000, "kB"])
        rows.append(["its messages", reader.messages, ""])
        rows.append(["memory after the first page", memory(app), "MB"])
        days = [f"{day:%Y-%m-%d}" for day in pd.date_range("2021-09-06", periods=TURNS, freq="8D")]
        names = names_of(registry)[1:]
        turns: Mapping[str, Callable[[int], dict[str, str]]] = {
            "a rerun, all cached": lambda _: {},
            "a new day": lambda turn: {"day": days[turn]},
            "a new place": lambda turn: {"place": names[turn], "day": days[0]},
            "a place seen before": lambda _: {"hour": "08"},
        }
        for what, query in turns.items():
            rows.append(figure(what, partial(spent, app, reader, query), TURNS, "CPU ms"))
        rows.append(["memory at the end", memory(app), "MB"])
        rows += uploads(app)
        rows += predictions(registry, data)
        rows.append(["unexpected errors in the log", app.text.count("unexpected error"), ""])
    return rows


def first_page(serving: Callable[[], AbstractContextManager[Served]], _: int) -> float:
    """Return the CPU seconds of a fresh process until its first page is complete."""
    with serving() as app, session(app.url) as reader:
        reader.rerun({"model": "rf"})
        return cpu(app)


def figure(what: str, cost: Callable[[int], float], turns: int, unit: str) -> list[object]:
    """Return the row of a cost: its median over some turns, and that of a fixed loop after each of them."""
    both = [(cost(turn), loop_milliseconds()) for turn in range(turns)]
    median, loop = map(statistics.median, zip(*both, strict=True))
    return [what, median, unit, loop]


def names_of(registry: str) -> list[str]:
    """Return the names of the places that the best rf of a registry knows."""
    workspace = Workspace.open(registry=registry)
    loaded = workspace.load(workspace.registry.best("rmse", workspace.query("rf")))
    return list(places_of(loaded.counters))


def predictions(registry: str, data: str) -> list[list[object]]:
    """Return what an uploaded CSV costs from its bytes to its predictions, and what reading it alone costs."""
    workspace = Workspace.open(registry=registry)
    loaded = workspace.load(workspace.registry.best("rmse", workspace.query("rf")))
    bytes_of = io.BytesIO()
    read_counts(data).tail(FILE_ROWS).to_csv(bytes_of, sep=";", index=False)

    def result() -> None:
        predict_upload(loaded, bytes_of, check_upload(bytes_of, "counts.csv")).folder.remove()

    def reading() -> None:
        bytes_of.seek(0)
        read_counts(bytes_of)

    rows: list[list[object]] = []
    many = f"{FILE_ROWS:,} uploaded rows: check and prediction"
    for what, call in ((many, result), ("reading them alone", reading)):
        costs = []
        for _ in range(4):
            before = time.process_time()
            call()
            costs.append(time.process_time() - before)
        rows.append([what, statistics.median(costs[1:]), "CPU s"])
    return rows


def uploads(app: Served) -> list[list[object]]:
    """Return the memory before many uploads, with all of them, and some minutes after their sessions were closed."""
    before, statuses = memory(app), []
    with ExitStack() as open_sessions:
        for number in range(UPLOADS):
            if number % PER_SESSION == 0:
                reader = open_sessions.enter_context(session(app.url, "file"))
                reader.rerun({})
            statuses.append(upload(app.url, reader.id, f"{number}.csv", os.urandom(MEGABYTES * 1_000_000)))
        with_all = memory(app)
    time.sleep(AFTER_SECONDS)
    with session(app.url) as reader:  # sessions are removed when another one comes or goes
        reader.rerun({"model": "rf"})
    return [
        [f"{statuses.count(204)} uploads of {MEGABYTES} MB: memory before", before, "MB"],
        ["with them", with_all, "MB"],
        [f"{AFTER_SECONDS:.0f} s after their sessions were closed", memory(app), "MB"],
    ]


def spent(app: Served, reader: Session, query: Callable[[int], dict[str, str]], turn: int) -> float:
    """Return the CPU milliseconds of a rerun."""
    before = cpu(app)
    reader.rerun({"model": "rf"} | query(turn))
    time.sleep(0.2)  # what the server does after its last message belongs to the rerun
    return 1000 * (cpu(app) - before)


def cpu(app: Served) -> float:
    return cpu_seconds_of(app.process.pid)


def memory(app: Served) -> float:
    return megabytes_of(app.process.pid)


if __name__ == "__main__":
    main()
