"""``jupyter chariots serve``: a notebook on the running server of its folder, or on a new one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigurationError, NotFound, ServerNotFound
from . import shown

__all__ = ["serve"]

_STARTS_WITHIN_S = 60.0
_PAUSE_S = 0.1


def serve(given: Namespace) -> dict[str, Any]:
    """Serve a notebook; with a server of its own, until that ends.

    Raises:
        NotTrusted: its cells are not trusted as they are now; they were not run.
        ConfigurationError: a cell failed, or the server did not start.
        NotFound: there is no such notebook.
    """
    from .server import Server

    here = Path.cwd()
    path = Path(given.notebook).absolute()
    if not path.is_file():
        raise NotFound(f"There is no notebook {path}.")
    os.chdir(path.parent)  # the server is looked for from there upward
    server = Server()
    try:
        address = server.url
        done = server.serve_notebook(str(path), replace=given.replace)
    except ServerNotFound:
        if os.environ.get("CHARIOTS_URL"):
            raise
        root = here if path.is_relative_to(here) else path.parent
        _start(path, root, given)
    return _result(address, done)


def _start(path: Path, root: Path, given: Namespace) -> NoReturn:
    """Run a server in the foreground, and end as it ends."""
    from ..notebooks import read_app
    from ..op_store.notebook_trust import check_notebook
    from .server import Server

    check_notebook(path, read_app(path).digest)  # before a server is started in vain
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'jupyter_chariots': True}",
        f"--PipelinesServer.app_notebooks={path}",
        *given.arguments,
    ]
    print(f"No server is running for {path}: starting one in {root}.", file=sys.stderr, flush=True)
    # its log goes where messages go, so that the output is what this command says
    with _passing_on(subprocess.Popen(command, cwd=root, stdout=sys.stderr)) as process:
        try:
            url, token = _address(process)
            server = Server(url, token)
            result = _result(server.url, server.serve_notebook(str(path), replace=given.replace))
            text = json.dumps(result, default=str) if given.json else shown.served(result)
            print(text, flush=True)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        code = process.wait()
    raise SystemExit(code if code >= 0 else 128 - code)  # as a shell has it


@contextlib.contextmanager
def _passing_on(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """SIGTERM goes on to the server; Ctrl-C reaches it by itself, and it is for it to end."""

    def stop(*_: object) -> None:
        process.terminate()

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, stop),
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
    }
    try:
        yield process
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _address(process: subprocess.Popen[bytes]) -> tuple[str, str | None]:
    """What the server wrote for kernels and scripts, as soon as it has."""
    from ..client.connection_files import server_files

    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ConfigurationError(
                f"The server ended with exit code {process.returncode}.",
                hint="It says above why. Arguments for it follow --, as in: jupyter chariots serve "
                "train.ipynb -- --port 8899",
            )
        for file in server_files():
            if file.pid == process.pid and file.reachable and file.alive():
                return file.url, file.token
        time.sleep(_PAUSE_S)
    raise ConfigurationError(f"The server did not start within {_STARTS_WITHIN_S:g} s.")


_TOLD = ("name", "change", "is_loaded", "reason", "hint", "warnings", "saved", "owner", "revision")


def _result(address: str, done: list[dict[str, Any]]) -> dict[str, Any]:
    from ..client.addresses import segment
    from ..client.serving import curl_line

    pipelines = []
    for one in done:
        url = f"{address}/pipelines/{segment(one['name'])}/main"
        curl = curl_line(url, one["takes_input"], one.get("example"))
        told = {name: one[name] for name in _TOLD if name in one}
        pipelines.append({**told, "url": url, "curl": curl})
    return {"pipelines": pipelines}
