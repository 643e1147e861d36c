"""A server on loopback that speaks the Explore API 2.1 as portals do, with the trouble that they make."""

from __future__ import annotations

import io
import json
import re
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from bike_traffic.cities import PARIS, City
from tests.servers import answer, serving

LICENCE = "Open Database License (ODbL)"
RESET = "2026-11-28T00:00:00Z"
_DAYS = re.compile(r"(\w+) >= date'(\d{4}-\d\d-\d\d)' AND \w+ < date'(\d{4}-\d\d-\d\d)'")
_ONE = re.compile(r'(\w+) = "([^"]*)"')
_KINDS = {"nom_compteur": "text", "id_compteur": "text", "sum_counts": "int", "date": "datetime"}


def rows_of(first: str, end: str, counters: int = 2) -> pd.DataFrame:
    """Return invented hourly counts of some days in UTC, with the field names of the City's portal."""
    hours = pd.date_range(first, end, freq="h", inclusive="left", tz="UTC").as_unit("ms")
    number = np.arange(len(hours) * counters)
    which = number % counters
    return pd.DataFrame(
        {
            "id_compteur": [f"10000309{one}-353242251" for one in which],
            "nom_compteur": [f"{one + 1} rue de l'Été N-S" for one in which],
            "id": [f"10000309{one}" for one in which],
            "sum_counts": (number * 7 % 90).astype(float),
            "date": hours.repeat(counters),
            "coordinates": [point(48.85 + one / 100, 2.35) for one in which],
            "url_sites": "https://example.org/photo",
        }
    )


def point(latitude: float, longitude: float) -> bytes:
    """Return a point as well-known binary."""
    return struct.pack("<BIdd", 1, 1, longitude, latitude)


