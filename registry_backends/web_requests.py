"""Requests to a web server that publishes a registry, whose errors are those of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bike_traffic.errors import RegistryUnavailable
from bike_traffic.http import client
from bike_traffic.http.errors import HttpError, HttpStatus
from bike_traffic.registry_backends.store import StoreMissing

_MISSING = (404, 410)


def blocks(url: str, limit: int) -> Iterator[bytes]:
    """Yield the content at a URL in blocks; raise as `bike_traffic.http.client.blocks` does, by the errors below.

    Raises
    ------
    StoreMissing
    RegistryUnavailable
    """
    with _as_of_a_store(url):
        yield from client.blocks(url, limit)


def validator(url: str) -> str | None:
    """Return what changes with the content at a URL, from its headers; ``None`` if the server says nothing of it.

    Raises
    ------
    StoreMissing, RegistryUnavailable
    """
    with _as_of_a_store(url):
        return client.validator(url)


@contextmanager
def _as_of_a_store(url: str) -> Iterator[None]:
    try:
        yield
    except HttpError as error:
        if isinstance(error, HttpStatus) and error.status in _MISSING:
            raise StoreMissing(f"{url} does not exist") from None
        raise RegistryUnavailable(f"{url}: {error}", "web-error", where=url, reason=str(error)) from None
