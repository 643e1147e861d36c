"""The sketch of Paris: its outline, the Seine and its canals, as few points as are enough to say "here"."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["apart", "frame_of", "landmarks", "sketch", "within_sketch"]

METRES_A_DEGREE = 111_200.0
"""Length of a degree of latitude."""


@cache
def _points() -> dict[str, Any]:
    text = (files("bike_traffic.app") / "static" / "paris.json").read_text(encoding="utf-8")
    points: dict[str, Any] = json.loads(text)
    return points


def sketch() -> dict[str, dict[str, Any]]:
    """Return `land`, `canal` and `river` as GeoJSON."""
    points = _points()
    outline = _rounded(points["outline"], ring=True)
    rivers = [points["seine"], *points["arms"]]
    return {
        # A ring that runs clockwise: the other way round it would be all of the world but Paris.
        "land": {"type": "Polygon", "coordinates": [outline]},
        "canal": {"type": "LineString", "coordinates": _rounded(points["canal"])},
        "river": {"type": "MultiLineString", "coordinates": [_rounded(one) for one in rivers]},
    }


def landmarks() -> list[dict[str, Any]]:
    """Return the names of well-known places, `name`, with their longitude `x` and latitude `y`."""
    return [{"name": name, "x": x, "y": y} for name, (x, y) in _points()["landmarks"].items()]


def _rounded(line: list[list[float]], *, ring: bool = False) -> list[list[float]]:
    """Return a line with its corners cut off (Chaikin), which keeps both ends; a ring ends where it begins."""
    points = np.asarray([*line, line[0]] if ring else line)
    quarters = np.stack([points[:-1] * 0.75 + points[1:] * 0.25, points[:-1] * 0.25 + points[1:] * 0.75], axis=1)
    cut = quarters.reshape(-1, 2)
    rounded = np.vstack([cut, cut[:1]]) if ring else np.vstack([points[:1], cut[1:-1], points[-1:]])
    return [[round(float(x), 4), round(float(y), 4)] for x, y in rounded]


def within_sketch(latitude: pd.Series[float], longitude: pd.Series[float]) -> bool:
    """Return whether all places are on the sketch, or at most half its size beside it."""
    outline = np.asarray(_points()["outline"])
    low, high = outline.min(axis=0), outline.max(axis=0)
    margin = (high - low) / 2
    places = np.column_stack([longitude, latitude])
    return bool(((places >= low - margin) & (places <= high + margin)).all())


def frame_of(latitude: pd.Series[float], longitude: pd.Series[float]) -> dict[str, Any]:
    """Return the corners of a frame round places without a sketch, at least two kilometres wide, as GeoJSON."""
    middle = [(series.max() + series.min()) / 2 for series in (longitude, latitude)]
    narrowing = float(np.cos(np.radians(middle[1])))
    least = [2_000 / METRES_A_DEGREE / narrowing, 2_000 / METRES_A_DEGREE]
    spans = [
        max(float(series.max() - series.min()) * 1.1, span)
        for series, span in zip((longitude, latitude), least, strict=True)
    ]
    corners = [
        [round(middle[0] + x * spans[0] / 2, 4), round(middle[1] + y * spans[1] / 2, 4)]
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return {"type": "MultiPoint", "coordinates": corners}


def apart(latitude: pd.Series[float], longitude: pd.Series[float], share: float = 0.045) -> pd.DataFrame:
    """Return the places moved apart where two are so close that one dot would hide the other.

    Parameters
    ----------
    share : the least distance of two places, as a share of the diagonal of all of them.

    Returns
    -------
    `latitude` and `longitude`, degrees, with the index of the places.
    """
    narrowing = float(np.cos(np.radians(latitude.mean())))
    points = np.column_stack([longitude * narrowing, latitude]).astype(float)
    least = share * float(np.hypot(*(points.max(axis=0) - points.min(axis=0)))) if len(points) else 0.0
    for _ in range(60):
        gaps = points[:, None] - points[None, :]
        close = np.argwhere(np.triu(np.hypot(gaps[..., 0], gaps[..., 1]) < least * 0.999, k=1))
        if not len(close):
            break
        for first, second in close:
            gap = points[second] - points[first]
            distance = float(np.hypot(*gap))
            if distance >= least:
                continue  # an earlier pair of this round has moved it
            # Two at the very same place part along the diagonal.
            direction = gap / distance if distance > 0 else np.array([1.0, 1.0]) / np.sqrt(2)
            points[first] -= direction * (least - distance) / 2
            points[second] += direction * (least - distance) / 2
    columns = {"latitude": points[:, 1].round(4), "longitude": (points[:, 0] / narrowing).round(4)}
    return pd.DataFrame(columns, index=latitude.index)
