"""The documents wrap at one width."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WIDTH = 118
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")],
)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_prose_wraps_at_one_width(document: Path) -> None:
    """Code, tables and a word that is longer by itself, such as an address, do as they must."""
    prose = FENCED.sub("", document.read_text(encoding="utf-8")).splitlines()
    long = [line for line in prose if len(line) > WIDTH and not line.startswith("|") and " " in line.strip()]
    assert [line for line in long if max(map(len, line.split())) < WIDTH - 4] == []
