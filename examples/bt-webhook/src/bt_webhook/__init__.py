"""Posts a notice to a webhook after a model was registered; what it needs is imported only if there is a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bike_traffic import hookimpl

if TYPE_CHECKING:
    from bike_traffic import ModelRecord

URL_VARIABLE = "BT_WEBHOOK_URL"
TIMEOUT_SECONDS = 5.0


@hookimpl
def bt_after_train(record: ModelRecord, metrics: Mapping[str, float]) -> None:
    """Post the notice if there is a URL; the framework reports exceptions."""
    url = os.environ.get(URL_VARIABLE)
    if url:
        from bt_webhook.notice import notice_of, post

        post(url, notice_of(record, metrics), TIMEOUT_SECONDS)
