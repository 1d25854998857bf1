"""One thread that follows a real server."""

from __future__ import annotations

import threading
import time

import pytest

from jupyter_chariots.widgets.feed import Feed
from tests.live import FLOWERS, wait_for


@pytest.fixture
def server(live_server, monkeypatch):
    server = live_server(app_pipelines=[FLOWERS])
    monkeypatch.setenv("CHARIOTS_URL", server.url)
    monkeypatch.setenv("CHARIOTS_TOKEN", server.token)
    return server


@pytest.fixture
def feed():
    feed, heard = Feed(), []
    feed.listen(heard.append)
    yield feed, heard
    feed.leave(heard.append)


def threads():
    return [one for one in threading.enumerate() if one.name == "chariots-panel"]


def test_news_comes_at_once_and_without_news_next_to_nothing_is_asked(server, feed):
    _, heard = feed
    wait_for(lambda: heard and not heard[-1].snapshot["starting"], "the pipelines")
    wait_for(lambda: settled(heard), "the processes to settle")
    count = len(heard)
    server.post("pipelines/train_iris/main")
    news = wait_for(lambda: len(heard) > count and unsaved(heard[-1]), "the news")
    assert news
    assert heard[-1].trouble is None


def settled(heard):
    """Nothing has come for a second: with polls at intervals that would never be."""
    return (time.time() - heard[-1].at.timestamp()) > 1.0


def unsaved(seen):
    return any(one["unsaved"] for one in seen.snapshot["pipelines"])


def test_it_ends_at_once_with_the_last_listener(server, feed):
    feed, heard = feed
    other = []
    feed.listen(other.append)
    wait_for(lambda: heard and other, "both to hear")
    assert len(threads()) == 1
    feed.leave(heard.append)
    assert threads()
    wait_for(lambda: settled(other), "the long poll")
    feed.leave(other.append)
    wait_for(lambda: not threads(), "the thread to end", deadline=5)
    count = len(other)
    feed.listen(heard.append)  # and again
    wait_for(threads, "a thread")
    assert len(other) == count


def test_trouble_keeps_what_was_known_and_ends(server, feed):
    _, heard = feed
    wait_for(lambda: heard and heard[-1].snapshot.get("pipelines"), "the pipelines")
    server.kill()
    wait_for(lambda: heard[-1].trouble and heard[-1].retry >= 2, "the trouble")
    assert heard[-1].snapshot["pipelines"]
    server.start()
    wait_for(lambda: heard[-1].trouble is None, "the server to be seen again")


@pytest.fixture
def nowhere(monkeypatch):
    monkeypatch.setenv("CHARIOTS_URL", "http://127.0.0.1:9/chariots")


def test_without_any_server(nowhere, feed):
    feed, heard = feed
    seen = wait_for(lambda: heard and heard[-1], "an answer")
    assert seen.trouble.code == "server_not_found" or seen.snapshot == {}
