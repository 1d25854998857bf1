"""Large states and results that workers elsewhere send, piece by piece, before their reports."""

from __future__ import annotations

import contextlib
import mmap
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import BadRequest, StoreError
from ..op_store.blobs import digest_of

__all__ = ["Pieces"]

_FORGOTTEN_S = 3600.0


@dataclass
class _Partial:
    file: IO[bytes]
    size: int
    have: int = 0
    touched: float = field(default_factory=time.monotonic)


class Pieces:
    """Keeps pieces in files without names, so that nothing of them outlives this process.

    What was sent before a restart of the server is sent again. All methods block, and may be
    called by several threads.

    Args:
        folder: on whose disk they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._partials: dict[tuple[str, str], _Partial] = {}

    def put(self, token: str, digest: str, size: int, offset: int, piece: bytes) -> int:
        """Take a piece of what shall have this digest and size.

        Args:
            token: of the attempt that sends it.
            digest: of the whole.
            size: of the whole.
            offset: where the piece begins.
            piece: its bytes.

        Returns:
            How many bytes are here; the next piece begins there, whatever was sent.

        Raises:
            BadRequest: more was sent than the size says.
            StoreError: the disk is full.
        """
        with self._lock:
            self._forget_old()
            partial = self._partials.get((token, digest))
            try:
                if partial is None:
                    file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - stays open
                    partial = _Partial(file, size)
                    self._partials[token, digest] = partial
                partial.touched = time.monotonic()
                if partial.size != size or offset + len(piece) > size:
                    raise BadRequest("The pieces do not make up what they should.", field="size")
                if offset == partial.have:  # else it has come before, or one before it has not
                    partial.file.seek(offset)
                    partial.file.write(piece)
                    partial.file.flush()
                    partial.have += len(piece)
            except OSError as error:
                raise StoreError(
                    f"{size:,} bytes of a job cannot be taken in: {error}.",
                    hint=f"Check that {self._folder} has space left.",
                ) from error
            return partial.have

    @contextlib.contextmanager
    def taken(self, token: str) -> Iterator[Mapping[str, mmap.mmap]]:
        """What an attempt has sent whole, by digest; pieces that make up something else are not
        there.
        """
        with self._lock, contextlib.ExitStack() as stack:
            found = {}
            for (owner, digest), partial in self._partials.items():
                if owner == token and partial.have == partial.size > 0:
                    whole = mmap.mmap(partial.file.fileno(), 0, access=mmap.ACCESS_READ)
                    stack.callback(_close, whole)
                    if digest_of(whole) == digest:
                        found[digest] = whole
            yield found

    def forget(self, token: str) -> None:
        """Forget what an attempt has sent."""
        with self._lock:
            for key in [key for key in self._partials if key[0] == token]:
                self._partials.pop(key).file.close()

    def _forget_old(self) -> None:
        before = time.monotonic() - _FORGOTTEN_S
        for key in [key for key, one in self._partials.items() if one.touched < before]:
            self._partials.pop(key).file.close()


def _close(mapping: mmap.mmap) -> None:
    with contextlib.suppress(BufferError):  # somebody still looks at it; it goes with the last
        mapping.close()
