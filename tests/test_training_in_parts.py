"""A training from a file in parts is the one from a frame in memory."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import bike_traffic
from bike_traffic import gathering
from bike_traffic.columns import TIME, WEATHER_COLUMNS
from bike_traffic.data.loading import load_counts
from bike_traffic.data.parts import stored, writing
from bike_traffic.data.parts.loading import store_counts
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.data.weather.reading import read_weather
from bike_traffic.errors import SchemaError
from bike_traffic.memory import free_memory
from bike_traffic.registry.records import ModelRecord

TINY = {"n_estimators": 3}
SAME = ("metrics", "baseline", "recent", "interval", "split", "parameters")


def of_model(record: ModelRecord) -> tuple[object, ...]:
    """Return what is the same of two trainings on the same rows."""
    digests = {name: one["sha256"] for name, one in record.to_json()["artifacts"].items()}
    of_order = ("references/four_week_mean.json", "references/held_out.parquet")
    return *(getattr(record, name) for name in SAME), {
        name: digest for name, digest in digests.items() if name not in of_order
    }


def weather_of(cleaned: pd.DataFrame) -> pd.DataFrame:
    """Return some weather of the hours of counts."""
    hours, chance = pd.DatetimeIndex(cleaned[TIME].unique()), np.random.default_rng(0)
    return pd.DataFrame({"time": hours, **{name: chance.uniform(0, 9, len(hours)) for name in WEATHER_COLUMNS}})


@pytest.mark.parametrize("with_weather", [False, True], ids=["counts", "counts and weather"])
@pytest.mark.parametrize("model", ["rf", "rf_class"])
def test_the_record_and_the_files_are_the_same(
    model: str, with_weather: bool, small_counts: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (stored, writing):
        monkeypatch.setattr(module, "PART_ROWS", 1000)
    files = tmp_path / "counts"
    files.mkdir()
    for number, start in enumerate(range(0, len(small_counts), 4000)):
        small_counts.iloc[start : start + 4000].to_csv(files / f"{number}.csv", sep=";", index=False)
    cleaned = load_counts(str(files))
    weather = weather_of(cleaned) if with_weather else None
    train = partial(bike_traffic.train, model, parameters=TINY, weather=weather, track=False)
    in_parts, in_memory = train(data=str(files), registry="parts"), train(data=cleaned, registry="frame")
    assert of_model(in_parts.record) == of_model(in_memory.record)


def test_a_training_in_parts_has_the_weather_in_every_frame(small_file: Path) -> None:
    cleaned = load_counts(str(small_file))
    weather = read_weather(weather_of(cleaned))
    with store_counts(str(small_file)) as counts:
        counts.add_weather(weather, "weather")
        parts = pd.concat(counts.parts()).sort_index()
        assert_frame_equal(parts, join_weather(cleaned, weather), check_freq=False, check_index_type=False)


def test_weather_that_lacks_hours_is_the_same_error_in_parts(small_file: Path) -> None:
    cleaned = load_counts(str(small_file))
    short = weather_of(cleaned).iloc[:-3]
    messages = set()
    for counts in (str(small_file), cleaned):
        with pytest.raises(SchemaError) as refused:
            bike_traffic.train("rf", counts, weather=short, track=False)
        messages.add(str(refused.value))
    assert len(messages) == 1


def test_a_training_in_memory_warns_if_it_takes_more_than_is_free(
    small_counts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gathering, "free_memory", lambda: 1_000_000)
    bike_traffic.train("rf", small_counts, parameters=TINY, track=False, interval=False)
    assert [message for message in caplog.messages if "in memory" in message] == [
        "training on 9,600 rows in memory takes about 0.0 GB, and 0.0 GB are free: the system may end it; train on "
        "fewer days, or only models that learn from parts, such as rf"
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable:     4000 kB\n"}, 4_096_000),
        ({"proc/meminfo": "MemAvailable: 4000 kB\n", "cgroup/memory.max": "max\n"}, 4_096_000),
        ({"proc/meminfo": "MemAvailable: 4000 kB\n", "cgroup/memory.max": "3000000\n"}, 3_000_000),
        (
            {
                "proc/meminfo": "MemAvailable: 4000 kB\n",
                "proc/self/cgroup": "0::/user/one\n",
                "cgroup/user/memory.max": "2000000\n",
                "cgroup/user/memory.stat": "anon 500000\nfile 1400000\n",
                "cgroup/user/one/memory.max": "max\n",
            },
            1_500_000,
        ),
        (
            {
                "proc/meminfo": "MemAvailable: 4000 kB\n",
                "proc/self/cgroup": "9:cpu:/x\n4:memory:/job\n",
                "cgroup/memory/job/memory.limit_in_bytes": "1000000\n",
                "cgroup/memory/job/memory.stat": "cache 5\ntotal_rss 400000\n",
            },
            600_000,
        ),
    ],
)
def test_free_memory_is_that_of_the_smallest_limit(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert free_memory(tmp_path / "proc", tmp_path / "cgroup") == expected
