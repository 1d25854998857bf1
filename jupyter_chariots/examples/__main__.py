"""``python -m jupyter_chariots.examples FOLDER [JupyterLab's arguments]``.

Starts JupyterLab on a folder with the iris pipelines served, and prints how to call them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path

_HELLO = """
    The iris pipelines are served. In a second terminal:

        curl -X POST {head} {url}chariots/pipelines/train_iris/main
        curl -X POST {head} {url}chariots/pipelines/train_iris/save
        curl -X POST {head} {url}chariots/pipelines/pred_iris/load
        curl -X POST {head} {url}chariots/pipelines/pred_iris/main \\
             -H 'Content-Type: application/json' -d '{{"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]}}'

    Or open iris.ipynb in JupyterLab: {url}lab{query}
"""


def _announce(deadline_s: float = 60) -> None:
    """Print the address and the ``curl`` lines as soon as this process's server answers."""
    from jupyter_core.paths import jupyter_runtime_dir

    runtime = Path(jupyter_runtime_dir()) / f"jpserver-{os.getpid()}.json"
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        try:
            server = json.loads(runtime.read_text())
            head = f"-H 'Authorization: token {server['token']}'" if server["token"] else ""
            request = urllib.request.Request(server["url"] + "chariots/available_pipelines")
            if server["token"]:
                request.add_header("Authorization", f"token {server['token']}")
            with urllib.request.urlopen(request, timeout=deadline_s):
                pass
        except (OSError, ValueError, KeyError):
            time.sleep(0.2)
            continue
        query = f"/tree/iris.ipynb?token={server['token']}" if server["token"] else ""
        print(_HELLO.format(url=server["url"], head=head, query=query), flush=True)
        return


def main() -> None:
    """Run JupyterLab in this process; all arguments but the folder go to it."""
    from jupyterlab.labapp import LabApp

    folder, *arguments = sys.argv[1:] or ["."]
    threading.Thread(target=_announce, daemon=True).start()
    LabApp.launch_instance(
        [
            f"--ServerApp.root_dir={Path(folder).resolve()}",
            "--PipelinesServer.app_pipelines=jupyter_chariots.examples.iris",
            *arguments,
        ]
    )


if __name__ == "__main__":
    main()
