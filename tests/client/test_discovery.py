import json
import os
import socket

import pytest
from jupyter_core.paths import jupyter_runtime_dir

from jupyter_chariots.client.discovery import find
from jupyter_chariots.errors import NotAuthenticated, ServerNotFound
from jupyter_chariots.pipelines.provenance import network
from tests.live import free_port


@pytest.fixture
def listening(scripted, monkeypatch):
    """Ports on which a server answers those who know its credential."""
    # on a busy machine an answer may come too late for a client, which then takes it for there
    monkeypatch.setattr("jupyter_chariots.client.connection_files._PATIENCE_S", 30.0)

    def make(token="from-file"):
        def script(handler):
            known = handler.headers["Authorization"] == f"token {token}"
            if handler.path == "/chariots/openapi.yaml" and known:
                handler.answer(200, "openapi: 3.1.0", "application/yaml")
            else:
                handler.answer(401, "{}")

        return scripted(script).server_address[1]

    return make


def connection_file(port, root, *, pid, token="from-file", age_s=0, host="127.0.0.1", **more):
    path = os.path.join(jupyter_runtime_dir(), f"jpchariots-{pid}{more.get('network', '')}.json")
    with open(path, "w") as file:
        url = f"http://{host}:{port}/"
        json.dump({"url": url, "token": token, "root_dir": str(root), "pid": pid, **more}, file)
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


def test_a_token_is_taken_without_the_end_of_its_line():
    assert find("http://localhost:8888", " abc\n").token == "abc"
    assert find("http://localhost:8888", "\n").token is None


@pytest.mark.parametrize("token", ["s3cret\r\nX-Evil: yes", "s3cret\x00", "s3crét"])
def test_what_cannot_be_a_token_is_refused_and_not_shown(token):
    with pytest.raises(NotAuthenticated) as refused:
        find("http://localhost:8888", token)
    assert "s3cr" not in str(refused.value)


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
    port = listening("new")
    connection_file(port, tmp_path, pid=11, token="old", age_s=60)
    connection_file(port, tmp_path, pid=12, token="new")
    monkeypatch.chdir(tmp_path)
    assert find().token == "new"
    (tmp_path.parent / "other").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path.parent / "other")
    with pytest.raises(ServerNotFound) as caught:
        find()
    assert str(caught.value).count(f"http://127.0.0.1:{port}/") == 1


def test_a_port_that_another_program_has_by_now_is_not_the_server(
    monkeypatch, scripted, listening, tmp_path
):
    taken = listening("of another server")
    page = scripted(lambda handler: handler.answer(200, "<html>", "text/html"))
    broken = scripted(lambda handler: handler.connection.shutdown(2))
    for pid, port in enumerate([taken, page.server_address[1], broken.server_address[1]], 11):
        connection_file(port, tmp_path / "project", pid=pid)
    alive = listening()
    connection_file(alive, tmp_path, pid=20, age_s=100)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("JPY_PARENT_PID", "11")  # a number that other processes get again
    assert find().url == f"http://127.0.0.1:{alive}/chariots"


def test_a_server_that_is_busy_or_whose_authorizer_says_no_is_there(
    monkeypatch, scripted, tmp_path
):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        connection_file(busy.getsockname()[1], tmp_path, pid=11)
        assert str(busy.getsockname()[1]) in find().url
    strict = scripted(lambda handler: handler.answer(403, '{"code": "not_allowed"}'))
    connection_file(strict.server_address[1], tmp_path, pid=12)
    assert find().url == strict.url


def test_local_addresses_of_other_machines_are_left_alone(monkeypatch, listening, tmp_path):
    port = listening()
    connection_file(port, tmp_path, pid=11, network="of another machine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_PARENT_PID", "11")  # containers number their processes alike
    with pytest.raises(ServerNotFound, match=rf"other machines.*{tmp_path}"):
        find()
    assert find(f"http://localhost:{port}/").token is None
    connection_file(port, tmp_path, pid=11, network=network(), age_s=100)
    assert find().token == "from-file"
    assert find(f"http://localhost:{port}/").token == "from-file"


def test_a_terminal_knows_the_server_that_opened_it(monkeypatch, listening, tmp_path):
    ours, around = listening(), listening()
    connection_file(ours, tmp_path / "elsewhere", pid=11)
    connection_file(around, tmp_path, pid=12)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTER_SERVER_URL", f"http://the-host:{ours}/")
    assert find().url == f"http://127.0.0.1:{ours}/chariots"
    monkeypatch.setenv("JUPYTER_SERVER_URL", f"http://the-host:{ours}/another/base/")
    assert find().url == f"http://127.0.0.1:{around}/chariots"
    monkeypatch.setenv("JPY_PARENT_PID", "12")  # a kernel of a server that a terminal started
    monkeypatch.setenv("JUPYTER_SERVER_URL", f"http://the-host:{ours}/")
    assert find().url == f"http://127.0.0.1:{around}/chariots"


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("http://:8888/user/ada/", "http://127.0.0.1:8888/user/ada/chariots"),
        ("http://*:8888/user/ada/", "http://127.0.0.1:8888/user/ada/chariots"),
        ("http://[::]:8888/user/ada/", "http://127.0.0.1:8888/user/ada/chariots"),
        ("https://10.0.0.7:8888/user/ada/", "https://10.0.0.7:8888/user/ada/chariots"),
    ],
)
def test_what_jupyterhub_tells_a_server_to_listen_on(monkeypatch, told, url):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", told)
    monkeypatch.setattr("jupyter_chariots.client.discovery._PATIENCE_S", 0.01)
    assert find().url == url


def test_the_public_address_of_jupyterhub_where_the_server_is_not_on_this_machine(
    monkeypatch, listening
):
    public = listening()
    monkeypatch.setenv("JUPYTERHUB_SERVICE_URL", f"http://0.0.0.0:{free_port()}/user/ada/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", f"http://localhost:{public}/user/ada/")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-token")
    address = find()
    assert (address.url, address.token) == (
        f"http://localhost:{public}/user/ada/chariots",
        "hub-token",
    )


def test_jupyterhub_that_tells_no_address_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    with pytest.raises(ServerNotFound, match=r"(?s)/user/ada/.*CHARIOTS_URL.*CHARIOTS_TOKEN"):
        find()
