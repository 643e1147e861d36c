"""What ``--plot`` draws: the pictures that tracking draws, without tracking."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bike_traffic.cli.printing import note
from bike_traffic.errors import MissingExtra, WriteError
from bike_traffic.extras import pip_words

if TYPE_CHECKING:
    from bike_traffic.backtesting import Fold

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

folder_option = click.option(
    "--plot",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw predictions and errors as pictures into FOLDER.",
)


def require_plot(plot: object) -> None:
    """Raise `MissingExtra` if pictures are to be drawn, and what draws them is not installed."""
    if plot is not None and find_spec("matplotlib") is None:
        install = pip_words("bike-traffic[plot]")
        raise MissingExtra(
            f"a picture needs matplotlib, which is not installed: pip install {install}",
            "extra-missing",
            name="plot",
            module="matplotlib",
            install=install,
        )


def into_folder(folder: Path, draw: Callable[[Path], None]) -> None:
    """Draw pictures into a folder, which is made if it is not there; raise `WriteError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draw(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"{folder}: {reason}", "picture-not-written", path=str(folder), reason=reason) from None
    note(f"{len(list(folder.glob('*.png')))} pictures drawn in {folder}")


def draw_folds(folds: list[Fold], folder: Path) -> None:
    """Draw the rows of all folds of each model into a folder of its own."""
    import pandas as pd

    from bike_traffic.evaluation.measuring import evaluation_of
    from bike_traffic.pictures.evaluation import draw_evaluation

    for model in dict.fromkeys(fold.model for fold in folds):
        own = [fold for fold in folds if fold.model == model]
        task = own[0].task
        evaluation = evaluation_of(task, pd.concat([fold.evaluation.rows for fold in own], ignore_index=True))
        into_folder(folder / model, partial(draw_evaluation, model, task, evaluation))
