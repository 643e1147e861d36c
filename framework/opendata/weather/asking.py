"""Ask a provider of weather, persistently; what it answers instead of JSON is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bike_traffic.addresses import shown
from bike_traffic.data.files.sources import refused
from bike_traffic.errors import ReadError
from bike_traffic.http.client import SILENT_SECONDS, blocks
from bike_traffic.http.errors import HttpError, HttpStatus
from bike_traffic.http.messages import said_in
from bike_traffic.opendata.portal.client import persistently

_MOST_BYTES = 64 << 20


def answer_of(service: str, url: str, pause: Callable[[float], None]) -> Any:
    """Return the JSON of an address; raise `ReadError`.

    Parameters
    ----------
    service : what messages call the provider.
    pause : waits between two tries.
    """
    try:
        body = persistently(lambda: b"".join(blocks(url, _MOST_BYTES, SILENT_SECONDS)), pause)
    except HttpStatus as error:
        raise refused(shown(url), error.status, error.said, error.again) from None
    except HttpError as error:
        raise ReadError(f"{shown(url)}: {error}", "weather-unreachable", uri=shown(url), reason=str(error)) from None
    try:
        return json.loads(body)
    except ValueError:
        raise unexpected(service, url, said_in(body)[0]) from None


def unexpected(service: str, url: str, said: str) -> ReadError:
    """Return the error of an answer that is another than the provider's."""
    where = shown(url)
    return ReadError(
        f"{where}: the server does not answer as {service} does: {said}",
        "weather-answer",
        uri=where,
        service=service,
        reason=said,
    )
