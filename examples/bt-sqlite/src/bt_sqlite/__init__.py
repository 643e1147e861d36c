"""Declares the registry backend ``sqlite``, without importing the libraries that it uses."""

from bike_traffic import BackendSpec, hookimpl


@hookimpl
def bt_registry_backends() -> list[BackendSpec]:
    """Declare the registry backend of this package."""
    return [
        BackendSpec(
            name="sqlite",
            target="bt_sqlite.registry:SqliteRegistry",
            summary="records, files and aliases in one SQLite database",
            schemes=("sqlite",),
        )
    ]
