"""The pictures of a run: how a model did on the held-out rows, what it looked at, and how it learned."""

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

from bike_traffic.cleaning import RawCleanerTransformer
from bike_traffic.data.schema import COUNTER, TIME
from bike_traffic.metrics import METRICS, Task
from bike_traffic.tracking import TrainedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LABELS = ("quiet", "busy")
MOST_FEATURES = 20
MOST_HOURS = 60 * 24
"""Longer spans, such as those of a random split, are drawn by the day."""
ACTUAL, PREDICTED, BASELINE = "#222222", "#d1495b", "#7a9cc6"
_DPI = 110


@attrs.frozen
class _Judged:
    """The held-out rows: a frame of truth, prediction, baseline, hour and so on, and whose they are."""

    name: str
    task: Task
    rows: pd.DataFrame
    metrics: Mapping[str, float]

    @property
    def span(self) -> str:
        first, last = self.rows[TIME].min(), self.rows[TIME].max()
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def draw(trained: TrainedModel, folder: Path) -> None:
    """Write each picture that the model has as a PNG into `folder`."""
    judged = _judge(trained)
    classified = judged.task == "classification"
    pictures: dict[str, Callable[[], Figure | None]] = {
        "predicted_against_actual": lambda: _shares(judged) if classified else _counts(judged),
        "error_by_hour_and_weekday": lambda: _errors(judged),
        "feature_importances": lambda: _importances(judged, getattr(trained.pipeline, "feature_importances_", None)),
        "loss_curves": lambda: _curves(judged, getattr(trained.pipeline, "history_", None)),
        "confusion_matrix": lambda: _confusion(judged) if classified else None,
        "roc_curve": lambda: _roc(judged) if classified else None,
    }
    for name, picture in pictures.items():
        figure = picture()
        if figure is not None:
            figure.savefig(folder / f"{name}.png", dpi=_DPI)


def _judge(trained: TrainedModel) -> _Judged:
    pipeline, held_out = trained.pipeline, trained.held_out
    cleaned = RawCleanerTransformer().transform(held_out)
    probability = pipeline.probability(held_out)
    answer, _ = trained.baseline.answer(pipeline, held_out)
    rows = cleaned[[COUNTER, TIME, "heure", "jour_semaine"]].assign(
        truth=pipeline.truth(held_out).to_numpy(np.float64),
        predicted=pipeline.predict(held_out).to_numpy(np.float64),
        baseline=answer,
        probability=np.nan if probability is None else probability.to_numpy(np.float64),
    )
    return _Judged(pipeline.name, pipeline.task, rows, trained.record.metrics)


def _figure(width: float, height: float, **layout: Any) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", **layout)


def _counts(judged: _Judged) -> Figure:
    """Draw the mean over the counters through time, and every row against its truth."""
    figure = _figure(12.5, 4.6)
    through_time, against = figure.subplots(1, 2, width_ratios=[2.3, 1])
    counters = judged.rows[COUNTER].nunique()
    _draw_means(through_time, judged, f"bikes per hour, mean of {counters} counters")
    rows = judged.rows
    limit = max(float(rows[["truth", "predicted"]].max().max()), 1.0)
    cells = against.hexbin(
        rows["truth"],
        rows["predicted"],
        gridsize=45,
        extent=(0, limit, 0, limit),
        bins="log",
        mincnt=1,
        cmap="viridis",
    )
    against.plot([0, limit], [0, limit], color=PREDICTED, linewidth=1)
    against.set(xlabel="actual, bikes per hour", ylabel="predicted, bikes per hour", aspect="equal")
    against.set_title(_scores(judged, "r2", "rmse"))
    figure.colorbar(cells, ax=against, label="rows", shrink=0.85)
    figure.suptitle(f"{judged.name}: predicted against actual, held-out rows of {judged.span}")
    return figure


def _shares(judged: _Judged) -> Figure:
    """Draw through time at how many of the counters it is busy."""
    figure = _figure(12.5, 4.6)
    _draw_means(figure.subplots(), judged, "share of the counters that are busy")
    figure.suptitle(
        f"{judged.name}: predicted against actual, held-out rows of {judged.span} "
        f"({_scores(judged, 'accuracy', 'f1_score')})"
    )
    return figure


