"""The module from which code of the original project imports its two functions."""

from __future__ import annotations

from bike_traffic.app.seed_functions import get_best_model_from_summary, update_summary

__all__ = ["get_best_model_from_summary", "update_summary"]
