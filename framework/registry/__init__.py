"""Registries: records, the interface of a backend, aliases, files of models, signatures, upkeep."""
