"""``python -m jupyter_chariots.examples FOLDER [JupyterLab's arguments]``.

Starts JupyterLab on a folder with the iris pipelines served, and prints how to call them.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import time
import urllib.request
from pathlib import Path

_NOTEBOOK = "iris.ipynb"
_HELLO = """
    The iris pipelines are served. In a second terminal:

        curl -X POST {head} {url}chariots/pipelines/train_iris/main
        curl -X POST {head} {url}chariots/pipelines/train_iris/save
        curl -X POST {head} {url}chariots/pipelines/pred_iris/load
        curl -X POST {head} {url}chariots/pipelines/pred_iris/main \\
             -H 'Content-Type: application/json' -d '{{"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]}}'

    Or open {notebook} in JupyterLab: {url}lab/tree/{notebook}{query}
"""


def _announce(deadline_s: float = 60) -> None:
    """Print the address and the ``curl`` lines as soon as this process's server answers."""
    from jupyter_core.paths import jupyter_runtime_dir

    from ..server.connection import ConnectionFile

    runtime = Path(jupyter_runtime_dir())
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        try:
            url, jupyter_token = _server(runtime / f"jpserver-{os.getpid()}.json")
            # With a password, or without any protection, Jupyter has no token. The credential of
            # kernels and scripts works always.
            token = jupyter_token or _server(ConnectionFile(runtime).path)[1]
            head = {"Authorization": f"token {token}"}
            request = urllib.request.Request(f"{url}chariots/health_check", headers=head)
            # It is this very process, whoever signed its certificate.
            context = ssl._create_unverified_context()
            with urllib.request.urlopen(request, timeout=deadline_s, context=context):
                pass
        except (OSError, ValueError, KeyError):
            time.sleep(0.2)
            continue
        shown = {
            "url": url,
            "head": f"-H 'Authorization: token {token}'",
            "notebook": _NOTEBOOK,
            "query": f"?token={token}" if jupyter_token else "",
        }
        print(_HELLO.format(**shown), flush=True)
        return


def _server(file: Path) -> tuple[str, str]:
    """Address and token in a file that this process's server has written."""
    content = json.loads(file.read_text())
    return content["url"], content["token"]


def main() -> None:
    """Run JupyterLab in this process; all arguments but the folder go to it."""
    from jupyterlab.labapp import LabApp

    folder, *arguments = sys.argv[1:] or ["."]
    threading.Thread(target=_announce, daemon=True).start()
    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={Path(folder).resolve()}",
            f"--LabApp.default_url=/lab/tree/{_NOTEBOOK}",
            "--PipelinesServer.app_pipelines=jupyter_chariots.examples.iris",
            *arguments,
        ]
    )


if __name__ == "__main__":
    main()
