from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bike_traffic.config import load_settings
from bike_traffic.errors import SettingsError
from bike_traffic.workspace import Workspace

WHOLE_FILE = """
env = "prod"
plugins = ["my-plugin"]

[profiles.dev]
data = "dev.csv"

[profiles.prod]
backend = "local"
data = "prod.csv"
tracking_uri = "http://prod:5000"
artifacts = "gs://prod/mlruns"

[backends.local]
registry = "kept/summary.json"
"""


def write_settings(text: str, name: str = "bt.toml") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def refused(text: str, message: str, environ: Mapping[str, str] | None = None) -> None:
    write_settings(text)
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        load_settings(environ=environ or {})


def test_without_a_file_a_flag_or_a_variable_everything_has_a_default() -> None:
    settings = load_settings(environ={})
    assert (settings.env, settings.backend, settings.registry, settings.data) == ("dev", "local", None, "sample")
    assert (settings.plugins, settings.strict_plugins, settings.config) == (None, False, None)
    assert settings.registry_of("local") == "models/summary.json"
    assert settings.cache.parts[-2:] == ("bike-traffic", "models")
    assert set(settings.sources.values()) == {"default"}
    assert settings.source_of_registry("local") == "default"


@pytest.mark.parametrize(
    ("key", "flag", "variable", "in_file", "place"),
    [
        ("env", "dev", "prod", "prod", "bt.toml"),
        ("backend", "by-flag", "by-variable", "local", "bt.toml [profiles.prod]"),
        ("data", "flag.csv", "variable.csv", "prod.csv", "bt.toml [profiles.prod]"),
    ],
)
def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(
    key: str, flag: str, variable: str, in_file: str, place: str
) -> None:
    write_settings(WHOLE_FILE)
    environ = {f"BT_{key.upper()}": variable}
    by_file = load_settings(environ={})
    by_variable = load_settings(environ=environ)
    by_flag = load_settings(environ=environ, **{key: flag})
    assert (getattr(by_file, key), by_file.sources[key]) == (in_file, place)
    assert (getattr(by_variable, key), by_variable.sources[key]) == (variable, f"BT_{key.upper()}")
    assert (getattr(by_flag, key), by_flag.sources[key]) == (flag, f"--{key}")


def test_the_registry_is_what_a_flag_a_variable_the_backends_table_or_the_default_says() -> None:
    write_settings(WHOLE_FILE)
    environ = {"BT_REGISTRY": "variable/summary.json"}
    places = [
        load_settings(registry="flag/summary.json", environ=environ),
        load_settings(environ=environ),
        load_settings(environ={}),
        load_settings(config=write_settings("", "empty.toml"), environ={}),
    ]
    assert [(place.registry_of("local"), place.source_of_registry("local")) for place in places] == [
        ("flag/summary.json", "--registry"),
        ("variable/summary.json", "BT_REGISTRY"),
        ("kept/summary.json", "bt.toml [backends.local]"),
        ("models/summary.json", "default"),
    ]


@pytest.mark.parametrize(
    ("key", "in_file"), [("tracking_uri", "http://prod:5000"), ("artifacts", "gs://prod/mlruns")]
)
def test_where_runs_go_is_what_a_variable_the_profile_or_nothing_says(key: str, in_file: str) -> None:
    write_settings(WHOLE_FILE)
    variable = f"BT_{key.upper()}"
    by_variable = load_settings(environ={variable: "elsewhere"})
    assert (getattr(by_variable, key), by_variable.sources[key]) == ("elsewhere", variable)
    by_file = load_settings(environ={})
    assert (getattr(by_file, key), by_file.sources[key]) == (in_file, "bt.toml [profiles.prod]")
    default = load_settings(env="dev", environ={})
    assert (getattr(default, key), default.sources[key]) == (None, "default")
    assert (default.own_store, default.tracking_folder) == ("sqlite:///mlruns_dev/mlflow.db", Path("mlruns_dev"))


def test_mlflows_own_variable_names_the_server_where_nothing_of_ours_does() -> None:
    write_settings(WHOLE_FILE)
    environ = {"MLFLOW_TRACKING_URI": "http://team:5000"}
    dev, prod = load_settings(env="dev", environ=environ), load_settings(env="prod", environ=environ)
    assert (dev.tracking_uri, dev.sources["tracking_uri"]) == ("http://team:5000", "MLFLOW_TRACKING_URI")
    assert (prod.tracking_uri, prod.sources["tracking_uri"]) == ("http://prod:5000", "bt.toml [profiles.prod]")


