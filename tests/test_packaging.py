"""What setup.cfg says is what the tree holds, and what a wheel of it gives a newcomer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("framework", "plugins", "registry_backends", "cli", "app")
BUILT_FROM = ("setup.cfg", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", *FOLDERS)


def settings() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(section: str, key: str) -> list[str]:
    return [line.strip() for line in settings()[section][key].splitlines() if line.strip()]


def pairs(section: str, key: str) -> dict[str, str]:
    return {left.strip(): right.strip() for left, _, right in (line.partition("=") for line in lines(section, key))}


def package_name(folder: Path) -> str:
    """Return the import name of a folder, as ``package_dir`` is to say it."""
    first, *rest = folder.relative_to(ROOT).parts
    return ".".join(["bike_traffic", *([] if first == "framework" else [first]), *rest])


def package_folders() -> list[Path]:
    """Return every folder that holds modules."""
    return sorted({path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")})


def wheel_names() -> set[str]:
    """Return the names that the tree's modules, data and marker of types must have in a wheel."""
    shipped = [path for folder in package_folders() for path in folder.glob("*.py")]
    data = ("cli/skeletons", "app/locale", "app/static", "app/.streamlit")
    shipped += [path for folder in data for path in (ROOT / folder).rglob("*") if path.is_file()]
    roots = {name: package_name(ROOT / name).replace(".", "/") for name in FOLDERS}
    names = {path.relative_to(ROOT).as_posix().partition("/")[::2] for path in shipped}
    return {f"{roots[folder]}/{rest}" for folder, rest in names} | {"bike_traffic/py.typed"}


def test_the_listed_packages_are_the_folders_on_disk() -> None:
    assert sorted(lines("options", "packages")) == sorted(package_name(folder) for folder in package_folders())
    assert pairs("options", "package_dir") == {package_name(ROOT / folder): folder for folder in FOLDERS}


def test_every_package_folder_has_an_init() -> None:
    assert [folder for folder in package_folders() if not (folder / "__init__.py").exists()] == []


def test_types_and_templates_are_shipped() -> None:
    assert (ROOT / "framework/py.typed").exists()
    shipped = {package: values.split() for package, values in settings()["options.package_data"].items()}
    assert shipped == {
        "bike_traffic": ["py.typed"],
        "bike_traffic.app": [".streamlit/config.toml", "locale/**/*.po", "static/*"],
        "bike_traffic.cli": ["skeletons/**/*.template"],
    }
    assert {path.suffix for path in (ROOT / "cli/skeletons").rglob("*") if path.is_file()} == {".template"}


def test_the_command_and_the_built_ins_are_entry_points() -> None:
    assert pairs("options.entry_points", "console_scripts") == {"bt": "bike_traffic.cli.main:main"}
    assert pairs("options.entry_points", "bike_traffic") == {
        "pipelines": "bike_traffic.plugins",
        "registry-backends": "bike_traffic.registry_backends",
    }


def test_the_extras_are_there_and_all_gathers_those_of_users() -> None:
    extras = settings()["options.extras_require"]
    assert {"nn", "mlflow", "plot", "gcs", "s3", "signing", "tune", "dask", "app", "all", "test"} <= set(extras)
    assert lines("options.extras_require", "all") == ["bike-traffic[nn,mlflow,plot,gcs,s3,signing,tune,dask,app]"]


