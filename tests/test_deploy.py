"""Dockerfile and compose.yaml hold to the rules of docs/app.md. No Docker runs here: the files are read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import yaml

from tests.servers import answer, free_port, serving
from tests.test_packaging import BUILT_FROM, ROOT, settings

HEALTH = "/_stcore/health"
DOCUMENT = (ROOT / "docs/app.md").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SERVICE: dict[str, Any] = SERVICES["app"]
"""Memory of each service."""


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, argument = line.partition(" ")
        if name == "FROM":
            stages.append([])
        if name:
            stages[-1].append((name, argument))
    return stages


def of_last_stage(name: str) -> list[str]:
    return [argument for instruction, argument in stages()[-1] if instruction == name]


def health_check() -> list[str]:
    """Return the words of the command that checks the health."""
    (check,) = of_last_stage("HEALTHCHECK")
    words: list[str] = json.loads(check.partition("CMD ")[2])
    return words


def test_both_stages_are_of_the_slim_python_that_the_package_needs() -> None:
    oldest = settings()["options"]["python_requires"].removeprefix(">=")
    images = [stage[0][1].split(" ")[0] for stage in stages()]
    assert images == [f"python:{oldest}-slim"] * 2


def test_the_image_is_built_from_what_a_wheel_is_built_from_and_nothing_else() -> None:
    copied = [
        source
        for stage in stages()
        for name, argument in stage
        if name in ("COPY", "ADD") and not argument.startswith("--from=build")
        for source in argument.split(" ")[:-1]
    ]
    needed = [name for name in BUILT_FROM if name != "MANIFEST.in"]  # which says what a source distribution has
    assert sorted(copied) == sorted(needed)
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(rules[1:]) == sorted([*(f"!{name}" for name in needed), "**/__pycache__"])


def test_the_process_is_not_root_and_writes_to_the_cache_and_tmp_alone() -> None:
    (user,) = of_last_stage("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    names = [name for name, _ in stages()[-1]]
    assert "RUN" not in names[names.index("USER") :]
    variables = dict(pair.split("=", 1) for pair in " ".join(of_last_stage("ENV")).split())
    assert json.loads(of_last_stage("VOLUME")[0]) == [variables["BT_CACHE"]]
    assert variables["HOME"] == "/tmp"
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"


def test_it_starts_the_app_on_the_port_that_is_exposed_and_checked() -> None:
    (command,), (port,) = of_last_stage("CMD"), of_last_stage("EXPOSE")
    assert json.loads(command) == ["bt", "app", "--host", "0.0.0.0", "--port", port]
    assert f"http://127.0.0.1:{port}{HEALTH}" in health_check()[-1]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_the_app(status: int, healthy: bool) -> None:
    asked = []

    def health(client: BaseHTTPRequestHandler) -> None:
        asked.append(client.path)
        answer(client, status, [("Content-Length", "2")], b"ok")

    with serving(health) as url:
        assert checked(url) is healthy
    assert asked == [HEALTH]


def test_the_health_check_fails_where_nothing_listens() -> None:
    assert not checked(f"http://127.0.0.1:{free_port()}")


def checked(url: str) -> bool:
    """Run the health check against another address."""
    python, option, code = health_check()
    assert (python, option) == ("python", "-c")
    code = code.replace("http://127.0.0.1:8501", url)
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, timeout=60).returncode == 0


def test_no_key_and_no_secret_is_in_the_files() -> None:
    secret = re.compile("secret|token|password|credential|private|\\.pem|\\.key", re.IGNORECASE)
    for name in ("Dockerfile", "compose.yaml"):
        assert secret.search((ROOT / name).read_text(encoding="utf-8")) is None


def test_there_is_one_service() -> None:
    assert list(SERVICES) == ["app"]


def test_the_service_is_confined() -> None:
    assert SERVICE["read_only"] is True
    assert [place.partition(":")[0] for place in SERVICE["tmpfs"]] == ["/tmp"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert SERVICE["security_opt"] == ["no-new-privileges:true"]
    assert SERVICE["mem_limit"] == SERVICE["memswap_limit"] == "1g"
    assert not {"privileged", "user", "network_mode", "pid", "healthcheck"} & SERVICE.keys()


def test_the_service_is_reached_from_its_machine_alone() -> None:
    (port,) = of_last_stage("EXPOSE")
    assert SERVICE["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_cache_is_a_volume_and_the_models_of_this_machine_are_read_only() -> None:
    cache, models = SERVICE["volumes"]
    volume, _, place = cache.partition(":")
    assert volume in COMPOSE["volumes"]
    assert [place] == json.loads(of_last_stage("VOLUME")[0])
    assert models == "${MODELS:-./models}:/models:ro"
    registry = SERVICE["environment"]["BT_REGISTRY"]
    assert registry == "${BT_REGISTRY:-/models/summary.json}"


def test_the_extras_are_those_of_the_package_and_the_default_of_the_image_without_tensorflow() -> None:
    extras = SERVICE["build"]["args"]["EXTRAS"].split(",")
    assert set(extras) <= set(settings()["options.extras_require"]) - {"nn"}
    assert ("ARG", f"EXTRAS={','.join(extras)}") in stages()[0]


def test_the_documents_entry_file_has_two_lines_and_its_requirement_an_extra_that_exists() -> None:
    (entry,) = re.findall(r"```python\n# streamlit_app.py\n(.*?)```", DOCUMENT, re.DOTALL)
    assert entry.split("\n\n") == ["from bike_traffic.app.main import main", "main()\n"]
    (extras,) = re.findall(r"# requirements.txt.*\nbike-traffic\[(.*?)\] @ ", DOCUMENT)
    assert set(extras.split(",")) <= set(settings()["options.extras_require"])


def test_the_documents_settings_are_ones_that_streamlit_has() -> None:
    from streamlit import config

    (block,) = re.findall(r"```toml\n# .streamlit/config.toml\n(.*?)```", DOCUMENT, re.DOTALL)
    for section, values in tomllib.loads(block).items():
        for key in values:
            assert config.get_option(f"{section}.{key}") is not None
