"""The page of a check: one HTML file with pictures, which needs no network and no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bike_traffic.data.checking.file import CheckReport
from bike_traffic.data.files.writing import write_bytes
from bike_traffic.features.calendar import day_numbers
from bike_traffic.features.outages import OUTAGE_HOURS
from bike_traffic.monitoring.findings.finding import TROUBLE, Finding, Trouble, troubles
from bike_traffic.monitoring.history.days import CounterDays
from bike_traffic.monitoring.report.drawing import CELLS, COLOURS, Cells, Span, curve, strips, text

MOST_STRIPS, MOST_CELLS, MOST_CURVES, MOST_LINES = 400, 560, 150, 8
"""What one page can show: counters, cells of each, counters with a curve, and lines of each; the worst come first."""
LEVELS = (0.4, 0.75, 1.25, 1.75)
"""Bikes of a cell over those of the counter's median day: where one shade ends and the next begins."""
KINDS = {
    "outage-zeros": "nothing but zeros",
    "outage-silent": "silent",
    "level-changed": "unusual level or direction",
}
STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --quiet: #5b6875; --line: #1f5c95; --rule: #d5dbe1;
  --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf0; --quiet: #9aa7b4; --line: #8fbce6; --rule: #3a4550; --page: #14191f; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 1140px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } h2 { margin: 2.2rem 0 .5rem; }
h3 { margin: 1.6rem 0 .2rem; font-size: 1rem; overflow-wrap: anywhere; }
.said { font-size: 1.15rem; margin: .6rem 0; } .quiet { color: var(--quiet); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: var(--ink); }
.cells { image-rendering: pixelated; } .axis { stroke: var(--rule); fill: none; }
.line { stroke: var(--line); stroke-width: 1.2; fill: none; stroke-linejoin: round; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--rule); }
td { overflow-wrap: anywhere; } td.time { white-space: nowrap; } ul { margin: .2rem 0 .5rem; padding-left: 1.2rem; }
.key { display: inline-block; margin-right: 1.2rem; } .key svg { display: inline-block; width: 14px; height: 14px;
  vertical-align: -2px; margin-right: .35rem; }
