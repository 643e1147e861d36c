"""Pictures of an evaluation: predictions and errors on the held-out rows, feature importances, loss curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pandas as pd
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure  # not pyplot, which keeps a state and looks for a display
from matplotlib.ticker import LogFormatter

from bike_traffic.columns import COUNTER, HOUR, TIME, WEEKDAY
from bike_traffic.evaluation.measuring import Evaluation
from bike_traffic.evaluation.metrics import METRICS
from bike_traffic.evaluation.rows import BASELINE, TRUTH
from bike_traffic.names import Task
from bike_traffic.pipeline import PREDICTION, PROBABILITY, Pipeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LABELS = ("quiet", "busy")
MOST_FEATURES = 20
MOST_HOURS = 60 * 24
"""The means over more hours, such as those of a random split, are drawn by day."""
ACTUAL, PREDICTED, OF_BASELINE = "#222222", "#d1495b", "#7a9cc6"
_DPI = 110


@attrs.frozen(eq=False)
class _Measured:
    """What the pictures show: name and task of a pipeline, and its evaluation."""

    name: str
    task: Task
    rows: pd.DataFrame
    metrics: Mapping[str, float]

    @property
    def span(self) -> str:
        first, last = self.rows[TIME].min(), self.rows[TIME].max()
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def draw(pipeline: Pipeline, evaluation: Evaluation, folder: Path) -> None:
    """Write each picture that a pipeline and its evaluation have as a PNG into `folder`."""
    inside = {name: getattr(pipeline, name, None) for name in ("feature_importances_", "history_")}
    draw_evaluation(pipeline.name, pipeline.task, evaluation, folder, **inside)


def draw_evaluation(
    name: str,
    task: Task,
    evaluation: Evaluation,
    folder: Path,
    *,
    feature_importances_: pd.Series | None = None,
    history_: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write each picture of an evaluation as a PNG into `folder`, and of what the pipeline tells of itself."""
    measured = _Measured(name, task, evaluation.rows, evaluation.metrics)
    classified = measured.task == "classification"
    pictures: dict[str, Callable[[], Figure | None]] = {
        "predicted_against_actual": lambda: _shares(measured) if classified else _counts(measured),
        "error_by_hour_and_weekday": lambda: _errors(measured),
        "feature_importances": lambda: _importances(measured, feature_importances_),
        "loss_curves": lambda: _curves(measured, history_),
        "confusion_matrix": lambda: _confusion(measured) if classified else None,
        "roc_curve": lambda: _roc(measured) if classified else None,
    }
    for name, picture in pictures.items():
        figure = picture()
        if figure is not None:
            figure.savefig(folder / f"{name}.png", dpi=_DPI)


def _figure(width: float, height: float, **layout: Any) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", **layout)


def _counts(measured: _Measured) -> Figure:
    """Draw the mean over the counters through time, and the prediction of every row against its truth."""
    figure = _figure(12.5, 4.6)
    through_time, against = figure.subplots(1, 2, width_ratios=[2.3, 1])
    counters = measured.rows[COUNTER].nunique()
    _draw_means(through_time, measured, f"bikes per hour, mean of {counters} counters")
    rows = measured.rows
    limit = max(float(rows[[TRUTH, PREDICTION]].max().max()), 1.0)
    cells = against.hexbin(
        rows[TRUTH],
        rows[PREDICTION],
        gridsize=45,
        extent=(0, limit, 0, limit),
        bins="log",
        mincnt=1,
        cmap="viridis",
    )
    against.plot([0, limit], [0, limit], color=PREDICTED, linewidth=1)
    against.set(xlabel="actual, bikes per hour", ylabel="predicted, bikes per hour", aspect="equal")
    against.set_title(_scores(measured, "r2", "rmse"))
    figure.colorbar(cells, ax=against, label="rows", shrink=0.85, format=LogFormatter())
    figure.suptitle(f"{measured.name}: predicted against actual, held-out rows of {measured.span}")
    return figure


def _shares(measured: _Measured) -> Figure:
    """Draw the share of busy counters through time."""
    figure = _figure(12.5, 4.6)
    _draw_means(figure.subplots(), measured, "share of the counters that are busy")
    figure.suptitle(
        f"{measured.name}: predicted against actual, held-out rows of {measured.span} "
        f"({_scores(measured, 'accuracy', 'f1_score')})"
    )
    return figure


def _draw_means(axes: Axes, measured: _Measured, label: str) -> None:
    times = measured.rows[TIME].dt.tz_localize(None)
    if times.nunique() > MOST_HOURS:
        times = times.dt.floor("D")
        label = f"{label}, by day"
    lines = {TRUTH: ("actual", ACTUAL, 1.3, 2), PREDICTION: ("predicted", PREDICTED, 1.2, 3)}
    if BASELINE in measured.rows:
        lines[BASELINE] = ("4-week mean", OF_BASELINE, 0.9, 1)
    means = measured.rows.groupby(times)[list(lines)].mean()
    for column, (name, colour, width, order) in lines.items():
        axes.plot(means.index, means[column], label=name, color=colour, linewidth=width, zorder=order)
    top = 1.15 * max(float(means.max().max()), 1e-9)  # room for the legend
    axes.set(ylabel=label, xlim=(means.index[0], means.index[-1]), ylim=(0, top))
    dates: Any = ConciseDateFormatter
    axes.xaxis.set_major_formatter(dates(axes.xaxis.get_major_locator()))
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", ncols=3, fontsize="small")


