"""Parquet files: their columns and rows, within limits, as the City publishes text and numbers."""
