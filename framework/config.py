"""Settings: a flag, else a ``BT_…`` variable, else ``bt.toml``, else a built-in default. They are read only here.

`Settings` is the one table of them: a new setting is one field. A complete ``bt.toml``::

    env = "dev"                                  # the profile if none is given
    track = true                                 # whether trainings are runs in MLflow
    max_left_out = 0.05                          # share of the rows of counts that may be left out
    plugins = ["bt-boosted"]                     # the packages whose plugins are loaded; all if not given

    signing_key = "/home/me/bike-traffic.key"    # sign what is trained
    public_key = "bike-traffic.pub"              # load only what its owner signed

    [profiles.dev]
    backend = "local"
    data = "counts.csv.gz"
    weather = "weather.csv"                      # hourly, or SYNOP reports; for models that use it

    [profiles.prod]
    backend = "gcs"
    data = "gs://my-bucket/counts.csv.gz"
    tracking_uri = "http://127.0.0.1:5000"       # without it, runs go to the profile's own store
    artifacts = "gs://my-bucket/mlruns"          # where the files of runs go

    [backends.gcs]
    registry = "gs://my-bucket/models/summary.json"

    [cities.rennes]                              # for `bt data fetch --city rennes`
    base_url = "https://data.rennesmetropole.fr"
    counts = "eco-counter-data"                  # the data set
    columns = { counter = "name", time = "date", count = "counts", identifier = "id", coordinates = "geo" }
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from bike_traffic.addresses import shown
from bike_traffic.cities import PARIS
from bike_traffic.errors import SettingsError, no_such
from bike_traffic.folders import (
    cache_directory,
    state_directory,
    temporary_cache,
    temporary_state,
    user_cache,
    user_state,
)
from bike_traffic.settings_file import Setting, read_file

ENVIRONMENTS = ("dev", "prod")
SAMPLE = "sample"
"""The value of `data` that means the generated sample."""
SCHEME_OF = "the scheme of "
"""The source of a backend that no setting names stands after this: `registry`, or whatever gave it."""

_DEFAULT_REGISTRIES = {"local": "models/summary.json"}
_OFF = ("0", "false", "no", "off")


def _setting(help: str, default: Any, **how: Any) -> Any:  # noqa: A002  # the name that click uses
    return attrs.field(metadata={"setting": Setting(help=help, **how), "default": default})


@attrs.frozen(kw_only=True)
class Settings:
    """Every setting, and in `sources` where each value came from.

    `backend` and `registry` are ``None`` if nothing gives them: the scheme of the registry's URI selects the backend,
    and a backend without a default registry must be given one. Without `tracking_uri` runs go to the store in
    `tracking_folder`, and without `artifacts` their files go beside it.
    """

    env: str = _setting(
        "Profile; also, only its models.  [default: dev, models of both]",
        "dev",
        section="top",
        metavar="ENV",
        choices=ENVIRONMENTS,
    )
    backend: str | None = _setting(
        "Backend: local, gcs, s3, web, mlflow, or a plugin's.", "local", section="profile", metavar="NAME"
    )
    registry: str | None = _setting("Where the registry is; its scheme selects the backend.", None, metavar="URI")
    data: str = _setting(
        "Counts: CSV(.gz) or Parquet, any URL.  [default: the generated sample]",
        SAMPLE,
        section="profile",
        metavar="URI",
    )
    weather: str | None = _setting(
        "Weather of the hours of the counts: CSV(.gz) or Parquet, any URL.", None, section="profile", metavar="URI"
    )
    city: str = _setting(
        "City of the counts and models: paris, one of [cities.NAME], or a plugin's.",
        PARIS.name,
        section="top",
        metavar="NAME",
    )
    max_left_out: float = _setting(
        "Share of the rows of counts that may be left out because they cannot be used.  [default: 0.05]",
        0.05,
        kind="share",
        section="top",
        metavar="SHARE",
    )
    keep_doubtful: bool = _setting(
        "Use counts far above what is usual, too.  [default: leave them out]",
        False,
        kind="switch",
        section="top",
        metavar="",
    )
    track: bool = _setting(
        "Make each training a run in MLflow.  [default: track]", True, kind="switch", section="top", metavar=""
    )
    tracking_uri: str | None = _setting(
        "MLflow server for the runs.", None, section="profile", variable="MLFLOW_TRACKING_URI"
    )
    artifacts: str | None = _setting("Where the files of runs go.", None, section="profile")
    plugins: tuple[str, ...] | None = _setting(
        "Packages whose plugins are loaded beside the built-in ones.", None, kind="names", section="top"
    )
    strict_plugins: bool = _setting("Raise at the first plugin that fails.", False, kind="switch")
    signing_key: Path | None = _setting("Private key that signs what is trained.", None, kind="path", section="top")
    public_key: Path | None = _setting(
        "Check signatures too.  [default: the public_key of the settings]",
        None,
        kind="path",
        section="top",
        metavar="FILE",
    )
    cache: Path = _setting("Folder of fetched models.", None, kind="path")
    state: Path = _setting("Folder of trained models whose upload broke off.", None, kind="path")

    config: Path | None
    """The file that was read."""
    backend_options: Mapping[str, Mapping[str, Any]]
    """The tables ``[backends.NAME]``."""
    cities: Mapping[str, Mapping[str, Any]]
    """The tables ``[cities.NAME]``."""
    sources: Mapping[str, str]

    @property
    def requested_env(self) -> str | None:
        """The environment if a flag, variable or file gives it: only then it filters records."""
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
        """Return the registry's URI for `backend`; raise `SettingsError` if none is set."""
        uri = self.registry or self.backend_options.get(backend, {}).get("registry")
        uri = uri or _DEFAULT_REGISTRIES.get(backend)
        if not uri:
            raise SettingsError(
                f"backend '{backend}' has no registry; give --registry URI, set BT_REGISTRY, "
                f'or write registry = "…" under [backends.{backend}] in bt.toml',
                "registry-not-set",
                backend=backend,
            )
        return str(uri)

    def registry_in_words(self, backend: str) -> str:
        """Return what messages call the registry, such as ``local registry models/summary.json``."""
        return f"{backend} registry {shown(self.registry_of(backend))}"

    def source_of_registry(self, backend: str) -> str:
        """Return where `registry_of` got the registry's URI."""
        if self.registry:
            return self.sources["registry"]
        in_file = "registry" in self.backend_options.get(backend, {})
        return f"{self.config} [backends.{backend}]" if in_file else "default"


