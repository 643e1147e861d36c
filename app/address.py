"""Every view of the app is a link: the query parameters of a page, read, checked and written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeVar

import attrs

ValueT = TypeVar("ValueT")

_VALUES, _SEEN, _CHOSEN = "address-values", "address-seen", "address-chosen"


@attrs.define(eq=False)
class Address:
    """The parameters of one rerun of a page.

    A parameter is a short text that is the same in both languages. Parameters that a page does not use are kept for
    the pages that do, so that the place stays chosen from page to page.

    Parameters
    ----------
    query : the query parameters of the browser's address.
    session : what is kept from rerun to rerun.
    """

    query: MutableMapping[str, str]
    session: MutableMapping[Any, Any]
    dropped: dict[str, str] = attrs.field(factory=dict, init=False)
    """Parameters of the link that name nothing that exists, with their value."""
    _used: dict[str, str] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Take over the parameters of a link: a new session's, or one that the reader went back to.

        No parameters at all are no statement: switching pages removes them. Neither are those of a rerun in which the
        reader chose something: the browser may not yet know what the rerun before it wrote.
        """
        self.session.setdefault(_VALUES, {})
        now = dict(self.query)
        chosen = self.session.pop(_CHOSEN, False)
        if now and now != self.session.get(_SEEN) and not chosen:
            self.session[_VALUES] = dict(now)
            self.session[_SEEN] = now  # at once: a click may end this rerun before `write`

    def read(self, name: str, parse: Callable[[str], ValueT | None], default: ValueT) -> ValueT:
        """Return the value of a parameter, or the default if there is none or `parse` returns ``None`` for it."""
        text = self._values.get(name)
        value = None if text is None else parse(text)
        if text is not None and value is None:
            self.dropped[name] = text
            del self._values[name]
        elif text is not None:
            self._used[name] = text
        return default if value is None else value

    def one_of(self, name: str, options: Mapping[str, ValueT], default: ValueT) -> ValueT:
        """Return the option that a parameter names."""
        return self.read(name, options.get, default)

    def link(self, **changes: str | None) -> dict[str, str]:
        """Return the parameters of a link to another page: those of this session with some changes."""
        values = {**self._values, **changes}
        return {name: text for name, text in values.items() if text is not None}

    def write(self) -> None:
        """Write the parameters that this page read or set into the browser's address, if they changed."""
        for name in [name for name in self.query if name not in self._used]:
            del self.query[name]
        for name, text in self._used.items():
            if self.query.get(name) != text:
                self.query[name] = text
        self.session[_SEEN] = dict(self._used)

    @property
    def _values(self) -> dict[str, str]:
        values: dict[str, str] = self.session[_VALUES]
        return values


def change(session: MutableMapping[Any, Any], name: str, text: str | None) -> None:
    """Change a parameter for the next rerun, as the callback of a widget does; ``None`` is the default."""
    session[_CHOSEN] = True
    values = session.setdefault(_VALUES, {})
    values.pop(name, None)
    if text is not None:
        values[name] = text
