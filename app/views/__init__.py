"""The pages of the app: one file a page, one question a page.

The folder is not called `pages`: Streamlit would run the files of such a folder by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import attrs

from bike_traffic.app.address import Address
from bike_traffic.app.words import Words


@attrs.define(eq=False)
class Visit:
    """What a page gets.

    Parameters
    ----------
    words : of the reader's language.
    address : the parameters of the page's address.
    head : the place of the page's first sentence, beside the language switch.
    pages : what Streamlit links to, by path.
    """

    words: Words
    address: Address
    head: Any = None
    pages: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class AppPage:
    """A page: its path, the same in both languages, its title, and the module whose `show` shows it."""

    path: str
    title: Callable[[Words], str]
    module: str

    def show(self, visit: Visit) -> None:
        """Import the page, which may be the first to need a library, and show it."""
        import_module(f"bike_traffic.app.views.{self.module}").show(visit)


PAGES = (
    AppPage("tomorrow", lambda words: words.say("Tomorrow"), "tomorrow"),
    AppPage("yesterday", lambda words: words.say("Yesterday and faults"), "yesterday"),
    AppPage("explore", lambda words: words.say("Explore"), "explore"),
    AppPage("file", lambda words: words.say("File"), "file"),
    AppPage("models", lambda words: words.say("Models"), "models"),
    AppPage("about", lambda words: words.say("About"), "about"),
)
"""In the order of the navigation; the first is the default."""
