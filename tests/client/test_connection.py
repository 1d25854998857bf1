import threading

import pytest

from jupyter_chariots.client.addresses import Address
from jupyter_chariots.client.connection import Connection
from jupyter_chariots.errors import ServerNotFound, TimedOut, Unavailable
from tests.live import free_port, wait_for


def test_one_connection_is_kept(scripted):
    server = scripted(lambda handler: handler.answer(200, "{}"))
    connection = Connection(Address(server.url))
    for _ in range(3):
        assert connection.request("GET", "/health_check").body == b"{}"
    assert len({port for port, *_ in server.seen}) == 1
    connection.close()


def test_each_thread_has_its_own_and_closes_it(scripted):
    server = scripted(lambda handler: handler.answer(200, "{}"))
    connection = Connection(Address(server.url))
    together = threading.Barrier(4)

    def work():
        connection.request("GET", "/a")
        together.wait(10)  # a thread that had ended would leave its port to the next one
        connection.request("GET", "/b")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({port for port, *_ in server.seen}) == 4
    assert len(server.seen) == 8


def test_a_connection_that_the_server_closed_is_made_anew(scripted):
    server = scripted(lambda handler: handler.answer(200, "{}"))
    connection = Connection(Address(server.url))
    connection.request("POST", "/a", b"1")
    server.hang_up()
    wait_for(lambda: server.open and server.open[0].connection.fileno() == -1, "the end")
    connection.request("POST", "/a", b"2")  # not repeatable, and still it goes through
    assert [body for *_, body in server.seen] == [b"1", b"2"]
    connection.close()


def lose_first(handler):
    if len(handler.server.seen) == 1:
        handler.connection.shutdown(2)
        handler.close_connection = True
    else:
        handler.answer(200, "{}")


def test_a_lost_request_is_repeated_only_where_that_is_harmless(scripted):
    server = scripted(lose_first)
    connection = Connection(Address(server.url))
    assert connection.request("GET", "/a", repeatable=True).status == 200
    connection.close()

    server = scripted(lose_first)
    connection = Connection(Address(server.url))
    with pytest.raises(Unavailable, match="not known"):
        connection.request("POST", "/a", b"1")
    assert len(server.seen) == 1
    assert connection.request("POST", "/a", b"2").status == 200
    connection.close()


def test_nobody_listens():
    url = f"http://127.0.0.1:{free_port()}/chariots"
    connection = Connection(Address(url, found_by="CHARIOTS_URL"))
    with pytest.raises(ServerNotFound, match=r"(?s)CHARIOTS_URL.*CHARIOTS_TOKEN") as caught:
        connection.request("GET", "/health_check")
    assert url in str(caught.value)


def test_an_answer_that_takes_too_long(scripted):
    release = threading.Event()
    server = scripted(lambda handler: release.wait(30))
    connection = Connection(Address(server.url), timeout=0.05)
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        connection.request("POST", "/a", b"")
    release.set()


def test_the_token_is_sent(scripted):
    server = scripted(lambda handler: handler.answer(200, handler.headers["Authorization"]))
    connection = Connection(Address(server.url, token="abc"))
    assert connection.request("GET", "/").body == b"token abc"
    connection.close()
