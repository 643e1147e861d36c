"""The columns of measured rows, beside counter, time, hour, weekday and those of `Pipeline.predict_frame`."""

from __future__ import annotations

TRUTH = "truth"
"""What a prediction is measured against: the count in bikes per hour, or its label."""
BASELINE, RECENT = "baseline", "recent"
"""What the four-week mean and the recent level predict."""
USUAL = ("usual_lower", "usual", "usual_upper")
"""The 10, 50 and 90 % quantiles of the last weeks in training."""
SCORE = "_score"
"""Ending of a baseline's score for a classification."""
ORIGIN = "origin"
"""First hour of a forecast; the counts before it were known."""
DAYS_AHEAD = "days_ahead"
"""Local days from that of the origin, from 1."""
