"""``bt models``."""

from __future__ import annotations

import click

from bike_traffic.cli.output import print_json, print_table
from bike_traffic.cli.session import Session, format_option, pass_session


@click.command(epilog="Example: bt models --format json")
@format_option("table", "json")
@pass_session
def models(session: Session, form: str) -> None:
    """List the pipelines that are installed, where each comes from, and what it still needs."""
    settings = session.settings()
    listed = []
    for name, offer in session.host(settings).pipelines().items():
        absent = offer.spec.missing()
        listed.append(
            {
                "name": name,
                "summary": offer.spec.summary,
                "distribution": offer.source.distribution,
                "version": offer.source.version,
                "ready": not absent,
                "install": f"pip install {offer.spec.install or ' '.join(absent)}" if absent else None,
            }
        )
    if form == "json":
        print_json(listed)
        return
    print_table(
        ["model", "what it is", "from", "ready"],
        [
            [
                row["name"],
                row["summary"],
                f"{row['distribution']} {row['version']}",
                "yes" if row["ready"] else row["install"],
            ]
            for row in listed
        ],
    )