def run(*words: str | Path, cwd: Path) -> str:
    """Run a command without this process's Python settings and return its stdout; show all of it when it fails."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of a copy of the tree: a build must leave nothing in the tree itself."""
    tree = tmp_path_factory.mktemp("tree")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree)
    run(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--quiet", "-w", tree / "dist", cwd=tree)
    (built,) = (tree / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a source distribution of a copy of what git tracks."""
    tree = tmp_path_factory.mktemp("tracked")
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    run(sys.executable, "-c", "from setuptools import build_meta; build_meta.build_sdist('dist')", cwd=tree)
    (built,) = (tree / "dist").glob("*.tar.gz")
    return built


def tracked() -> list[str]:
    """Return the files that git would track here: those that `.gitignore` does not name.

    An empty repository elsewhere is asked, so that it is the same in a checkout and in a source distribution.
    """
    with tempfile.TemporaryDirectory() as repository:
        git = ["git", f"--git-dir={repository}", f"--work-tree={ROOT}"]
        run("git", "init", "--quiet", "--bare", repository, cwd=ROOT)
        names = run(*git, "ls-files", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    return [name for name in names if name != "PKG-INFO"]  # which a source distribution adds


@pytest.mark.slow
def test_the_source_distribution_holds_every_file_of_the_repository(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    made = {name for name in names if name == "PKG-INFO" or name.startswith("bike_traffic.egg-info/")}
    assert names - made == set(tracked())


@pytest.mark.slow
def test_the_source_distribution_gives_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", sdist, "--no-deps", "--quiet", "-w", tmp_path, cwd=tmp_path)
    (built,) = tmp_path.glob("*.whl")
    assert set(zipfile.ZipFile(built).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_the_recipe_of_conda_has_the_version_and_the_requirements() -> None:
    recipe = (ROOT / "docs/conda-recipe/meta.yaml").read_text(encoding="utf-8")
    assert f'{{% set version = "{settings()["metadata"]["version"]}" %}}' in recipe
    run_part = recipe.partition("  run:\n")[2].partition("\n\n")[0]
    listed = {line.strip().removeprefix("- ").replace(" ", "") for line in run_part.splitlines()}
    needed = {line.replace("[http]", "") for line in lines("options", "install_requires")}
    assert listed == needed | {"python>=3.11", "aiohttp"}


def test_the_versions_of_python_are_those_that_are_tested() -> None:
    prefix = "Programming Language :: Python :: 3."
    named = [line.removeprefix(prefix) for line in lines("metadata", "classifiers") if line.startswith(prefix)]
    assert named == ["11", "12", "13"]
    assert settings()["options"]["python_requires"] == ">=3.11"


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_template_the_marker_of_types_and_the_license(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if ".dist-info/" not in name} == wheel_names()
    assert [name for name in names if name.endswith("/LICENSE")] != []


def description(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


@pytest.mark.slow
def test_the_description_of_the_package_has_no_link_that_needs_the_repository(wheel: Path) -> None:
    """A package index shows the README alone."""
    assert "# bike-traffic\n" in description(wheel)
    assert re.findall(r"\]\((?!https?://)[^)]*\)", description(wheel)) == []


PREPARE = "import sys; from setuptools import build_meta; build_meta.prepare_metadata_for_build_wheel(sys.argv[1])"
"""What a build does first: the description and the other metadata of a wheel, without its files."""


@pytest.mark.slow
def test_the_description_leads_to_the_site_that_the_build_names(wheel: Path, tmp_path: Path) -> None:
    tree, site = wheel.parents[1], "https://docs.example.org/latest"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SITE", f"{site}/")
        run(sys.executable, "-c", PREPARE, tmp_path, cwd=tree)
    (built,) = tmp_path.glob("*.dist-info/METADATA")
    text = built.read_text(encoding="utf-8")
    assert f"Project-URL: Documentation, {site}\n" in text
    pages = set(re.findall(rf"\]\({re.escape(site)}/([^)]+)\.html\)", text))
    assert {"install", "tutorials/first-model", "contributing"} <= pages
    assert [page for page in pages if not (ROOT / f"docs/{page}.md").exists()] == []


@pytest.mark.slow
def test_the_wheel_runs_in_a_fresh_environment_from_anywhere(wheel: Path, tmp_path: Path, small_file: Path) -> None:
    venv.create(tmp_path / "fresh")
    scripts, elsewhere = tmp_path / "fresh/bin", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    run(*pip, "install", "--quiet", wheel, cwd=elsewhere)

    home = run(scripts / "python", "-c", "import bike_traffic; print(bike_traffic.__file__)", cwd=elsewhere)
    assert Path(home.strip()).is_relative_to(tmp_path / "fresh")
    assert run(scripts / "bt", "--version", cwd=elsewhere) == f"bt, version {settings()['metadata']['version']}\n"
    assert run(scripts / "bt", "--help", cwd=elsewhere).startswith("Usage: bt [OPTIONS] COMMAND [ARGS]...\n")
    listed = json.loads(run(scripts / "bt", "models", "--format", "json", cwd=elsewhere))
    assert {model["name"]: (model["ready"], model["predicts"], model["install"]) for model in listed} == {
        "rf": (True, True, None),
        "nn": (False, True, "pip install 'tensorflow>=2.18'"),
        "rf_class": (True, True, None),
        "ahead": (True, True, None),
    }
    table = run(scripts / "bt", "models", cwd=elsewhere).splitlines()
    assert [line.split()[0] for line in table if "─" not in line] == ["model", "rf", "nn", "rf_class", "ahead"]
    assert list(elsewhere.iterdir()) == []
    shutil.move(small_file, elsewhere / "counts.csv")
    a_net_predicts_where_tensorflow_is_not_installed(scripts, elsewhere)


def a_net_predicts_where_tensorflow_is_not_installed(scripts: Path, place: Path) -> None:
    """Train in the environment of the tests, which has it, and predict in another one."""
    here = Path(sys.executable).parent
    quick = [word for value in ("epochs=1", "n_nets=1", "hidden=(8,)") for word in ("--set", value)]
    words = ["train", "-m", "nn", "--data", "counts.csv", "--no-interval", "--no-refit", "--no-track", *quick]
    run(here / "bt", *words, cwd=place)
    for bt in (here / "bt", scripts / "bt"):
        run(bt, "predict", "-m", "nn", "counts.csv", "-o", f"{bt.parents[1].name}.csv", cwd=place)
    with_it, without = (pd.read_csv(place / f"{name}.csv", sep=";") for name in (here.parent.name, "fresh"))
    assert without["prediction"].to_numpy() == pytest.approx(with_it["prediction"].to_numpy(), rel=1e-4)
    refused = subprocess.run(
        [scripts / "bt", *words], cwd=place, capture_output=True, text=True, timeout=600, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "Error: 'nn' needs tensorflow, which is not installed: pip install 'tensorflow>=2.18'"
    )
