"""``bt config``."""

from __future__ import annotations

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, format_option, pass_session, registry_options
from bike_traffic.registry import chosen_backend
from bike_traffic.tracking.mlflow_client import secret_of, without_secret


@click.command(epilog="Example: bt config --env prod")
@registry_options
@format_option("table", "json")
@pass_session
def config(session: Session, env: str | None, backend: str | None, registry: str | None, form: str) -> None:
    """Print every setting, its value, and where it comes from: a flag, a BT_ variable, bt.toml, or the default."""
    settings = session.settings(env=env, backend=backend, registry=registry)
    backend_name = chosen_backend(settings, session.host(settings)).spec.name
    values = {
        "env": settings.env,
        "backend": backend_name,
        "registry": settings.registry_of(backend_name),
        "data": settings.data,
        "track": settings.track,
        "tracking_uri": without_secret(uri := settings.tracking_uri or settings.own_store, secret_of(uri)),
        "artifacts": settings.artifacts
        or ("the server's" if settings.tracking_uri else str(settings.tracking_folder)),
        "plugins": "all" if settings.plugins is None else ", ".join(settings.plugins) or "built-ins only",
        "strict_plugins": settings.strict_plugins,
        "signing_key": settings.signing_key and str(settings.signing_key),
        "public_key": settings.public_key and str(settings.public_key),
        "cache": str(settings.cache),
    }
    sources = {**settings.sources, "registry": settings.source_of_registry(backend_name)}
    rows = [(name, value, sources[name]) for name, value in values.items()]
    if form == "json":
        print_json({name: {"value": value, "source": source} for name, value, source in rows})
    else:
        print_table(["setting", "value", "from"], rows)
