from __future__ import annotations

import importlib
import itertools
import logging
import re
from pathlib import Path

import pytest

from bike_traffic.errors import AmbiguousName, MissingExtra, PluginError, UnknownBackend, UnknownPipeline
from bike_traffic.manager import PluginHost
from bike_traffic.testing.backends.records import make_record
from tests.plugin_site import write_distribution

_NUMBERS = itertools.count()

HEADER = "from bike_traffic import BackendSpec, PipelineSpec, hookimpl\n\n"


def declaring(specs: str, hook: str = "bt_pipelines") -> str:
    """Return the source of a plugin whose hook returns `specs`; ``{here}`` in it becomes the name of its module."""
    return f"{HEADER}@hookimpl\ndef {hook}():\n    return {specs}\n"


def pipeline_spec(name: str, more: str = "") -> str:
    return f'PipelineSpec(name="{name}", target="{{here}}:Model"{more})'


def install_distribution(
    monkeypatch: pytest.MonkeyPatch,
    site: Path,
    distribution: str,
    source: str,
    *,
    group: str = "bike_traffic",
    entry_point: str = "main",
    attribute: str = "",
) -> str:
    """Put a package and its dist-info on ``sys.path`` as pip would, and return its module's name.

    The name is new each time, because modules stay in ``sys.modules`` after a test.
    """
    module = f"{distribution.replace('-', '_')}_{next(_NUMBERS)}"
    modules = {module: source.replace("{here}", module)}
    write_distribution(site, distribution, modules, {f"{group}/{entry_point}": f"{module}{attribute}"})
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    return module


def built_in_host() -> PluginHost:
    return PluginHost(only=(), strict=True)


