"""Where large blobs go: files beside the database, or any fsspec URL."""

from __future__ import annotations

import mmap
import os
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import BlobMissing, ConfigurationError, InvalidName
from . import filesystems

__all__ = ["BaseSaver", "FileSaver", "FsspecSaver", "saver_for"]


class BaseSaver(ABC):
    """Keeps bytes under paths.

    ``save`` and ``load`` are enough; with the others, equal states are written once and blobs
    that no version needs are removed. The paths below a saver's root belong to one store.
    """

    @abstractmethod
    def save(self, serialized_object: bytes, path: str) -> None:
        """Keep the bytes under ``path``, durably and whole or not at all."""

    @abstractmethod
    def load(self, path: str) -> bytes | bytearray:
        """The bytes under ``path``.

        Raises:
            BlobMissing: there are none.
        """

    def save_as(self, serialized_object: bytes, path: Callable[[], str]) -> str:
        """Keep the bytes under a path that may be asked for late, so that it can be worked out
        (from a digest of the bytes) while they are written; gives the path.
        """
        found = path()
        self.save(serialized_object, found)
        return found

    def exists(self, path: str) -> bool:
        """Whether there are bytes under ``path``."""
        try:
            self.load(path)
        except BlobMissing:
            return False
        return True

    def remove(self, path: str) -> None:  # noqa: B027 - a saver may keep everything
        """Remove the bytes under ``path``, if there are any."""

    def ages(self) -> Iterator[tuple[str, float]]:
        """All paths, unfinished ones included, each with its age in seconds."""
        return iter(())

    def map(self, path: str) -> mmap.mmap | None:
        """The bytes under ``path`` as a memory map that may be written into, which changes nothing
        but the map; ``None`` if :meth:`load` is the way.
        """
        return None


def _inside(path: str) -> str:
    relative = PurePosixPath(path.replace("\\", "/").lstrip("/"))
    if not relative.parts or ".." in relative.parts or ":" in path or "\0" in path:
        raise InvalidName(
            f"{path!r} is not a path inside of the saver's root.",
            hint="Give a relative path without '..' and ':'.",
        )
    return str(relative)


class FileSaver(BaseSaver):
    """Keeps bytes in files below a folder.

    Args:
        root_path: the folder; made when it is first needed.
    """

    def __init__(self, root_path: str | os.PathLike[str]) -> None:
        self.root_path = Path(root_path)

    def save(self, serialized_object: bytes, path: str) -> None:
        """Write a temporary file, make it durable and rename it into place."""
        self._resolve(path)
        self.save_as(serialized_object, lambda: path)

    def save_as(self, serialized_object: bytes, path: Callable[[], str]) -> str:
        """As :meth:`save`; ``path`` is asked for when the temporary file is durable."""
        self._make_folder(self.root_path)
        draft = self.root_path / f".{secrets.token_hex(8)}.tmp"
        try:
            with open(draft, "xb", buffering=0) as file:
                rest = memoryview(serialized_object).cast("B")
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
            found = path()
            target = self._resolve(found)
            self._make_folder(target.parent)
            os.replace(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        return found

    def load(self, path: str) -> bytearray:
        """The content of the file; writable, so that arrays can stay where they were read to."""
        try:
            with open(self._resolve(path), "rb", buffering=0) as file:
                content = bytearray(os.fstat(file.fileno()).st_size)
                rest = memoryview(content)
                while rest and (size := file.readinto(rest)):
                    rest = rest[size:]
                # cut short while it was read: the digest will say so
                return content
        except FileNotFoundError:
            raise _missing(path, str(self.root_path)) from None

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return self._resolve(path).is_file()

    def remove(self, path: str) -> None:
        """Remove the file, if there is one."""
        self._resolve(path).unlink(missing_ok=True)

    def ages(self) -> Iterator[tuple[str, float]]:
        """All files below the root."""
        now = time.time()
        for folder, _, names in os.walk(self.root_path):
            for name in names:
                file = Path(folder, name)
                try:
                    age = now - file.stat().st_mtime
                except FileNotFoundError:
                    continue
                yield file.relative_to(self.root_path).as_posix(), age

    def map(self, path: str) -> mmap.mmap | None:
        """The file, mapped; a file that is replaced or removed meanwhile stays as it was here.

        That holds for POSIX, and not for file systems that several hosts share.
        """
        target = self._resolve(path)
        if os.name != "posix" or filesystems.is_shared(target.resolve(), filesystems.mounts()):
            return None
        try:
            with open(target, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except FileNotFoundError:
            raise _missing(path, str(self.root_path)) from None

    def _resolve(self, path: str) -> Path:
        target = self.root_path / _inside(path)
        # A symbolic link below the root may lead out of it.
        if self.root_path.resolve() not in target.resolve().parents:
            raise InvalidName(
                f"{path!r} leads out of the saver's root.", hint="Remove the symbolic link."
            )
        return target

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            if folder.parent != folder:
                self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    # The name of a new file is durable only when its folder is; Windows has no such call.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class FsspecSaver(BaseSaver):
    """Keeps bytes below any URL that fsspec knows (``s3://…``, ``gs://…``, ``memory://…``).

    Args:
        url: the root, with its protocol.

    Raises:
        ConfigurationError: fsspec, or what it needs for this protocol, is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import fsspec

            self._fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as exc:
            raise ConfigurationError(
                f"Blobs cannot be kept at {url}: {exc}.",
                hint="Install fsspec and the package that it names for this protocol.",
            ) from exc
        self._root = str(root).rstrip("/")

    def save(self, serialized_object: bytes, path: str) -> None:
        """Upload under another name, then move: an upload that is cut off leaves nothing there."""
        target = self._at(path)
        draft = f"{target}.{secrets.token_hex(8)}.tmp"
        self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(draft, bytes(serialized_object))
        self._fs.mv(draft, target)

    def load(self, path: str) -> bytes:
        """Download the bytes."""
        try:
            return bytes(self._fs.cat_file(self._at(path)))
        except FileNotFoundError:
            raise _missing(path, self._root) from None

    def exists(self, path: str) -> bool:
        """Whether there is such an object."""
        return bool(self._fs.exists(self._at(path)))

    def remove(self, path: str) -> None:
        """Remove the object, if there is one."""
        if self.exists(path):
            self._fs.rm_file(self._at(path))

    def ages(self) -> Iterator[tuple[str, float]]:
        """All objects below the root; one of unknown age counts as new."""
        now = time.time()
        found: dict[str, dict[str, Any]] = self._fs.find(self._root, detail=True)
        for name, info in found.items():
            changed = info.get("mtime") or info.get("LastModified") or info.get("created")
            stamp = changed.timestamp() if isinstance(changed, datetime) else changed
            relative = name[len(self._root) :].lstrip("/")
            yield relative, now - float(stamp) if stamp is not None else 0.0

    def _at(self, path: str) -> str:
        return f"{self._root}/{_inside(path)}"


def _missing(path: str, root: str) -> BlobMissing:
    return BlobMissing(
        f"There are no bytes under {path} in {root}.",
        hint="Restore them from a backup, or train again.",
    )


def saver_for(saver: BaseSaver | str | None, default: Path) -> BaseSaver:
    """The saver that a setting names: one itself, a URL, a folder, or the default folder."""
    if isinstance(saver, BaseSaver):
        return saver
    if isinstance(saver, str) and "://" in saver:
        return FsspecSaver(saver)
    return FileSaver(saver or default)
