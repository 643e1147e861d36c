"""Fetching: every month whole or not at all, what the portal drops is kept, and each trouble is one line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bike_traffic.cities import City, CityColumns
from bike_traffic.data.files.reading import read_counts
from bike_traffic.errors import BikeTrafficError, ReadError, SchemaError
from bike_traffic.opendata.fetching import FetchResult, fetch
from bike_traffic.opendata.portal.client import Portal
from bike_traffic.opendata.stores.status import store_status
from tests.opendata.explore_api import LICENCE, RESET, ExploreApi, portal_of, rows_of

NOW = pd.Timestamp("2026-11-27T10:00", tz="UTC")
SINCE = pd.Period("2026-08", "M")
STORE = "counts"
FIELDS = ["id_compteur", "nom_compteur", "sum_counts", "date", "coordinates"]


@pytest.fixture
def api() -> ExploreApi:
    """Return a portal with counts from 10 September to 26 November 2026."""
    return ExploreApi(rows_of("2026-09-10", "2026-11-27"))


@contextmanager
def fetching(api: ExploreApi) -> Iterator[City]:
    with portal_of(api) as city:
        yield city


def run(city: City, *, now: pd.Timestamp = NOW, since: pd.Period | None = SINCE, **how: object) -> FetchResult:
    """Fetch without waiting between tries."""
    return fetch(city, STORE, now=now, since=since, portal=Portal(city, pause=lambda _: None), **how)  # type: ignore[arg-type]


def states(result: FetchResult) -> dict[str, str]:
    return {one.month: one.state for one in result.months}


def stored() -> pd.DataFrame:
    """Return the rows of the store with their values as the portal has them."""
    rows = pd.concat([pd.read_parquet(path) for path in sorted(Path(STORE).glob("month=*.parquet"))])
    return rows.sort_values(["date", "id_compteur"], ignore_index=True)


def expected(api: ExploreApi) -> pd.DataFrame:
    rows = api.rows[FIELDS].sort_values(["date", "id_compteur"], ignore_index=True)
    number = rows["id_compteur"].str[8].astype(int)
    return rows.assign(coordinates=[f"{48.85 + one / 100!r},2.35" for one in number])


def test_each_month_is_one_file_with_the_rows_of_the_portal(api: ExploreApi) -> None:
    with fetching(api) as city:
        result = run(city)
    assert states(result) == {"2026-08": "absent", "2026-09": "fetched", "2026-10": "fetched", "2026-11": "fetched"}
    assert sorted(path.name for path in Path(STORE).iterdir()) == [
        "manifest.json", "month=2026-09.parquet", "month=2026-10.parquet", "month=2026-11.parquet",
    ]  # fmt: skip
    assert_frame_equal(stored(), expected(api), check_dtype=False)
    assert len(api.asked_for("/exports/parquet")) == 3
    (first, *_) = api.asked_for("/exports/parquet")
    assert "select=nom_compteur,date,sum_counts,id_compteur,coordinates&" in first
    assert "where=date >= date'2026-09-01' AND date < date'2026-10-01'&timezone=UTC" in first


def test_the_manifest_says_where_each_month_came_from(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
    manifest = json.loads((Path(STORE) / "manifest.json").read_text())
    assert (manifest["city"], manifest["licence"], manifest["base_url"]) == ("paris", LICENCE, city.base_url)
    entry = manifest["months"]["2026-10"]
    assert entry["where"] == "date >= date'2026-10-01' AND date < date'2026-11-01'"
    assert (entry["rows"], entry["data_processed"]) == (31 * 24 * 2, "2026-11-27T04:12:11+00:00")
    assert entry["first_hour"] == "2026-10-01T00:00:00+00:00"
    assert store_status(STORE, NOW).damaged == ()


def test_the_newest_months_are_fetched_again_and_final_ones_are_not(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
        api.rows.loc[api.rows["date"] == pd.Timestamp("2026-10-05T08:00Z"), "sum_counts"] = 77.0
        api.requests.clear()
        result = run(city)
        assert states(result)["2026-10"] == "fetched"
        assert states(result)["2026-09"] == "stored"  # was fetched when it had been over for a month
        assert not [one for one in api.asked_for("/exports/") if "2026-09-01" in one]
    assert_frame_equal(stored(), expected(api), check_dtype=False)


def test_a_month_that_was_open_when_it_was_fetched_is_fetched_when_it_is_over(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city, now=pd.Timestamp("2026-10-15T10:00", tz="UTC"))
        assert states(run(city, now=pd.Timestamp("2027-02-15T10:00", tz="UTC")))["2026-10"] == "fetched"
        assert states(run(city, now=pd.Timestamp("2027-02-15T10:00", tz="UTC")))["2026-10"] == "stored"


@pytest.mark.parametrize("left", ["2026-11-01", "2026-10-20"])
def test_what_the_portal_drops_or_begins_to_drop_is_kept(api: ExploreApi, left: str) -> None:
    with fetching(api) as city:
        run(city, now=pd.Timestamp("2026-10-31T10:00", tz="UTC"))
        before = {path.name: path.read_bytes() for path in Path(STORE).glob("month=2026-[01]*")}
        api.rows = api.rows[api.rows["date"] >= pd.Timestamp(left, tz="UTC")]
        result = run(city)
    assert states(result) == {"2026-08": "absent", "2026-09": "kept", "2026-10": "kept", "2026-11": "fetched"}
    kept = {name: (Path(STORE) / name).read_bytes() for name in before if "11" not in name}
    assert kept == {name: content for name, content in before.items() if "11" not in name}


def test_months_before_the_first_one_asked_for_stay_in_the_store(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
        result = run(city, since=pd.Period("2026-11", "M"))
    assert list(states(result)) == ["2026-11"]
    assert list(store_status(STORE, NOW).months) == ["2026-09", "2026-10", "2026-11"]


@pytest.mark.parametrize("trouble", ["reset", "500", "cut", "short", "html", "json", "empty", "slow", "renamed"])
def test_a_passing_trouble_is_overcome(api: ExploreApi, trouble: str) -> None:
    api.trouble = {"exports/parquet": ["", trouble], "records": ["", "500"] if trouble == "500" else []}
    with fetching(api) as city:
        result = run(city)
    assert result.error is None
    assert_frame_equal(stored(), expected(api), check_dtype=False)


def test_a_cut_parquet_is_overcome_twice_and_then_csv_is_asked_for(api: ExploreApi) -> None:
    api.always = {"exports/parquet": "cut"}
    api.trouble = {"exports/csv": ["cut-line"]}
    with fetching(api) as city:
        run(city, since=pd.Period("2026-11", "M"))
    asked = [
        request.partition("/exports/")[2].partition("?")[0] for request in api.asked_for("donnees-compteurs/exports/")
    ]
    assert asked == ["parquet", "parquet", "parquet", "csv", "csv"]
    november = expected(api)[expected(api)["date"] >= pd.Timestamp("2026-11-01", tz="UTC")]
    assert_frame_equal(stored(), november.reset_index(drop=True), check_dtype=False)


def test_a_portal_without_parquet_is_asked_for_csv_at_once(api: ExploreApi) -> None:
    api.always = {"exports/parquet": "400"}
    with fetching(api) as city:
        run(city)
    assert len(api.asked_for("/exports/parquet")) == len(api.asked_for("/exports/csv")) == 3
    assert_frame_equal(stored(), expected(api), check_dtype=False)


LASTING = {
    "short": "the export has 1,243 of 1,248 rows; try again later",
    "cut-line": "the export has [0-9]+ of 1,248 rows; try again later",
    "html": "an HTML or XML page, not a table: 'Maintenance'; ask for the data as CSV, Parquet or JSON",
    "json": "the server sends no table but: Come back later",
    "empty": "the file is empty",
    "500": r"the server answers 500: An error occurred; try again later",
}


@pytest.mark.parametrize(("trouble", "message"), LASTING.items(), ids=LASTING)
def test_a_month_that_stays_incomplete_is_one_line_and_the_others_are_fetched(
    api: ExploreApi, trouble: str, message: str
) -> None:
    with fetching(api) as city:
        run(city)
        before = (Path(STORE) / "month=2026-11.parquet").read_bytes()
        api.trouble = {"exports/parquet": ["", *[trouble if trouble != "cut-line" else "short"] * 3]}
        api.always = {"exports/csv": "cut-line" if trouble == "short" else trouble}
        result = run(city, since=pd.Period("2026-10", "M"))
    assert states(result) == {"2026-10": "fetched", "2026-11": "failed"}
    said = LASTING["cut-line"] if trouble == "short" else message
    where = re.escape(f"{city.base_url}/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs")
    assert result.error is not None
    assert re.fullmatch(f"{where}( 2026-11)?: {said}", str(result.error)), result.error
    assert (Path(STORE) / "month=2026-11.parquet").read_bytes() == before
    assert store_status(STORE, NOW).damaged == ()


@pytest.mark.parametrize("quota", ["10002", "10005"])
@pytest.mark.parametrize("where", ["", "records", "exports/parquet"])
def test_a_quota_ends_the_fetch_with_the_time_it_comes_back_and_the_next_one_goes_on(
    api: ExploreApi, quota: str, where: str
) -> None:
    api.trouble = {where: [quota] if where == "" else ["", quota]}
    with fetching(api) as city:
        said = "the server takes no more requests (429: Too many requests on the domain. Please contact the domain "
        with pytest.raises(ReadError, match=re.escape(f"{said}administrator.); it does again at {RESET}") + "$"):
            run(city)
        asked = len(api.requests)
        run(city)
        assert len(api.requests) > asked
    assert_frame_equal(stored(), expected(api), check_dtype=False)


def test_a_portal_that_nobody_answers_at_is_one_line(clean_place: Path) -> None:
    city = City(name="nowhere", base_url="http://127.0.0.1:9", counts="counts")
    with pytest.raises(ReadError, match=r"datasets/counts: no server answers; base_url under \[cities.nowhere\] in"):
        run(city)
    assert list(clean_place.iterdir()) == []


def test_a_renamed_column_is_named_with_the_place_to_say_it(api: ExploreApi) -> None:
    api.trouble = {"": ["renamed"]}
    with fetching(api) as city, pytest.raises(SchemaError) as caught:
        run(city)
    assert "no column 'nom_compteur'; there are " in str(caught.value)
    assert str(caught.value).endswith("(did you mean 'nom_compteur_2'?); say under [cities.paris.columns] in bt.toml "
                                      "what it is called")  # fmt: skip


def test_a_page_in_place_of_what_the_portal_says_of_the_data_set_is_one_line(api: ExploreApi) -> None:
    api.trouble = {"": ["html"]}
    with (
        fetching(api) as city,
        pytest.raises(ReadError, match=r"does not answer as the Explore API does: Maintenance$"),
    ):
        run(city)


def test_some_counters_alone_are_fetched_and_a_store_keeps_one_selection(api: ExploreApi) -> None:
    one = "100003091-353242251"
    with fetching(api) as city:
        run(city, counters=[one])
        assert set(stored()["id_compteur"]) == {one}
        said = f"counts: it holds the counters {one}, not all counters; give the same counters, or another store"
        with pytest.raises(SchemaError, match=f"^{re.escape(said)}$"):
            run(city)
        with pytest.raises(SchemaError, match="is no identifier of a counter"):
            run(city, counters=['x" OR 1=1'])


def test_a_store_keeps_one_city(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
        with pytest.raises(
            BikeTrafficError, match=r"month=2026-09.parquet is of paris, not of tours; give each city a"
        ):
            run(attrs.evolve(city, name="tours"))


def test_a_city_with_other_columns_is_stored_under_the_same_names(api: ExploreApi) -> None:
    names = {"nom_compteur": "name", "date": "when", "sum_counts": "counts"}
    api.rows, api.time = api.rows.rename(columns=names).drop(columns=["coordinates", "id_compteur"]), "when"
    columns = CityColumns(counter="name", time="when", count="counts", identifier=None, coordinates=None)
    with fetching(api) as paris:
        run(attrs.evolve(paris, name="rennes", columns=columns))
    assert len(read_counts(STORE)) == len(api.rows)


def test_files_that_a_killed_fetch_left_without_manifest_are_taken_as_they_are(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
        (Path(STORE) / "manifest.json").unlink()
        result = run(city)
    assert states(result)["2026-09"] == "stored"
    assert store_status(STORE, NOW).damaged == ()


def test_a_damaged_file_is_named_and_fetched_again(api: ExploreApi) -> None:
    with fetching(api) as city:
        run(city)
        (Path(STORE) / "month=2026-09.parquet").write_bytes(b"PAR1")
        assert store_status(STORE, NOW).damaged == ("2026-09",)
        assert states(run(city))["2026-09"] == "fetched"
    assert store_status(STORE, NOW).damaged == ()


def entry(identifier: str, name: str) -> dict[str, object]:
    """Return a counter as the portal describes it."""
    place = {"lon": 2.31, "lat": 48.83}
    return {"id_compteur": identifier, "nom_compteur": name, "channel_name": "N-S", "coordinates": place,
            "installation_date": "2019-05-17"}  # fmt: skip


def test_a_counter_without_place_gets_that_of_the_data_set_of_counters(api: ExploreApi) -> None:
    one, other = sorted(set(api.rows["id_compteur"]))
    api.rows["coordinates"] = api.rows["coordinates"].where(api.rows["id_compteur"] == other, None)
    api.counters = [entry(one, "1 rue de l'Été N-S"), entry(other, "2 rue de l'Été N-S"), {"nom_compteur": "nobody"}]
    with fetching(api) as city:
        run(city)
    places = stored().groupby("id_compteur")["coordinates"].unique().map(list)
    assert places.to_dict() == {one: ["48.83,2.31"], other: [expected(api)["coordinates"].iloc[1]]}
    kept = json.loads(Path(STORE, "counters.json").read_text())[one]
    assert kept == {"name": "1 rue de l'Été N-S", "latitude": 48.83, "longitude": 2.31, "direction": "N-S",
                    "installed": "2019-05-17"}  # fmt: skip


def test_a_name_that_repeats_its_address_is_stored_as_the_counters_own(api: ExploreApi) -> None:
    one = min(api.rows["id_compteur"])
    own, doubled = "1 rue de l'Été N-S", "1 rue de l'Été 1 rue de l'Été Vélos N-S"
    api.counters = [entry(one, own)]
    is_late = (api.rows["id_compteur"] == one) & (api.rows["date"] > pd.Timestamp("2026-11-03", tz="UTC"))
    api.rows["nom_compteur"] = api.rows["nom_compteur"].where(~is_late, doubled)
    with fetching(api) as city:
        result = run(city)
    assert result.doubled == {doubled: own}
    assert set(stored()["nom_compteur"]) == {own, "2 rue de l'Été N-S"}


def test_a_renamed_counter_is_told_once_and_former_counters_are_kept(api: ExploreApi) -> None:
    one, other = sorted(set(api.rows["id_compteur"]))
    api.counters = [entry(one, "old"), entry(other, "other")]
    with fetching(api) as city:
        run(city)
        api.counters = [entry(one, "new")]
        assert run(city).renamed == {"old": "new"}
        assert run(city).renamed == {}
    assert sorted(json.loads(Path(STORE, "counters.json").read_text())) == [one, other]


def test_a_portal_that_does_not_give_its_counters_gives_its_counts(api: ExploreApi) -> None:
    api.trouble = {"exports/json": ["html"]}
    with fetching(api) as city:
        result = run(city)
    (note,) = result.notes
    assert note.startswith("the positions of counters are those of an earlier fetch: http://127.0.0.1:")
    assert_frame_equal(stored(), expected(api), check_dtype=False)
