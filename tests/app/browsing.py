"""A reader in a real browser, who notices every request elsewhere and every error of the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import attrs
from playwright.sync_api import Browser, Page, expect

from tests.app.serving import Served

WAIT = 60_000
"""Milliseconds, for a machine at work."""
PROBES = ("/_stcore/health", "/_stcore/host-config")
"""Streamlit asks for these below the path of a page, where they are not, before it asks at the root."""


@attrs.define
class Reader:
    """One page of the app in a browser."""

    page: Page
    app: Served
    troubles: list[str] = attrs.field(factory=list)

    def open(self, path: str = "/") -> None:
        """Open a path of the app, and wait until it is complete."""
        self.page.goto(self.app.url + path, wait_until="domcontentloaded")
        # Before the first run of the script nothing runs either; each page has its sentence.
        expect(self.page.locator("[data-testid=stMain] h3").first).to_be_visible(timeout=WAIT)
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run, and what it shows is there."""
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=WAIT)
        for unfinished in ("[data-stale=true]", "[data-testid=stSkeleton]"):
            expect(self.page.locator(unfinished)).to_have_count(0, timeout=WAIT)

    def unfold(self, title: str) -> None:
        """Open the section of this title, and wait until it is: while it opens, its buttons lose clicks."""
        section = self.page.locator("[data-testid=stExpander]").filter(has_text=title)
        section.locator("summary").click()
        section.evaluate(
            "async section => { for (const moving of section.getAnimations({subtree: true}))"
            " await moving.finished.catch(() => null) }"
        )
        expect(section.locator("[data-testid=stExpanderDetails]:not([inert])")).to_be_visible()

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    @property
    def text(self) -> str:
        """All that is written on the page."""
        return self.page.locator("[data-testid=stMain]").inner_text()

    def is_too_wide(self) -> bool:
        """Return whether the page scrolls sideways."""
        wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        main = (
            "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth > m.clientWidth }"
        )
        return bool(self.page.evaluate(wide)) or bool(self.page.evaluate(main))


@contextmanager
def reading(
    browser: Browser, app: Served, *, width: int = 1366, height: int = 900, dark: bool = False
) -> Iterator[Reader]:
    """Give a reader with a window of this size; fail at the end on a request elsewhere or an error in the console."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    context.set_default_timeout(WAIT)
    page = context.new_page()
    reader = Reader(page, app)
    own = (app.url, app.url.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else reader.troubles.append(f"request to {r.url}"))
    page.on("response", lambda r: _notice_status(reader, r.status, r.url))
    page.on("pageerror", lambda error: reader.troubles.append(f"page error: {error}"))
    page.on("console", lambda m: _notice_message(reader, m.type, m.text))
    try:
        yield reader
        assert reader.troubles == []
    finally:
        context.close()


def _notice_status(reader: Reader, status: int, url: str) -> None:
    if status >= 400 and not urlsplit(url).path.endswith(PROBES):
        reader.troubles.append(f"status {status} of {url}")


def _notice_message(reader: Reader, kind: str, text: str) -> None:
    # The message of a failed request has no address; `_notice_status` knows it.
    # What Vega has to say of a chart is a warning.
    noticed = kind == "error" or (kind == "warning" and text.startswith("WARN"))
    if noticed and not text.startswith("Failed to load resource"):
        reader.troubles.append(f"console: {text}")
