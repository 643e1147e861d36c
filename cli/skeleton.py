"""Write the package of a new plugin, which can be installed, runs, and passes its own tests.

The templates are in ``skeletons/``: ``package`` has those of every kind, the other folders those of one kind.
``string.Template`` fills them in; ``MODULE`` in a path becomes the name of the package's module.
"""

from __future__ import annotations

import keyword
import re
import sys
import tempfile
from collections.abc import Collection
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Literal

import attrs

from bike_traffic.errors import InvalidName, WriteError
from bike_traffic.installed import ENTRY_POINT_GROUP, OWN_DISTRIBUTION
from bike_traffic.manager import PluginHost

Kind = Literal["pipeline", "backend", "command"]

PREFIX = "bt-"
"""The usual prefix of the names of plugins' packages."""

_DISTRIBUTION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ENDING = ".template"


@attrs.frozen
class NewPackage:
    """The names of a new package, all derived from the name of its distribution.

    Parameters
    ----------
    distribution : the name for pip, such as ``bt-weekday-mean``.
    kind : what the package declares.
    """

    distribution: str
    kind: Kind

    @property
    def plugin(self) -> str:
        """The name that users type: that of the distribution without ``bt-``."""
        return self.distribution.removeprefix(PREFIX)

    @property
    def module(self) -> str:
        """The name of the module to import."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The name of its class, without the kind at the end."""
        return "".join(word.capitalize() for word in self.plugin.split("-"))


def name_package(distribution: str, kind: Kind, commands: Collection[str]) -> NewPackage:
    """Name a new package, and raise `InvalidName` if a name is malformed or taken.

    Parameters
    ----------
    commands : the names of the built-in commands of ``bt``.
    """
    package = NewPackage(distribution, kind)
    if not _DISTRIBUTION.fullmatch(distribution) or not package.plugin[:1].isalpha():
        raise InvalidName(
            f"'{distribution}' is not a valid name of a plugin's package; use lower-case letters and digits, with "
            "single hyphens between them, such as bt-weekday-mean",
            "package-name-malformed",
            distribution=distribution,
        )
    if package.module in sys.stdlib_module_names or keyword.iskeyword(package.module):
        raise InvalidName(
            f"'{distribution}' is the name of a module of Python; choose another, such as bt-mine",
            "package-name-of-python",
            distribution=distribution,
        )
    for owner in _owners(package):
        if not (owner == distribution and _is_a_plugin(owner)):  # its author may create it again
            raise InvalidName(
                f"'{distribution}' is taken by {owner}, which is installed here; choose another",
                "package-name-taken",
                distribution=distribution,
                owner=owner,
            )
    built_in = PluginHost(only=())
    schemes = {scheme for backend in built_in.backends().values() for scheme in backend.spec.schemes}
    taken = {
        "pipeline": set(built_in.pipelines()),
        "backend": {*built_in.backends(), *schemes},
        "command": set(commands),
    }
    if package.plugin in taken[kind]:
        raise InvalidName(
            f"'{distribution}' would declare the {kind} '{package.plugin}', which {OWN_DISTRIBUTION} has already; "
            "choose another",
            "plugin-name-taken",
            distribution=distribution,
            kind=kind,
            plugin=package.plugin,
        )
    return package


def _owners(package: NewPackage) -> list[str]:
    """Return the installed distributions that have the package's name, or a module of its module's."""
    named = {installed.name for installed in metadata.distributions(name=package.distribution)}
    return sorted(named | set(metadata.packages_distributions().get(package.module, ())))


def _is_a_plugin(distribution: str) -> bool:
    points = metadata.distribution(distribution).entry_points
    return distribution != OWN_DISTRIBUTION and any(point.group.startswith(ENTRY_POINT_GROUP) for point in points)


def write_package(package: NewPackage, directory: Path) -> Path:
    """Write the package into a new folder with its name in `directory`; after an error there is no folder.

    Returns
    -------
    The folder.

    Raises
    ------
    WriteError
        The folder exists and is not empty.
    """
    target = directory / package.distribution
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise WriteError(
            f"{target} exists already, and nothing was written; choose another name or --directory",
            "package-folder-exists",
            target=str(target),
        )
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".bt-new-") as folder:
        written = Path(folder, package.distribution)
        for skeleton in ("package", package.kind):
            _fill_in(files("bike_traffic.cli").joinpath("skeletons", skeleton), written, _values(package))
        written.rename(target)
    return target


def _values(package: NewPackage) -> dict[str, str]:
    """Return the values for the templates."""
    of_kind = {
        "pipeline": {
            "what": "A pipeline for bike-traffic",
            "entry_point_group": ENTRY_POINT_GROUP,
            "entry_point": package.module,
            "more_dependencies": ', "numpy", "pandas>=3.0", "scikit-learn"',
        },
        "backend": {
            "what": "A registry backend for bike-traffic",
            "entry_point_group": ENTRY_POINT_GROUP,
            "entry_point": package.module,
            "more_dependencies": ', "filelock"',
        },
        "command": {
            "what": "A command for bike-traffic",
            "entry_point_group": f"{ENTRY_POINT_GROUP}.commands",
            "entry_point": f"{package.module}.command:command",
            "more_dependencies": ', "click"',
        },
    }
    return of_kind[package.kind] | {
        "distribution": package.distribution,
        "plugin": package.plugin,
        "module": package.module,
        "class_name": package.class_name,
    }


def _fill_in(skeleton: Traversable, target: Path, values: dict[str, str]) -> None:
    """Fill in the templates of a folder and its subfolders."""
    target.mkdir(exist_ok=True)
    for item in skeleton.iterdir():
        name = item.name.replace("MODULE", values["module"])
        if item.is_dir():
            _fill_in(item, target / name, values)
        elif name.endswith(_ENDING):
            name = name.removesuffix(_ENDING).replace("gitignore", ".gitignore")  # wheels do not include hidden files
            text = Template(item.read_text(encoding="utf-8")).substitute(values)
            (target / name).write_text(text, encoding="utf-8")
