"""Settings: a flag, else a ``BT_…`` variable, else ``bt.toml``, else a built-in default. Read here only.

A whole ``bt.toml``::

    env = "dev"                                  # the profile when none is asked for
    track = true                                 # whether trainings are runs in MLflow

    signing_key = "/home/me/bike-traffic.key"    # sign what is trained
    public_key = "bike-traffic.pub"              # load only what its owner signed

    [profiles.dev]
    backend = "local"
    data = "counts.csv.gz"

    [profiles.prod]
    backend = "gcs"
    data = "gs://my-bucket/counts.csv.gz"
    tracking_uri = "http://127.0.0.1:5000"       # without it, runs go straight to the profile's own store
    artifacts = "gs://my-bucket/mlruns"          # where the files of runs go

    [backends.gcs]
    registry = "gs://my-bucket/models/summary.json"
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from bike_traffic.errors import SettingsError, no_such

ENVIRONMENTS = ("dev", "prod")
SAMPLE = "sample"
"""The `data` setting that means: the generated sample."""

_DEFAULT_REGISTRIES = {"local": "models/summary.json"}
_PROFILE_KEYS = ("backend", "data", "tracking_uri", "artifacts")
_KEY_FILES = ("signing_key", "public_key")
_TOP_KEYS = ("env", "plugins", "track", *_KEY_FILES, "profiles", "backends")
_OFF = ("0", "false", "no", "off")


@attrs.frozen(kw_only=True)
class Settings:
    """Every setting, and in `sources` where each value came from.

    `backend` and `registry` are ``None`` where nothing says them: the scheme of the registry's URI names
    the backend, and a backend without a default registry must be given one. Without `tracking_uri` runs go straight
    to the store in `tracking_folder`, and without `artifacts` their files go beside it.
    """

    env: str
    backend: str | None
    registry: str | None
    data: str
    track: bool
    tracking_uri: str | None
    artifacts: str | None
    plugins: tuple[str, ...] | None
    strict_plugins: bool
    signing_key: Path | None
    public_key: Path | None
    cache: Path
    config: Path | None
    backend_options: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, str]

    @property
    def env_asked_for(self) -> str | None:
        """The environment where somebody said one, be it by flag, variable or file: only then it filters records."""
        return None if self.sources["env"] == "default" else self.env

    @property
    def tracking_folder(self) -> Path:
        """The folder of the profile's own MLflow store."""
        return Path(f"mlruns_{self.env}")

    @property
    def own_store(self) -> str:
        """The tracking URI of the profile's own MLflow store."""
        return f"sqlite:///{self.tracking_folder / 'mlflow.db'}"

    def registry_of(self, backend: str) -> str:
        """Return the registry's URI for `backend`; raise `SettingsError` where none is set."""
        found = self.registry or self.backend_options.get(backend, {}).get("registry")
        found = found or _DEFAULT_REGISTRIES.get(backend)
        if not found:
            raise SettingsError(
                f"backend '{backend}' has no registry; give --registry URI, set BT_REGISTRY, "
                f'or write registry = "…" under [backends.{backend}] in bt.toml'
            )
        return str(found)

    def source_of_registry(self, backend: str) -> str:
        """Return where `registry_of` found the registry's URI."""
        if self.registry:
            return self.sources["registry"]
        in_file = "registry" in self.backend_options.get(backend, {})
        return f"{self.config} [backends.{backend}]" if in_file else "default"


