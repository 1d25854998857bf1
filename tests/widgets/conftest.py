from __future__ import annotations

import contextlib

import pytest

from tests.kernels import Notebook
from tests.live import FLOWERS

from .front_end import FrontEnd


@pytest.fixture
def server(live_server):
    return live_server(app_pipelines=[FLOWERS])


@pytest.fixture
def opened(server):
    """Opens notebooks of the server: ``notebook, front_end = opened("a.ipynb")``."""
    with contextlib.ExitStack() as stack:

        def make(path="notebook.ipynb", of=None):
            notebook = stack.enter_context(Notebook(of or server, path))
            front_end = FrontEnd(notebook)
            stack.callback(front_end.close)
            return notebook, front_end

        yield make
