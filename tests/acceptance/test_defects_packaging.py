"""Defects of Chariots 0.2 in packaging: gone. What other tests show:

README's imports did not exist
    → test_readme.py::test_python_blocks
    → test_public_names.py::test_each_name_can_be_had
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest

import jupyter_chariots

from ..live import REPOSITORY

PACKAGE = REPOSITORY / "jupyter_chariots"
NOT_SOURCES = shutil.ignore_patterns(
    ".*", "*.egg-info", "__pycache__", "build", "dist", "node_modules", "nohup.out"
)
CONFIGURATION = "etc/jupyter/jupyter_server_config.d/jupyter_chariots.json"
PANEL = "share/jupyter/labextensions/jupyter-chariots"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the sdist, the wheel that was built from it, and both unpacked."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(REPOSITORY, folder / "tree", ignore=NOT_SOURCES)
    # What the project needs to be built is in the "test" extra: nothing is downloaded here.
    run("-m", "build", "--no-isolation", "--outdir", str(folder), cwd=folder / "tree")
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    with tarfile.open(sdist) as archive:
        if sys.version_info >= (3, 12):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder / "sdist")
    return folder


def run(*arguments, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment or None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_has_every_module_and_every_other_file_of_the_package(built):
    """Sub-packages were missing."""
    wheel = files_of(built / "wheel")
    wanted = {
        f"jupyter_chariots/{path}" for path in files_of(built / "tree" / "jupyter_chariots")
    } - {"jupyter_chariots/server/jupyter_chariots.json"}  # goes where Jupyter looks for it
    assert {PurePosixPath(path).suffix for path in wanted} == {".py", ".pyi", ".yaml", ".typed"}
    assert wanted <= wheel
    assert {path.split("/")[0] for path in wheel if not path.startswith("jupyter_chariots-")} == {
        "jupyter_chariots"
    }


def test_installing_it_enables_the_extension(built):
    (data,) = (built / "wheel").glob("*.data/data")
    panel = {f"{PANEL}/{path}" for path in files_of(REPOSITORY / "labextension" / "prebuilt")}
    assert files_of(data) == {CONFIGURATION, f"{PANEL}/install.json", *panel}
    source = PACKAGE / "server" / "jupyter_chariots.json"
    assert (data / CONFIGURATION).read_text() == source.read_text()


def test_installing_it_gives_the_panel_without_node(built):
    """What JupyterLab loads is there as it was built, and of this release."""
    (data,) = (built / "wheel").glob("*.data/data")
    about = json.loads((data / PANEL / "package.json").read_text())
    assert about["version"] == jupyter_chariots.__version__
    assert (data / PANEL / about["jupyterlab"]["_build"]["load"]).is_file()
    listed = {path.name for path in (data / PANEL / "schemas" / "jupyter-chariots").iterdir()}
    assert "plugin.json" in listed
    for path in (data / PANEL).rglob("*"):
        assert path.is_dir() or b"node_modules" not in path.read_bytes(), path


def test_installing_it_gives_the_command(built):
    """`jupyter chariots` is what looks for a script of this name."""
    (file,) = (built / "wheel").glob("*.dist-info/entry_points.txt")
    assert "jupyter-chariots = jupyter_chariots.cli:main" in file.read_text()


def test_the_sdist_has_all_that_builds_and_tests_it(built):
    (sdist,) = (built / "sdist").iterdir()
    tree = files_of(built / "tree")
    wanted = {
        path
        for path in tree
        if path.split("/")[0] in {"jupyter_chariots", "tests", "benchmarks", "docs", "notebooks"}
        or ("/" not in path and not path.startswith("."))
    }
    assert wanted - files_of(sdist) == set()


def test_what_is_in_the_wheel_can_be_imported(built):
    code = """
import importlib, pkgutil, sys
import jupyter_chariots
found = pkgutil.walk_packages(jupyter_chariots.__path__, "jupyter_chariots.")
names = [info.name for info in found]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
for name in jupyter_chariots.__all__:
    getattr(jupyter_chariots, name)
print(jupyter_chariots.__file__, len(names))
"""
    path, count = run("-c", code, cwd=built, PYTHONPATH=str(built / "wheel")).split()
    assert path.startswith(str(built / "wheel"))
    assert int(count) > 50


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements, *, extras):
    """The distributions that a list of requirements names, without or with those of extras."""
    return {
        canonical(re.split(r"[^A-Za-z0-9._-]", text)[0])
        for text in requirements or ()
        if extras or "extra ==" not in text
    }


def with_what_they_need(distributions):
    """Whoever requires scikit-learn has numpy, too."""
    found = set(distributions)
    for name in distributions:
        try:
            found |= names_of(importlib.metadata.requires(name), extras=False)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
    return found


def imports(path, *, top_only):
    """The packages of others that a file imports."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_only else ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "jupyter_chariots":
                yield top


OTHER_NAMES = {"sklearn": "scikit-learn"}
# Modules that are imported where their extra is wanted, and only then.
OF_AN_EXTRA = re.compile(r"examples/|ml/(sklearn|estimators|keras)")


def test_every_import_is_declared_as_a_requirement(built):
    """Half of the requirements were not."""
    (metadata,) = (built / "wheel").glob("*.dist-info/METADATA")
    declared = importlib.metadata.PathDistribution(metadata.parent).requires
    always = names_of(declared, extras=False)
    sometimes = with_what_they_need(names_of(declared, extras=True))
    undeclared = set()
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE).as_posix()
        for top_only in (True, False):
            allowed = always if top_only and not OF_AN_EXTRA.match(where) else sometimes
            for name in imports(path, top_only=top_only):
                if canonical(OTHER_NAMES.get(name, name)) not in allowed:
                    undeclared.add((where, name))
    assert undeclared == set()


def test_names_of_the_readme_are_those_of_the_wheel(built):
    readme = (REPOSITORY / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names = {
        alias.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "jupyter_chariots"
        for alias in node.names
    }
    assert len(names) > 5
    code = f"import jupyter_chariots as j; [getattr(j, n) for n in {sorted(names)}]"
    run("-c", code, cwd=built, PYTHONPATH=str(built / "wheel"))
