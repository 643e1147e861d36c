"""Packages as pip installs them: modules in a folder, and a dist-info folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_distribution(
    site: Path,
    distribution: str,
    modules: Mapping[str, str],
    entry_points: Mapping[str, str],
    version: str = "1.0",
) -> None:
    """Write a distribution into the folder `site`, and replace an earlier version.

    Parameters
    ----------
    modules : the source of each module, by its name.
    entry_points : ``module`` or ``module:attribute`` by ``group/name``.
    """
    site.mkdir(parents=True, exist_ok=True)
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source, encoding="utf-8")
    information = site / f"{distribution.replace('-', '_')}.dist-info"
    information.mkdir(exist_ok=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = []
    for path, target in entry_points.items():
        group, _, name = path.partition("/")
        lines += [f"[{group}]", f"{name} = {target}"]
    (information / "entry_points.txt").write_text("\n".join(lines) + "\n")
