import json
import os
import socket

import pytest
from jupyter_core.paths import jupyter_runtime_dir

from jupyter_chariots.client.discovery import find
from jupyter_chariots.errors import ServerNotFound
from tests.live import free_port


@pytest.fixture
def listening():
    """Ports on which somebody listens, as a running server does."""
    with_sockets = []

    def make():
        sock = socket.create_server(("127.0.0.1", 0))
        with_sockets.append(sock)
        return sock.getsockname()[1]

    yield make
    for sock in with_sockets:
        sock.close()


def connection_file(port, root, *, pid, token="from-file", age_s=0):
    path = os.path.join(jupyter_runtime_dir(), f"jpchariots-{pid}.json")
    with open(path, "w") as file:
        url = f"http://127.0.0.1:{port}/"
        json.dump({"url": url, "token": token, "root_dir": str(root), "pid": pid}, file)
    written = os.stat(path).st_mtime - age_s
    os.utime(path, (written, written))


@pytest.mark.parametrize(
    ("given", "url", "token"),
    [
        ("http://localhost:8888", "http://localhost:8888/chariots", None),
        ("http://localhost:8888/", "http://localhost:8888/chariots", None),
        ("localhost:8888", "http://localhost:8888/chariots", None),
        ("https://hub/user/me/chariots/", "https://hub/user/me/chariots", None),
        ("http://localhost:8888/base/chariots", "http://localhost:8888/base/chariots", None),
        ("http://localhost:8888/lab?token=abc", "http://localhost:8888/chariots", "abc"),
        ("http://localhost:8888/tree?token=abc", "http://localhost:8888/chariots", "abc"),
        ("http://localhost:8888/b/?token=abc", "http://localhost:8888/b/chariots", "abc"),
        ("http://hub/user/lab", "http://hub/user/lab/chariots", None),
        ("http://hub/user/ada lovelace/", "http://hub/user/ada%20lovelace/chariots", None),
        ("http://hub/user/ada%40x/", "http://hub/user/ada%40x/chariots", None),
        ("http://[::1]:8888/", "http://[::1]:8888/chariots", None),
    ],
)
def test_any_address_of_the_server_will_do(given, url, token):
    address = find(given)
    assert (address.url, address.token) == (url, token)


@pytest.mark.parametrize(
    "wrong", ["", "ftp://localhost/", "http://", "http://a:port/", "http:///x"]
)
def test_what_is_no_address_is_refused(wrong, monkeypatch):
    with pytest.raises(ServerNotFound) as caught:
        find(wrong)
    assert caught.value.hint


def test_the_argument_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("CHARIOTS_URL", "http://environment:1/")
    monkeypatch.setenv("CHARIOTS_TOKEN", "secret")
    assert find().url == "http://environment:1/chariots"
    assert find().token == "secret"
    assert find("http://argument:1/").url == "http://argument:1/chariots"
    assert find("http://argument:1/").token is None  # the secret is meant for the other server
    assert find("http://environment:1/chariots", "mine").token == "mine"


def test_the_environment_goes_before_connection_files(monkeypatch, listening, tmp_path):
    connection_file(listening(), tmp_path, pid=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHARIOTS_URL", "http://environment:1/")
    assert find().url == "http://environment:1/chariots"


def test_a_local_address_gets_its_token_from_the_connection_file(listening, tmp_path):
    port = listening()
    connection_file(port, tmp_path, pid=1)
    assert find(f"http://localhost:{port}/").token == "from-file"
    assert find("http://localhost:1/").token is None


def test_the_server_of_this_kernel_comes_first(monkeypatch, listening, tmp_path):
    ours, around = listening(), listening()
    connection_file(ours, tmp_path / "elsewhere", pid=11)
    connection_file(around, tmp_path, pid=12)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_PARENT_PID", "11")
    assert find().url == f"http://127.0.0.1:{ours}/chariots"
    assert find().token == "from-file"


def test_else_the_innermost_root_that_holds_this_folder(monkeypatch, listening, tmp_path):
    folder = tmp_path / "project" / "sub"
    folder.mkdir(parents=True)
    outer, inner, other = listening(), listening(), listening()
    connection_file(outer, tmp_path, pid=11)
    connection_file(inner, tmp_path / "project", pid=12, age_s=100)
    connection_file(other, tmp_path / "project" / "other", pid=13)
    monkeypatch.chdir(folder)
    assert find().url == f"http://127.0.0.1:{inner}/chariots"


def test_of_two_servers_of_one_root_the_younger(monkeypatch, listening, tmp_path):
    old, young = listening(), listening()
    connection_file(old, tmp_path, pid=11, age_s=100)
    connection_file(young, tmp_path, pid=12)
    monkeypatch.chdir(tmp_path)
    assert find().url == f"http://127.0.0.1:{young}/chariots"


def test_files_of_dead_servers_and_broken_ones_are_ignored(monkeypatch, listening, tmp_path):
    connection_file(free_port(), tmp_path, pid=11)
    runtime = jupyter_runtime_dir()
    for number, text in enumerate(["", "{", "[]", '{"url": 3}', '{"url": "x", "root_dir": ""}']):
        with open(os.path.join(runtime, f"jpchariots-{number}.json"), "w") as file:
            file.write(text)
    alive = listening()
    connection_file(alive, tmp_path, pid=12, age_s=100)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_PARENT_PID", "11")
    assert find().url == f"http://127.0.0.1:{alive}/chariots"


def test_jupyterhub(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", "http://0.0.0.0:8888/user/ada/")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-token")
    address = find()
    assert address.url == "http://127.0.0.1:8888/user/ada/chariots"
    assert address.token == "hub-token"


def test_no_server_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServerNotFound, match="CHARIOTS_URL") as caught:
        find()
    assert "jupyter lab" in str(caught.value)


def test_servers_of_other_folders_are_named(monkeypatch, listening, tmp_path):
    port = listening()
    connection_file(port, tmp_path / "elsewhere", pid=11)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServerNotFound, match=f"127.0.0.1:{port}.*CHARIOTS_URL"):
        find()


def test_the_file_of_a_killed_server_at_the_same_address_is_passed_over(
    monkeypatch, listening, tmp_path
):
    port = listening()
    connection_file(port, tmp_path, pid=11, token="old", age_s=60)
    connection_file(port, tmp_path, pid=12, token="new")
    monkeypatch.chdir(tmp_path)
    assert find().token == "new"
    (tmp_path.parent / "other").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path.parent / "other")
    with pytest.raises(ServerNotFound) as caught:
        find()
    assert str(caught.value).count(f"http://127.0.0.1:{port}/") == 1
