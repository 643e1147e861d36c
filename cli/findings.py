"""How findings about counters are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bike_traffic.cli.printing import echo
from bike_traffic.cli.table import print_table

if TYPE_CHECKING:
    from bike_traffic.monitoring.findings.finding import Finding

MOST_ROWS = 20


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the worst findings as a table, one row for a counter and kind, and how many there are beside them."""
    from bike_traffic.monitoring.findings.finding import troubles

    if not findings:
        echo("no findings about counters")
        return
    found = troubles(findings)
    print_table(
        ["counter", "from", "to", "finding"],
        [
            [
                one.name,
                f"{one.first.first_hour:%Y-%m-%d}",
                "still" if one.lasting else f"{one.findings[-1].last_hour:%Y-%m-%d}",
                one.message,
            ]
            for one in found[:MOST_ROWS]
        ],
    )
    if others := Counter(one.first.id for one in found[MOST_ROWS:]):
        kinds = ", ".join(f"{number} {kind}" for kind, number in others.most_common())
        echo(f"and {others.total()} more ({kinds}): --html draws them, --format json lists them")
