"""Every place in the code that makes an error, found in its syntax tree; the site's list of errors is made of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from bike_traffic import errors
from bike_traffic.data.checking.rules import Fault
from bike_traffic.data.rule import RULES
from bike_traffic.errors import BikeTrafficError, UnknownBackend, UnknownName, UnknownPipeline

ROOT = Path(__file__).parents[1]
LIBRARY = ("framework", "plugins", "registry_backends", "app")

UNPACKED = {"_parts": {"run_id", "timestamp", "actor", "reason"}, "parts": {"name"}}
"""What ``**name`` or ``**name(…)`` stands for at a site that raises an error."""

NAMED = frozenset({"name", "known"})
_RULES = "framework/data/checking/rules.py"
_UNKNOWN = "…"


@attrs.frozen
class Site:
    """A place that makes an error: the error's id (empty if the code has no literal), class, parts and message.

    `message` is the text in the code with the names of its values in braces, or "…" where it is put together.
    """

    id: str
    place: str
    parts: frozenset[str]
    kind: type[BikeTrafficError]
    message: str


def error_sites(folders: Sequence[str] = LIBRARY) -> list[Site]:
    """Return the sites in these folders, then the names that are unknown, and the faults of counts."""
    found = [site for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) for site in _sites_of(path)]
    found += [
        Site(_identifier(kind), kind.__name__, NAMED, kind, _unknown_name(kind))
        for kind in (UnknownPipeline, UnknownBackend)  # by `_pick`
    ]
    parts = frozenset(field.name for field in attrs.fields(Fault)) - {"id"}
    parts |= {"where", "faults", "left_out", "total"}
    found += [
        Site(rule.id, _RULES, parts, errors.SchemaError, f"{{where}}: {rule.found}; {rule.advice}")
        for rule in RULES.values()
    ]
    return found


def _sites_of(path: Path) -> Iterator[Site]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (kind := _kind_of(node.func)) is None:
            continue
        place = f"{path.relative_to(ROOT)}:{node.lineno}"
        if issubclass(kind, UnknownName):
            yield Site(_identifier(kind), place, NAMED, kind, _unknown_name(kind))
        else:
            message = _text(node.args[0], texts) if node.args else _UNKNOWN
            yield Site(_id_of(node, kind), place, frozenset(_parts_of(node)), kind, message)


def _kind_of(called: ast.expr) -> type[BikeTrafficError] | None:
    kind = getattr(errors, ast.unparse(called), None)
    return kind if isinstance(kind, type) and issubclass(kind, BikeTrafficError) else None


def _identifier(kind: type[BikeTrafficError]) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", kind.__name__.removesuffix("Error")).lower()


def _unknown_name(kind: type[UnknownName]) -> str:
    return errors.no_such(kind.what, "{name}", ["{known}"])


def _id_of(call: ast.Call, kind: type[BikeTrafficError]) -> str:
    match call.args[1:]:
        case []:
            return _identifier(kind)
        case [ast.Constant(value=str(id_))]:
            return id_
    return ""


def _parts_of(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
            continue
        value = keyword.value.func if isinstance(keyword.value, ast.Call) else keyword.value
        yield from UNPACKED[ast.unparse(value)]


def _text(node: ast.expr, texts: dict[str, ast.expr]) -> str:
    """Return the text that an expression makes, with the names of values in braces."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value, texts) for value in values)
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return f"{{{name.strip('_')}}}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left, texts) + _text(right, texts)
        case ast.Name(id=name) if name in texts:
            return _text(texts[name], {key: value for key, value in texts.items() if key != name})
        case ast.Call(func=ast.Name(id="no_such"), args=[ast.Constant(value=str(what)), *_]):
            return errors.no_such(what, "{name}", ["{known}"])
    return _UNKNOWN
