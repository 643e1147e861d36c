"""A part of time that is wanted of counts: its days, and the months of a store that have them."""

from __future__ import annotations

import attrs
import pandas as pd

from bike_traffic.cities import PARIS
from bike_traffic.columns import TIME
from bike_traffic.errors import SchemaError


@attrs.frozen
class Window:
    """The hours from `since` to before `until`; ``None`` is no limit.

    Parameters
    ----------
    since, until : starts of days of the city.
    """

    since: pd.Timestamp | None = None
    until: pd.Timestamp | None = None

    @classmethod
    def parse(cls, since: str | None = None, until: str | None = None, zone: str = PARIS.time_zone) -> Window:
        """Read days such as ``2026-03-15``, or months such as ``2026-03``: their first day, in a time zone.

        Raises
        ------
        SchemaError
            A text is neither, or `since` is not before `until`.
        """
        window = cls(_day(since, zone), _day(until, zone))
        if window.since is not None and window.until is not None and window.since >= window.until:
            raise SchemaError(
                f"there is no hour from {since} to before {until}; give an earlier day and a later one",
                "window-empty",
                since=since,
                until=until,
            )
        return window

    @property
    def is_everything(self) -> bool:
        """Return whether no hour is outside."""
        return self.since is None and self.until is None

    def has_part_of(self, month: pd.Period) -> bool:
        """Return whether some hours of a month in UTC may be inside; a day more on either side makes sure."""
        first, last = month.start_time.tz_localize("UTC"), month.end_time.tz_localize("UTC")
        day = pd.Timedelta(days=1)
        return (self.since is None or self.since <= last + day) and (self.until is None or self.until > first - day)

    def of(self, cleaned: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a clean frame that are inside."""
        if self.is_everything:
            return cleaned
        inside = pd.Series(True, index=cleaned.index)
        if self.since is not None:
            inside &= cleaned[TIME] >= self.since
        if self.until is not None:
            inside &= cleaned[TIME] < self.until
        return cleaned[inside]


EVERYTHING = Window()


def month_of(text: str) -> pd.Period:
    """Read a month such as ``2026-03``; raise `SchemaError`."""
    try:
        start = pd.to_datetime(text.strip(), format="%Y-%m")
    except ValueError:
        raise SchemaError(
            f"'{text}' is not a month; write one such as 2026-03", "month-malformed", text=text
        ) from None
    return pd.Period(start, "M")


def _day(text: str | None, zone: str) -> pd.Timestamp | None:
    if text is None:
        return None
    for form in ("%Y-%m-%d", "%Y-%m"):
        day = pd.to_datetime(text.strip(), format=form, errors="coerce")
        if isinstance(day, pd.Timestamp):
            return day.tz_localize(zone)
    raise SchemaError(
        f"'{text}' is neither a day nor a month; write 2026-03-15 or 2026-03", "day-malformed", text=text
    )
