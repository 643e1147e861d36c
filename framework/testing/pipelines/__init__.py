"""The checks of a pipeline, and how pytest and `bt plugins check` run them."""
