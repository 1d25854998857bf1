"""A state that does harm when it is opened, and ways to slip it into a store."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from jupyter_chariots.op_store.blobs import digest_of
from jupyter_chariots.op_store.signing import Signer

STRANGER = b"a secret of somebody else, as long"


class Trap:
    """Makes the file ``marker`` when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.marker,)


def trap(marker: Path) -> bytes:
    """The pickle of a trap, after it was seen that it springs."""
    payload = pickle.dumps(Trap(marker))
    pickle.loads(payload)
    assert marker.exists(), "the trap does not work"
    marker.unlink()
    return payload


class Intruder:
    """Writes into the database of a store, and into its files, behind its back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _state(self, db: sqlite3.Connection, op: str) -> tuple[int, str, str]:
        """Row, version and blob of the only version of an op that has state."""
        found = db.execute(
            "SELECT v.id, v.major || '.' || v.minor || '.' || v.patch, v.blob "
            "FROM versions v JOIN ops o ON o.id = v.op "
            "WHERE o.name = ? AND v.blob IS NOT NULL",
            (op,),
        ).fetchall()
        ((row, version, blob),) = found
        return row, version, blob

    def swap_bytes(self, op: str, payload: bytes) -> None:
        """Put other bytes into the blob of an op, wherever it is."""
        with closing(sqlite3.connect(self.path)) as db, db:
            blob = self._state(db, op)[2]
            (file,) = db.execute("SELECT path FROM blobs WHERE digest = ?", (blob,)).fetchone()
            if file is None:
                db.execute("UPDATE blobs SET data = ? WHERE digest = ?", (payload, blob))
            else:
                (self.path.with_suffix(".blobs") / file).write_bytes(payload)

    def swap_blob(self, op: str, payload: bytes) -> None:
        """Give the version of an op another blob, whose digest is right."""
        digest = digest_of(payload)
        with closing(sqlite3.connect(self.path)) as db, db:
            row = self._state(db, op)[0]
            db.execute(
                "INSERT OR IGNORE INTO blobs (digest, size, data) VALUES (?, ?, ?)",
                (digest, len(payload), payload),
            )
            db.execute("UPDATE versions SET blob = ? WHERE id = ?", (digest, row))

    def unsigned(self, op: str, payload: bytes) -> None:
        """As :meth:`swap_blob`, and without a signature."""
        self.swap_blob(op, payload)
        with closing(sqlite3.connect(self.path)) as db, db:
            row = self._state(db, op)[0]
            db.execute("UPDATE versions SET signature = NULL WHERE id = ?", (row,))

    def signed_by_a_stranger(self, op: str, payload: bytes) -> None:
        """As :meth:`swap_blob`, and with a signature that is right but for the key."""
        self.swap_blob(op, payload)
        with closing(sqlite3.connect(self.path)) as db, db:
            row, version, blob = self._state(db, op)
            signature = Signer(STRANGER).sign("state", op, version, blob)
            db.execute("UPDATE versions SET signature = ? WHERE id = ?", (signature, row))


WAYS = ["swap_bytes", "swap_blob", "unsigned", "signed_by_a_stranger"]
