"""The pictures of ``docs/gallery.md``. ``python -m tests.gallery`` runs its commands and writes them again."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from tests.readme import DOCS, run

GALLERY = DOCS / "gallery.md"
_COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_PICTURE = re.compile(r"!\[[^]]*\]\(pictures/([^)]+)\)")


def draw(folder: Path) -> list[str]:
    """Run the commands in `folder`, and return the pictures of the page that they drew there."""
    text = GALLERY.read_text(encoding="utf-8")
    run([line for block in _COMMANDS.findall(text) for line in block.splitlines()], folder)
    return [name for name in _PICTURE.findall(text) if (folder / name).exists()]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for name in draw(Path(place)):
            (DOCS / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(place, name), DOCS / "pictures" / name)
