"""Folders and patterns of files in place of one file: which files they name, and their tables as of one file."""
