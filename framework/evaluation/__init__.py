"""Evaluation on held-out rows: metrics, splits, the baseline, measuring, and pictures of it."""