def _draw_means(axes: Axes, judged: _Judged, label: str) -> None:
    times = judged.rows[TIME].dt.tz_localize(None)
    if times.nunique() > MOST_HOURS:
        times = times.dt.floor("D")
        label = f"{label}, by day"
    means = judged.rows.groupby(times)[["truth", "predicted", "baseline"]].mean()
    lines = {"truth": ("actual", ACTUAL, 1.3, 2), "predicted": ("predicted", PREDICTED, 1.2, 3)}
    lines["baseline"] = ("4-week mean", BASELINE, 0.9, 1)
    for column, (name, colour, width, order) in lines.items():
        axes.plot(means.index, means[column], label=name, color=colour, linewidth=width, zorder=order)
    top = 1.15 * max(float(means.max().max()), 1e-9)  # room for the legend
    axes.set(ylabel=label, xlim=(means.index[0], means.index[-1]), ylim=(0, top))
    dates: Any = ConciseDateFormatter
    axes.xaxis.set_major_formatter(dates(axes.xaxis.get_major_locator()))
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", ncols=3, fontsize="small")


def _scores(judged: _Judged, *names: str) -> str:
    known = [name for name in names if name in METRICS and name in judged.metrics]
    return ", ".join(f"{name} {judged.metrics[name]:.3f}" for name in known)


def _errors(judged: _Judged) -> Figure:
    """Draw how far off the predictions are, and to which side, for each hour of the week."""
    rows = judged.rows
    off = rows["predicted"] - rows["truth"]
    tables = [
        values.groupby([rows["jour_semaine"], rows["heure"]]).mean().unstack().reindex(range(7)).reindex(
            columns=range(24)
        )
        for values in (off.abs(), off)
    ]  # fmt: skip
    if judged.task == "regression":
        labels = ("mean absolute error, bikes per hour", "mean of predicted minus actual, bikes per hour")
    else:
        labels = ("share of wrong labels", "share called busy minus share that is")
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
    figure.suptitle(f"{judged.name}: error by hour and weekday, held-out rows of {judged.span}")
    return figure


def _importances(judged: _Judged, importances: pd.Series | None) -> Figure | None:
    """Draw the features that the model leans on most, the most important at the top."""
    if importances is None or not len(importances):
        return None
    most = importances.sort_values().tail(MOST_FEATURES)
    figure = _figure(8.5, 1.4 + 0.28 * len(most))
    axes = figure.subplots()
    axes.barh([str(name) for name in most.index], most.to_numpy(np.float64), color=BASELINE)
    axes.set(xlabel="share of all importances", xlim=(0, None))
    axes.grid(axis="x", alpha=0.25)
    shown = f", the {len(most)} largest of {len(importances)}" if len(most) < len(importances) else ""
    figure.suptitle(f"{judged.name}: feature importances{shown}")
    return figure


def _curves(judged: _Judged, history: Mapping[str, Sequence[float]] | None) -> Figure | None:
    """Draw each series of values by epoch; those whose names begin alike share axes."""
    if not history:
        return None
    kinds = [(kind, list(names)) for kind, names in groupby(sorted(history), lambda name: name.partition("/")[0])]
    figure = _figure(7.5 * len(kinds), 4.4)
    for axes, (kind, names) in zip(np.ravel(figure.subplots(1, len(kinds))), kinds, strict=True):
        for name in names:
            epochs = np.arange(1, len(history[name]) + 1)
            axes.plot(epochs, history[name], marker="o", markersize=4, label=name.partition("/")[2] or name)
        axes.set(xlabel="epoch", ylabel=f"{kind} on the training rows")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.legend()
    figure.suptitle(f"{judged.name}: {', '.join(kind for kind, _ in kinds)} by epoch")
    return figure


def _confusion(judged: _Judged) -> Figure:
    """Draw how often each label was taken for which, as rows and as a share of what they are."""
    table = np.zeros((2, 2))
    np.add.at(table, (judged.rows["truth"].to_numpy(np.intp), judged.rows["predicted"].to_numpy(np.intp)), 1)
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
    figure.suptitle(f"{judged.name}: confusion matrix, held-out rows")
    return figure


def _roc(judged: _Judged) -> Figure | None:
    """Draw the share of busy hours found against that of quiet hours called busy, for every threshold."""
    rows = judged.rows
    if rows["probability"].isna().any() or rows["truth"].nunique() < 2:
        return None
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(rows["truth"], rows["probability"])
    figure = _figure(5.4, 5.2)
    axes = figure.subplots()
    axes.plot(false_positive, true_positive, color=PREDICTED, label=_scores(judged, "roc_auc"))
    axes.plot([0, 1], [0, 1], color=ACTUAL, linewidth=0.8, linestyle="--", label="chance, 0.500")
    axes.set(xlabel="share of quiet hours called busy", ylabel="share of busy hours found", aspect="equal")
    axes.set(xlim=(0, 1), ylim=(0, 1.005))
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right")
    figure.suptitle(f"{judged.name}: ROC curve, held-out rows")
    return figure
