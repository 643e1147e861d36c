"""Pictures as SVG: a strip of colours for each counter, and the curve of one counter."""

from __future__ import annotations

import base64
import html
import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bike_traffic.visible import shortened

COLOURS = {
    "absent": "#00000000",
    "level-1": "#d6e4f2",
    "level-2": "#a9c8e4",
    "level-3": "#7aa9d2",
    "level-4": "#4583b8",
    "level-5": "#1f5c95",
    "outage-zeros": "#d1495b",
    "outage-silent": "#e8a33d",
    "level-changed": "#8d5fbf",
    "directions-swapped": "#8d5fbf",
}
"""What a cell of a strip may be, in this order: not there, counting less or more, and the kinds of trouble."""
CELLS = tuple(COLOURS)
WIDTH, LABELS = 1100, 330
ROW, AXIS = 14, 22
CURVE = 110
_LONGEST = 52
_LABEL_WIDTH = 52  # of a mark of time
_YEARS = 3  # a longer time has a mark for each year, a shorter one for months

Cells = NDArray[np.uint8]
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@attrs.frozen(kw_only=True)
class Span:
    """A part of a curve to point out: days of it, a kind of trouble, and what to say about it."""

    first_day: float
    last_day: float
    kind: str
    says: str


def text(value: object) -> str:
    """Return text as HTML and XML take it, in an element or an attribute."""
    return html.escape(_NO_TEXT.sub("\ufffd", str(value)), quote=True)


def strips(labels: Sequence[str], cells: Cells, first_day: int, days_a_cell: int, alt: str) -> str:
    """Return a picture of the whole city: a row of cells for each counter.

    Parameters
    ----------
    labels : of the rows.
    cells : places in `CELLS`, shape (rows, cells).
    first_day : of the first cell, in days since 1970.
    """
    height = ROW * len(labels) + AXIS
    rows = "".join(
        f'<text x="{LABELS - 8}" y="{ROW * place + ROW - 3}" text-anchor="end">{text(shortened(label, _LONGEST))}'
        f"<title>{text(label)}</title></text>"
        for place, label in enumerate(labels)
    )
    image = (
        f'<image x="{LABELS}" y="0" width="{WIDTH - LABELS}" height="{ROW * len(labels)}" class="cells" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{_png(np.repeat(cells, 2, axis=0))}"/>'
    )
    return _svg(rows + image + _axis(first_day, cells.shape[1] * days_a_cell, height - AXIS), height, alt)


def curve(bikes: NDArray[np.float64], first_day: int, spans: Iterable[Span], alt: str) -> str:
    """Return the curve of a counter.

    Parameters
    ----------
    bikes : of each day from the first day on, NaN where it did not count; of more than two years means of weeks.
    first_day : in days since 1970.
    """
    size = len(bikes)
    top = float(np.nanquantile(bikes, 0.995)) * 1.05 if np.isfinite(bikes).any() else 1.0
    scale = (WIDTH - LABELS) / max(size, 1)
    shaded = "".join(
        f'<rect x="{LABELS + (one.first_day - first_day) * scale:.1f}" y="0" height="{CURVE}" '
        f'width="{max((one.last_day - one.first_day + 1) * scale, 2):.1f}" fill="{COLOURS.get(one.kind, "#888888")}" '
        f'fill-opacity="0.25"><title>{text(one.says)}</title></rect>'
        for one in spans
    )
    step = 7 if size > 2 * 366 else 1
    padded = np.pad(bikes, (0, -size % step), constant_values=np.nan).reshape(-1, step)
    known = np.isfinite(padded)
    means = np.where(known, padded, 0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    across = LABELS + (np.arange(len(means)) + 0.5) * step * scale
    line = _path(across, CURVE * (1 - np.minimum(means / top, 1)))
    scale_text = (
        f'<text x="{LABELS - 8}" y="10" text-anchor="end">{top:,.0f} bikes a day</text>'
        f'<text x="{LABELS - 8}" y="{CURVE}" text-anchor="end">0</text>'
    )
    return _svg(
        f'{shaded}<path class="line" d="{line}"/>{scale_text}{_axis(first_day, size, CURVE)}', CURVE + AXIS, alt
    )


def _svg(inside: str, height: int, alt: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{text(alt)}">{inside}</svg>'
    )


def _axis(first_day: int, days: int, top: int) -> str:
    """Return the line of time below a picture: years, or months of less than three years."""
    first = pd.Timestamp(np.datetime64(first_day, "D"))
    last = first + pd.Timedelta(days=days - 1)
    frequency, form = ("YS", "%Y") if days >= _YEARS * 365 else ("MS", "%b %Y")
    ticks = pd.date_range(first.normalize(), last, freq=frequency)
    ticks = ticks[:: max(1, -(-len(ticks) // 12))]
    found = [f'<path class="axis" d="M{LABELS},{top}H{WIDTH}"/>']
    for tick in ticks:
        x = LABELS + (tick - first).days / days * (WIDTH - LABELS)
        found.append(f'<path class="axis" d="M{x:.1f},{top}v4"/>')
        if x < WIDTH - _LABEL_WIDTH:
            found.append(f'<text x="{x:.1f}" y="{top + 16}">{tick:{form}}</text>')
    return "".join(found)


def _path(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> str:
    """Return a line as SVG draws it, interrupted where `y` is NaN; a lone point is a short stroke."""
    parts = []
    drawn = False
    for across, down in zip(x, y, strict=True):
        if np.isfinite(down):
            parts.append(f"{'L' if drawn else 'M'}{across:.1f},{down:.1f}" + ("" if drawn else "h0.1"))
        drawn = bool(np.isfinite(down))
    return "".join(parts)


def _png(cells: Cells) -> str:
    """Return cells as a PNG with a palette, in base64."""
    height, width = cells.shape
    rgba = [bytes.fromhex(colour.lstrip("#").ljust(8, "f")) for colour in COLOURS.values()]
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with its filter, which is none
    lines[:, 1:] = cells
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0),
        b"PLTE": b"".join(colour[:3] for colour in rgba),
        b"tRNS": bytes(colour[3] for colour in rgba),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    )
    return base64.b64encode(data).decode()
