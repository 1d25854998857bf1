"""Logs of children stay small."""

from __future__ import annotations

import os

import pytest

from jupyter_chariots.errors import BadRequest
from jupyter_chariots.workers import logs


def test_a_log_is_appended_to(tmp_path):
    path = tmp_path / "logs" / "train.log"
    for word in (b"one ", b"two"):
        with logs.open_log(path) as log:
            log.write(word)
    assert path.read_bytes() == b"one two"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_large_log_is_set_aside_when_it_is_opened(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(b"x" * (logs.LIMIT + 1))
    with logs.open_log(path) as log:
        log.write(b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "train.log.1").stat().st_size == logs.LIMIT + 1


def test_two_processes_that_write_to_one_log(tmp_path):
    path = tmp_path / "train.log"
    with logs.open_log(path) as one, logs.open_log(path) as other:
        one.write(b"small")
        logs.rotate(path, one.fileno())
        assert not (tmp_path / "train.log.1").exists()
        one.write(b"x" * logs.LIMIT)
        logs.rotate(path, one.fileno())
        logs.rotate(path, other.fileno())
        one.write(b"a")
        other.write(b"b")
        assert os.fstat(one.fileno()).st_ino == path.stat().st_ino
    assert path.read_bytes() == b"ab"
    assert (tmp_path / "train.log.1").read_bytes().startswith(b"small")


def test_the_last_lines(tmp_path):
    path = logs.log_of(tmp_path, "train")
    assert logs.read_log(path) == ("", "0-0")
    path.write_text("one\ntwo\nthree\n")
    assert logs.read_log(path, lines=2).text == "two\nthree\n"
    assert logs.read_log(path, lines=0).text == ""
    assert logs.read_log(path).text == "one\ntwo\nthree\n"
    path.write_bytes(b"\xff" * logs.PAGE + b"\nend")
    assert logs.read_log(path, lines=1).text == "end"
    assert len(logs.read_log(path).text) == logs.PAGE


def test_a_log_is_followed(tmp_path):
    path = logs.log_of(tmp_path, "train")
    with logs.open_log(path) as log:
        log.write(b"begin\n")
        page = logs.read_log(path)
        assert logs.read_log(path, after=page.offset) == ("", page.offset)
        log.write("gr\u00fc\u00dfe".encode()[:3])
        page = logs.read_log(path, after=page.offset)
        assert page.text == "gr"  # the rest of the next character is not there yet
        log.write("gr\u00fc\u00dfe".encode()[3:])
        assert logs.read_log(path, after=page.offset).text == "\u00fc\u00dfe"


def test_a_log_is_followed_page_by_page_and_past_its_rotation(tmp_path):
    path = logs.log_of(tmp_path, "train")
    with logs.open_log(path) as log:
        log.write(b"begin\n")
        page = logs.read_log(path)
        written = b"".join(b"line %d\n" % number for number in range(200_000))
        log.write(written)
        logs.rotate(path, log.fileno())
        log.write(b"after\n")
        read = ""
        while (page := logs.read_log(path, after=page.offset)).text:
            assert len(page.text) <= logs.PAGE
            read += page.text
    assert read == written.decode() + "after\n"
    assert logs.read_log(path, lines=2).text == "line 199999\nafter\n"


def test_what_was_removed_is_left_out(tmp_path):
    path = logs.log_of(tmp_path, "train")
    path.write_text("old\n")
    offset = logs.read_log(path).offset
    (tmp_path / "other").write_text("new\n")  # made before the old one ends: another file for sure
    path.unlink()
    (tmp_path / "other").rename(path)
    assert logs.read_log(path, after=offset).text == "new\n"


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1-2", "1-2-3", "1" * 40 + "-1"])
def test_what_is_no_offset(tmp_path, after):
    path = logs.log_of(tmp_path, "train")
    path.write_text("old\n")
    with pytest.raises(BadRequest):
        logs.read_log(path, after=after)
