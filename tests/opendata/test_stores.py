"""A store on disk, on Google Cloud Storage and on S3: the same files, the same manifest, read by every command."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.data.files.folders.filesystem import filesystem_of
from bike_traffic.data.files.reading import read_counts
from bike_traffic.data.window import Window
from bike_traffic.errors import BikeTrafficError, ReadError, WriteError
from bike_traffic.opendata.fetching import FetchResult, fetch
from bike_traffic.opendata.portal.client import Portal
from bike_traffic.opendata.stores.status import store_status
from tests.opendata.explore_api import ExploreApi, portal_of, rows_of
from tests.proxy import Proxy, proxied
from tests.registry_backends.conftest import NewBucket
from tests.servers import CLOUDS

NOW = pd.Timestamp("2026-11-27T10:00", tz="UTC")
SINCE = pd.Period("2026-10", "M")


@pytest.fixture(params=["local", *CLOUDS])
def uri(request: pytest.FixtureRequest, new_bucket: NewBucket) -> str:
    """Return where a store may be made, of each kind."""
    return "deep/counts" if request.param == "local" else f"{new_bucket(request.param)}/deep/counts"


def test_a_store_of_each_kind_is_made_kept_current_and_read(uri: str) -> None:
    api = ExploreApi(rows_of("2026-10-01", "2026-11-20"))
    with portal_of(api) as city:
        portal = Portal(city, pause=lambda _: None)
        fetch(city, uri, since=SINCE, now=NOW, portal=portal)
        api.rows = rows_of("2026-11-01", "2026-11-27")
        again = fetch(city, f"{uri}/", since=SINCE, now=NOW, portal=portal)
    assert [one.state for one in again.months] == ["kept", "fetched"]
    filesystem, path = filesystem_of(uri)
    assert sorted(name.rpartition("/")[2] for name in filesystem.ls(path, detail=False)) == [
        "manifest.json", "month=2026-10.parquet", "month=2026-11.parquet",
    ]  # fmt: skip
    manifest = json.loads(filesystem.cat_file(f"{path}/manifest.json"))
    assert {month: entry["rows"] for month, entry in manifest["months"].items()} == {"2026-10": 1488, "2026-11": 1248}

    status = store_status(uri, NOW)
    assert (status.damaged, status.missing, status.age_hours) == ((), (), 11)
    every = read_counts(uri)
    assert len(every) == 1488 + 1248
    assert_frame_equal(read_counts(f"{uri}/month=*.parquet"), every)
    assert len(read_counts(uri, window=Window.parse("2026-11-05"))) == 1248


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_bucket_that_is_not_there_is_one_line(new_bucket: NewBucket, kind: str) -> None:
    nowhere = f"{new_bucket(kind).partition('://')[0]}://no-such-bucket-here/counts"
    with portal_of(ExploreApi(rows_of("2026-10-01", "2026-10-03"))) as city:
        with pytest.raises(BikeTrafficError, match=f"^{re.escape(nowhere)}[^ ]*: cannot be written: .+$") as caught:
            fetch(city, nowhere, since=SINCE, now=NOW, portal=Portal(city, pause=lambda _: None))
        assert "\n" not in str(caught.value)
    with pytest.raises(ReadError, match=f"^{re.escape(nowhere)}: no such file$"):
        read_counts(nowhere)


def test_a_folder_that_cannot_be_written_is_one_line(clean_place: Path) -> None:
    Path("counts").write_text("a file")
    with (
        portal_of(ExploreApi(rows_of("2026-10-01", "2026-10-03"))) as city,
        pytest.raises(BikeTrafficError, match=r"^counts: cannot be (written|opened): .+$"),
    ):
        fetch(city, "counts", since=SINCE, now=NOW, portal=Portal(city, pause=lambda _: None))
    assert Path("counts").read_text() == "a file"


def test_a_folder_without_a_store_is_one_line(clean_place: Path) -> None:
    said = "counts: no store; `bt data fetch --to counts` makes one"
    with pytest.raises(ReadError, match=f"^{re.escape(said)}$"):
        store_status("counts")


def test_fetches_at_the_same_time_into_any_store_leave_a_true_manifest(uri: str) -> None:
    with portal_of(ExploreApi(rows_of("2026-10-01", "2026-11-27"))) as city, ThreadPoolExecutor(3) as pool:

        def run(number: int) -> FetchResult:
            now = NOW + pd.Timedelta(seconds=number)  # so that no two write the same bytes
            return fetch(city, uri, since=SINCE, now=now, portal=Portal(city, pause=lambda _: None))

        results = list(pool.map(run, range(6)))
    assert {one.state for result in results for one in result.months} == {"fetched"}
    status = store_status(uri, NOW)
    assert (status.damaged, {month: entry.rows for month, entry in status.months.items()}) == (
        (),
        {"2026-10": 1488, "2026-11": 1248},
    )


@pytest.mark.parametrize("kind", CLOUDS)
def test_a_bucket_that_refuses_a_month_keeps_those_before_and_the_next_fetch_goes_on(
    new_bucket: NewBucket, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"{new_bucket(kind)}/counts"
    variable = "STORAGE_EMULATOR_HOST" if kind == "gcs" else "AWS_ENDPOINT_URL"
    true = os.environ[variable]
    api = ExploreApi(rows_of("2026-10-01", "2026-11-27"))
    with portal_of(api) as city:
        portal = Portal(city, pause=lambda _: None)
        refuses = re.compile(rb"\A(PUT|POST) (?s:.*)month(=|%3D|%253D)2026-11")
        with proxied(Proxy(true, refuses=refuses)) as proxy:
            monkeypatch.setenv(variable, proxy)
            type(filesystem_of(uri)[0]).clear_instance_cache()
            with pytest.raises(WriteError, match=f"^{re.escape(uri)}[^ ]*: cannot be written: [^\n]+$"):
                fetch(city, uri, since=SINCE, now=NOW, portal=portal)
        monkeypatch.setenv(variable, true)
        type(filesystem_of(uri)[0]).clear_instance_cache()
        assert list(store_status(uri, NOW).months) == ["2026-10"]
        fetch(city, uri, since=SINCE, now=NOW, portal=portal)
    status = store_status(uri, NOW)
    assert (list(status.months), status.damaged) == (["2026-10", "2026-11"], ())


def test_a_bucket_without_credentials_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    type(filesystem_of("s3://bucket")[0]).clear_instance_cache()  # of another test, with credentials
    for source in ("s3://bucket/counts.csv", "s3://bucket/counts", "s3://bucket/*.csv"):
        with pytest.raises(ReadError, match=f"^{re.escape(source)}: cannot be opened: no usable credentials$"):
            read_counts(source)
