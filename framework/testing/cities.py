"""The promises of a city: a class of tests that a city's own tests inherit."""

from __future__ import annotations

from pathlib import Path

import pytest

from bike_traffic.cities import City
from bike_traffic.columns import COUNT, COUNTER, TIME
from bike_traffic.data.checking.file import check_file
from bike_traffic.data.cleaning import is_clean
from bike_traffic.data.loading import load_counts
from bike_traffic.data.sample import generate_sample
from bike_traffic.features.calendar import check_holidays
from bike_traffic.manager import PluginHost


class CityChecks:
    """Every promise of a city; its tests inherit it. The whole test is::

        class TestMyCity(CityChecks):
            name = "mine"

            @pytest.fixture
            def file(self, tmp_path):
                path = tmp_path / "counts.csv"
                path.write_text(...)  # as the city publishes it, without a fault
                return path

    The file has two counters or more, and two hours or more.
    """

    name: str

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """Return a file of counts without a fault, as the city publishes it."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture `file`; see CityChecks")

    @pytest.fixture
    def city(self) -> City:
        """Return the city, as its plugin declares it."""
        return PluginHost().cities()[self.name]

    def test_it_is_declared_once_and_its_holidays_are_known(self, city: City) -> None:
        """The hook declares the city under its name, and its public holidays are known."""
        assert city.name == self.name
        check_holidays(city.calendar)

    def test_its_file_becomes_a_clean_frame_without_a_fault(self, city: City, file: Path) -> None:
        """Its file is read into a clean frame in its time zone, with the counts, and no row is left out."""
        notes: list[str] = []
        cleaned = load_counts(str(file), city=city, notify=notes.append)
        assert notes == []
        assert is_clean(cleaned)
        assert str(cleaned[TIME].dt.tz) == city.time_zone
        assert cleaned[COUNTER].nunique() > 1
        assert (cleaned[COUNT] >= 0).all()

    def test_no_hour_of_a_counter_comes_twice(self, city: City, file: Path) -> None:
        """The file has one row a counter and hour: no total beside its parts, no quarters of an hour."""
        cleaned = load_counts(str(file), city=city)
        assert not cleaned.duplicated([COUNTER, TIME]).any()
        assert (cleaned[TIME] == cleaned[TIME].dt.tz_convert("UTC").dt.floor("h")).all()

    def test_a_check_of_its_file_finds_the_same(self, city: City, file: Path) -> None:
        """`bt data check` finds the same rows, counters and hours, and no fault."""
        report, cleaned = check_file(str(file), city=city), load_counts(str(file), city=city)
        assert (report.rows, report.counters, report.faults) == (len(cleaned), cleaned[COUNTER].nunique(), ())
        assert report.first_hour == cleaned[TIME].min().isoformat()

    def test_a_folder_of_its_files_is_read(self, city: City, file: Path) -> None:
        """A folder is read as its files are."""
        assert len(load_counts(str(file.parent), city=city)) == len(load_counts(str(file), city=city))

    def test_a_table_of_hours_is_read_too(self, city: City, tmp_path: Path) -> None:
        """A file in the City of Paris's own form, as `bt data clean` writes it, is read as everywhere."""
        sample, notes = generate_sample().head(200), list[str]()
        sample.to_csv(tmp_path / "table.csv", sep=";", index=False)
        assert len(load_counts(str(tmp_path / "table.csv"), city=city, notify=notes.append)) == len(sample)
