"""Other people's programs: each in a virtual environment of its own, asked over its standard input.

The environments are made when they are first needed and kept in ``build/peers``, or in the folder
that ``BENCH_HOME`` names. One that can't be made is told and left out: whoever measures goes on
without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
APPS = Path(__file__).resolve().parent / "apps"
PACKAGES: dict[str, tuple[str, ...]] = {
    "fastapi": ("fastapi", "uvicorn[standard]"),
    "mlserver": ("mlserver",),
    "litserve": ("litserve",),
    "bentoml": ("bentoml",),
    "mlflow": ("mlflow",),
    "graphs": ("sf-hamilton", "kedro"),
    "jobs": ("huey", "rq", "dask[distributed]", "psutil"),
}
"""What is installed for each, beside the numerics of this environment."""

_NUMERICS = ("numpy", "scikit-learn")
_NO_NEWS_HOME = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class Missing(Exception):
    """A peer that can't be installed or started; the message says why."""


def wanted() -> bool:
    """Whether peers are to be measured: ``PEERS=1``."""
    return os.environ.get("PEERS") == "1"


def without(who: str, why: object) -> None:
    """Say who is left out."""
    print(f"  without {who}: {str(why).strip()[-600:]}", file=sys.stderr, flush=True)


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables for a contestant: one thread for numerics, and nothing of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "CHARIOTS_"))}
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **_NO_NEWS_HOME,
        **(more or {}),
    }


def _folder(name: str) -> Path:
    return Path(os.environ.get("BENCH_HOME") or REPOSITORY / "build" / "peers") / name


def environment(name: str, *packages: str) -> Path:
    """The Python of a virtual environment with these packages; made once, then kept.

    Raises:
        Missing: it can't be made.
    """
    folder = _folder(name)
    python = folder / "bin" / "python"
    if (folder / "made").exists():
        return python
    print(f"  … {folder}: {' '.join(packages)}", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    same = [f"{package}=={version(package)}" for package in _NUMERICS]
    # a peer that doesn't take our numerics gets its own
    for numerics in (same, list(_NUMERICS)):
        command = [str(python), "-m", "pip", "install", "-q", *packages, *numerics]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            (folder / "made").touch()
            return python
    raise Missing(f"pip install {' '.join(packages)}: {done.stderr}")


def python_of(name: str) -> Path:
    """The Python of one of :data:`PACKAGES`.

    Raises:
        Missing: it can't be installed.
    """
    return environment(name, *PACKAGES[name])


def versions() -> dict[str, str]:
    """What the environments hold that were made, as ``name of the environment: packages``."""
    code = (
        "import sys; from importlib.metadata import version\n"
        "print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))"
    )
    found = {}
    for name, packages in PACKAGES.items():
        if not (_folder(name) / "made").exists():
            continue
        asked = [package.split("[")[0] for package in packages]
        command = [str(python_of(name)), "-c", code, *asked, *_NUMERICS]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = answer.stdout.strip()
    return found


class Program:
    """A program of ``apps`` in the environment of a peer, which does what it is asked to.

    Args:
        name: of the environment.
        module: of ``apps``.
        arguments: of the program.

    Raises:
        Missing: it can't be installed or started.
    """

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        self._name = module
        command = [str(python_of(name)), str(APPS / f"{module}.py"), *arguments]
        with tempfile.NamedTemporaryFile("w+", suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            self._process = subprocess.Popen(
                command, env=clean_environment(), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._answer()

    def ask(self, order: str, **given: Any) -> Any:
        """Give an order; its answer."""
        assert self._process.stdin
        print(json.dumps([order, given]), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Missing(f"{self._name} ended:\n{self._log.read_text()}")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
        self._log.unlink()
