"""Calls in the Open Inference Protocol, version 2: tensors in, tensors out.

=======================  ==========================================================================
the model learned        the pipeline gets
=======================  ==========================================================================
a data frame             a data frame: of one tensor [n, columns], or of a tensor [n] or [n, 1] for
                         each column, found by its name
records                  records, of the same
an array, a series       one tensor as it is; several [n] or [n, 1] as the columns of an array
rows                     the same as lists
unknown                  one tensor as an array; several as a dict of arrays
=======================  ==========================================================================

========================================  =========================================================
the pipeline gives                        the tensors of the answer
========================================  =========================================================
an array, a series, a list, a scalar      ``output``; of a scalar with shape [1]
a data frame, a dict by text, records     one for each column or key
text, dates, bytes                        ``BYTES``; of missing ones without a byte
missing numbers                           NaN
anything else                             ``BYTES`` [1], its JSON
nothing                                   none
========================================  =========================================================
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import formats
from ..errors import BadRequest, InvalidInput, SerializationError, VersionNotFound
from ..formats.tensors import Tensor, read_tensors, write_tensor
from ..versioning.version import Version, digest
from . import codec
from .inputs import Columns

__all__ = [
    "HEADER_LENGTH",
    "INPUT",
    "InferRequest",
    "Tensors",
    "model_version",
    "not_served",
    "read_infer",
]

INPUT, OUTPUT = "input", "output"
"""Names of tensors whose pipeline has no names for them."""

HEADER_LENGTH = "Inference-Header-Content-Length"
_HINT = (
    'Send an object such as {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP64", '
    '"data": [5.1, 3.5, 1.4, 0.2]}]}.'
)


def model_version(version: Version) -> str:
    """How the protocol names the combined version of what a pipeline serves."""
    return digest(*(part.encode() for part in version.digests))[:12]


class Tensors(NamedTuple):
    """The input of a call, before it is known what the pipeline learned from."""

    tensors: tuple[Tensor, ...]

    def value(self, schema: Mapping[str, Any] | None) -> Any:
        """The input, in the form that the model knows from its fit.

        Args:
            schema: of the input of the fit.

        Raises:
            InvalidInput: tensors that should be columns have another shape, or not the same.
        """
        kind = schema.get("kind") if schema else None
        names = [column["name"] for column in schema.get("columns", ())] if schema else []
        first, *others = self.tensors
        if not others and first.name not in names:
            if kind == "frame" and first.values.shape[1:] == (len(names),):
                return Columns(zip(names, first.values.T, strict=True))
            return first.values.tolist() if kind in ("rows", "records") else first.values
        if kind in (None, "object"):
            return {tensor.name: tensor.values for tensor in self.tensors}
        columns = Columns({tensor.name: _column(tensor) for tensor in self.tensors})
        if len({len(column) for column in columns.values()}) > 1:
            raise InvalidInput("The input tensors are columns, and not of the same length.")
        return columns


def _column(tensor: Tensor) -> Any:
    shape = tensor.values.shape
    if len(shape) != 1 and (len(shape) != 2 or shape[1] != 1):
        raise InvalidInput(
            f"Input {tensor.name!r} has the shape {list(shape)}; a column is [n] or [n, 1].",
            input=tensor.name,
        )
    return tensor.values.reshape(-1)


@dataclass(frozen=True)
class InferRequest:
    """A request.

    Attributes:
        tensors: its input; without any ``None``.
        model: the name under which the pipeline was called.
        id: the name that the client gave it.
        version: the version that the client wants.
        binary: whether outputs go as bytes that are not named in ``outputs``.
        outputs: by name, whether it goes as bytes; empty: all.
    """

    tensors: Tensors | None
    model: str
    id: str | None = None
    version: str | None = None
    binary: bool = False
    outputs: Mapping[str, bool] = field(default_factory=dict)

    def check(self, version: str | None) -> None:
        """Refuse it if the client wants another version than the one that is loaded here.

        Raises:
            VersionNotFound: so it is.
        """
        if self.version not in (None, version):
            raise not_served(self.model, str(self.version), version)

    def write(self, output: Any, version: str | None) -> formats.Encoded:
        """The answer.

        Args:
            output: of the pipeline.
            version: that gave it, if it has one.

        Raises:
            BadRequest: the client wants an output that there is not.
            SerializationError: it has something in it that has no form in the protocol.
        """
        found = dict(_tensors(output))
        unknown = [name for name in self.outputs if name not in found]
        if unknown:
            raise BadRequest(
                f"Pipeline {self.model!r} gave no output {unknown[0][:80]!r}.",
                hint=f"It gave {', '.join(map(repr, found)) or 'none'}.",
                field="outputs",
            )
        entries, raws = [], []
        for name in self.outputs or found:
            binary = self.outputs.get(name, self.binary)
            entry, raw = write_tensor(name, found[name], binary=binary)
            entries.append(entry)
            raws += [raw] if binary else []
        answer: dict[str, Any] = {"model_name": self.model}
        if version is not None:
            answer["model_version"] = version
        if self.id is not None:
            answer["id"] = self.id
        head = json.dumps({**answer, "outputs": entries}, allow_nan=False).encode()
        if not raws:
            return formats.Encoded(formats.JSON, head)
        body = b"".join((head, *raws))
        return formats.Encoded(formats.BYTES, body, {HEADER_LENGTH: str(len(head))})


def not_served(model: str, asked: str, version: str | None) -> VersionNotFound:
    """That a model does not have the version which a client asks for."""
    has = f"it serves {version}" if version else "it serves none that could be asked for"
    return VersionNotFound(
        f"Model {model[:128]!r} has no version {asked[:80]!r}; {has}.",
        hint="Only what is served can be called. POST chariots/pipelines/<name>/load with "
        "`versions` serves others.",
    )


# -- the request --------------------------------------------------------------------------------


def read_infer(body: formats.Received, about: Mapping[str, Any]) -> InferRequest:
    """Read a request.

    Args:
        body: of it.
        about: ``model``; ``version``, if the client wants one; ``json_size``: bytes of its JSON,
            if tensors follow it as bytes.

    Raises:
        BadRequest: it is not as the protocol says.
        UnsupportedFormat: it wants what is not supported here.
    """
    size = about["json_size"]
    head, binary = (body, b"") if size is None else (body[:size], body[size:])
    try:
        data = codec.decode(head.decode())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise BadRequest(f"The request is not JSON: {reason}.", hint=_HINT) from None
    if not isinstance(data, dict):
        raise BadRequest("The request is no JSON object.", hint=_HINT)
    identity, parameters = data.get("id"), data.get("parameters") or {}
    if not isinstance(identity, str | None) or not isinstance(parameters, dict):
        raise BadRequest("'id' must be text, and 'parameters' an object.", hint=_HINT)
    entries = data.get("inputs")
    tensors = tuple(read_tensors([] if entries is None else entries, binary))
    default = parameters.get("binary_data_output") is True
    return InferRequest(
        tensors=Tensors(tensors) if tensors else None,
        model=about["model"],
        id=identity,
        version=about["version"],
        binary=default,
        outputs=dict(_wanted(data.get("outputs"), default)),
    )


def _wanted(entries: Any, default: bool) -> Iterable[tuple[str, bool]]:
    """Names of the outputs, and whether each goes as bytes."""
    if not isinstance(entries, list | None):
        raise BadRequest("The field 'outputs' must be a list.", hint=_HINT, field="outputs")
    for entry in entries or ():
        name = entry.get("name") if isinstance(entry, dict) else None
        parameters = (entry.get("parameters") or {}) if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(parameters, dict):
            raise BadRequest("An output is an object with a name.", hint=_HINT, field="outputs")
        strange = set(parameters) & {"classification", "shared_memory_region"}
        if strange:  # the client would read the answer otherwise than it is meant
            raise BadRequest(
                f"The parameter {strange.pop()!r} of output {name[:80]!r} is not supported.",
                field="outputs",
            )
        yield name, parameters.get("binary_data", default) is True


# -- the answer ---------------------------------------------------------------------------------


def _tensors(output: Any) -> Iterable[tuple[str, Any]]:
    """Names and arrays."""
    if output is None:
        return
    columns = _named(output)
    if columns is None:
        yield OUTPUT, _array(output)
        return
    for name, column in columns.items():
        yield name, _array(column)


def _named(output: Any) -> dict[str, Any] | None:
    """The columns of a frame, the items of a dict, the values of records, by name."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(output, pandas.DataFrame):
        frame = output.reset_index() if any(output.index.names) else output
        named = {str(name): frame.iloc[:, place] for place, name in enumerate(frame.columns)}
        if len(named) < len(frame.columns):
            raise SerializationError("A data frame has two columns of one name.")
        return named
    for method in ("to_pydict", "to_dicts"):  # Arrow, polars
        if callable(getattr(output, method, None)):
            output = getattr(output, method)()
    if isinstance(output, Mapping) and output and all(isinstance(key, str) for key in output):
        return dict(output)
    if isinstance(output, list) and output and all(isinstance(row, dict) for row in output):
        keys = output[0].keys()
        if keys and all(row.keys() == keys for row in output):
            return {str(key): [row[key] for row in output] for key in keys}
    return None


