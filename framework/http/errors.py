"""What can go wrong with a request, in words without the address, which may hold secrets."""

from __future__ import annotations


class HttpError(OSError):
    """A server did not answer, or not with what was asked for; the text is a reason without the address."""


class HttpBrokenOff(HttpError, EOFError):
    """An answer ended before its end."""


class HttpStatus(HttpError):
    """A server answered with the status of an error.

    Parameters
    ----------
    said : the reason as the server gives it, in one line.
    again : when a server that limits requests takes the next one, as it says it: a time, or a number of seconds.
    """

    def __init__(self, status: int, said: str, again: str | None = None) -> None:
        super().__init__("the server refuses to show it" if status in (401, 403) else f"the server answers {status}")
        self.status = status
        self.said = said
        self.again = again
