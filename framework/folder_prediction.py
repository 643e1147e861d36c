"""Many files of counts, each into a file of predictions of its own: finished ones are left out the next time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
import pandas as pd

from bike_traffic.addresses import shown
from bike_traffic.answering import Answering
from bike_traffic.data.files.folders.filesystem import filesystem_of
from bike_traffic.data.files.folders.identity import identity_of
from bike_traffic.data.files.folders.listing import files_of
from bike_traffic.data.files.writing import TEMPORARY
from bike_traffic.errors import BikeTrafficError, FilesNotPredicted, WriteError
from bike_traffic.folders import sweep
from bike_traffic.loading import LoadedModel
from bike_traffic.prediction import predict_file
from bike_traffic.processes import ALONE, Call, Workers
from bike_traffic.progress import progress, without_bars

METADATA = "bike-traffic"
"""Key in the metadata of a Parquet file of predictions: of which run, of which file and how they were made."""

_ENDING = re.compile(r"\.(csv|json|parquet|pq|geoparquet)(\.(gz|bz2|xz|zip|zst))?$", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class FileOutcome:
    """What became of one file of counts.

    Parameters
    ----------
    source, target : the file of counts, and the Parquet file of its predictions.
    rows : of the predictions; ``None`` if there are none.
    was_finished : whether an earlier call had made them.
    error : why there are no predictions, in one line.
    notices : what a person should know of the rows.
    """

    source: str
    target: str
    rows: int | None = None
    was_finished: bool = False
    error: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def told(self) -> list[str]:
        """The notices and the error, each with the name of the file."""
        name = PurePosixPath(self.source).name
        lines = [*self.notices, *([self.error] if self.error else [])]
        return [line if name in line else f"{name}: {line}" for line in lines]


def predict_files(
    loaded: LoadedModel, source: str, folder: str, how: Answering, workers: Workers = ALONE
) -> Iterator[FileOutcome]:
    """Predict each file of a folder or a pattern into a Parquet file of the same name in another folder.

    A file of predictions appears whole or not at all. It says of which run, of which counts (their size, and their
    time or the tag of their storage) and with which options it was made: where all are the same, it is left as it
    is. A file that cannot be predicted does not keep the others from it; one that cannot be written ends the work.

    Parameters
    ----------
    source : a folder, a pattern, or one file, as `files_of` takes it.
    folder : where the predictions go; a local one is made. Not that of the counts.
    workers : who predicts them.

    Returns
    -------
    An iterator over the outcomes in the order of the names, each as soon as it is known.

    Raises
    ------
    ReadError, WriteError, MissingInput, WorkerError
    """
    loaded.pipeline.require_input(history=how.history is not None, weather=how.weather is not None)
    files = files_of(source) or [source]
    targets = _targets_of(files, folder.rstrip("/"))
    if "://" not in folder.removeprefix("file://"):
        _prepare(Path(folder.removeprefix("file://")))
    stamp = {"run": loaded.record.run_id, "how": _digest(how)}
    if workers.elsewhere:  # processes may be of an earlier call, in another folder
        files, targets = ([_absolute(name) for name in names] for names in (files, targets))
    calls = [partial(_predicted, *names) for names in zip(files, targets, strict=True)]
    return _all_predicted(_Work(loaded, how, stamp), calls, workers)


def require_predicted(outcomes: Sequence[FileOutcome]) -> None:
    """Raise `FilesNotPredicted` if any file has no predictions."""
    failed = [shown(outcome.source) for outcome in outcomes if outcome.rows is None]
    if failed:
        raise FilesNotPredicted(
            f"{len(failed):,} of {len(outcomes):,} files could not be predicted; the same command again predicts "
            "these alone",
            "files-not-predicted",
            failed=failed,
            total=len(outcomes),
        )


def _targets_of(files: Sequence[str], folder: str) -> list[str]:
    targets: dict[str, str] = {}
    for file in files:
        name = _ENDING.sub("", PurePosixPath(file).name) + ".parquet"
        target = f"{folder}/{name}"
        if _is_same(str(PurePosixPath(file).parent), folder):
            raise WriteError(
                f"{shown(folder)}: is the folder of the counts, and its predictions would be read as counts; give "
                "them another folder",
                "output-in-input",
                path=shown(folder),
            )
        if target in targets:
            raise WriteError(
                f"{shown(targets[target])} and {shown(file)} would both be predicted into {name}; rename one",
                "outputs-collide",
                one=targets[target],
                other=file,
                name=name,
            )
        targets[target] = file
    return list(targets)


def _is_same(one: str, other: str) -> bool:
    if "://" in one or "://" in other:
        return re.sub(":/+", "://", one) == re.sub(":/+", "://", other)
    return Path(one).exists() and Path(other).exists() and Path(one).samefile(other)


def _absolute(name: str) -> str:
    return name if "://" in name else str(Path(name).absolute())


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = str(error.strerror)
        raise WriteError(
            f"{folder}: cannot be written: {reason}", "file-not-writable", target=str(folder), reason=reason
        ) from None
    sweep(folder.glob(f"{TEMPORARY}*"))


@attrs.frozen
class _Work:
    """What is the same for every file."""

    loaded: LoadedModel
    how: Answering
    stamp: dict[str, str]


def _all_predicted(work: _Work, calls: Sequence[Call], workers: Workers) -> Iterator[FileOutcome]:
    name = work.loaded.pipeline.name
    with progress(f"{name}: predicting files", len(calls)) as advance, workers.sharing(work) as made:
        for outcome in made(calls):
            advance(1)
            yield outcome


def _predicted(source: str, target: str, work: _Work) -> FileOutcome:
    """Predict one file, unless its predictions are there."""
    notices: list[str] = []
    try:
        identity = _identity_of(source)
        metadata = {METADATA: json.dumps({**work.stamp, "counts": PurePosixPath(source).name, "identity": identity})}
        if identity is not None and (rows := _rows_if_finished(target, metadata[METADATA])) is not None:
            return FileOutcome(source=source, target=target, rows=rows, was_finished=True)
        with without_bars():
            how = attrs.evolve(work.how, notify=notices.append)
            rows = predict_file(work.loaded.pipeline, source, target, how, metadata=metadata)
    except WriteError:
        raise
    except BikeTrafficError as error:
        return FileOutcome(source=source, target=target, error=str(error), notices=tuple(notices))
    return FileOutcome(source=source, target=target, rows=rows, notices=tuple(notices))


def _identity_of(source: str) -> str | None:
    try:
        return identity_of(source)
    except Exception:  # each kind of storage has its own; reading the file says what is wrong
        return None


def _rows_if_finished(target: str, stamp: str) -> int | None:
    """Return the number of predictions of a file that bears a stamp; ``None`` if it is not there or another one."""
    from pyarrow import parquet

    try:
        filesystem, path = filesystem_of(target)
        with filesystem.open(path, "rb") as file:
            found = parquet.read_metadata(file)
    except Exception:  # each kind of storage has its own errors; what cannot be read is made again
        return None
    same = (found.metadata or {}).get(METADATA.encode()) == stamp.encode()
    return int(found.num_rows) if same else None


def _digest(how: Answering) -> str:
    """Return a digest of what decides on the predictions beside model and counts."""
    digest = hashlib.sha256()
    for part in (how.references is not None, how.unknown_counters, how.reasons, how.city.name):
        digest.update(repr(part).encode())
    for frame in (how.history, how.weather):
        digest.update(b"none" if frame is None else _bytes_of(frame))
    return digest.hexdigest()


def _bytes_of(frame: pd.DataFrame) -> bytes:
    hashed: Any = pd.util.hash_pandas_object(frame, index=False)
    return bytes(hashed.to_numpy().tobytes())
