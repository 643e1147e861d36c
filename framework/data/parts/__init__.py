"""Counts in parts: read in chunks, checked, and kept by counter in a temporary folder."""