def _scores(measured: _Measured, *names: str) -> str:
    shown = [name for name in names if name in METRICS and name in measured.metrics]
    return ", ".join(f"{name} {measured.metrics[name]:.3f}" for name in shown)


def _errors(measured: _Measured) -> Figure:
    """Draw the absolute and the signed error for each hour of the week."""
    rows = measured.rows
    off = rows[PREDICTION] - rows[TRUTH]
    tables = [
        values.groupby([rows[WEEKDAY], rows[HOUR]]).mean().unstack().reindex(range(7)).reindex(
            columns=range(24)
        )
        for values in (off.abs(), off)
    ]  # fmt: skip
    if measured.task == "regression":
        labels = ("mean absolute error, bikes per hour", "mean of predicted minus actual, bikes per hour")
    else:
        labels = ("share of wrong labels", "share predicted busy minus share actually busy")
    figure = _figure(13.5, 3.6)
    widest = max(float(np.nanmax(np.abs(tables[1].to_numpy()))), 1e-9)
    scales: list[dict[str, Any]] = [{"cmap": "magma_r", "vmin": 0}]
    scales.append({"cmap": "RdBu_r", "vmin": -widest, "vmax": widest})
    for axes, table, label, scale in zip(figure.subplots(1, 2), tables, labels, scales, strict=True):
        axes.set_facecolor("#dddddd")
        image = axes.imshow(table, aspect="auto", **scale)
        axes.set(xlabel="hour of the day", xticks=range(0, 24, 3), yticks=range(7), yticklabels=WEEKDAYS)
        axes.set_title(label, fontsize="medium")
        figure.colorbar(image, ax=axes)
    figure.suptitle(f"{measured.name}: error by hour and weekday, held-out rows of {measured.span}")
    return figure


def _importances(measured: _Measured, importances: pd.Series | None) -> Figure | None:
    """Draw the most important features as bars, in descending order."""
    if importances is None or not len(importances):
        return None
    most = importances.sort_values().tail(MOST_FEATURES)
    figure = _figure(8.5, 1.4 + 0.28 * len(most))
    axes = figure.subplots()
    axes.barh([str(name) for name in most.index], most.to_numpy(np.float64), color=OF_BASELINE)
    axes.set(xlabel="share of all importances", xlim=(0, None))
    axes.grid(axis="x", alpha=0.25)
    shown = f", the {len(most)} largest of {len(importances)}" if len(most) < len(importances) else ""
    figure.suptitle(f"{measured.name}: feature importances{shown}")
    return figure


def _curves(measured: _Measured, history: Mapping[str, Sequence[float]] | None) -> Figure | None:
    """Draw each series of values by epoch; names with a common prefix share axes."""
    if not history:
        return None
    kinds = [(kind, list(names)) for kind, names in groupby(sorted(history), lambda name: name.partition("/")[0])]
    figure = _figure(7.5 * len(kinds), 4.4)
    for axes, (kind, names) in zip(np.ravel(figure.subplots(1, len(kinds))), kinds, strict=True):
        for name in names:
            epochs = np.arange(1, len(history[name]) + 1)
            axes.plot(epochs, history[name], marker="o", markersize=4, label=name.partition("/")[2] or name)
        axes.set(xlabel="epoch", ylabel=kind)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.legend()
    figure.suptitle(f"{measured.name}: {', '.join(kind for kind, _ in kinds)} by epoch")
    return figure


def _confusion(measured: _Measured) -> Figure:
    """Draw the confusion matrix, as rows and as shares of the actual label."""
    table = np.zeros((2, 2))
    np.add.at(table, (measured.rows[TRUTH].to_numpy(np.intp), measured.rows[PREDICTION].to_numpy(np.intp)), 1)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = _figure(5.6, 4.8)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for actual, predicted in np.ndindex(2, 2):
        text = f"{table[actual, predicted]:,.0f}\n{share[actual, predicted]:.1%}"
        colour = "white" if share[actual, predicted] > 0.5 else ACTUAL
        axes.text(predicted, actual, text, ha="center", va="center", color=colour)
    ticks = {"xticks": range(2), "xticklabels": LABELS, "yticks": range(2), "yticklabels": LABELS}
    axes.set(xlabel="predicted", ylabel="actual", **ticks)
    figure.colorbar(image, ax=axes, label="share of the actual label")
    figure.suptitle(f"{measured.name}: confusion matrix, held-out rows")
    return figure


def _roc(measured: _Measured) -> Figure | None:
    """Draw the ROC curve: the true positive rate against the false positive rate."""
    rows = measured.rows
    if PROBABILITY not in rows or rows[TRUTH].nunique() < 2:
        return None
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(rows[TRUTH], rows[PROBABILITY])
    figure = _figure(5.4, 5.2)
    axes = figure.subplots()
    axes.plot(false_positive, true_positive, color=PREDICTED, label=_scores(measured, "roc_auc"))
    axes.plot([0, 1], [0, 1], color=ACTUAL, linewidth=0.8, linestyle="--", label="chance, 0.500")
    axes.set(
        xlabel="share of quiet hours predicted busy", ylabel="share of busy hours predicted busy", aspect="equal"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.005))
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right")
    figure.suptitle(f"{measured.name}: ROC curve, held-out rows")
    return figure
