"""The search for the parameters of a pipeline, on folds in time; it needs the extra `tune`."""
