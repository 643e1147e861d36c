"""What to install for an optional part of this package, in words that pip understands on any machine.

This package may come from a checkout or a wheel, and then pip knows no ``bike-traffic[nn]``: so the requirements of
an extra are named themselves.
"""

from __future__ import annotations

import re

_OWN = re.compile(r"'?bike-traffic\[([\w-]+)\]'?")
_OF_EXTRA = re.compile(r"""extra == ['"]([\w-]+)['"]""")


def requirements_of(extra: str | None) -> list[str]:
    """Return what an extra of this package, or the package itself, requires, such as ``tensorflow>=2.18``.

    It is nothing if the package is not installed, as in a folder of its sources.
    """
    from importlib.metadata import PackageNotFoundError, requires  # only when something is missing

    try:
        lines = requires("bike-traffic") or []
    except PackageNotFoundError:
        return []
    parts = [line.partition(";") for line in lines]
    return [words.strip() for words, _, marker in parts if _extra_in(marker) == extra]


def _extra_in(marker: str) -> str | None:
    found = _OF_EXTRA.search(marker)
    return found and found[1]


def pip_words(install: str) -> str:
    """Return the argument of ``pip install`` for an extra of this package; other arguments as they are.

    Parameters
    ----------
    install : such as ``"'bike-traffic[nn]'"``, or what another package needs.
    """
    own = _OWN.fullmatch(install)
    needed = requirements_of(own[1]) if own else []
    return " ".join(f"'{words}'" for words in needed) or install
