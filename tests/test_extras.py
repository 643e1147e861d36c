"""Hints to install something name what pip finds from a checkout and from a wheel alike."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

from bike_traffic.errors import MissingExtra
from bike_traffic.extras import pip_words, requirements_of
from bike_traffic.manager import PluginHost
from bike_traffic.specs import PipelineSpec

ROOT = Path(__file__).parents[1]


def listed() -> dict[str, list[str]]:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = {extra: value.split() for extra, value in parser["options.extras_require"].items()}
    return {extra: needed for extra, needed in extras.items() if extra not in ("all", "test")}


@pytest.mark.parametrize("extra", listed())
def test_the_hint_of_an_extra_names_its_requirements(extra: str) -> None:
    assert sorted(requirements_of(extra)) == sorted(listed()[extra])
    assert pip_words(f"'bike-traffic[{extra}]'") == " ".join(f"'{words}'" for words in requirements_of(extra))


def test_what_another_package_needs_is_named_as_it_says() -> None:
    assert pip_words("'bt-boosted[gpu]'") == "'bt-boosted[gpu]'"


def test_every_hint_of_a_built_in_is_such_a_line() -> None:
    host = PluginHost(only=())
    specs = [*(one.spec for one in host.pipelines().values()), *(one.spec for one in host.backends().values())]
    specs = [spec for spec in specs if spec.install]
    assert {spec.name for spec in specs} >= {"nn", "gcs", "s3", "mlflow"}
    assert [spec.name for spec in specs if "bike-traffic" in str(spec.missing_extra("it"))] == []


def test_a_missing_library_has_one_name_whichever_module_would_be_imported_first() -> None:
    """The class of `nn` imports keras, which tensorflow brings."""
    spec = PipelineSpec(name="deep", target="not_installed_at_all.net:Net", requires=("no_tensorflow_here",))
    with pytest.raises(MissingExtra, match=r"^'deep' needs no_tensorflow_here, which is not installed: "):
        spec.load()
