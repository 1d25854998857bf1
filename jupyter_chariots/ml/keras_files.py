"""Keras models as bytes: keras' own ``.keras`` files, and what tells two of them apart."""

from __future__ import annotations

import io
import json
import re
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, DefinitionError, SerializationError
from ..versioning.code import canonical_value
from ..versioning.version import digest
from .container import BytesLike
from .serializers import BaseSerializer

__all__ = ["KerasSerializer", "import_keras"]

_CONFIG, _METADATA = "config.json", "metadata.json"


def import_keras() -> Any:
    """The package, on the backend that ``KERAS_BACKEND`` or its configuration file names.

    Raises:
        ConfigurationError: keras or its backend is missing here.
    """
    try:
        import keras
        import keras.saving
    except ImportError as error:
        raise ConfigurationError(
            f"keras cannot be imported: {error}",
            hint="pip install 'jupyter-chariots[keras]' and a backend (jax, torch or tensorflow);"
            " KERAS_BACKEND names the one to use, tensorflow where it is not set.",
        ) from error
    return keras


class KerasSerializer(BaseSerializer):
    """Keras' own format, ``.keras``: architecture, weights and the state of the optimizer.

    The bytes are those of such a file: ``keras.saving.load_model`` reads them too, on any backend.

    Args:
        custom_objects: classes and functions that a model may name, by name.
        own_code: gives more of them, of which only those are taken that a model does name; it is
            called for models that are made of more than keras.
        safe_mode: whether code inside the bytes (lambdas) is refused.
    """

    def __init__(
        self,
        custom_objects: Mapping[str, Any] | None = None,
        own_code: Callable[[], Mapping[str, Any]] = dict,
        safe_mode: bool = True,
    ) -> None:
        self._custom_objects = dict(custom_objects or {})
        self._own_code = own_code
        self._safe_mode = safe_mode

    def check(self, model: Any) -> None:
        """Find out before a training, and not after it, that a model cannot be kept.

        Raises:
            DefinitionError: it cannot be written, or not be read again in safe mode.
        """
        try:
            config = import_keras().saving.serialize_keras_object(model)
        except Exception as error:
            raise DefinitionError(
                f"The model could not be kept: {error}",
                hint="Give your layers and models a get_config().",
            ) from error
        if self._safe_mode and any(node["class_name"] == "__lambda__" for node in _nodes(config)):
            raise DefinitionError(
                "The model contains a lambda, which keras does not load in safe mode.",
                hint="Use a named function or a layer of your own; or, if you trust whoever may"
                " train this model, set `safe_mode = False`.",
            )

    def serialize_object(self, target: Any) -> bytes:
        """The model as the bytes of a ``.keras`` file."""
        saving = import_keras().saving
        with tempfile.TemporaryDirectory(prefix="chariots-") as folder:
            path = Path(folder, "model.keras")
            try:
                saving.save_model(target, path)
                return path.read_bytes()
            except Exception as error:
                raise SerializationError(
                    f"A {type(target).__qualname__} cannot be written as a .keras file: {error}",
                    hint="Give your layers and models a get_config(), or name another"
                    " `serializer_cls`.",
                ) from error

    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The model, compiled as it was, with the state of its optimizer."""
        saving = import_keras().saving
        with tempfile.TemporaryDirectory(prefix="chariots-") as folder:
            path = Path(folder, "model.keras")
            path.write_bytes(serialized_object)
            try:
                with zipfile.ZipFile(path) as archive:
                    objects = self._objects_of(json.loads(archive.read(_CONFIG)))
                # Both: what was compiled is read in the scope, what is inside layers with the
                # argument.
                with saving.custom_object_scope(objects):
                    return saving.load_model(path, objects, safe_mode=self._safe_mode)
            except Exception as error:
                raise SerializationError(
                    f"A state cannot be read as a .keras file: {type(error).__name__}: {error}",
                    hint="Classes and functions of your own that the op's code does not name are"
                    " named by its `custom_objects`; lambdas need `safe_mode = False`.",
                ) from error

    def _objects_of(self, config: Any) -> dict[str, Any]:
        named = list(_named_beyond_keras(config))
        own = self._own_code() if named else {}
        objects = {key: own[name] for name, keys in named if name in own for key in keys}
        return {**objects, **self._custom_objects}

    def fingerprint(self, target: Any, payload: bytes) -> str:
        """The digest of architecture, weights and further files.

        Not of the bytes: they hold the time, memory addresses, and names that count how many
        models the process has made.
        """
        view, parts = memoryview(payload), []
        with zipfile.ZipFile(_View(view)) as archive:
            for entry in sorted(archive.infolist(), key=lambda one: one.filename):
                if entry.filename == _CONFIG:
                    content = _canonical_config(json.loads(archive.read(entry)))
                elif entry.filename.endswith(".h5"):
                    content = _weights_digest(_stored(view, entry))
                else:
                    content = archive.read(entry)
                if entry.filename != _METADATA:
                    parts += [entry.filename.encode(), content]
        return digest(*parts)


def _nodes(config: Any) -> Iterator[Mapping[str, Any]]:
    """The parts of a model's configuration that stand for an object."""
    if isinstance(config, Mapping):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _nodes(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _nodes(value)


def _named_beyond_keras(config: Any) -> Iterator[tuple[str, set[str]]]:
    """Classes and functions that a model names, each with the keys that keras looks it up by."""
    for node in _nodes(config):
        if str(node.get("module")).partition(".")[0] == "keras":
            continue
        function = node["class_name"] == "function"
        name = node.get("config") if function else node["class_name"]
        if isinstance(name, str) and not name.startswith("__"):
            registered = None if function else node.get("registered_name")
            yield name.rpartition(">")[2], {name, registered or name}


_COUNTED = re.compile(r"_\d+$")


def _canonical_config(config: Any) -> bytes:
    """The configuration without addresses, its names counted from the start of this model."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()

    def count(value: Any) -> None:
        if isinstance(value, dict):
            name = value.get("name")
            if isinstance(name, str) and name not in names:
                kind = _COUNTED.sub("", name)
                names[name] = f"{kind}#{counts[kind]}"
                counts[kind] += 1
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, (dict, list)):
                count(part)

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                names.get(key, key): renamed(part)
                for key, part in value.items()
                if key != "shared_object_id"
            }
        if isinstance(value, list):
            return [renamed(part) for part in value]
        return names.get(value, value) if isinstance(value, str) else value

    count(config)
    return json.dumps(renamed(config), sort_keys=True).encode()


def _weights_digest(view: memoryview) -> bytes:
    """The digest of all arrays in an HDF5 file; attributes of groups are names of layers."""
    import h5py

    parts: list[Any] = []

    def add(path: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        start = None if item.dtype.hasobject else item.id.get_offset()
        described = (dict(item.attrs), str(item.dtype), item.shape)
        parts.extend((path.encode(), canonical_value(described)))
        if start is None:  # texts, and what does not lie in one piece
            parts.append(canonical_value(item[()]))
        else:
            parts.append(view[start : start + item.nbytes])

    with h5py.File(_View(view), "r") as weights:
        weights.visititems(add)  # in the order of their paths
        return digest(*parts).encode()


def _stored(view: memoryview, entry: zipfile.ZipInfo) -> memoryview:
    """The content of a file that lies uncompressed in an archive."""
    name, extra = struct.unpack_from("<HH", view, entry.header_offset + 26)
    start = entry.header_offset + 30 + name + extra
    return view[start : start + entry.file_size]


class _View(io.RawIOBase):
    """Memory as a file to read from; nothing is copied before it is read."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._at = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        part = self._view[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
