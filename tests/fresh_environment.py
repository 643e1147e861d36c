"""A virtual environment for packages of plugins, so that no other test finds them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from sysconfig import get_path

import attrs

_SCRIPTS = {
    "bt": "#!{python}\nfrom bike_traffic.cli.main import main\nmain()\n",
    "pytest": "#!{python}\nimport sys, pytest\nsys.exit(pytest.main())\n",
    # Without the network: libraries and build tools are those of the environment of the tests.
    "pip": "#!/bin/sh\nPIP_NO_INDEX=1 PIP_NO_DEPS=1 PIP_NO_BUILD_ISOLATION=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "
    'exec {here} -m pip --python {python} "$@"\n',
}


@attrs.frozen
class FreshEnvironment:
    """A virtual environment that also has the packages of the tests' environment, and installs into its folder."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """Where ``python``, ``pip``, ``bt`` and ``pytest`` are."""
        return self.folder / "bin"

    @classmethod
    def create(cls, folder: Path) -> FreshEnvironment:
        venv.create(folder, symlinks=True)
        environment = cls(folder)
        (site,) = folder.glob("lib/python*/site-packages")
        # Unlike a path in a .pth file, this reads the .pth files there: an editable bike-traffic is in one.
        # One thread: tests share the machine, and threads that wait for each other would also wait for other tests.
        parent = f"import os, site; os.environ['OMP_NUM_THREADS'] = '1'; site.addsitedir({get_path('purelib')!r})\n"
        (site / "parent.pth").write_text(parent, encoding="utf-8")
        for name, text in _SCRIPTS.items():
            script = environment.scripts / name
            script.write_text(text.format(here=sys.executable, python=folder / "bin/python"), encoding="utf-8")
            script.chmod(0o755)
        return environment

    def run(self, *words: str | Path, cwd: Path, more: Mapping[str, str] | None = None) -> str:
        """Run a command of the environment and return its stdout; show all output if it fails."""
        outer = ("PYTEST_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        environ = kept | {"PATH": f"{self.scripts}{os.pathsep}{os.environ['PATH']}"} | dict(more or {})
        done = subprocess.run(
            [str(word) for word in words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout
