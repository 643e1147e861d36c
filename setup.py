"""All metadata stands in setup.cfg; here is only what depends on where the documentation is published.

The links of the README are relative, so that they hold in a checkout. A package index shows the README without the
files: with ``SITE=https://… make dist`` its links lead to that site, and without it they are plain text.
"""

import os
import re
from pathlib import Path

from setuptools import setup

SITE = os.environ.get("SITE", "").rstrip("/")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)([^)#]+)\.md(#[^)]*)?\)")


def _published(link: re.Match[str]) -> str:
    text, page, heading = link.groups(default="")
    name = page.removeprefix("docs/") if page.startswith("docs/") else page.lower()
    return f"[{text}]({SITE}/{name}.html{heading})" if SITE else text


setup(
    long_description=_LINK.sub(_published, Path(__file__).with_name("README.md").read_text(encoding="utf-8")),
    project_urls={"Documentation": SITE} if SITE else {},
)
