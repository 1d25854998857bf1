"""Log files of children: what user code prints, kept small, and read."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import BadRequest

__all__ = ["LIMIT", "Page", "log_of", "open_log", "read_log", "rotate"]

LIMIT = 1 << 20
"""Size in bytes from which a log is set aside as ``<name>.1``, replacing the one before."""


PAGE = 1 << 18
"""Size in bytes of what is read of a log at once, at most."""


class Page(NamedTuple):
    """A part of a log.

    Attributes:
        text: what was written; bytes that are no UTF-8 are replaced.
        offset: where the next part begins, for :func:`read_log`.
    """

    text: str
    offset: str


def log_of(folder: Path, pipeline: str) -> Path:
    """The log that the children of a pipeline share; the dead ones' lines stay in it."""
    return folder / f"{pipeline}.log"


def read_log(path: Path, *, lines: int = 200, after: str | None = None) -> Page:
    """Read the end of a log, or what was written after an earlier part.

    Args:
        path: of the log; one that nothing was written to yet is empty.
        lines: how many at most of its last ones, of the last 256 KiB.
        after: ``offset`` of an earlier part: read on from there, 256 KiB at most. What was removed
            in the meantime is left out.

    Raises:
        BadRequest: ``after`` is no offset.
    """
    asked = re.fullmatch(r"(\d{1,30})-(\d{1,30})", after) if after else None
    if after and not asked:
        raise BadRequest(f"{after[:80]!r} is no offset of a log.", field="after")
    with contextlib.ExitStack() as stack:
        files: list[BinaryIO] = []
        for part in (path, _previous(path)):  # in this order, for it may be set aside meanwhile
            with contextlib.suppress(FileNotFoundError):
                file = stack.enter_context(open(part, "rb"))
                if not files or not os.path.sameopenfile(files[0].fileno(), file.fileno()):
                    files.insert(0, file)
        if not files:
            return Page("", "0-0")
        if asked is None:
            return _end(files, lines)
        inode, position = map(int, asked.groups())
        inodes = [os.fstat(file.fileno()).st_ino for file in files]
        if inode in inodes:
            del files[: inodes.index(inode)]
            files[0].seek(position)
        return _page(files)


def _end(files: list[BinaryIO], lines: int) -> Page:
    """The last lines; they are never cut, but for one that is longer than a page."""
    sizes = [os.fstat(file.fileno()).st_size for file in files]
    files[-1].seek(max(0, sizes[-1] - PAGE))
    end = files[-1].read(PAGE)
    if len(end) < PAGE and len(files) > 1:
        files[0].seek(max(0, sizes[0] - PAGE + len(end)))
        end = files[0].read(PAGE - len(end)) + end
    kept = b"".join(end.splitlines(keepends=True)[-lines:]) if lines else b""
    return Page(kept.decode("utf-8", "replace"), _offset(files[-1]))


def _page(files: list[BinaryIO]) -> Page:
    """What follows in the first of these files, and in the other one."""
    text = ""
    left = PAGE
    for file in files:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = file.read(left)
        text += decoder.decode(data)
        left -= len(data)
        cut = len(decoder.getstate()[0])  # the rest of this character is still to come
        if not left or file is files[-1]:
            file.seek(-cut, os.SEEK_CUR)
            return Page(text, _offset(file))
    raise AssertionError("unreachable")


def _offset(file: BinaryIO) -> str:
    return f"{os.fstat(file.fileno()).st_ino}-{file.tell()}"


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # there is none, or another process was quicker
        if path.stat().st_size > LIMIT:
            os.replace(path, _previous(path))
    return open(path, "ab", buffering=0, opener=_private)


def rotate(path: Path, *descriptors: int) -> None:
    """Point the descriptors, all open on the log at ``path``, at a new file if it got too large.

    Several processes may write to one log: if another one has set it aside already, this only
    follows.
    """
    written = os.fstat(descriptors[0])
    if written.st_size <= LIMIT:
        return
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_ino == written.st_ino:
            os.replace(path, _previous(path))
    with open_log(path) as new:
        for descriptor in descriptors:
            os.dup2(new.fileno(), descriptor)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
