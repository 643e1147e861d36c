"""The check of whole files, in chunks."""
