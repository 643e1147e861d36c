"""An environment of its own for packages of plugins, so that no other test sees them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from sysconfig import get_path

import attrs

_BT = """\
#!{python}
from bike_traffic.cli.main import main
main()
"""


@attrs.frozen
class FreshEnvironment:
    """A virtual environment that sees what is installed beside the tests; what it installs stays in it."""

    folder: Path

    @property
    def scripts(self) -> Path:
        return self.folder / "bin"

    @classmethod
    def create(cls, folder: Path) -> FreshEnvironment:
        venv.create(folder, symlinks=True)
        environment = cls(folder)
        (site,) = folder.glob("lib/python*/site-packages")
        # Unlike a bare path, this reads the .pth files there as well: bike-traffic itself may stand in one.
        (site / "beside.pth").write_text(f"import site; site.addsitedir({get_path('purelib')!r})\n", encoding="utf-8")
        bt = environment.scripts / "bt"
        bt.write_text(_BT.format(python=environment.scripts / "python"), encoding="utf-8")
        bt.chmod(0o755)
        return environment

    def install(self, *packages: Path) -> None:
        """Install packages from their folders, without the network."""
        pip = [sys.executable, "-m", "pip", "--python", self.scripts / "python", "--disable-pip-version-check"]
        offline = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        self.run(*pip, "install", *offline, *packages, cwd=self.folder)

    def run(self, *words: str | Path, cwd: Path, more: Mapping[str, str] | None = None) -> str:
        """Run a command of the environment and return its stdout; show all of it when it fails."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        environ = kept | {"PATH": f"{self.scripts}{os.pathsep}{os.environ['PATH']}"} | dict(more or {})
        done = subprocess.run([str(word) for word in words], cwd=cwd, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout
