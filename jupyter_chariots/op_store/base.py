"""Opening a store, its sequence, and the bytes in it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from ..errors import BlobMissing, ChariotsError, StoreError
from ..versioning.version import Version
from . import history, loads
from .blobs import Blobs
from .connection import Connections
from .database import Database
from .pins import find_version
from .records import News
from .savers import BaseSaver, saver_for
from .schema import migrate
from .signing import Signer
from .silence import Silences

__all__ = ["StoreBase", "find_store"]

_Store = TypeVar("_Store", bound="StoreBase")

FOLDER = ".chariots"
FILE = "op_store.db"


def find_store(start: Path | None = None) -> Path:
    """The store of the nearest ``.chariots`` from a folder (the current one) upward, else the one
    to be made in that folder.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder / FOLDER / FILE
    return here / FOLDER / FILE


class StoreBase:
    """An open store; any number of threads and processes may share one.

    Args:
        path: the database; by default that of the nearest ``.chariots`` folder from the current
            one upward, which is made here if there is none.
        saver: where blobs above 64 KiB go: a saver, an fsspec URL or a folder; by default a
            folder beside the database. It belongs to this store alone.
        secret: the key that signs; by default this user's, in the Jupyter data folder.
        candidate_ttl: how long ``gc`` spares a candidate that is neither saved nor current;
            ``None``: for ever.
        job_retention: how long ``gc`` spares a job that has ended (the last 1000 it always
            spares); ``None``: for ever.
        busy_timeout: seconds to wait for other processes' writes.

    Raises:
        StoreTooNew: a newer release wrote the store.
        StoreError: the file is no store, is damaged or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        saver: BaseSaver | str | None = None,
        secret: bytes | None = None,
        candidate_ttl: timedelta | None = timedelta(days=7),
        job_retention: timedelta | None = timedelta(days=7),
        busy_timeout: float = 10.0,
    ) -> None:
        self.path = find_store() if path is None else Path(path).absolute()
        if self.path.is_dir():
            self.path /= FILE
        self.candidate_ttl = candidate_ttl
        self.job_retention = job_retention
        self._silences = Silences()
        self._make_folder()
        self._signer = Signer(secret)
        self._blobs = Blobs(saver_for(saver, self.path.with_suffix(".blobs")))
        self._db = Connections(self.path, busy_timeout, lambda db: migrate(db, self.path))
        self._db.get()

    def __enter__(self: _Store) -> _Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    def close(self) -> None:
        """Close all connections; the store cannot be used any more."""
        self._db.close()

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if folder.name == FOLDER:
                with suppress(FileExistsError), open(folder / ".gitignore", "x") as file:
                    file.write("*\n")
        except OSError as exc:
            raise StoreError(
                f"The folder of the op store {self.path} cannot be made: {exc}.",
                hint="Choose another place with op_store_path.",
            ) from exc

    def together(
        self, changes: Sequence[Callable[[Database], Any]], *, durable: bool = True
    ) -> list[Any]:
        """Make several changes in one transaction, which costs as much as one of them alone.

        Each is made whole or not at all, whatever happens to the others.

        Args:
            changes: made by methods of this store that prepare one (``submission``, ``claiming``
                …).
            durable: whether to wait until they outlive a power cut; :meth:`sync` does that later.

        Returns:
            What each gave, in order; for one that was refused, the :class:`ChariotsError`.

        Raises:
            StoreError: the store or the saver failed; nothing was recorded.
        """
        results: list[Any] = []
        with self._db.write(durable=durable) as db:
            for change in changes:
                db.execute("SAVEPOINT one_change")
                try:
                    results.append(change(db))
                except StoreError:
                    raise
                except ChariotsError as error:
                    db.execute("ROLLBACK TO one_change")
                    results.append(error)
                db.execute("RELEASE one_change")
        return results

    def sync(self) -> None:
        """Return when all that was written before this call outlives a power cut.

        Raises:
            StoreError: the disk failed.
        """
        self._db.sync()

    # -- the sequence ------------------------------------------------------------------------

    def sequence(self, *, jobs: bool = True) -> int:
        """The sequence number of the latest news, of jobs or not; 0 in an empty store."""
        if jobs:
            return self._db.value("SELECT max(seq) FROM news")
        return self._db.value("SELECT max(seq) FROM news WHERE kind <> 'job'")

    def news(self, since: int = 0, limit: int = 1000) -> list[News]:
        """What happened after sequence number ``since``, oldest first."""
        with self._db.read() as db:
            return history.news(db, since, limit)

    def data_version(self) -> int:
        """A number that changes when another connection has written (``PRAGMA data_version``).

        To be compared with what the same thread got before.
        """
        return self._db.value("PRAGMA data_version")

    # -- bytes -------------------------------------------------------------------------------

    def read(
        self,
        op: str,
        version: Version | str,
        *,
        mapped: bool | Callable[[mmap.mmap], object] = False,
    ) -> bytes | bytearray | mmap.mmap:
        """The serialised state of a version; its digest and signature were checked.

        Args:
            op: name of the op.
            version: number, version, its string or its digests.
            mapped: whether a memory map will do, as it is used for large states where it can be:
                it is private and may be written into, and processes share what none writes to.
                Writing into the file shows in what they share; a function given here is called
                with the map before it is checked, to copy what must stay as it was.

        Raises:
            OpNotFound, VersionNotFound: there is no such version.
            BlobMissing: its bytes are gone.
            NotTrusted: this user did not sign it, or it was changed since.
        """
        digest, row, title = self._blob(op, version)
        return self._blobs.read(digest, row, title, mapped)

    def verify(self, op: str, version: Version | str) -> None:
        """Check what :meth:`read` checks."""
        self.read(op, version)

    def _blob(
        self, op: str, version: Version | str
    ) -> tuple[str, tuple[bytes | None, str | None], str]:
        with self._db.read() as db:
            found = find_version(db, op, version)
            title = found.title
            if found.blob is None:
                raise BlobMissing(
                    f"The op store has no bytes of {title}.",
                    hint="It was removed, or never had learned state; train again.",
                    op=op,
                    version=str(found.version),
                )
            digest = loads.signed_state(self._signer, found)
            row = self._blobs.row(db, digest)
        if row is None:
            raise BlobMissing(f"The bytes of {title} are gone.", hint="Train again.", op=op)
        return digest, row, title
