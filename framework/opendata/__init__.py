"""Counts from a city's open-data portal, month by month, in a store that keeps what the portal drops."""
