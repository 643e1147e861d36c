"""``bt models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bike_traffic.cli.output import print_json
from bike_traffic.cli.session import format_option, stdout_to_stderr, with_workspace
from bike_traffic.cli.table import print_table

if TYPE_CHECKING:
    from bike_traffic.manager import Declaration
    from bike_traffic.specs import PipelineSpec
    from bike_traffic.workspace import Workspace


_READY = {
    (True, True): "yes",
    (False, True): "to predict; to train: {install}",
    (False, False): "{install}",
}
"""What the table says of a pipeline that can be trained, and whose registered models predict."""


@click.command(epilog="Example: bt models --format json")
@with_workspace([])
@format_option("table", "json")
def models(workspace: Workspace, output_format: str) -> None:
    """List the pipelines that are installed, where each comes from, and what it still needs."""
    with stdout_to_stderr():
        pipelines = workspace.plugins.pipelines()
        listed = [_as_document(name, declaration) for name, declaration in pipelines.items()]
    if output_format == "json":
        print_json(listed)
        return
    print_table(
        ["model", "what it is", "needs", "from", "ready"],
        [
            [
                row["name"],
                row["summary"],
                ", ".join(row["needs"]),
                f"{row['distribution']} {row['version']}",
                _READY[row["ready"], row["predicts"]].format(install=row["install"]),
            ]
            for row in listed
        ],
    )


def _as_document(name: str, declaration: Declaration[PipelineSpec]) -> dict[str, Any]:
    spec = declaration.spec
    absent = spec.missing_to_train()
    return {
        "name": name,
        "summary": spec.summary,
        "needs": list(spec.needs),
        "distribution": declaration.source.distribution,
        "version": declaration.source.version,
        "ready": not absent,
        "predicts": not spec.missing(),
        "install": f"pip install {spec.pip_words(*absent)}" if absent else None,
    }
