"""Make a notice and post it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bike_traffic import ModelRecord


class NotPosted(Exception):
    """The notice could not be posted; the message does not contain the URL, which may be a secret."""


def notice_of(record: ModelRecord, metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the notice: one line of text, the metrics, and the whole record."""
    scores = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items())
    mode = f"{record.env}, test mode" if record.test_mode else record.env
    text = f"{record.model_type} ({mode}) registered as {record.model_uri}: {scores}"
    return {"text": text, "metrics": dict(metrics), "record": record.to_json()}


def post(url: str, notice: Mapping[str, Any], timeout: float) -> None:
    """Post a notice as JSON, with a timeout in seconds for each network operation.

    Raises
    ------
    NotPosted
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotPosted("BT_WEBHOOK_URL must begin with http:// or https://")
    body = json.dumps(notice, ensure_ascii=False).encode()
    try:
        request = Request(url, body, {"Content-Type": "application/json", "User-Agent": "bt-webhook"})
        with urlopen(request, timeout=timeout):
            pass
    except HTTPError as error:
        error.close()
        raise NotPosted(f"the server of BT_WEBHOOK_URL answered {error.code} {error.reason}") from None
    except TimeoutError:
        raise NotPosted(f"the server of BT_WEBHOOK_URL did not answer within {timeout:g} s") from None
    except URLError as error:
        raise NotPosted(f"the server of BT_WEBHOOK_URL cannot be reached: {error.reason}") from None
    except (OSError, ValueError, HTTPException) as error:
        raise NotPosted(f"BT_WEBHOOK_URL cannot be posted to ({type(error).__name__})") from None
