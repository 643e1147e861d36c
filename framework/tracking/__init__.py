"""Tracking: each training is a run in MLflow, and no training fails because of it."""
