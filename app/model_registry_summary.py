"""Where the original project's code imports its two functions from."""

from __future__ import annotations

from bike_traffic.seed_functions import get_best_model_from_summary, update_summary

__all__ = ["get_best_model_from_summary", "update_summary"]