def load_settings(
    *,
    config: str | os.PathLike[str] | None = None,
    env: str | None = None,
    backend: str | None = None,
    registry: str | None = None,
    data: str | None = None,
    public_key: str | None = None,
    track: bool | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve all settings; the arguments stand for flags and win over everything else.

    Raises
    ------
    SettingsError
        An unknown key or profile, a value of the wrong type, or a file that is not TOML.
    """
    environ = os.environ if environ is None else environ
    path, table = _read_file(config, environ)
    sources: dict[str, str] = {}

    def choose(key: str, flag: str | None, *places: tuple[object, str], default: Any) -> Any:
        variable = f"BT_{key.upper()}"
        candidates = [(flag, f"--{key.replace('_', '-')}"), (environ.get(variable) or None, variable), *places]
        for value, source in candidates:
            if value is not None:
                sources[key] = source
                return value
        sources[key] = "default"
        return default

    env = choose("env", env, (table.get("env"), str(path)), default="dev")
    if env not in ENVIRONMENTS:
        raise SettingsError(no_such("environment", str(env), ENVIRONMENTS) + f" [{sources['env']}]")
    profile = table.get("profiles", {}).get(env, {})
    in_profile = {key: (profile.get(key), f"{path} [profiles.{env}]") for key in _PROFILE_KEYS}
    backend = choose("backend", backend, in_profile["backend"], default="local")
    registry = choose("registry", registry, default=None)
    if registry is not None and not _at_least_as_direct(sources["backend"], sources["registry"]):
        backend, sources["backend"] = None, f"the scheme of {sources['registry']}"
    data = choose("data", data, in_profile["data"], default=SAMPLE)
    signing_key = choose("signing_key", None, (table.get("signing_key"), str(path)), default=None)
    public_key = choose("public_key", public_key, (table.get("public_key"), str(path)), default=None)
    users_mlflow = (environ.get("MLFLOW_TRACKING_URI") or None, "MLFLOW_TRACKING_URI")
    tracking_uri = choose("tracking_uri", None, in_profile["tracking_uri"], users_mlflow, default=None)
    artifacts = choose("artifacts", None, in_profile["artifacts"], default=None)
    plugins = _plugins(environ, table, sources, path)
    strict = environ.get("BT_STRICT_PLUGINS", "")
    sources["cache"] = "BT_CACHE" if environ.get("BT_CACHE") else "default"
    sources["strict_plugins"] = "BT_STRICT_PLUGINS" if strict else "default"
    return Settings(
        env=env,
        backend=backend,
        registry=registry,
        data=str(data),
        track=_track(track, environ, table, sources, path),
        tracking_uri=tracking_uri,
        artifacts=artifacts,
        plugins=plugins,
        strict_plugins=strict not in ("", "0"),
        signing_key=_path(signing_key),
        public_key=_path(public_key),
        cache=cache_directory(environ),
        config=path,
        backend_options=table.get("backends", {}),
        sources=sources,
    )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _at_least_as_direct(source: str, other: str) -> bool:
    """Whether `source` says a thing as directly as `other`, a flag or a variable, does."""
    return source.startswith("--") or (source.startswith("BT_") and other.startswith("BT_"))


def _read_file(
    config: str | os.PathLike[str] | None, environ: Mapping[str, str]
) -> tuple[Path | None, dict[str, Any]]:
    asked = config or environ.get("BT_CONFIG")
    path = Path(asked) if asked else Path("bt.toml")
    if not asked and not path.exists():
        return None, {}
    import tomllib  # not needed where there is no file

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; give --config an existing file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    _check_keys(path, "", table, _TOP_KEYS)
    for key in _KEY_FILES:
        if not isinstance(table.get(key, ""), str):
            raise SettingsError(f"{path}: {key} must be the path of a file, not {table[key]!r}")
    _check_tables(path, "profiles", table)
    _check_tables(path, "backends", table)
    _check_keys(path, "profiles", table.get("profiles", {}), ENVIRONMENTS)
    for name, profile in table.get("profiles", {}).items():
        _check_keys(path, f"profiles.{name}", profile, _PROFILE_KEYS)
        for key, value in profile.items():
            if not isinstance(value, str):
                raise SettingsError(f"{path} [profiles.{name}]: {key} must be a string, not {value!r}")
    for name, backend in table.get("backends", {}).items():
        if not isinstance(backend.get("registry", ""), str):
            raise SettingsError(f"{path} [backends.{name}]: registry must be a string, not {backend['registry']!r}")
    return path, table


def _check_tables(path: Path, name: str, table: Mapping[str, Any]) -> None:
    outer = table.get(name, {})
    if not isinstance(outer, dict) or not all(isinstance(inner, dict) for inner in outer.values()):
        raise SettingsError(f"{path}: [{name}] holds tables, such as [{name}.NAME]")


def _check_keys(path: Path, section: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in table:
        if key not in known:
            where = f" [{section}]" if section else ""
            raise SettingsError(f"{path}{where}: {no_such('setting', key, known)}")


def _plugins(
    environ: Mapping[str, str], table: Mapping[str, Any], sources: dict[str, str], path: Path | None
) -> tuple[str, ...] | None:
    """Return the plugins to admit: ``None`` for all, an empty tuple for the built-ins alone."""
    if "BT_PLUGINS" in environ:
        sources["plugins"] = "BT_PLUGINS"
        return tuple(name.strip() for name in environ["BT_PLUGINS"].split(",") if name.strip())
    if "plugins" in table:
        names = table["plugins"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SettingsError(f"{path}: plugins must be a list of names, not {names!r}")
        sources["plugins"] = str(path)
        return tuple(names)
    sources["plugins"] = "default"
    return None


def _track(
    flag: bool | None,
    environ: Mapping[str, str],
    table: Mapping[str, Any],
    sources: dict[str, str],
    path: Path | None,
) -> bool:
    """Return whether trainings are tracked; they are where nobody says otherwise."""
    if not isinstance(table.get("track", True), bool):
        raise SettingsError(f"{path}: track must be true or false, not {table['track']!r}")
    if flag is not None:
        sources["track"] = "--track" if flag else "--no-track"
        return flag
    if environ.get("BT_TRACK"):
        sources["track"] = "BT_TRACK"
        return environ["BT_TRACK"].lower() not in _OFF
    sources["track"] = str(path) if "track" in table else "default"
    return bool(table.get("track", True))


def cache_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder that fetched models are kept in: ``BT_CACHE``, else the user's cache folder."""
    from platformdirs import user_cache_path

    asked = (os.environ if environ is None else environ).get("BT_CACHE")
    return Path(asked) if asked else user_cache_path("bike-traffic") / "models"


def key_path() -> Path:
    """Return where a user's keys are, without their endings: ``signing`` in the user's settings folder."""
    from platformdirs import user_config_path

    return user_config_path("bike-traffic") / "signing"
