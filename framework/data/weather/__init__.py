"""The weather of the hours: read from a file, and joined to a clean frame."""
