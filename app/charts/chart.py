"""What a chart is: a drawing, the sentence that says its result, and its numbers as a table."""

from __future__ import annotations

from typing import Any

import attrs
import pandas as pd

__all__ = ["Chart"]


@attrs.frozen
class Chart:
    """A drawing with the words that say the same.

    Parameters
    ----------
    spec : a Vega-Lite dictionary with inline values; it names no address and is drawn without a theme of Streamlit's.
    alt : one or two sentences in the reader's language: the result, not the kind of the chart.
    table : the numbers of the drawing, with headers in the reader's language and rounded values.
    """

    spec: dict[str, Any]
    alt: str
    table: pd.DataFrame