def _array(value: Any) -> Any:
    """A value as an array of numbers, booleans or text."""
    import numpy

    if hasattr(value, "__array__") and not isinstance(value, numpy.ma.MaskedArray):
        array = numpy.asarray(value)
        if array.dtype.kind in "biufSU" or (array.dtype.kind == "O" and _are_texts(array.flat)):
            return array if array.ndim else array.reshape(1)
    items = value if isinstance(value, list) else [value]
    if _are_texts(items):  # bytes stay bytes
        return numpy.array(items, dtype=object)
    plain = codec.plain(value)
    rows = plain if isinstance(plain, list) else [plain]
    dtype = _dtype(set(_leaves(rows)))
    try:
        if dtype is None:
            raise ValueError
        # as objects first, so that texts are not cut, and what is ragged is seen
        array = numpy.array(rows, dtype=object if dtype == "object" else dtype)
        if any(isinstance(item, list) for item in array.flat):
            raise ValueError
    except (ValueError, OverflowError):
        return numpy.array([codec.encode(plain)], dtype=object)
    if dtype == "object":
        return numpy.frompyfunc(lambda item: "" if item is None else item, 1, 1)(array)
    return array


def _are_texts(items: Iterable[Any]) -> bool:
    return {type(item) for item in items} in ({str}, {bytes}, {str, bytes})


def _leaves(rows: Any) -> Iterable[type]:
    for item in rows:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield type(item)


def _dtype(kinds: set[type]) -> str | None:
    """The dtype that has room for values of these types; ``None``: none."""
    missing = type(None) in kinds
    match kinds - {type(None)}:
        case seen if not seen:
            return "float64"
        case seen if seen == {str}:
            return "object"
        case seen if seen == {bool} and not missing:
            return "bool"
        case seen if seen == {int} and not missing:
            return "int64"
        case seen if seen <= {int, float}:
            return "float64"
    return None
