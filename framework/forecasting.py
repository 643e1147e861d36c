"""The coming hours of the counters that a registered model knows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import attrs
import pandas as pd

from bike_traffic.cities import PARIS, City
from bike_traffic.columns import COUNTER, HOUR, TEMPERATURE, TIME
from bike_traffic.data.hours import as_published, hours_of_counters, hours_of_days, local_stamps
from bike_traffic.data.parsing.renames import under_known_names
from bike_traffic.data.weather.joining import join_weather
from bike_traffic.data.weather.reading import name_of, read_weather
from bike_traffic.errors import ForecastError, MissingExtra, MissingInput
from bike_traffic.evaluation.rows import RECENT, USUAL
from bike_traffic.evaluation.splits import DEFAULT_HOLDOUT
from bike_traffic.extras import pip_words
from bike_traffic.loading import LoadedModel
from bike_traffic.pipeline import PREDICTION, PROBABILITY
from bike_traffic.places import plain_name
from bike_traffic.registry.records import ModelRecord

LONGEST_DAYS = 366
_DECIMALS = {PREDICTION: 2, PROBABILITY: 4, RECENT: 2, **dict.fromkeys(USUAL, 1)}


@attrs.frozen(kw_only=True, eq=False)
class Forecast:
    """The forecast of some days.

    Parameters
    ----------
    rows : shape (n, …), one counter after the other: counter, time, hour, the columns of `Pipeline.predict_frame`
        with ``lower`` and ``upper`` if the model has an interval; ``recent``, what the last weeks suggest; and
        ``usual_lower``, ``usual`` and ``usual_upper``, what was usual in the last weeks of training (see `Usual`).
    newest : the newest hour that the model or its history knows; ``None`` if the record does not say.
    """

    rows: pd.DataFrame
    newest: pd.Timestamp | None

    @property
    def first_hour(self) -> pd.Timestamp:
        """The first hour of the forecast."""
        return pd.Timestamp(self.rows[TIME].min())

    @property
    def age(self) -> pd.Timedelta | None:
        """Time from the newest count to the first hour; negative if the model learned from later hours."""
        return None if self.newest is None else self.first_hour - self.newest

    def notes(self, record: ModelRecord) -> list[str]:
        """Return what a reader should know: the model, the age of its counts, and what the horizon means."""
        lines = [f"{record.model_type} of run {record.run_id[:8]}"]
        if self.age is None or self.newest is None:
            return lines
        days = self.age / pd.Timedelta(days=1)
        lines[0] += f"; the newest count it knows is of {self.newest:%Y-%m-%d %H:%M}"
        if days < 0:
            return [*lines, "the forecast starts before that: the model may know the counts of these hours"]
        lines[0] += f", {_span(self.age)} before the forecast"
        error = record.metrics.get("rmse")
        if error is not None and record.split is not None and record.split.kind == "temporal":
            measured = _measured_days(record)
            last = days + (self.rows[TIME].max() - self.first_hour) / pd.Timedelta(days=1)
            lines.append(f"its rmse on the {_days(measured)} after its training was {error:.1f} bikes per hour")
            if last > measured:
                lines[-1] += f"; the forecast reaches {_days(round(last))} ahead, where it was not measured"
        return lines

    def draw(self, model: str, path: str) -> None:
        """Draw the forecast into a file, whose ending is the format; raise `MissingExtra` or `WriteError`."""
        try:
            from bike_traffic.pictures.forecast import draw_forecast
        except ModuleNotFoundError as error:
            install = pip_words("bike-traffic[plot]")
            raise MissingExtra(
                f"a picture needs {error.name}, which is not installed: pip install {install}",
                "extra-missing",
                name="plot",
                module=error.name,
                install=install,
            ) from None
        draw_forecast(self.rows, model, path)

    def to_json(self, record: ModelRecord) -> dict[str, Any]:
        """Return the forecast as one document."""
        values = self.rows.drop(columns=[COUNTER, TIME, HOUR]).round(_DECIMALS)
        rows = pd.DataFrame({"counter": self.rows[COUNTER].astype(str), "time": local_stamps(self.rows[TIME])})
        return {
            "model_type": record.model_type,
            "run_id": record.run_id,
            "newest_count": None if self.newest is None else self.newest.isoformat(),
            "first_hour": self.first_hour.isoformat(),
            "rows": rows.join(values).to_dict("records"),
        }

    def as_published(self) -> pd.DataFrame:
        """Return counter and time under the City's headers, and the predictions beside them."""
        values = self.rows.drop(columns=[COUNTER, TIME, HOUR, RECENT, *USUAL], errors="ignore").round(_DECIMALS)
        return as_published(self.rows).join(values)


