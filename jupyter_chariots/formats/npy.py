"""Arrays as ``.npy``: dtype, byte order, shape and order of the axes come through as they are."""

from __future__ import annotations

import io
import math
import sys
from typing import Any

from ..errors import InvalidInput, UnsupportedFormat
from .media import Received

__all__ = ["decode", "encode"]

# Field names that are not Latin-1 would need a third version, which numpy reads only by itself.
_READERS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


_LONGEST_HEADER = 16 << 10  # numpy reads none of more than 10,000 bytes


def encode(value: Any) -> bytes | None:
    """An array as npy.

    ``None`` for anything else, and for arrays that would come out as something else: of Python
    objects, masked ones, dtypes that other packages bring along.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray) or not _fits(numpy, value):
        return None
    array = numpy.asarray(value)
    if not array.flags.c_contiguous and not array.flags.f_contiguous:
        array = array.copy(order="C")
    facts = numpy.lib.format.header_data_from_array_1_0(array)
    head = io.BytesIO()
    for write in (
        numpy.lib.format.write_array_header_1_0,
        numpy.lib.format.write_array_header_2_0,
    ):
        try:
            write(head, facts)
        except ValueError:
            continue
        return b"".join((head.getvalue(), _content(numpy, array)))
    return None


def decode(body: Received) -> Any:
    """The array in an npy body; never one of Python objects, which would have to be unpickled.

    Raises:
        InvalidInput: the body is not npy, is cut off, or holds Python objects.
        UnsupportedFormat: numpy is not installed here.
    """
    try:
        import numpy
    except ImportError:
        raise UnsupportedFormat(
            "A body in npy cannot be read: numpy is not installed here.", hint="pip install numpy"
        ) from None
    stream = io.BytesIO(bytes(memoryview(body)[:_LONGEST_HEADER]))
    try:
        version = numpy.lib.format.read_magic(stream)
        if version not in _READERS:
            raise ValueError(f"version {'.'.join(map(str, version))} of the format is not known")
        read = getattr(numpy.lib.format, _READERS[version])
        shape, fortran_order, dtype = read(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are not read from a request")
        # before anything is allocated: a header can claim any size
        claimed, given = math.prod(shape) * dtype.itemsize, len(body) - stream.tell()
        if claimed != given:
            raise ValueError(f"its header announces {claimed} bytes, and {given} follow")
        # what a bytearray holds is ours to write into; bytes are not
        memory = body if isinstance(body, bytearray) else bytearray(body)
        offset = stream.tell()
        array = numpy.ndarray(shape, dtype, memory, offset, order="F" if fortran_order else "C")
    except Exception as error:  # numpy's reader of headers lets many kinds through
        raise InvalidInput(
            f"The body is not an array in npy: {error}.",
            hint="Write it with numpy.save(file, array, allow_pickle=False).",
        ) from None
    return array


def _fits(numpy: Any, array: Any) -> bool:
    dtype = array.dtype
    if dtype.hasobject or isinstance(array, numpy.ma.MaskedArray):
        return False
    if dtype.metadata is not None:  # numpy would warn that it is left out
        return False
    described = numpy.lib.format.descr_to_dtype(numpy.lib.format.dtype_to_descr(dtype))
    return bool(described == dtype)


def _content(numpy: Any, array: Any) -> Any:
    """The memory of the array, without a copy where it has any."""
    return _octets(numpy, array).data if array.nbytes else b""


def _octets(numpy: Any, array: Any) -> Any:
    """The memory of an array whose items lie side by side, as a flat view of octets."""
    flat = (array if array.flags.c_contiguous else array.T).reshape(-1)
    return flat.view(numpy.uint8)
