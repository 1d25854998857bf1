"""How a learned state becomes bytes, and bytes a state again.

An op names its serialiser as ``serializer_cls``. The bytes of one state should be equal wherever
it was learned: they decide the version (see :meth:`BaseSerializer.fingerprint`).
"""

from __future__ import annotations

import abc
import io
import json
import mmap
import os
import pickle
from typing import Any, ClassVar

from ..errors import NotTrusted, SerializationError
from ..versioning.version import digest
from .container import BytesLike, end_of_stream, pack, unpack
from .csv_frames import read_frame, write_frame
from .fingerprint import is_canonical, state_digest
from .named_classes import read_pickle, write_pickle

__all__ = [
    "BaseSerializer",
    "CSVSerializer",
    "JSONSerializer",
    "JoblibSerializer",
    "PickleSerializer",
    "SkopsSerializer",
]

_OUT_OF_BAND = 4096  # bytes; a smaller array costs less inside the pickle than beside it
_LARGE = 1 << 20  # bytes; above this a second pass over the state would be felt
_STEP = 1 << 20  # bytes


class BaseSerializer(abc.ABC):
    """Turns a state into bytes and back.

    Attributes:
        maps_state: whether ``deserialize_object`` takes a memory map as well as bytes.
    """

    maps_state: ClassVar[bool] = False

    @abc.abstractmethod
    def serialize_object(self, target: Any) -> bytes:
        """The state as bytes.

        Raises:
            SerializationError: the state has no such form.
        """

    @abc.abstractmethod
    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The state that :meth:`serialize_object` turned into these bytes.

        Raises:
            SerializationError: the bytes cannot be read here.
        """

    def settle(self, mapping: mmap.mmap) -> None:
        """Copy what decides what reading does, before the digest of the map is checked.

        Whoever writes into the mapped file afterwards changes what was not copied. By default all
        is; a serialiser may leave out what is mere data, which processes then share.

        Args:
            mapping: a private map (``ACCESS_COPY``): what is written into is copied.
        """
        _own(mapping, len(mapping))

    def fingerprint(self, target: Any, payload: bytes) -> str:
        """The identity of a learned state, given its bytes: equal for equal training."""
        return digest(payload)


class PickleSerializer(BaseSerializer):
    """Pickles with cloudpickle: what a notebook or a function defines goes by value.

    A class of a notebook is also named: where one of that name is known, which belongs to the
    code that uses the state, the state takes that one.

    Arrays of 4 KiB and more lie beside the pickle (PEP 574): they are copied once into the bytes,
    and not at all out of them where the memory that holds the bytes is writable (a ``bytearray``,
    or a private memory map: ``mmap(..., access=ACCESS_COPY)``), which the loaded state then keeps.
    From read-only bytes each array is copied, since models that write into their own arrays
    (``partial_fit``, compiled code with typed memory views) must run after a load as before it.
    """

    maps_state = True

    def serialize_object(self, target: Any) -> bytes:
        """The state as a pickle, or as pickle and buffers where it has large arrays."""
        buffers: list[pickle.PickleBuffer] = []

        def in_band(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < _OUT_OF_BAND:
                return True
            buffers.append(buffer)
            return False

        try:
            stream = write_pickle(target, in_band)
        except Exception as error:
            raise _cannot_write(target, "pickled", error) from error
        return pack(stream, buffers)

    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The state; its arrays are writable."""
        stream, buffers = unpack(serialized_object)
        if stream.readonly:
            parts: list[bytearray | memoryview] = [bytearray(buffer) for buffer in buffers]
        else:
            parts = list(buffers)
        try:
            return read_pickle(stream, parts)
        except Exception as error:
            raise _cannot_read("pickle", error) from error

    def settle(self, mapping: mmap.mmap) -> None:
        """Copy the pickle, and not the arrays beside it."""
        _own(mapping, mmap.PAGESIZE)  # where the end of the pickle is must stay, too
        _own(mapping, end_of_stream(mapping))

    def fingerprint(self, target: Any, payload: bytes) -> str:
        """The digest of the bytes where they say all; else that of a canonical form."""
        if len(payload) > _LARGE and is_canonical(unpack(payload)[0]):
            return digest(payload)
        return state_digest(target)


class JoblibSerializer(BaseSerializer):
    """Joblib's own format, uncompressed: ``joblib.load`` reads the bytes as a file.

    Given the path of such a file, arrays are mapped into memory (privately: writing into them
    changes nothing on disk). What a notebook defines cannot go this way.
    """

    def serialize_object(self, target: Any) -> bytes:
        """The state as the bytes of a joblib file."""
        import joblib

        file = io.BytesIO()
        try:
            joblib.dump(target, file, protocol=5)
        except Exception as error:
            raise _cannot_write(target, "written by joblib", error) from error
        return file.getvalue()

    def deserialize_object(self, serialized_object: BytesLike | os.PathLike[str]) -> Any:
        """The state, from bytes (arrays are copied) or from a file (arrays are mapped)."""
        import joblib

        try:
            if isinstance(serialized_object, os.PathLike):
                return joblib.load(serialized_object, mmap_mode="c")
            return joblib.load(io.BytesIO(serialized_object))
        except Exception as error:
            raise _cannot_read("joblib file", error) from error

    def fingerprint(self, target: Any, payload: bytes) -> str:
        """The digest of the bytes of a large state, of a canonical form of a small one."""
        return digest(payload) if len(payload) > _LARGE else state_digest(target)


class JSONSerializer(BaseSerializer):
    """JSON, for states made of dicts with string keys, lists, strings, numbers and None.

    Tuples come back as lists. NaN and infinities are kept, in Python's notation.
    """

    def serialize_object(self, target: Any) -> bytes:
        """The state as UTF-8 JSON."""
        try:
            _check_keys(target)
            return json.dumps(target, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise _cannot_write(target, "written as JSON", error) from error

    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The state."""
        try:
            return json.loads(bytes(serialized_object))
        except ValueError as error:
            raise _cannot_read("JSON document", error) from error


def _own(mapping: mmap.mmap, end: int) -> None:
    for start in range(0, min(end, len(mapping)), _STEP):
        stop = min(start + _STEP, end)
        mapping[start:stop] = mapping[start:stop]


def _check_keys(value: Any) -> None:
    # json.dumps turns 1 and None into "1" and "null" without a word; the state would come back
    # as another one.
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no string")
            _check_keys(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_keys(item)


class CSVSerializer(BaseSerializer):
    r"""CSV, for states that are a pandas ``DataFrame``; the first line keeps the column types.

    That line is a comment (``# {"dtypes": …}``); missing values read ``\N``. A frame that would
    come back as another one (nested objects, several levels of columns) is refused.
    """

    def serialize_object(self, target: Any) -> bytes:
        """The frame, its index included."""
        try:
            return write_frame(target)
        except Exception as error:
            raise _cannot_write(target, "written as CSV", error) from error

    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The frame, with the types, the index and the order it had."""
        try:
            return read_frame(bytes(serialized_object))
        except Exception as error:
            raise _cannot_read("CSV file of this serialiser", error) from error


class SkopsSerializer(BaseSerializer):
    """The format of skops (an extra): read without running code that the bytes bring.

    Types that skops does not know as harmless are refused unless a subclass names them in
    ``trusted``.
    """

    trusted: ClassVar[tuple[str, ...]] = ()

    def serialize_object(self, target: Any) -> bytes:
        """The state as a skops archive."""
        try:
            payload: bytes = _skops().dumps(target)
        except SerializationError:
            raise
        except Exception as error:
            raise _cannot_write(target, "written by skops", error) from error
        return payload

    def deserialize_object(self, serialized_object: BytesLike) -> Any:
        """The state.

        Raises:
            NotTrusted: the bytes name types that are not trusted; none of them was made.
        """
        skops, payload = _skops(), bytes(serialized_object)
        try:
            unknown = sorted(set(skops.get_untrusted_types(data=payload)) - set(self.trusted))
        except Exception as error:
            raise _cannot_read("skops archive", error) from error
        if unknown:
            raise NotTrusted(
                f"A state holds types that {type(self).__name__} does not trust: "
                f"{', '.join(unknown)}.",
                hint="If you know them, name them in `trusted` of a subclass of SkopsSerializer.",
                types=unknown,
            )
        try:
            return skops.loads(payload, trusted=list(self.trusted))
        except Exception as error:
            raise _cannot_read("skops archive", error) from error

    def fingerprint(self, target: Any, payload: bytes) -> str:
        """The digest of a canonical form: an archive holds times and memory addresses."""
        return state_digest(target)


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise SerializationError(
            "SkopsSerializer needs the package skops.", hint="pip install skops"
        ) from error
    return skops.io


def _cannot_write(target: Any, how: str, error: Exception) -> SerializationError:
    kind = type(target)
    return SerializationError(
        f"A state of type {kind.__module__}.{kind.__qualname__} cannot be {how}: {error}",
        hint="Keep what cannot be written out of the model, or name another `serializer_cls`.",
    )


def _cannot_read(what: str, error: Exception) -> SerializationError:
    return SerializationError(
        f"A state cannot be read as a {what}: {type(error).__name__}: {error}",
        hint="Was it written by another serialiser, or is a module that it needs missing here?",
    )