@attrs.define
class ExploreApi:
    """The portal: its rows, and the trouble that it will make.

    Parameters
    ----------
    trouble : by the end of a path, such as ``"exports/parquet"``, what is wrong with each of the next answers; an
        empty text is nothing.
    always : the same for every answer.
    attachments : files by their id.
    """

    rows: pd.DataFrame
    trouble: dict[str, list[str]] = attrs.field(factory=dict)
    always: dict[str, str] = attrs.field(factory=dict)
    attachments: dict[str, bytes] = attrs.field(factory=dict)
    counters: list[dict[str, Any]] = attrs.field(factory=list)
    time: str = "date"
    requests: list[str] = attrs.field(factory=list)
    """Path and query of each request, decoded."""

    def asked_for(self, what: str) -> list[str]:
        """Return the requests whose path has a text."""
        return [request for request in self.requests if what in request]

    def handle(self, client: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        parts = urlsplit(client.path)
        words = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        self.requests.append(unquote(client.path))
        what = path.partition("/catalog/datasets/")[2].partition("/")[2]
        waiting = self.trouble.get(what)
        trouble = waiting.pop(0) if waiting else self.always.get(what, "")
        if not self._refuse(client, trouble):
            body, kind = self._content(what, words, trouble)
            self._send(client, body, kind, trouble)

    def _refuse(self, client: BaseHTTPRequestHandler, trouble: str) -> bool:
        """Answer with an error if it is one, and return whether it is."""
        status, document = 200, {}
        if trouble in ("10002", "10005"):
            said = "Too many requests on the domain. Please contact the domain administrator."
            status = 429
            document = {"errorcode": int(trouble), "reset_time": RESET, "limit_time_unit": "day", "error": said}
        elif trouble == "500":
            status, document = 500, {"error_code": "InternalError", "message": "An error occurred"}
        elif trouble == "400":
            status, document = 400, {"error_code": "ODSQLError", "message": "ODSQL query is malformed: no."}
        if trouble == "reset":
            client.close_connection = True
        elif status != 200:
            data = json.dumps(document).encode()
            answer(client, status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))], data)
        return trouble == "reset" or status != 200

    def _content(self, what: str, words: Mapping[str, str], trouble: str) -> tuple[bytes, str]:
        if trouble == "html":
            return b"<html><head><title>Maintenance</title></head></html>", "text/html"
        if trouble == "json":
            return b'{"error_code": "Busy", "message": "Come back later"}', "application/json"
        if trouble == "empty":
            return b"", "application/octet-stream"
        match what.split("/"):
            case [""]:
                return self._about(trouble), "application/json"
            case ["records"]:
                found = {"total_count": len(self._found(words["where"])), "results": []}
                return json.dumps(found).encode(), "application/json"
            case ["exports", "parquet"]:
                return self._parquet(words, trouble), "application/parquet"
            case ["exports", "csv"]:
                return self._csv(words, trouble), "text/csv"
            case ["exports", "json"]:
                return json.dumps(self.counters).encode(), "application/json"
            case ["attachments"]:
                listed = [
                    {"metas": {"id": one, "title": one, "mime-type": "application/zip"}} for one in self.attachments
                ]
                return json.dumps({"attachments": listed}).encode(), "application/json"
            case ["attachments", name]:
                return self.attachments[name], "application/zip"
        raise AssertionError(what)

    def _about(self, trouble: str) -> bytes:
        names = [f"{name}_2" if trouble == "renamed" else name for name in self.rows.columns]
        fields = [{"name": name, "label": name, "type": _KINDS.get(name, "text")} for name in names]
        metas = {"license": LICENCE, "data_processed": "2026-11-27T04:12:11+00:00", "records_count": len(self.rows)}
        return json.dumps({"dataset_id": "counts", "metas": {"default": metas}, "fields": fields}).encode()

    def _found(self, where: str) -> pd.DataFrame:
        days = _DAYS.match(where)
        assert days is not None, where
        first, end = (pd.Timestamp(day, tz="UTC") for day in days.groups()[1:])
        rows = self.rows[self.rows[days[1]].between(first, end, "left")]
        wanted = _ONE.findall(where)
        return rows[rows[wanted[0][0]].isin([one for _, one in wanted])] if wanted else rows

    def _parquet(self, words: Mapping[str, str], trouble: str) -> bytes:
        assert words["timezone"] == "UTC"
        found = self._found(words["where"])[words["select"].split(",")]
        if trouble == "short":
            found = found.iloc[:-5]
        if trouble == "renamed":
            found = found.rename(columns={"nom_compteur": "nom"})
        names = [str(name) for name in found.columns if name != self.time]
        columns: dict[str, Any] = {name: pa.array(found[name].tolist()) for name in names}
        times = found[self.time].dt.tz_convert(None).to_numpy().astype("datetime64[ms]")
        table = pa.table({**columns, self.time: pa.array(times).cast(pa.timestamp("ms", "UTC"))})
        buffer = io.BytesIO()
        parquet.write_table(table, buffer, compression=words["parquet_compression"])
        return buffer.getvalue()

    def _csv(self, words: Mapping[str, str], trouble: str) -> bytes:
        found = self._found(words["where"])[words["select"].split(",")].copy()
        if "coordinates" in found:
            pairs = found["coordinates"].map(lambda value: struct.unpack_from("<dd", value, 5)[::-1])
            found["coordinates"] = pairs.map(lambda pair: f"{pair[0]},{pair[1]}")
        found[self.time] = found[self.time].map(lambda stamp: stamp.isoformat())
        buffer = io.BytesIO()
        table = pa.Table.from_pandas(found, preserve_index=False)
        csv.write_csv(table, buffer, csv.WriteOptions(delimiter=words["delimiter"], quoting_style="needed"))
        lines = buffer.getvalue().replace(b"\n", b"\r\n")
        if trouble == "cut-line":
            lines = lines[: lines.rindex(b"\r\n", 0, len(lines) // 2) + 2]
        return b"\xef\xbb\xbf" + lines  # also where it was asked not to

    def _send(self, client: BaseHTTPRequestHandler, body: bytes, kind: str, trouble: str) -> None:
        """Send a body in chunks, as a portal does which makes it meanwhile."""
        client.send_response(200)
        client.send_header("Content-Type", kind)
        client.send_header("Transfer-Encoding", "chunked")
        client.send_header("Accept-Ranges", "bytes")
        client.end_headers()
        sent = body[: len(body) // 2] if trouble == "cut" else body
        size = max(1, len(sent) // 4)
        for start in range(0, len(sent), size):
            piece = sent[start : start + size]
            client.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            client.wfile.flush()
            if trouble == "slow":
                time.sleep(0.05)
        if trouble == "cut":
            client.close_connection = True
        else:
            client.wfile.write(b"0\r\n\r\n")


@contextmanager
def portal_of(api: ExploreApi, city: City = PARIS) -> Iterator[City]:
    """Run the server, and give the city with its address."""
    with serving(lambda client: api.handle(client)) as url:  # a function becomes a method of the handler
        yield attrs.evolve(city, base_url=url, also_at=None)