def forecast(
    loaded: LoadedModel,
    *,
    start: pd.Timestamp,
    days: int = 1,
    counters: Sequence[str] = (),
    history: pd.DataFrame | None = None,
    weather: str | pd.DataFrame | None = None,
    city: City = PARIS,
) -> Forecast:
    """Predict every hour of some days, for the counters that the model knows.

    Parameters
    ----------
    start : any time of the first day, in the city's time zone if it has none.
    days : how many local days; days on which the clock changes have 23 or 25 hours.
    counters : texts, of which a counter's name contains one, accents and case aside; all counters without any.
    history : clean counts; those before the first day are used, by a pipeline that needs them.
    weather : of these hours and of those of the history, as `read_weather` takes it.
    city : of the model.

    Raises
    ------
    ForecastError
        The number of days is out of range, or no counter's name contains a text.
    MissingInput
        The pipeline needs history, and none of it is before the first day.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ForecastError(f"a forecast is of 1 to {LONGEST_DAYS} days, not {days}", "forecast-days", days=days)
    pipeline, references = loaded.pipeline, loaded.references
    known = loaded.counters
    names = matching_counters(list(known), counters)
    times = hours_of_days(start, days, city.time_zone)
    past = None if history is None else history[history[TIME] < times[0]]
    if past is not None:
        past = under_known_names(past, loaded.references.counters)
    if past is not None and past.empty:
        raise MissingInput(
            f"the history has no count before {times[0]:%Y-%m-%d}, the first day of the forecast",
            "history-not-before",
            first_day=f"{times[0]:%Y-%m-%d}",
        )
    cleaned = hours_of_counters(
        names, times, [known[name].latitude for name in names], [known[name].longitude for name in names]
    )
    if weather is not None:
        hourly = read_weather(weather, city)
        cleaned = join_weather(cleaned, hourly, name_of(weather))
        if past is not None and TEMPERATURE not in past:
            past = join_weather(past, hourly, name_of(weather))
    columns = {name: cleaned[name] for name in (COUNTER, TIME, HOUR)}
    columns |= {**references.predict(pipeline, cleaned, past)}
    if references.recent is not None and pipeline.task == "regression":
        columns[RECENT] = pd.Series(references.recent.predict(cleaned), index=cleaned.index)
    if references.usual is not None and pipeline.task == "regression":
        usual = references.usual.of(cleaned[COUNTER], cleaned[TIME])
        columns |= dict(zip(USUAL, (usual[name] for name in usual), strict=True))
    until = loaded.record.known_until
    newest = None if until is None else pd.Timestamp(until).tz_convert(city.time_zone)
    if past is not None:
        newest = past[TIME].max() if newest is None else max(newest, past[TIME].max())
    return Forecast(rows=pd.DataFrame(columns), newest=newest)


def _span(time: pd.Timedelta) -> str:
    hours = round(time / pd.Timedelta(hours=1))
    return _days(hours // 24) if hours >= 24 else "1 hour" if hours == 1 else f"{hours} hours"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"


def _measured_days(record: ModelRecord) -> int:
    """Return for how many days after its training a model was measured."""
    split = record.split
    if split is None or split.training_until is None or split.measured_until is None:
        return DEFAULT_HOLDOUT.days
    span = pd.Timestamp(split.measured_until) - pd.Timestamp(split.training_until)
    return max(round(span / pd.Timedelta(days=1)), 1)


def parse_day(text: str, zone: str = PARIS.time_zone) -> pd.Timestamp:
    """Read a day such as ``2026-06-15`` in a time zone; raise `ForecastError`."""
    try:
        return pd.Timestamp(datetime.date.fromisoformat(text.strip()), tz=zone)
    except ValueError:
        raise ForecastError(
            f"'{text}' is not a day; write one such as 2026-06-15", "forecast-day-malformed", text=text
        ) from None


def tomorrow(zone: str = PARIS.time_zone) -> pd.Timestamp:
    """Return the start of tomorrow in a time zone."""
    return pd.Timestamp.now(zone).normalize() + pd.DateOffset(days=1)


def matching_counters(known: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the counters whose name contains one of the texts, accents and case aside; raise `ForecastError`."""
    chosen: list[str] = []
    plain = {name: plain_name(name) for name in known} if texts else {}
    for text in texts:
        wanted = plain_name(text)
        matching = [name for name in known if wanted in plain[name]]
        if not matching:
            shown = ", ".join(f"'{name}'" for name in known[:5]) + (", …" if len(known) > 5 else "")
            close = get_close_matches(wanted, {word for name in plain.values() for word in name.split()}, n=1)
            meant = f" (did you mean '{close[0]}'?)" if close else ""
            raise ForecastError(
                f"no counter's name contains '{text}'{meant}; the model knows {len(known)}: {shown}",
                "forecast-no-counter",
                text=text,
                known=list(known),
            )
        chosen += matching
    return list(dict.fromkeys(chosen)) if texts else list(known)
