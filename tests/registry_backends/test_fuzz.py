"""Whatever an entry of a summary is, each command answers or says one line, and every byte of the summary is kept."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bike_traffic.cli.main import main
from bike_traffic.errors import BikeTrafficError, RegistryCorrupt
from bike_traffic.registry.events.event import RegistryEvent
from bike_traffic.registry.records import ModelRecord
from bike_traffic.registry_backends.summary import LocalRegistry
from tests.test_registry import make_record

pytestmark = pytest.mark.usefixtures("impatient")

BOUNDED = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    phases=[Phase.generate],  # making an example smaller could take minutes
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
GOOD, ODD = "aaaa1111", "bbbb2222"
COMMANDS = (
    "registry list",
    "registry list --format json",
    "registry list --sort rmse --limit 1",
    "registry best --metric r2",
    "registry best --metric rmse --as-of 2026-06-01 --format json",
    f"registry show {ODD}",
    f"registry show {ODD} --format json",
    f"registry compare {GOOD} {ODD}",
    f"registry compare {GOOD} {ODD} --format json",
    f"registry promote {ODD} champion",
    "registry history champion --format json",
    "registry verify --format json",
    "registry reconcile",
)

RAW = "\N{OBJECT REPLACEMENT CHARACTER}{}\N{OBJECT REPLACEMENT CHARACTER}"
"""A text whose place in the document gets what no program of Python would write."""
RAW_TEXTS = (
    "1" * 400,
    "-" + "9" * 5000,
    "1e400",
    "NaN",
    "-Infinity",
    "[" * 300 + "]" * 300,
    "[" * 2000 + "]" * 2000,
    '{"a":' * 900 + "1" + "}" * 900,
    "[" * 100_000 + "]" * 100_000,
    r'"\ud800"',
    r'"\u0000"',
    '{"\\udfff": 1}',
)
odd_values: st.SearchStrategy[Any] = (
    st.sampled_from([RAW.format(number) for number in range(len(RAW_TEXTS))])
    | st.sampled_from([10**400, -(10**400), 2**64, True, None, "", "/", "..", "a/../../b", "NaN", "1", 0, -1, [], {}])
    | st.sampled_from(
        ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2026-02-30", "2026-03-01", "T", "x" * 5000]
    )
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=4,
    )
)


def whole_record(run_id: str) -> dict[str, Any]:
    """Return a record with every key that ours have, and no files."""
    digests = {"model.bin": {"sha256": "a" * 64, "size": 5}}
    added = {
        "artifacts": digests,
        "city": "paris",
        "baseline": {"r2": 0.5, "rmse": 50.0},
        "recent": {"r2": 0.6, "rmse": 40.0},
        "beats_baseline": True,
        "interval": {"level": 0.8, "coverage": 0.79},
        "split": {"kind": "temporal", "training_rows": 9000, "held_out_rows": 900, "held_out_digest": "b" * 64},
        "data": {"source": "counts.csv", "rows": 9900, "counters": 2},
        "registered_fit": {"until": "2026-02-28T23:00:00+00:00", "rows": 9900, "seconds": 1.5},
        "parameters": {"n_estimators": 2},
        "fit_seconds": 1.5,
        "plugin": {"distribution": "bike-traffic", "version": "0.1.0"},
        "libraries": {"python": "3.11.7"},
        "signature": {"key": "c", "value": "d"},
    }
    return make_record(run_id).to_json() | added


@st.composite
def odd_entries(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Make an entry with up to three odd values, at its keys, inside of them, or beside them."""
    entry = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        place, keys = entry, [*sorted(entry), "note"]
        key = draw(st.sampled_from(keys))
        while isinstance(place.get(key), dict) and place[key] and draw(st.booleans()):
            place = place[key]
            key = draw(st.sampled_from(sorted(place)))
        place[key] = draw(odd_values)
    return entry


