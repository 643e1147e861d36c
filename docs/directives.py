"""Directives for what is listed in the code: ``{settings}`` and ``{errors}``."""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bike_traffic.config import SETTINGS, Settings
from bike_traffic.settings_file import Setting
from tests.error_sites import LIBRARY, error_sites


class _Table(SphinxDirective):
    """A table in Markdown, made of rows."""

    head: tuple[str, ...] = ()

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows()]
        return self.parse_text_to_nodes("\n".join(f"| {' | '.join(line)} |" for line in lines))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows, cells in Markdown."""
        raise NotImplementedError


class SettingsTable(_Table):
    """Every setting: where it is given, and what it does."""

    head = ("setting", "in `bt.toml`", "flag", "variable", "meaning")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the settings in the order of `Settings`."""
        fields = Settings.__attrs_attrs__
        defaults = {field.name: field.metadata["default"] for field in fields if "default" in field.metadata}
        for name, setting in SETTINGS.items():
            variables = [f"BT_{name.upper()}", *([setting.variable] if setting.variable else [])]
            yield (
                f"`{name}`",
                {"top": "at the top", "profile": "`[profiles.ENV]`"}.get(setting.section or "", ""),
                _flag(name, setting),
                ", ".join(f"`{variable}`" for variable in variables),
                _cell(_meaning(setting, defaults[name])),
            )


def _flag(name: str, setting: Setting) -> str:
    """Return the flag of a setting, or nothing if it has none."""
    if setting.metavar is None:
        return ""
    word = name.replace("_", "-")
    return f"`--{word}`, `--no-{word}`" if setting.kind == "switch" else f"`--{word} {setting.metavar}`"


def _meaning(setting: Setting, default: object) -> str:
    text, _, said = setting.help.partition("  [default: ")
    said = said.removesuffix("]") or ("" if default is None else str(default))
    return f"{text} Default: {said}." if said else text


class ErrorsTable(_Table):
    """Every error by its id, as scripts see it."""

    head = ("id", "class", "message", "parts")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the errors in the order of their ids; of one id that is made in several places, all messages."""
        sites = [site for site in error_sites((*LIBRARY, "cli")) if site.id]
        for id_ in sorted({site.id for site in sites}):
            same = [site for site in sites if site.id == id_]
            messages = dict.fromkeys(site.message for site in same)
            parts = sorted(set[str]().union(*(site.parts for site in same)))
            yield (
                f"`{id_}`",
                f"`{same[0].kind.__name__}`",
                " · ".join(f"`{_cell(message)}`" for message in messages),
                ", ".join(f"`{part}`" for part in parts),
            )


def _cell(text: str) -> str:
    """Return text that neither ends a cell nor begins code in it."""
    return " ".join(text.split()).replace("|", r"\|").replace("`", "'")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("settings", SettingsTable)
    app.add_directive("errors", ErrorsTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
