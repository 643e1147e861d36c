"""The colours of the charts, for a light and a dark page."""

from __future__ import annotations

import attrs

__all__ = ["DARK", "LIGHT", "Theme"]


@attrs.frozen
class Theme:
    """Colours by what they mean, as ``#rrggbb``.

    Texts have a contrast of at least 4.5 with the background, marks of at least 3, and what one chart shows side by
    side differs in lightness too, so that it stays apart in grey and for colour-blind readers. Areas are pale: their
    edges are the marks.

    Parameters
    ----------
    background : of the page; charts are transparent, and use it for halos round text and marks.
    text, muted : words in front and words behind.
    grid : lines of the grid, which carry no meaning of their own.
    forecast, counted, usual : what is predicted, what came, and what was usual.
    band, band_edge : the interval of the forecast, and its edges.
    usual_band : the range that was usual.
    alarm : what is broken.
    last_year : the year before, beside the current one.
    land, water, shore : of the sketch of Paris.
    scale : from few to many, for heat maps.
    series : lines of one chart that are alike, such as models; their dashes and shapes differ as well.
    """

    background: str
    text: str
    muted: str
    grid: str
    forecast: str
    counted: str
    usual: str
    band: str
    band_edge: str
    usual_band: str
    alarm: str
    last_year: str
    land: str
    water: str
    shore: str
    scale: tuple[str, ...]
    series: tuple[str, ...]


LIGHT = Theme(
    background="#ffffff",
    text="#17212b",
    muted="#56616d",
    grid="#e6e9ed",
    forecast="#0b5394",
    counted="#c2410c",
    usual="#6f7985",
    band="#cfe0f0",
    band_edge="#5f92c0",
    usual_band="#eceef1",
    alarm="#b0124f",
    last_year="#8a94a0",
    land="#f3f0e8",
    water="#a9cfe6",
    shore="#8b8577",
    scale=("#eef3f8", "#c3d9ec", "#85b3d9", "#3f83bd", "#0b5394", "#062f57"),
    series=("#0b5394", "#c2410c", "#3d7a35", "#7b3294", "#56616d"),
)
DARK = Theme(
    background="#101418",
    text="#f1f4f7",
    muted="#a7b1bc",
    grid="#272d36",
    forecast="#7cc4ff",
    counted="#ff9248",
    usual="#98a2ae",
    band="#1d3a55",
    band_edge="#4f86b5",
    usual_band="#242a33",
    alarm="#ff6f9f",
    last_year="#76808c",
    land="#1c2129",
    water="#24506f",
    shore="#7d8590",
    scale=("#18222d", "#1d3a55", "#235c8a", "#3587c4", "#7cc4ff", "#e3f3ff"),
    series=("#7cc4ff", "#ff9248", "#8fd17f", "#d7a6f0", "#a7b1bc"),
)
