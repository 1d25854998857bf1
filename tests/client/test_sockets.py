"""Servers that listen on a socket in the file system."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_runtime_dir

from jupyter_chariots.client.addresses import Address
from jupyter_chariots.client.connection import Connection
from jupyter_chariots.client.discovery import find
from jupyter_chariots.errors import ServerNotFound


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory() as folder:  # short: the system limits the length
        yield Path(folder, "Jupyter Lab.sock")


def test_requests_go_through_it(scripted, place):
    server = scripted(lambda handler: handler.answer(200, "{}"), place)
    connection = Connection(Address(server.url))
    for _ in range(2):
        assert connection.request("POST", "/a", b"1").body == b"{}"
    assert [path for _, _, path, _ in server.seen] == ["/chariots/a"] * 2
    connection.close()


def test_it_is_found_by_its_connection_file(scripted, place, monkeypatch, tmp_path):
    server = scripted(lambda handler: handler.answer(200, "", "application/yaml"), place)
    written = {"url": server.url.removesuffix("chariots"), "root_dir": str(tmp_path), "pid": 7}
    file = Path(jupyter_runtime_dir(), "jpchariots-7.json")
    file.write_text(json.dumps({**written, "token": "abc"}))
    monkeypatch.chdir(tmp_path)
    assert (find().url, find().token) == (server.url, "abc")
    assert find(server.url).token == "abc"


def test_nobody_listens(place):
    url = f"http+unix://{str(place).replace('/', '%2F')}/chariots"
    with pytest.raises(ServerNotFound):
        Connection(Address(url)).request("GET", "/a")
