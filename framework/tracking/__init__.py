"""Tracking: each training is a run in MLflow; an error of tracking never stops a training."""