class Site:
    """The folder where a test installs plugins, and the host that finds them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder
        self.notes: list[str] = []

    def install(self, distribution: str, source: str, entry_point: str = "main", attribute: str = "") -> str:
        return install_distribution(
            self._monkeypatch, self.folder, distribution, source, entry_point=entry_point, attribute=attribute
        )

    def host(self, only: list[str] | None = None) -> PluginHost:
        return PluginHost(only=only, notify=self.notes.append)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    return Site(monkeypatch, tmp_path / "site")


def test_the_built_ins_are_entry_points_like_other_plugins() -> None:
    host = built_in_host()
    version = importlib.metadata.version("bike-traffic")
    assert [str(source) for source in host.sources] == [
        f"bike-traffic {version} (pipelines)",
        f"bike-traffic {version} (registry-backends)",
    ]
    assert [source.built_in for source in host.sources] == [True, True]
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead"]
    assert "local" in host.backends()
    assert host.failures == []


def test_a_third_partys_pipeline_has_a_bare_and_a_qualified_name(site: Site) -> None:
    module = site.install("good-plugin", declaring(f"[{pipeline_spec('mean')}]") + "\n\nclass Model: pass\n")
    host = site.host()
    declaration = host.pipeline("mean")
    assert host.pipeline("good-plugin:mean") == declaration
    assert (declaration.qualified_name, str(declaration.source)) == ("good-plugin:mean", "good-plugin 1.0 (main)")
    assert declaration.spec.load() is importlib.import_module(module).Model
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead", "mean"]
    assert site.notes == []


def test_a_hook_may_be_a_generator_and_a_plugin_an_object(site: Site) -> None:
    lines = [
        "class Plugin:",
        "    @hookimpl",
        "    def bt_pipelines(self):",
        f"        yield {pipeline_spec('late')}",
    ]
    site.install("object-plugin", HEADER + "\n".join(lines) + "\n\nplugin = Plugin()\n", attribute=":plugin")
    assert site.host().pipeline("late").qualified_name == "object-plugin:late"
    assert site.notes == []


BROKEN = {
    "import": (
        "import no_such_library",
        "failed at import: ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "syntax": ("def half(:", "failed at import: SyntaxError: invalid syntax ({here}.py, line 1)"),
    "exit": ("raise SystemExit(3)", "failed at import: SystemExit: 3"),
    "exception in a hook": (
        f"{HEADER}@hookimpl\ndef bt_pipelines():\n    raise RuntimeError('two\\n  lines')\n",
        "failed at declare: RuntimeError: two lines",
    ),
    "exception in a generator": (
        f"{HEADER}@hookimpl\ndef bt_pipelines():\n    yield {pipeline_spec('half')}\n    1 / 0\n",
        "failed at declare: ZeroDivisionError: division by zero",
    ),
    "unknown hook": (
        declaring("[]", hook="bt_piplines"),
        "failed at register: UnknownHook: no hook 'bt_piplines'; there are bt_after_train, bt_cities, bt_pipelines, "
        "bt_registry_backends (did you mean 'bt_pipelines'?)",
    ),
    "unknown argument": (
        f"{HEADER}@hookimpl\ndef bt_after_train(recrd):\n    pass\n",
        "failed at register: PluginValidationError: Plugin 'broken-dist:main' for hook 'bt_after_train' hookimpl "
        "definition: bt_after_train(recrd) Argument(s) {'recrd'} are declared in the hookimpl but can not be found "
        "in the hookspec",
    ),
    "newer api": (
        declaring(f"[{pipeline_spec('future', ', api=2')}]"),
        "failed at api: PluginError: 'future' needs plugin API 2, this bike-traffic has 1: "
        "pip install --upgrade bike-traffic",
    ),
    "wrong element": (
        declaring('["rf"]'),
        "failed at declare: TypeError: bt_pipelines must return PipelineSpec, not str",
    ),
    "spec of the other kind": (
        declaring('[BackendSpec(name="x", target="x:X")]'),
        "failed at declare: TypeError: bt_pipelines must return PipelineSpec, not BackendSpec",
    ),
    "no iterable": (declaring("5"), "failed at declare: TypeError: 'int' object is not iterable"),
    "bad spec": (
        declaring('[PipelineSpec(name="x", target="no colon")]'),
        "failed at declare: ValueError: target must have the form 'package.module:Class', not 'no colon'",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_in_one_line_and_affects_only_itself(
    site: Site, source: str, reason: str
) -> None:
    # Names before and after it in the order of loading, so that neither side can suffer.
    site.install("a-good", declaring(f"[{pipeline_spec('first')}]"))
    module = site.install("broken-dist", source)
    site.install("z-good", declaring(f"[{pipeline_spec('last')}]"))
    host = site.host()
    line = f"plugin broken-dist 1.0 (main) {reason}".replace("{here}", module)
    assert site.notes == [f"{line} (see bt plugins)"]
    assert [str(failure) for failure in host.failures] == [line]
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead", "first", "last"]


def test_a_failure_keeps_the_traceback_for_the_plugins_author(site: Site) -> None:
    module = site.install("broken-dist", "import no_such_library")
    details = site.host().failures[0].details()
    assert details.startswith("Traceback (most recent call last):\n")
    assert f'{module}.py", line 1, in <module>\n    import no_such_library\n' in details
    assert details.endswith("ModuleNotFoundError: No module named 'no_such_library'\n")


def test_a_spec_of_a_newer_api_is_left_out_and_the_plugins_others_stay(site: Site) -> None:
    site.install("mixed", declaring(f"[{pipeline_spec('future', ', api=2')}, {pipeline_spec('present')}]"))
    host = site.host()
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead", "present"]
    assert [(failure.stage, str(failure.source)) for failure in host.failures] == [("api", "mixed 1.0 (main)")]


def test_strict_plugins_raise_at_the_first_failure(site: Site) -> None:
    site.install("broken-dist", "import no_such_library")
    line = "plugin broken-dist 1.0 (main) failed at import: ModuleNotFoundError: No module named 'no_such_library'"
    with pytest.raises(PluginError, match=f"^{re.escape(line)}$") as caught:
        PluginHost(strict=True)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (None, ["left", "right"]),
        (["left-dist"], ["left"]),
        (["right-entry"], ["right"]),
        (["left-dist", "right-entry"], ["left", "right"]),
        ([], []),
        (["no-such"], []),
    ],
)
def test_only_restricts_the_third_parties_and_never_the_built_ins(
    site: Site, only: list[str] | None, names: list[str]
) -> None:
    site.install("left-dist", declaring(f"[{pipeline_spec('left')}]"), "left-entry")
    site.install("right-dist", declaring(f"[{pipeline_spec('right')}]"), "right-entry")
    assert list(site.host(only).pipelines()) == ["rf", "nn", "rf_class", "ahead", *names]


def test_an_excluded_plugin_is_not_imported_and_not_reported(site: Site) -> None:
    site.install("broken-dist", "import no_such_library")
    host = site.host(only=["other"])
    assert (host.failures, site.notes) == ([], [])


def test_a_built_in_keeps_its_bare_name_and_the_qualified_name_always_works(site: Site) -> None:
    # "a-…" is loaded before bike-traffic, "z-…" after it.
    for distribution in ("a-clash", "z-clash"):
        site.install(distribution, declaring(f"[{pipeline_spec('rf')}]"))
    host = site.host()
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead", "a-clash:rf", "z-clash:rf"]
    assert host.pipeline("rf").qualified_name == "bike-traffic:rf"
    for name in ("bike-traffic:rf", "a-clash:rf", "z-clash:rf"):
        assert host.pipeline(name).qualified_name == name


def test_a_name_of_two_third_parties_is_ambiguous_and_the_message_lists_both(site: Site) -> None:
    for distribution in ("first-dist", "second-dist"):
        site.install(distribution, declaring(f"[{pipeline_spec('mean')}]"))
    host = site.host()
    message = "pipeline 'mean' is declared more than once; use first-dist:mean or second-dist:mean"
    with pytest.raises(AmbiguousName, match=f"^{re.escape(message)}$"):
        host.pipeline("mean")
    assert list(host.pipelines()) == ["rf", "nn", "rf_class", "ahead", "first-dist:mean", "second-dist:mean"]
    assert host.pipeline("second-dist:mean").source.distribution == "second-dist"


def test_the_message_for_an_unknown_name_lists_the_known_ones() -> None:
    host = built_in_host()
    message = "no pipeline 'rff'; there are ahead, nn, rf, rf_class (did you mean 'rf'?)"
    with pytest.raises(UnknownPipeline, match=f"^{re.escape(message)}$"):
        host.pipeline("rff")
    there = ", ".join(sorted(host.backends()))
    message = f"no registry backend 'locale'; there are {there} (did you mean 'local'?)"
    with pytest.raises(UnknownBackend, match=f"^{re.escape(message)}$"):
        host.backend("locale")


def test_a_missing_library_is_a_missing_extra_with_the_pip_line(site: Site) -> None:
    more = ", requires=('no_such_library',), install=\"'good-plugin[extra]'\""
    source = declaring(f"[{pipeline_spec('needy', more).replace('{here}', 'needy_model')}]")
    site.install("good-plugin", source)
    (site.folder / "needy_model.py").write_text("import no_such_library.part\n")
    spec = site.host().pipeline("needy").spec
    assert spec.missing() == ["no_such_library"]
    message = "'needy' needs no_such_library, which is not installed: pip install 'good-plugin[extra]'"
    with pytest.raises(MissingExtra, match=f"^{re.escape(message)}$"):
        spec.load()


def test_a_missing_module_of_the_plugin_itself_is_no_missing_extra(site: Site) -> None:
    source = declaring(f"[{pipeline_spec('forgetful').replace('{here}', '{here}.model')}]")
    module = site.install("good-plugin", source)
    spec = site.host().pipeline("forgetful").spec
    with pytest.raises(ModuleNotFoundError, match=re.escape(f"No module named '{module}.model'")) as caught:
        spec.load()
    assert not isinstance(caught.value, MissingExtra)


BACKEND = 'BackendSpec(name="{name}", target="{{here}}:Registry", schemes=("{scheme}",))'


def test_the_scheme_of_a_uri_names_the_backend(site: Site) -> None:
    specs = BACKEND.format(name="shelf", scheme="shelf")
    site.install("shelf-dist", declaring(f"[{specs}]", hook="bt_registry_backends"))
    host = site.host()
    assert host.backend_for("shelf://books/summary.json").qualified_name == "shelf-dist:shelf"
    for uri in ("models/summary.json", "/srv/models", "file:///srv/models"):
        assert host.backend_for(uri).qualified_name == "bike-traffic:local"


@pytest.mark.parametrize("distribution", ["a-grabber", "z-grabber"])
def test_a_built_in_backend_keeps_its_scheme(site: Site, distribution: str) -> None:
    specs = BACKEND.format(name="grabber", scheme="file")
    site.install(distribution, declaring(f"[{specs}]", hook="bt_registry_backends"))
    assert site.host().backend_for("models/summary.json").qualified_name == "bike-traffic:local"


def test_the_message_for_an_unknown_scheme_lists_the_known_ones() -> None:
    host = built_in_host()
    schemes = sorted(
        {f"{scheme}://" for declaration in host.backends().values() for scheme in declaration.spec.schemes}
    )
    message = f"no registry backend 'ftp://'; there are {', '.join(schemes)}"
    with pytest.raises(UnknownBackend, match=f"^{re.escape(message)}"):
        host.backend_for("ftp://models/summary.json")


LEARNS = f"""{HEADER}
learnt = []

