"""The identity of a learned state, where its pickle is not one.

Equal training should give an equal version, in every process. The pickle of a state depends on
more than the state: on the order in which a set hands out its strings (``PYTHONHASHSEED``), on
which equal strings happen to be one object, on whether an array is a view into another; for
tensors of torch, on where they lie in memory; and, for classes and functions of a notebook, on the
cell's line numbers and a random identity. Here the state is pickled once more, into a hash, with
those in a canonical form.
"""

from __future__ import annotations

import pickle
import sys
from hashlib import blake2b
from types import FunctionType
from typing import Any

from ..versioning.version import digest
from ..versioning.walker import CodeWalker

__all__ = ["is_canonical", "state_digest"]

_SMALL = 1 << 16  # bytes; below this a copy costs less than a view


def is_canonical(stream: memoryview) -> bool:
    """Whether a pickle surely holds no set, no tensor and nothing by value.

    Equal states answer equally.
    """
    data = bytes(stream)
    signs = (b"cloudpickle", b"torch", pickle.EMPTY_SET, pickle.FROZENSET)
    return not any(sign in data for sign in signs)


def state_digest(state: Any) -> str:
    """Digest of a state, equal for equal states in every process.

    The state must be one that cloudpickle can write.
    """
    import cloudpickle

    numpy = sys.modules.get("numpy")
    arrays = (numpy.ndarray, numpy.memmap) if numpy else ()
    dtype = numpy.dtype if numpy else ()
    torch: Any = sys.modules.get("torch")
    tensor = torch.Tensor if torch else ()

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, sink: _Sink) -> None:
            super().__init__(sink, protocol=5)
            self._equal: dict[tuple[type, Any], Any] = {}

        def persistent_id(self, value: Any) -> Any:
            kind = type(value)
            if kind is str or kind is bytes:
                return self._equal.setdefault((kind, value), value)
            if kind is set or kind is frozenset:
                return kind.__name__, sorted(state_digest(item) for item in value)
            if kind in arrays and not value.dtype.hasobject:
                return _array(numpy, value)
            if isinstance(value, tensor) and value.layout is torch.strided:
                return _tensor(torch, value)
            if isinstance(value, dtype):
                return "dtype", repr(value)
            return None

        def reducer_override(self, value: Any) -> Any:
            reduced = super().reducer_override(value)
            if reduced is not NotImplemented and isinstance(value, (type, FunctionType)):
                # not read_code, which would warn: a process of the server has no source of cells
                return str, (CodeWalker().digest_of(value),)
            return reduced

    sink = _Sink()
    Pickler(sink).dump(state)
    return sink.digest()


def _array(numpy: Any, array: Any) -> tuple[Any, ...]:
    """An array as what a pickle gives back: contiguous, in the order of Fortran if it was."""
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    plain = numpy.ascontiguousarray(array.T if fortran else array)
    data = plain.tobytes() if plain.nbytes < _SMALL else plain.reshape(-1).view("u1").data
    return "array", repr(array.dtype), array.shape, fortran, digest(data)


def _tensor(torch: Any, tensor: Any) -> tuple[Any, ...]:
    """A tensor as its type, shape and bytes, wherever it is computed."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    content = digest(flat.view(torch.uint8).numpy().data) if flat.numel() else ""
    return type(tensor).__name__, str(tensor.dtype), tuple(tensor.shape), content


class _Sink:
    """A file that only hashes what is written."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=20)

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return len(data)

    def digest(self) -> str:
        return self._hash.hexdigest()
