"""What every chart keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import altair

from bike_traffic.app.charts.chart import Chart


def check(chart: Chart) -> None:
    """Assert that a chart is valid, is sent as strict JSON, asks no one for anything, and says something."""
    altair.Chart.from_dict(chart.spec, validate=True)
    text = json.dumps(chart.spec, allow_nan=False)
    assert "://" not in text
    assert not {"url", "href"} & {key for part in parts(chart.spec) for key in part}
    assert chart.alt.endswith(".")
    assert "{" not in chart.alt
    assert "nan" not in chart.alt.lower().split()


def parts(spec: Any) -> Iterator[dict[str, Any]]:
    """Give every dictionary inside a chart."""
    if isinstance(spec, dict):
        yield spec
        for value in spec.values():
            yield from parts(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from parts(value)


def rows(chart: Chart) -> list[dict[str, Any]]:
    """Return the main rows of a chart."""
    values: list[dict[str, Any]] = chart.spec["layer"][0]["data"]["values"]
    return values


def marks(chart: Chart) -> list[dict[str, Any]]:
    """Return the marks of a chart in the order in which they are drawn."""
    return [
        part["mark"] for part in parts(chart.spec) if isinstance(part.get("mark"), dict) and "type" in part["mark"]
    ]


def legend(chart: Chart) -> list[str]:
    """Return the words of the legend."""
    keys = [part["encoding"]["shape"] for part in parts(chart.spec) if "shape" in part.get("encoding", {})]
    return [label for key in keys for label in key["scale"]["domain"]]


def selections(chart: Chart) -> dict[str, list[str]]:
    """Return the fields of each point selection that a click makes."""
    params = [param for part in parts(chart.spec) for param in part.get("params", [])]
    return {param["name"]: param["select"]["fields"] for param in params if "fields" in param["select"]}
