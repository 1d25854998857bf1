"""States, and inputs and results of jobs, by the digest of their content: equal ones are stored
once.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b

from .. import faults
from ..errors import BlobMissing, NotTrusted, StoreError
from .database import Database
from .savers import BaseSaver

__all__ = ["SMALL", "Blobs", "Prepared", "digest_of"]

SMALL = 64 * 1024
"""Up to this size, in bytes, a blob lives in the database."""


def digest_of(payload: bytes | bytearray | mmap.mmap) -> str:
    """BLAKE2b-256 of the bytes, in hexadecimal."""
    return blake2b(payload, digest_size=32).hexdigest()


@dataclass(frozen=True)
class Prepared:
    """A blob whose bytes are safe already, or that is small enough to go with its row."""

    digest: str
    payload: bytes
    path: str | None


class Blobs:
    """The blobs of one store.

    Args:
        saver: where those above 64 KiB go.
    """

    def __init__(self, saver: BaseSaver) -> None:
        self.saver = saver

    def prepare(self, payload: bytes) -> Prepared:
        """Hash the bytes and make large ones durable; outside of any transaction."""
        if len(payload) <= SMALL:
            return Prepared(digest_of(payload), payload, None)
        try:
            # Hashing and writing both leave the interpreter to others, so they go side by side.
            # A file that is there already is replaced by an equal one: training again repairs
            # what was damaged.
            with ThreadPoolExecutor(1) as pool:
                hashed = pool.submit(digest_of, payload)
                path = self.saver.save_as(payload, lambda: _path(hashed.result()))
        except OSError as exc:
            raise StoreError(
                f"A blob of {len(payload):,} bytes could not be written: {exc}.",
                hint="Check that the folder of the op store is writable and has space left.",
            ) from exc
        faults.reached("blob written")
        return Prepared(hashed.result(), payload, path)

    def insert(self, db: Database, blob: Prepared) -> None:
        """Write the blob's row, if there is none."""
        if blob.path is not None and not self.saver.exists(blob.path):
            # gc, which holds the write lock while it removes files, took it for an orphan.
            self.saver.save(blob.payload, blob.path)
        db.execute(
            "INSERT OR IGNORE INTO blobs (digest, size, data, path) VALUES (?, ?, ?, ?)",
            (
                blob.digest,
                len(blob.payload),
                blob.payload if blob.path is None else None,
                blob.path,
            ),
        )

    def read(
        self,
        digest: str,
        row: tuple[bytes | None, str | None],
        what: str,
        mapped: bool | Callable[[mmap.mmap], object],
    ) -> bytes | bytearray | mmap.mmap:
        """The bytes of a blob, after their digest was checked; outside of any transaction.

        Args:
            digest: the blob's digest.
            row: ``data`` and ``path`` of its row.
            what: what it is, for messages.
            mapped: whether a memory map will do; a function is called with it before the check.

        Raises:
            BlobMissing: the file is gone.
            NotTrusted: the bytes were changed.
        """
        stored, path = row
        data: bytes | bytearray | mmap.mmap | None = stored
        if data is None:
            try:
                if mapped:
                    data = mapping = self.saver.map(path or "")
                    if mapping is not None and callable(mapped):
                        mapped(mapping)
                if data is None:
                    data = self.saver.load(path or "")
            except BlobMissing as exc:
                raise BlobMissing(
                    f"The bytes of {what} are gone: {exc.message}", hint=exc.hint
                ) from exc
        if digest_of(data) != digest:
            raise NotTrusted(
                f"The bytes of {what} were changed since they were saved; they were not opened.",
                hint="Restore them from a backup, or train again.",
            )
        return data

    @staticmethod
    def row(db: Database, digest: str) -> tuple[bytes | None, str | None] | None:
        """``data`` and ``path`` of a blob's row."""
        found: tuple[bytes | None, str | None] | None = db.execute(
            "SELECT data, path FROM blobs WHERE digest = ?", (digest,)
        ).fetchone()
        return found


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest}"
