"""Open the registry that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bike_traffic.config import Settings
from bike_traffic.errors import SettingsError, no_such
from bike_traffic.manager import Declaration
from bike_traffic.registry.backend import CREDENTIALS, RegistryBackend
from bike_traffic.specs import BackendSpec


def open_backend(
    settings: Settings, declaration: Declaration[BackendSpec], credentials: Mapping[str, Any] | None = None
) -> RegistryBackend:
    """Return a backend with the registry and the options that the settings give it, and a program's credentials.

    Raises
    ------
    MissingExtra, SettingsError
    """
    name = declaration.spec.name
    if missing := declaration.spec.missing():
        raise declaration.spec.missing_extra(missing[0])
    uri = settings.registry_of(name)
    options = {key: value for key, value in settings.backend_options.get(name, {}).items() if key != "registry"}
    backend_class: type[RegistryBackend] = declaration.load()
    known = backend_class.option_names()
    for option in options:
        if option not in known:
            where = f"[backends.{name}] in {settings.config or 'bt.toml'}"
            message = no_such(f"option of backend '{name}'", option, known)
            raise SettingsError(
                f"{where}: {message}", "backend-option-unknown", backend=name, name=option, known=sorted(known)
            )
    if credentials is not None:
        if not backend_class.takes_credentials():
            raise SettingsError(
                f"backend '{name}' takes no credentials, so that none can be passed to it",
                "credentials-not-taken",
                backend=name,
            )
        options[CREDENTIALS] = credentials
    registry = backend_class(uri, **options)
    registry.registry_id = registry.registry_id or uri
    registry.is_default = settings.source_of_registry(name) == "default"
    return registry
