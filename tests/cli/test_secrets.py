"""A secret of an address, an option or the environment is in no output of a command, and in no file of a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bike_traffic.cli.main import main
from tests.conftest import Bt
from tests.servers import SECRET, secret_server
from tests.test_registry import local_registry, make_record, register

RUN = "abcd1234"
COMMANDS = """
app
backtest -m rf
cache
cache --format json
cache prune --older-than 30d
completion bash
config
config --format json
data check DATA
data check DATA --format json
data clean DATA cleaned.csv
data fetch --to DATA --city rennes
data sample -o DATA
data status DATA
data weather --to DATA
doctor
doctor --format json
evaluate --run-id RUN DATA
forecast --run-id RUN --history DATA
help train
mlflow --status
mlflow migrate nowhere
models
models --format json
plugins
plugins check nothing
plugins install /nowhere
plugins list --format json
plugins new x-y
plugins uninstall nothing --yes
predict --run-id RUN DATA
predict --run-id RUN DATA -o DATA
registry best --metric r2
registry best --metric r2 --format json
registry best --metric r2 --on DATA
registry compare RUN RUN
registry copy --from REGISTRY --to copied
registry copy --from models --to REGISTRY
registry history champion
registry keygen --output key
registry list
registry list --format json
registry promote RUN champion
registry pull RUN pulled
registry reconcile
registry restore RUN
registry rollback champion
registry show RUN
registry show RUN --format json
registry show nobody --format json
registry sign RUN
registry verify
registry verify --format json
registry withdraw RUN --reason it
train -m rf
train -m rf --registry models --set n_estimators=2 --track
tune -m rf --trials 1 --folds 1 --set n_estimators=2
version
""".strip().split("\n")
KINDS = ("read", "refused", "options")
WITHOUT_ADDRESS = ("completion", "data fetch", "data sample", "data weather", "help", "mlflow", "plugins", "version")
"""Commands that read none of the addresses of `KINDS`."""
SETTINGS = """
[backends.s3]
endpoint_url = "http://me:{SECRET}@127.0.0.1:1"
token = "{SECRET}"

[backends.web]
password = "{SECRET}"

[cities.rennes]
base_url = "http://me:{SECRET}@127.0.0.1:1"
counts = "counts"
columns = {{ counter = "name", time = "date", count = "counts", identifier = "id", coordinates = "geo" }}
"""


@pytest.fixture
def address(small_file: Path) -> Iterator[str]:
    """Publish a registry and counts at a signed address, which is that of every setting, and of the environment."""
    register(local_registry(), make_record(RUN))
    small_file.rename("models/counts.csv")
    with secret_server(Path("models")) as root:
        yield root


def places(command: click.Command, ctx: click.Context, words: list[str]) -> Iterator[str]:
    """Yield the words of each command."""
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from places(inner, ctx, [*words, name])
    else:
        yield " ".join(words)


def test_the_commands_below_are_all_there_are() -> None:
    words = set(places(main, click.Context(main), []))
    assert {one for one in words if not any(f"{line} ".startswith(f"{one} ") for line in COMMANDS)} == set()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("command", "kind"),
    [(one, kind) for kind in KINDS for one in COMMANDS if kind == "options" or not one.startswith(WITHOUT_ADDRESS)],
)
def test_no_command_shows_a_secret(
    bt: Bt, address: str, monkeypatch: pytest.MonkeyPatch, command: str, kind: str
) -> None:
    root = address.replace("sig=", "gis=") if kind == "refused" else address
    registry, data = (root.format(path=path) for path in ("summary.json", "counts.csv"))
    if kind == "options":
        registry = "s3://bucket/summary.json" if command.startswith("registry") else registry
        Path("bt.toml").write_text(SETTINGS.format(SECRET=SECRET))
    settings = {
        "BT_REGISTRY": registry,
        "BT_DATA": data,
        "BT_WEATHER": data,
        "BT_ARTIFACTS": f"s3://key:{SECRET}@bucket/runs",
        "MLFLOW_TRACKING_URI": f"http://me:{SECRET}@127.0.0.1:1",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "BT_GCP_SERVICE_ACCOUNT": f"key {SECRET}",
        "BT_LOG": "debug",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = bt(*command.replace("REGISTRY", registry).replace("DATA", data).replace("RUN", RUN).split())
    assert SECRET not in done.stdout + done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if "--format json" in command and done.stdout:
        json.loads(done.stdout)
    written = [path for path in Path().rglob("*") if path.is_file() and path.name not in ("bt.toml", "mlflow.db")]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