@pytest.mark.parametrize(
    ("flag", "variable", "text", "track", "source"),
    [
        (None, "", "", True, "default"),
        (None, "", "track = false", False, "bt.toml"),
        (None, "1", "track = false", True, "BT_TRACK"),
        (None, "0", "", False, "BT_TRACK"),
        (None, "False", "", False, "BT_TRACK"),
        (None, "off", "", False, "BT_TRACK"),
        (True, "0", "track = false", True, "--track"),
        (False, "1", "track = true", False, "--no-track"),
    ],
)
def test_trainings_are_tracked_unless_a_flag_a_variable_or_the_file_says_otherwise(
    flag: bool | None, variable: str, text: str, track: bool, source: str
) -> None:
    write_settings(text)
    settings = load_settings(track=flag, environ={"BT_TRACK": variable})
    assert (settings.track, settings.sources["track"]) == (track, source)


def test_an_empty_variable_says_nothing() -> None:
    write_settings(WHOLE_FILE)
    names = ["BT_ENV", "BT_BACKEND", "BT_REGISTRY", "BT_DATA", "BT_CONFIG", "BT_CACHE"]
    environ = dict.fromkeys([*names, "BT_TRACK", "BT_TRACKING_URI", "BT_ARTIFACTS", "MLFLOW_TRACKING_URI"], "")
    assert load_settings(environ=environ) == load_settings(environ={})


def test_the_profile_of_the_asked_environment_is_used() -> None:
    write_settings(WHOLE_FILE)
    assert load_settings(env="dev", environ={}).data == "dev.csv"
    assert load_settings(env="dev", environ={}).backend == "local"
    assert load_settings(env="dev", environ={}).sources["backend"] == "default"
    assert load_settings(environ={}).data == "prod.csv"


@pytest.mark.parametrize(
    ("backend", "registry", "environ", "named", "source"),
    [
        (None, "s3://b/summary.json", {}, None, "the scheme of --registry"),
        (None, None, {"BT_REGISTRY": "s3://b/summary.json"}, None, "the scheme of BT_REGISTRY"),
        (None, "s3://b/summary.json", {"BT_BACKEND": "gcs"}, None, "the scheme of --registry"),
        ("gcs", None, {"BT_REGISTRY": "s3://b/summary.json"}, "gcs", "--backend"),
        (None, None, {"BT_BACKEND": "gcs", "BT_REGISTRY": "s3://b/x"}, "gcs", "BT_BACKEND"),
        ("gcs", "s3://b/summary.json", {}, "gcs", "--backend"),
    ],
)
def test_a_registry_said_more_directly_than_the_backend_names_it_by_its_scheme(
    backend: str | None, registry: str | None, environ: dict[str, str], named: str | None, source: str
) -> None:
    write_settings('[profiles.dev]\nbackend = "gcs"\n')
    settings = load_settings(backend=backend, registry=registry, environ=environ)
    assert (settings.backend, settings.sources["backend"]) == (named, source)


def test_a_bare_path_and_a_file_uri_mean_the_local_backend() -> None:
    for uri in ("elsewhere/summary.json", "file:///srv/models/summary.json"):
        settings = load_settings(registry=uri, environ={})
        assert Workspace(settings).backend.qualified_name == "bike-traffic:local"


def test_a_backend_without_a_registry_says_how_to_give_one() -> None:
    message = (
        "backend 'gcs' has no registry; give --registry URI, set BT_REGISTRY, "
        'or write registry = "…" under [backends.gcs] in bt.toml'
    )
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        load_settings(backend="gcs", environ={}).registry_of("gcs")


def test_the_table_of_a_backend_reaches_it_without_the_registry() -> None:
    write_settings('[backends.local]\nregistry = "kept"\ncolour = "blue"\n')
    with pytest.raises(
        SettingsError,
        match=r"^\[backends\.local\] in bt\.toml: no option of backend 'local' 'colour'; there are none$",
    ):
        _ = Workspace(load_settings(environ={})).registry