"""


def write_page(report: CheckReport, days: CounterDays, findings: Sequence[Finding], target: str) -> None:
    """Write the page of a check, completely or not at all; raise `WriteError`.

    Parameters
    ----------
    target : a path or URL; ``-`` is standard output.
    """
    write_bytes(page(report, days, findings).encode(), target)


def page(report: CheckReport, days: CounterDays, findings: Sequence[Finding]) -> str:
    """Return the page of a check as HTML that is well-formed XML too.

    It loads nothing, runs nothing, and a policy forbids both. Everything that comes from the file is escaped.

    Parameters
    ----------
    report : faults of rows, and what the file holds.
    days, findings : of the same file.
    """
    found = troubles(findings)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    body = days.body()
    parts = [_head(report, found)]
    if len(body):
        parts += [_city(body, found), _curves(body, found), _presence(found)]
    parts.append(_faults(report))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="referrer" content="no-referrer"/>'
        f"<title>{text(_file(report))}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def result(report: CheckReport, found: Sequence[Trouble]) -> str:
    """Return what was found about the counters, as one sentence."""
    own = [one for one in found if one.first.id in TROUBLE]
    now = {name for one in own if one.lasting for name in one.counters}
    ever = {name for one in own for name in one.counters}
    if not ever:
        return "No counter had an outage or a sudden change of its counts."
    before = f"{_counters(len(ever - now))} {'have' if len(ever - now) != 1 else 'has'} had trouble that is over"
    if not now:
        return f"No counter is in trouble at the end of the file; {before}."
    return f"{_counters(len(now))} of {report.counters} {_are(len(now))} in trouble at the end of the file; {before}."


def _head(report: CheckReport, found: Sequence[Trouble]) -> str:
    span = f", from {report.first_hour} to {report.last_hour}" if report.first_hour else ""
    faults = f"{len(report.faults)} kinds of faults in rows, see below." if report.faults else "No row has a fault."
    return (
        f"<h1><bdi>{text(_file(report))}</bdi></h1>"
        f'<p class="quiet">{report.rows:,} rows, {_counters(report.counters)}{text(span)}</p>'
        f'<p class="said">{text(result(report, found))} {text(faults)}</p>'
    )


def _city(days: CounterDays, found: Sequence[Trouble]) -> str:
    """Return the picture of the whole city: counters × weeks, or days of a short file."""
    parts = dict(days.slices())
    order = sorted(parts, key=lambda number: days.names[number])
    if len(order) > MOST_STRIPS:
        worst = {name: place for place, one in enumerate(found[::-1]) for name in one.counters}
        order = sorted(sorted(order, key=lambda number: -worst.get(days.names[number], -1))[:MOST_STRIPS])
    names = [days.names[number] for number in order]
    first, size = int(days.day.min()), int(days.day.max() - days.day.min()) + 1
    step = 1 if size <= MOST_CELLS else 7 * -(-size // (7 * MOST_CELLS))
    by_name = _by_counter(found)
    cells = np.stack(
        [
            _cells(days, parts[number], by_name.get(name, []), first, size, step)
            for number, name in zip(order, names, strict=True)
        ]
    )
    unit = {1: "day", 7: "week"}.get(step, f"{step // 7} weeks")
    shades = "".join(
        f'<rect x="{place * 3}" width="3" height="14" fill="{COLOURS[f"level-{place + 1}"]}"/>' for place in range(5)
    )
    keys = [
        f'<svg viewBox="0 0 15 14" aria-hidden="true">{shades}</svg>less to more bikes than usual for the counter'
    ]
    keys += [
        f'<svg viewBox="0 0 15 14" aria-hidden="true"><rect width="15" height="14" fill="{COLOURS[kind]}"/></svg>'
        + says
        for kind, says in KINDS.items()
    ]
    legend = "".join(f'<span class="key">{key}</span>' for key in keys)
    alt = f"What each of {len(names)} counters did in each {unit}"
    more = f" The other {len(parts) - len(names):,} are left out." if len(parts) > len(names) else ""
    return (
        f"<h2>The city</h2><p>{legend}</p>"
        f'<p class="quiet">One row a counter, one cell a {unit}; empty where a counter '
        f"had no rows yet, or none any more.{more}</p>"
        f"{strips(names, cells, first, step, alt)}"
    )


def _cells(days: CounterDays, part: slice, own: Sequence[Finding], first: int, size: int, step: int) -> Cells:
    """Return what one counter did in each cell."""
    entries = days.part(part)
    day, live, all_bikes = entries.day - first, entries.live, entries.bikes
    usual = max(float(np.median(all_bikes[live])) if live.any() else 1.0, 1e-9)
    cell, width = day // step, -(-size // step)
    counted = np.bincount(cell[live], minlength=width)
    bikes = np.bincount(cell[live], all_bikes[live], minlength=width) / np.maximum(counted, 1)
    present = np.bincount(cell, minlength=width) > 0
    shade = 1 + np.searchsorted(LEVELS, bikes / usual)
    cells = np.where(counted > 0, shade, np.where(present, CELLS.index("level-1"), 0)).astype(np.uint8)
    for kind in ("level-changed", "directions-swapped", "outage-silent", "outage-zeros"):
        troubled = np.zeros(width * step, bool)
        for one in own:
            if one.id == kind:
                begin, end = _days(one)
                troubled[begin - first : end - first + 1] = True
        # One day of trouble makes no week of trouble, or a year of single days looks like one long outage.
        cells[troubled.reshape(-1, step).sum(axis=1) * 3 >= step] = CELLS.index(kind)
    return cells


def _curves(days: CounterDays, found: Sequence[Trouble]) -> str:
    """Return a curve of each counter in trouble, the worst first, with its findings."""
    by_name = _by_counter(one for one in found if one.first.id in TROUBLE or one.first.id == "counter-moved")
    numbers = {days.names[number]: part for number, part in days.slices()}
    shown = [name for name in by_name if name in numbers][:MOST_CURVES]
    if not shown:
        return ""
    first, size = int(days.day.min()), int(days.day.max() - days.day.min()) + 1
    sections = []
    for name in shown:
        own = by_name[name]
        entries = days.part(numbers[name])
        bikes = np.full(size, np.nan)
        whole = entries.size >= OUTAGE_HOURS
        bikes[(entries.day - first)[whole]] = entries.bikes[whole]
        spans = [Span(first_day=a, last_day=b, kind=one.id, says=_line(one)) for one in own for a, b in [_days(one)]]
        says = "".join(f"<li>{text(_line(one))}</li>" for one in _longest(own))
        picture = curve(bikes, first, spans, f"Bikes a day of {name}: {_line(own[0])}")
        sections.append(f"<h3><bdi>{text(name)}</bdi></h3><ul>{says}</ul>{picture}")
    left = len(by_name) - len(shown)
    more = f'<p class="quiet">{left:,} counters with less trouble are left out.</p>' if left > 0 else ""
    return f"<h2>Counters in trouble</h2>{''.join(sections)}{more}"


def _presence(found: Sequence[Trouble]) -> str:
    rows = [
        f'<tr><td><bdi>{text(one.name)}</bdi></td><td class="time">{one.first.first_hour:%Y-%m-%d}</td>'
        f'<td class="time">{one.findings[-1].last_hour:%Y-%m-%d}</td><td>{text(one.message)}</td></tr>'
        for one in found
        if one.first.id not in TROUBLE
    ]
    return _table("Good to know", ("counter", "from", "to", "finding"), rows)


def _faults(report: CheckReport) -> str:
    rows = [
        "<tr>"
        + "".join(
            f"<td>{text(value)}</td>"
            for value in (
                one.column, one.found, f"{one.rows:,}", ", ".join(map(str, one.first_rows)), one.example, one.advice,
            )
        )
        + "</tr>"
        for one in report.faults
    ]  # fmt: skip
    return _table("Faults of rows", ("column", "fault", "rows", "first rows", "example", "what to do"), rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    return (
        f'<h2>{title}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _longest(own: Sequence[Finding]) -> list[Finding]:
    """Return what lasts and the longest of the other findings of a counter, in order of time."""
    longest = sorted(own, key=lambda one: (not one.lasting, -int(one.numbers["hours"])))[:MOST_LINES]
    return sorted(longest, key=lambda one: one.first_hour)


def _line(one: Finding) -> str:
    end = "and still" if one.lasting else f"to {one.last_hour:%Y-%m-%d}"
    return f"{one.first_hour:%Y-%m-%d} {end}: {one.message}"


def _by_counter(found: Iterable[Trouble]) -> dict[str, list[Finding]]:
    """Return the findings of each counter; the counter with the worst first."""
    by_name: dict[str, list[Finding]] = {}
    for trouble in found:
        for name in trouble.counters:
            by_name.setdefault(name, []).extend(trouble.findings)
    return by_name


def _days(one: Finding) -> tuple[int, int]:
    """Return the first and the last local day of a finding, since 1970."""
    first, last = day_numbers(pd.Series([one.first_hour, one.last_hour]))
    return int(first), int(last)


def _counters(number: int) -> str:
    return f"{number:,} counter{'s' if number != 1 else ''}"


def _file(report: CheckReport) -> str:
    """Return the last part of the file's name: folders are nobody's business to whom the page is sent."""
    return report.source.rstrip("/").rpartition("/")[2]


def _are(number: int) -> str:
    return "are" if number != 1 else "is"