def document_of(*entries: object) -> bytes:
    """Return the array of entries, with the raw texts in their places."""
    text = json.dumps(list(entries), indent=1)
    for number, raw in enumerate(RAW_TEXTS):
        text = text.replace(json.dumps(RAW.format(number)), raw)
    return text.encode()


def run(folder: str, command: str) -> None:
    done = CliRunner().invoke(main, [*command.split(), "--registry", f"{folder}/summary.json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), (command, done.exc_info)
    assert done.exit_code in (0, 1, 3), (command, done.stderr)
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.exit_code == 0 or done.stdout or len(errors) == 1, (command, done.stderr)
    if "json" in command and done.stdout:
        json.loads(
            done.stdout, parse_int=str
        )  # an entry is printed as it is, with a number that Python does not take


def require_kept(folder: str, before: bytes) -> None:
    """Append a record: the bytes of the other entries stay, whether it is taken or refused."""
    path = Path(folder, "summary.json")
    assert path.read_bytes() == before
    try:
        LocalRegistry(str(path)).append(make_record("cccc3333"))
    except BikeTrafficError:
        assert path.read_bytes() == before
    else:
        assert path.read_bytes().startswith(before.rstrip().removesuffix(b"]").rstrip())


@BOUNDED
@given(odd=odd_entries(whole_record(ODD)))
def test_an_odd_record_is_answered_in_one_line_and_kept(odd: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        document = document_of(whole_record(GOOD), odd)
        Path(folder, "summary.json").write_bytes(document)
        for command in COMMANDS:
            run(folder, command)
        require_kept(folder, document)


EVENT = RegistryEvent(
    kind="promote",
    alias="champion",
    run_id=GOOD,
    actor="ana@desk",
    reason="it",
    timestamp="2026-03-02T00:00:00+00:00",
).to_json()


@BOUNDED
@given(odd=odd_entries(EVENT))
def test_an_odd_event_is_answered_in_one_line_and_kept(odd: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "summary.json").write_bytes(document_of(whole_record(GOOD), whole_record(ODD)))
        events = document_of(EVENT, odd)
        Path(folder, "aliases.json").write_bytes(events)
        for command in COMMANDS:
            if "promote" not in command:
                run(folder, command)
        assert Path(folder, "aliases.json").read_bytes() == events


@BOUNDED
@given(text=st.binary(max_size=40) | st.sampled_from(RAW_TEXTS).map(str.encode), place=st.integers(0, 2000))
def test_a_damaged_summary_is_answered_in_one_line_and_kept(text: bytes, place: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = document_of(whole_record(GOOD), whole_record(ODD))
        document = whole[:place] + text + whole[place:]
        Path(folder, "summary.json").write_bytes(document)
        for command in ("registry list", "registry best --metric r2", "registry verify"):
            run(folder, command)
        require_kept(folder, document)


@BOUNDED
@given(odd=odd_entries(whole_record(ODD)))
def test_an_odd_value_makes_no_record_or_one_that_keeps_it(odd: dict[str, Any]) -> None:
    try:
        entry = json.loads(document_of(odd))[0]
    except (ValueError, RecursionError):
        return  # no program of Python reads it
    try:
        record = ModelRecord.from_json(entry)
    except RegistryCorrupt:
        return
    again = ModelRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert repr(again) == repr(record)


@pytest.mark.parametrize(
    "value", [10**5000, float("nan"), "\ud800", {"\udfff": 1}], ids=["long", "nan", "surrogate", "key"]
)
def test_what_no_reader_takes_is_not_appended(value: object) -> None:
    registry = LocalRegistry("models/summary.json")
    registry.append(make_record(GOOD))
    before = {path: path.read_bytes() for path in Path("models").rglob("*.json")}
    with pytest.raises(RegistryCorrupt, match=r"^an entry cannot be written as JSON that every program reads"):
        registry.append(attrs.evolve(make_record(ODD), extra={"note": value}))
    assert {path: path.read_bytes() for path in Path("models").rglob("*.json")} == before
