"""Tensors of the Open Inference Protocol, version 2, as JSON or as bytes.

A tensor has a name, a shape, a datatype, and its elements row by row: in JSON, nested or flat; or,
by the binary tensor data extension, as bytes behind the JSON: little-endian, without gaps, each
element of ``BYTES`` after its length in four bytes.

The protocol: https://github.com/kserve/open-inference-protocol, ``inference_rest.md``. The
extension: ``extension_binary_data.md`` of the Triton Inference Server.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import InvalidInput, SerializationError, UnsupportedFormat
from .media import Received

__all__ = ["Tensor", "datatype", "read_tensors", "write_tensor"]

_DTYPES = {
    "BOOL": "?",
    **{f"{sign}INT{8 * size}": f"<{kind}{size}" for sign, kind in (("", "i"), ("U", "u"))
       for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}  # fmt: skip
_NUMBERS = {"int": "INT64", "uint": "UINT64", "float": "FP64", "bool": "BOOL", "boolean": "BOOL"}

# What JSON may bring for an element; null is NaN. Any number is too large or small for some type.
_IN_JSON: dict[str, tuple[type, ...]] = {
    "BOOL": (bool,),
    "BYTES": (str,),
    "INT": (int,),
    "FP": (int, float, type(None)),
}


class Tensor(NamedTuple):
    """A tensor that came.

    Attributes:
        name: of the input.
        values: a numpy array of its shape; of ``BYTES`` an array of text where all elements are
            UTF-8, else of bytes.
    """

    name: str
    values: Any


def datatype(dtype: str) -> str:
    """The datatype for a dtype of numpy or pandas, or a type of Python, by its name.

    ``BYTES`` for all that is no number and no boolean: it travels as text.
    """
    name = dtype.lower()
    if name in _NUMBERS:
        return _NUMBERS[name]
    found = name.replace("float", "FP").replace("uint", "UINT").replace("int", "INT")
    return found if found in _DTYPES else "BYTES"


def read_tensors(entries: Any, binary: Received) -> list[Tensor]:
    """The tensors of a request.

    Args:
        entries: its ``inputs``.
        binary: what follows its JSON.

    Raises:
        InvalidInput: they are not as the protocol says; the message names the tensor.
        UnsupportedFormat: numpy is not installed here.
    """
    try:
        import numpy
    except ImportError:
        raise UnsupportedFormat(
            "Tensors cannot be read: numpy is not installed here.", hint="pip install numpy"
        ) from None
    if not isinstance(entries, list):
        raise InvalidInput("The field 'inputs' must be a list of tensors.", field="inputs")
    tensors: dict[str, Tensor] = {}
    rest = memoryview(binary)
    for number, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name in tensors:
            raise InvalidInput(f"Input number {number} has no name of its own.", field="inputs")
        try:
            values, size = _read(numpy, entry, rest)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput(f"Input {name[:80]!r} is no tensor: {error}.", input=name) from None
        tensors[name] = Tensor(name, values)
        rest = rest[size:]
    if rest:
        raise InvalidInput(
            f"{len(rest)} bytes follow the last tensor.",
            hint="The header Inference-Header-Content-Length is the length of the JSON alone.",
        )
    return list(tensors.values())


def _read(numpy: Any, entry: Mapping[str, Any], binary: memoryview) -> tuple[Any, int]:
    """The values of a tensor, and how many of the bytes are its own."""
    kind, shape = entry.get("datatype"), entry.get("shape")
    if kind != "BYTES" and kind not in _DTYPES:
        raise ValueError(f"its datatype is none of {', '.join(_DTYPES)}, BYTES")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("its shape is no list of whole numbers")
    count = math.prod(shape)
    if not count and shape[0]:  # [1000000000, 0] has no values, and would have as many rows
        raise ValueError("without values its shape must begin with 0")
    parameters = entry.get("parameters") or {}
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        if "data" not in entry:
            raise ValueError("it has neither data nor a parameter binary_data_size")
        return _of_json(numpy, kind, shape, entry["data"]), 0
    if type(size) is not int or not 0 <= size <= len(binary):
        raise ValueError(f"its binary_data_size is {size!r}, and {len(binary)} bytes are left")
    own = binary[:size]
    if kind == "BYTES":
        return _texts(numpy, _items(own, count)).reshape(shape), size
    dtype = numpy.dtype("u1" if kind == "BOOL" else _DTYPES[kind])
    if size != count * dtype.itemsize:
        raise ValueError(f"{count} elements have {count * dtype.itemsize} bytes, not {size}")
    # a copy: to be written into, and where it lies in the body its elements are not aligned
    native = bool if kind == "BOOL" else dtype.newbyteorder("=")
    return numpy.frombuffer(own, dtype).astype(native).reshape(shape), size


def _of_json(numpy: Any, kind: str, shape: Sequence[int], data: Any) -> Any:
    if not isinstance(data, list):
        raise ValueError("its data is no list")
    flat = _flat(data, shape)
    if len(flat) != math.prod(shape):
        raise ValueError(f"its shape is {list(shape)}, and it has {len(flat)} elements")
    allowed = _IN_JSON.get(kind) or _IN_JSON[kind.lstrip("U").rstrip("0123456789")]
    wrong = next((item for item in flat if type(item) not in allowed), None)
    if wrong is not None or (None in flat and type(None) not in allowed):
        raise ValueError(f"{json.dumps(wrong)[:80]} is not of datatype {kind}")
    if kind == "BYTES":
        return _objects(numpy, flat).reshape(shape)
    array = numpy.array(flat, dtype=_DTYPES[kind])
    if kind.endswith(("8", "16", "32", "64")) and "INT" in kind and array.tolist() != flat:
        raise ValueError(f"a number is out of the range of {kind}")  # numpy 1 lets it wrap
    return array.reshape(shape)


def _flat(data: list[Any], shape: Sequence[int]) -> list[Any]:
    """The elements of a list, which may be nested as the shape says, row by row."""
    if not any(isinstance(item, list) for item in data):
        return data
    flat = [data]
    for length in shape:
        if not all(isinstance(row, list) and len(row) == length for row in flat):
            raise ValueError(f"its data is not nested as its shape {list(shape)} says")
        flat = [item for row in flat for item in row]
    return flat


def _items(own: memoryview, count: int) -> list[bytes]:
    """The elements of a tensor of ``BYTES``."""
    items, place = [], 0
    while place < len(own):
        if place + 4 > len(own):
            raise ValueError("its last length is cut off")
        (length,) = struct.unpack_from("<I", own, place)
        place += 4 + length
        if place > len(own):
            raise ValueError("its last element is cut off")
        items.append(bytes(own[place - length : place]))
    if len(items) != count:
        raise ValueError(f"its shape says {count} elements, and it has {len(items)}")
    return items


def _texts(numpy: Any, items: list[bytes]) -> Any:
    try:
        return _objects(numpy, [item.decode() for item in items])
    except UnicodeDecodeError:
        return _objects(numpy, items)


def _objects(numpy: Any, items: list[Any]) -> Any:
    array = numpy.empty(len(items), dtype=object)
    array[:] = items
    return array


# -- out ----------------------------------------------------------------------------------------


def write_tensor(name: str, array: Any, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """A tensor of an answer.

    Args:
        name: of the output.
        array: of numpy: numbers, booleans, text or bytes.
        binary: whether it shall go behind the JSON.

    Returns:
        its object in the JSON, and the bytes that follow, none if not ``binary``.

    Raises:
        SerializationError: bytes that are no text, in JSON.
    """
    kind = datatype(str(array.dtype)) if array.dtype.kind in "biuf" else "BYTES"
    if array.dtype.kind == "f" and kind == "BYTES":  # more precise than the protocol knows
        kind = "FP64"
    entry = {"name": name, "datatype": kind, "shape": list(array.shape)}
    if kind == "BYTES":
        items = [
            item.encode(errors="surrogatepass") if isinstance(item, str) else bytes(item)
            for item in array.reshape(-1).tolist()
        ]
        raw = b"".join(struct.pack("<I", len(item)) + item for item in items) if binary else b""
    else:
        raw = array.astype(_DTYPES[kind]).tobytes() if binary else b""
    if binary:
        return {**entry, "parameters": {"binary_data_size": len(raw)}}, raw
    if kind != "BYTES":
        flat = array.astype(_DTYPES[kind]).reshape(-1).tolist()
        finite = kind[:2] != "FP" or all(map(math.isfinite, flat))
        return {**entry, "data": flat if finite else list(map(_or_null, flat))}, b""
    try:
        return {**entry, "data": [item.decode() for item in items]}, b""
    except UnicodeDecodeError:
        raise SerializationError(
            f"Output {name!r} has bytes that are no text; JSON has no form for them.",
            hint="Ask for it as binary data.",
        ) from None


def _or_null(number: float) -> float | None:
    return number if math.isfinite(number) else None
