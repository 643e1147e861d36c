"""Where the runs of a profile are kept: its own store, or an MLflow server."""
