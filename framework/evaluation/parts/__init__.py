"""Measured rows part by part: the sums from which metrics follow."""