_FIELDS = {field.name: field for field in attrs.fields(Settings) if "setting" in field.metadata}
SETTINGS: Mapping[str, Setting] = {name: field.metadata["setting"] for name, field in _FIELDS.items()}
"""The settings by name, in the order of `Settings`."""


def load_settings(
    *, config: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None, **flags: Any
) -> Settings:
    """Resolve all settings.

    Parameters
    ----------
    config : the settings file, instead of ``BT_CONFIG`` or ``bt.toml`` in the working directory.
    environ : instead of the environment of this process.
    flags : values by name of a setting, which win over everything else; ``None`` is no value.

    Raises
    ------
    SettingsError
        An unknown key or profile, a value of the wrong type, or a file that is not TOML.
    """
    environ = os.environ if environ is None else environ
    path, table = read_file(config, environ, SETTINGS)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in SETTINGS:  # env comes first: it says which profile counts
        profile = table.get("profiles", {}).get(values.get("env"), {})
        in_file = {"top": (table, str(path)), "profile": (profile, f"{path} [profiles.{values.get('env')}]")}
        values[name], sources[name] = _choose(name, flags.pop(name, None), environ, in_file)
    if flags:
        raise TypeError(f"no setting is called {min(flags)}")
    if values["registry"] is not None and not _at_least_as_direct(sources["backend"], sources["registry"]):
        values["backend"], sources["backend"] = None, SCHEME_OF + sources["registry"]
    values["cache"], values["state"] = cache_directory(environ), state_directory(environ)
    for name, temporary, usual in (
        ("cache", temporary_cache(), user_cache()),
        ("state", temporary_state(), user_state()),
    ):
        if values[name] == temporary:
            sources[name] = f"a temporary folder, since {usual} cannot be written"
    return Settings(
        **values,
        config=path,
        backend_options=table.get("backends", {}),
        cities=table.get("cities", {}),
        sources=sources,
    )


def _choose(
    name: str, flag: Any, environ: Mapping[str, str], in_file: Mapping[str, tuple[Mapping[str, Any], str]]
) -> tuple[Any, str]:
    """Return the value of a setting and where it came from."""
    setting = SETTINGS[name]
    value, source = _FIELDS[name].metadata["default"], "default"
    table, place = in_file.get(setting.section or "", ({}, ""))
    variable = f"BT_{name.upper()}"
    if flag is not None:
        word = name.replace("_", "-")
        value, source = flag, f"--no-{word}" if flag is False else f"--{word}"
    elif environ.get(variable) or (setting.kind == "names" and variable in environ):
        value, source = _from_text(environ[variable], setting), variable
    elif name in table:
        value, source = table[name], place
    elif setting.variable and environ.get(setting.variable):
        value, source = _from_text(environ[setting.variable], setting), setting.variable
    if setting.choices and value not in setting.choices:
        message = f"{no_such(_NOUNS.get(name, name), str(value), setting.choices)} [{source}]"
        raise SettingsError(
            message, "setting-not-a-choice", setting=name, name=str(value), known=list(setting.choices), source=source
        )
    if setting.kind == "share":
        value = _share(value, name, source)
    if setting.kind == "path" and value is not None:
        value = Path(value).expanduser()
    return tuple(value) if isinstance(value, list) else value, source


def _share(value: Any, name: str, source: str) -> float:
    """Return a share from 0 to 1; raise `SettingsError` if it is none."""
    with contextlib.suppress(ValueError):
        if 0.0 <= (share := float(value)) <= 1.0:
            return share
    raise SettingsError(
        f"{name} must be a share from 0 to 1, not {value!r} [{source}]",
        "setting-not-a-share",
        setting=name,
        value=str(value),
        source=source,
    )


_NOUNS = {"env": "environment"}


def _from_text(text: str, setting: Setting) -> Any:
    if setting.kind == "switch":
        return text.lower() not in _OFF
    if setting.kind == "names":
        return tuple(name.strip() for name in text.split(",") if name.strip())
    return text


def _at_least_as_direct(source: str, other: str) -> bool:
    """Return whether `source` is as direct as `other`, which is a flag or a variable."""
    return source.startswith("--") or (source.startswith("BT_") and other.startswith("BT_"))
