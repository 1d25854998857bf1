"""Logs of children stay small."""

from __future__ import annotations

import os

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
