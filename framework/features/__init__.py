"""Features of clean rows: the calendar, the history of each counter, and which rows to learn from."""

from __future__ import annotations

# Models that were pickled before this was a package name the two classes here.
from bike_traffic.features.history import CountFeatures, HistoryFeatures

__all__ = ["CountFeatures", "HistoryFeatures"]
