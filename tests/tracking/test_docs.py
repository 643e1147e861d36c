"""docs/tracking.md is true: its commands print what it shows, and its settings are valid."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from bike_traffic.config import load_settings
from tests.readme import README, alike, blocks, commands_of, lasting, run
from tests.servers import free_port

PAGE = README.parent / "docs/tracking.md"
SETTINGS = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.mark.slow
def test_the_commands_print_what_the_page_shows(clean_place: Path, gcs_url: str) -> None:
    """With the page's bucket on a local server, and another port, since 5000 may be in use."""
    body = b'{"name": "my-bucket"}'
    request = urllib.request.Request(f"{gcs_url}/storage/v1/b", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    Path("bt.toml").write_text(SETTINGS.findall(PAGE.read_text(encoding="utf-8"))[0])
    port = str(free_port())
    for block in blocks(PAGE):
        shown, shown_numbers = lasting(block)
        commands = [command.replace("--background", f"--background --port {port}") for command in commands_of(block)]
        output = run(commands, clean_place).replace(f" --port {port}", "").replace(f":{port}", ":5000")
        printed, printed_numbers = lasting(output)
        assert printed == shown
        assert alike(printed_numbers, shown_numbers)


def test_the_settings_of_the_page_are_valid() -> None:
    first, second = SETTINGS.findall(PAGE.read_text(encoding="utf-8"))
    Path("bt.toml").write_text(first)
    assert load_settings(env="prod", environ={}).artifacts == "gs://my-bucket/mlruns"
    Path("bt.toml").write_text(second)
    assert load_settings(env="dev", environ={}).tracking_uri == "http://127.0.0.1:5000"
    assert load_settings(env="prod", environ={}).artifacts == "gs://my-bucket/mlruns"