@pytest.mark.parametrize(
    ("environ", "text", "plugins", "source"),
    [
        ({}, "", None, "default"),
        ({}, 'plugins = ["one", "two"]', ("one", "two"), "bt.toml"),
        ({}, "plugins = []", (), "bt.toml"),
        ({"BT_PLUGINS": ""}, 'plugins = ["one"]', (), "BT_PLUGINS"),
        ({"BT_PLUGINS": " three, four,"}, 'plugins = ["one"]', ("three", "four"), "BT_PLUGINS"),
    ],
)
def test_plugins_are_all_or_those_named_and_an_empty_bt_plugins_means_the_built_ins_alone(
    environ: dict[str, str], text: str, plugins: tuple[str, ...] | None, source: str
) -> None:
    write_settings(text)
    settings = load_settings(environ=environ)
    assert (settings.plugins, settings.sources["plugins"]) == (plugins, source)


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_bt_strict_plugins_is_on_unless_empty_or_0(value: str, strict: bool) -> None:
    assert load_settings(environ={"BT_STRICT_PLUGINS": value}).strict_plugins is strict


def test_bt_cache_moves_the_cache() -> None:
    settings = load_settings(environ={"BT_CACHE": "/somewhere"})
    assert (settings.cache, settings.sources["cache"]) == (Path("/somewhere"), "BT_CACHE")


def test_the_file_is_the_flags_else_bt_config_else_bt_toml() -> None:
    for name in ("bt.toml", "variable.toml", "flag.toml"):
        write_settings(f'[profiles.dev]\ndata = "{name}.csv"\n', name)
    environ = {"BT_CONFIG": "variable.toml"}
    assert load_settings(environ={}).data == "bt.toml.csv"
    assert load_settings(environ=environ).data == "variable.toml.csv"
    by_flag = load_settings(config="flag.toml", environ=environ)
    assert (by_flag.data, by_flag.sources["data"]) == ("flag.toml.csv", "flag.toml [profiles.dev]")
    assert by_flag.config == Path("flag.toml")


@pytest.mark.parametrize("asked", [{"config": "gone.toml"}, {"environ": {"BT_CONFIG": "gone.toml"}}])
def test_a_file_that_was_asked_for_must_be_there(asked: dict[str, Mapping[str, str]]) -> None:
    with pytest.raises(
        SettingsError, match=r"^gone\.toml: No such file or directory; give --config an existing file$"
    ):
        load_settings(**{"environ": {}, **asked})  # type: ignore[arg-type]  # one of two names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "pluggins = []",
            "bt.toml: no setting 'pluggins'; there are backends, cities, city, env, keep_doubtful, "
            "max_left_out, plugins, profiles, public_key, signing_key, track (did you mean 'plugins'?)",
        ),
        (
            '[profiles.dev]\nbackends = "gcs"',
            "bt.toml [profiles.dev]: no setting 'backends'; there are artifacts, backend, data, tracking_uri, "
            "weather (did you mean 'backend'?)",
        ),
        (
            '[profiles.prods]\nbackend = "gcs"',
            "bt.toml [profiles]: no setting 'prods'; there are dev, prod (did you mean 'prod'?)",
        ),
        ('env = "prd"', "no environment 'prd'; there are dev, prod (did you mean 'prod'?) [bt.toml]"),
        ("env = 3", "bt.toml: env must be a string, not 3"),
        ("[profiles.dev]\ndata = 3", "bt.toml [profiles.dev]: data must be a string, not 3"),
        ('track = "no"', "bt.toml: track must be true or false, not 'no'"),
        ('plugins = "one"', "bt.toml: plugins must be a list of names, not 'one'"),
        ("plugins = [1]", "bt.toml: plugins must be a list of names, not [1]"),
        ("profiles = 1", "bt.toml: [profiles] holds tables, such as [profiles.NAME]"),
        ('[backends]\nlocal = "x"', "bt.toml: [backends] holds tables, such as [backends.NAME]"),
    ],
)
def test_a_setting_that_is_unknown_or_of_the_wrong_type_is_named_with_its_place(text: str, message: str) -> None:
    refused(text, message)


@pytest.mark.parametrize(
    ("environ", "message"),
    [({"BT_ENV": "Prod"}, "no environment 'Prod'; there are dev, prod (did you mean 'prod'?) [BT_ENV]")],
)
def test_an_environment_that_does_not_exist_is_named_with_its_source(environ: dict[str, str], message: str) -> None:
    refused("", message, environ)


@pytest.mark.parametrize("content", [b"env = \n", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(content: bytes) -> None:
    Path("bt.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^bt\.toml is not TOML: "):
        load_settings(environ={})


def test_an_environment_filters_records_wherever_it_was_said_and_not_by_default() -> None:
    assert load_settings(environ={}).requested_env is None
    assert load_settings(env="dev", environ={}).requested_env == "dev"
    assert load_settings(environ={"BT_ENV": "prod"}).requested_env == "prod"
