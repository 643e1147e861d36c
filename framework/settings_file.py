"""How a setting is described, and ``bt.toml`` read and checked against the descriptions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from bike_traffic.errors import SettingsError, no_such


@attrs.frozen(kw_only=True)
class Setting:
    """How one setting is given.

    Parameters
    ----------
    help : one line for ``--help`` and the documentation.
    kind : of its value.
    section : where it is in ``bt.toml``: at the top, or in the table of a profile; ``None`` is nowhere.
    metavar : what ``--help`` calls the value of its flag; ``None`` for a setting without a flag.
    choices : the values that it may have; any if empty.
    variable : another variable than ``BT_…`` that is read after the file.
    """

    help: str
    kind: Literal["text", "path", "switch", "names", "share"] = "text"
    section: Literal["top", "profile"] | None = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    variable: str | None = None


def read_file(
    config: str | os.PathLike[str] | None, environ: Mapping[str, str], settings: Mapping[str, Setting]
) -> tuple[Path | None, dict[str, Any]]:
    """Return the path and content of the settings file, ``None`` and nothing if there is none.

    Raises
    ------
    SettingsError
        It cannot be read, is not TOML, or has an unknown key or a value of the wrong type.
    """
    given = config or environ.get("BT_CONFIG")
    path = Path(given) if given else Path("bt.toml")
    if not given and not path.exists():
        return None, {}
    import tomllib  # only if there is a file

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = str(error.strerror)
        raise SettingsError(
            f"{path}: {reason}; give --config an existing file", "settings-unreadable", path=str(path), reason=reason
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not TOML: {error}", "settings-not-toml", path=str(path), reason=str(error)
        ) from None
    _check_section(path, "", table, settings, "top", ("profiles", "backends", "cities"))
    for outer in ("profiles", "backends", "cities"):
        inner = table.get(outer, {})
        if not isinstance(inner, dict) or not all(isinstance(each, dict) for each in inner.values()):
            raise SettingsError(
                f"{path}: [{outer}] holds tables, such as [{outer}.NAME]",
                "settings-no-table",
                path=str(path),
                table=outer,
            )
    _check_keys(path, "profiles", table.get("profiles", {}), settings["env"].choices)
    for name, profile in table.get("profiles", {}).items():
        _check_section(path, f" [profiles.{name}]", profile, settings, "profile", ())
    for name, backend in table.get("backends", {}).items():
        if not isinstance(backend.get("registry", ""), str):
            raise SettingsError(
                f"{path} [backends.{name}]: registry must be a string, not {backend['registry']!r}",
                "settings-registry-type",
                path=str(path),
                backend=name,
            )
    return path, table


def _of(settings: Mapping[str, Setting], section: str) -> dict[str, Setting]:
    return {name: setting for name, setting in settings.items() if setting.section == section}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a string", _is_text),
    "path": ("the path of a file", _is_text),
    "switch": ("true or false", lambda value: isinstance(value, bool)),
    "share": ("a number from 0 to 1", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "names": (
        "a list of names",
        lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    ),
}


def _check_section(
    path: Path,
    where: str,
    table: Mapping[str, Any],
    settings: Mapping[str, Setting],
    section: str,
    also: tuple[str, ...],
) -> None:
    known = _of(settings, section)
    for key in table:
        if key not in known and key in settings and settings[key].section is not None:
            place = "below a profile, such as [profiles.dev]" if section == "top" else "at the top of the file"
            raise SettingsError(
                f"{path}{where}: '{key}' belongs {place}",
                "setting-unknown",
                path=str(path),
                section=where.strip(" []"),
                name=key,
                known=sorted([*known, *also]),
            )
    _check_keys(path, where.strip(" []"), table, (*known, *also))
    for name, setting in known.items():
        what, is_one = _TYPES[setting.kind]
        if name in table and not is_one(table[name]):
            raise SettingsError(
                f"{path}{where}: {name} must be {what}, not {table[name]!r}",
                "setting-type",
                path=str(path),
                name=name,
                expected=what,
            )


def _check_keys(path: Path, section: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in table:
        if key not in known:
            where = f" [{section}]" if section else ""
            raise SettingsError(
                f"{path}{where}: {no_such('setting', key, known)}",
                "setting-unknown",
                path=str(path),
                section=section,
                name=key,
                known=sorted(known),
            )
