"""The weather of a city, from those who forecast or observe it."""