@hookimpl
def bt_after_train(record, metrics):
    learnt.append((record, metrics))
"""


def raising(error: str) -> str:
    return f"{HEADER}@hookimpl\ndef bt_after_train():\n    raise {error}\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [("ValueError('two\\n  lines')", "ValueError: two lines"), ("SystemExit(3)", "SystemExit: 3")],
)
@pytest.mark.parametrize("strict", [False, True])
def test_each_plugin_is_called_after_a_training_and_one_that_fails_affects_only_itself(
    site: Site, error: str, reason: str, strict: bool
) -> None:
    """Strict plugins raise when they are loaded; now the model is registered."""
    before = site.install("a-good", LEARNS)
    site.install("broken-dist", raising(error))
    after = site.install("z-good", LEARNS)
    host = PluginHost(strict=strict, notify=site.notes.append)
    record = make_record()
    host.after_train(record, record.metrics)
    assert site.notes == [f"plugin broken-dist 1.0 (main) failed at bt_after_train: {reason}"]
    for module in (before, after):
        assert importlib.import_module(module).learnt == [(record, record.metrics)]


def test_without_a_listener_a_failure_is_logged_as_a_warning(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.install("broken-dist", raising("ValueError('100 %d')"))
    site.install("worse-dist", "1 / 0")
    PluginHost().after_train(make_record(), {})
    assert caplog.record_tuples == [
        (
            "bike_traffic",
            logging.WARNING,
            "plugin worse-dist 1.0 (main) failed at import: ZeroDivisionError: division by zero (see bt plugins)",
        ),
        (
            "bike_traffic",
            logging.WARNING,
            "plugin broken-dist 1.0 (main) failed at bt_after_train: ValueError: 100 %d",
        ),
    ]
