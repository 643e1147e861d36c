"""Counts as the City of Paris publishes them: their columns, reading, checking, and a generated sample."""
