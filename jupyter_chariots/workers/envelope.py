"""What is around a run: what a call brings, and the answer that goes back as it is.

With JSON it stands in the body; with the binary formats in the query and in headers.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .. import formats
from ..errors import BadRequest
from ..versioning.version import Version
from . import codec
from .inference import InferRequest, read_infer

__all__ = [
    "CONTROLS",
    "MOST_IN_HEADERS",
    "Answer",
    "Envelope",
    "answer_of",
    "answer_tail",
    "assemble",
    "bare",
    "becomes_job",
    "read_call",
    "read_controls",
    "read_envelope",
    "read_query",
    "says_more",
    "tail_of",
]

MOST_IN_HEADERS = 12 << 10
"""Bytes around the output that an answer may have in its headers; proxies often end at 16 KiB."""

Answer = tuple[dict[str, Any], formats.Body]
"""Header of the frame, body of the answer."""


class Envelope(NamedTuple):
    """What a call asks for; ``None`` where it says nothing.

    Attributes:
        pipeline_input: the input of the pipeline.
        use_worker: whether the run shall be a job.
        save: whether its result shall be promoted at once.
        after: ids of the jobs that it waits for.
        priority: of the job; the higher, the sooner.
        idempotency_key: two submissions with one key are one job.
        infer: the request, if it is one of the Open Inference Protocol.
    """

    pipeline_input: Any = None
    use_worker: bool | None = None
    save: bool | None = None
    after: list[str] | None = None
    priority: int | None = None
    idempotency_key: str | None = None
    infer: InferRequest | None = None


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_CONTROLS: dict[str, tuple[Callable[[object], bool], str]] = {
    "use_worker": (lambda value: isinstance(value, bool), "true or false"),
    "save": (lambda value: isinstance(value, bool), "true or false"),
    "after": (_is_strings, "a list of job ids"),
    "priority": (_is_int, "an integer"),
    "idempotency_key": (lambda value: isinstance(value, str), "a string"),
}


CONTROLS = tuple(_CONTROLS)
"""Names of the fields beside the input."""

_EMPTY = Envelope()


def read_envelope(body: formats.Received) -> Envelope:
    """Read the body of a call.

    No body and ``null`` are a call that says nothing; a field that is ``null`` is absent; fields
    that nobody knows are ignored.

    Raises:
        BadRequest: the body is not a JSON object, or a field is of the wrong type.
    """
    if not body.strip():
        return _EMPTY
    try:
        data = codec.decode(body.decode())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise BadRequest(f"The body is not JSON: {reason}.", hint=_HINT) from None
    if data is None:
        return _EMPTY
    if not isinstance(data, dict):
        raise BadRequest(f"The body is {_kind(data)}, not an object.", hint=_HINT)
    return Envelope(data.get("pipeline_input"), **_checked(data))


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields beside the input."""
    controls = {name: data[name] for name in _CONTROLS if data.get(name) is not None}
    for name, value in controls.items():
        fits, wanted = _CONTROLS[name]
        if not fits(value):
            raise BadRequest(
                f"The field {name!r} is {_kind(value)}; it must be {wanted}.", field=name
            )
    return controls


def read_call(body: formats.Received, form: Mapping[str, Any]) -> Envelope:
    """Read a call by what its request said of itself.

    Args:
        body: of the request.
        form: ``content_type`` where it is not JSON, and then ``query``: the values of the control
            fields by name. ``infer`` where it is a request of the Open Inference Protocol.

    Raises:
        BadRequest: the body is not what its type says, or a field is of the wrong type.
        UnsupportedFormat: nothing here reads a body of that type.
    """
    if "infer" in form:
        request = read_infer(body, form["infer"])
        return Envelope(request.tensors or None, infer=request)
    given = form.get("content_type")
    if given is None:
        return read_envelope(body)
    # no body is no input, whatever its type; but no bytes are bytes
    media = formats.media_type(given) if body or given == formats.BYTES else None
    controls = read_query(form.get("query", {}))
    return controls._replace(pipeline_input=formats.decode(media, body) if media else None)


def read_query(query: Mapping[str, list[str]]) -> Envelope:
    """The fields beside the input where they stand in the query.

    Raises:
        BadRequest: a field is of the wrong type.
    """
    return Envelope(None, **{name: _read_control(name, texts) for name, texts in query.items()})


_NAMES = tuple(f'"{name}"'.encode() for name in _CONTROLS)
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_OUTER = re.compile(_STRING + rb"|[{}\[\]:,]", re.DOTALL)
_INNER = re.compile(_STRING + rb"|[{}\[\]]", re.DOTALL)


def says_more(body: bytes) -> bool:
    """Whether a body in JSON may have fields beside the input; costs next to nothing."""
    return any(name in body for name in _NAMES) or b"\\u00" in body


def read_controls(body: bytes) -> Envelope:
    """The fields beside the input of a body in JSON; the input is passed over, not decoded.

    A body that is no JSON object says nothing: whoever decodes it will refuse it.

    Raises:
        BadRequest: a field is of the wrong type.
    """
    found: dict[str, Any] = {}
    with contextlib.suppress(ValueError, RecursionError):
        for name, value in _fields(body):
            if name in _CONTROLS:
                found[name] = codec.decode(value.decode())
    return Envelope(None, **_checked(found))


def _fields(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and values, undecoded, of the object that a body is."""
    start = len(body) - len(body.lstrip())
    if body[start : start + 1] != b"{":
        return
    place, name, value_at = start + 1, "", -1
    while token := _OUTER.search(body, place):
        place = token.end()
        match token.group()[:1]:
            case b'"' if value_at < 0:
                name = codec.decode(token.group().decode())
            case b":":
                value_at = place
            case b"{" | b"[":
                depth = 1
                while depth and (token := _INNER.search(body, place)):
                    place = token.end()
                    depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(token.group(), 0)
            case b"," | b"}" | b"]":
                if value_at >= 0:
                    yield name, body[value_at : token.start()]
                value_at = -1
                if token.group() != b",":
                    return


def _read_control(name: str, texts: list[str]) -> Any:
    """A control field from its texts in a query."""
    fits, wanted = _CONTROLS[name]
    value: Any = texts if name == "after" else texts[-1]
    if name not in ("after", "idempotency_key"):
        # any other text is neither a boolean nor a number, and is refused as such
        with contextlib.suppress(ValueError, RecursionError):
            value = codec.decode(texts[-1])
    if not fits(value):
        raise BadRequest(
            f"The parameter {name!r} is {texts[-1][:80]!r}; it must be {wanted}.", field=name
        )
    return value


_HINT = 'Send an object such as {"pipeline_input": [[5.1, 3.5, 1.4, 0.2]]}, or no body.'


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")


def becomes_job(*settings: bool | None) -> bool:
    """Whether a call is a job, given what app, pipeline and request say.

    Any ``False`` means no; else any ``True`` means yes; all unset means no.
    """
    return False not in settings and True in settings


def answer_tail(versions: Mapping[str, Version], **more: Any) -> bytes:
    """What follows the output in an answer: versions by node, job fields, and ``more``.

    It stays the same from one load to the next, so it is made once.
    """
    return tail_of({name: str(version) for name, version in versions.items()}, **more)


def tail_of(versions: Mapping[str, str], **more: Any) -> bytes:
    """As :func:`answer_tail`, from versions that are text already."""
    fields = {"versions": versions, "job_id": None, "job_status": "done", **more}
    return b", " + json.dumps(fields).encode()[1:]


def bare(output: str | formats.Encoded) -> Answer:
    """An encoded output alone, as it is kept with a job: header (``content_type`` where it is not
    JSON) and bytes.
    """
    return (
        ({}, output.encode())
        if isinstance(output, str)
        else ({"content_type": output.content_type}, output.body)
    )


def answer_of(header: Mapping[str, Any], result: bytes, **more: Any) -> Answer:
    """The answer of a job from what is kept of it.

    Args:
        header: what goes with the result: ``versions``, ``run_id``, ``warnings``,
            ``content_type``.
        result: the output alone.
        more: ``job_id`` and what else belongs into the answer.
    """
    own = {key: header[key] for key in ("run_id", "warnings") if key in header}
    tail = tail_of(header.get("versions", {}), **own, **more)
    if "content_type" in header:
        return assemble(formats.Encoded(header["content_type"], result), tail)
    return {}, b"".join((b'{"pipeline_output": ', result, tail))


def assemble(output: str | formats.Encoded, tail: bytes) -> Answer:
    """The answer: an encoded output and the tail.

    Args:
        output: JSON; or bytes, and then the tail goes into ``headers``, if it is short enough.
        tail: made by :func:`answer_tail`.
    """
    if isinstance(output, str):
        return {}, b"".join((b'{"pipeline_output": ', output.encode(), tail))
    fields = json.loads(b"{" + tail[2:]) if len(tail) <= MOST_IN_HEADERS else {}
    told = {
        "Chariots-" + name.replace("_", "-").title(): value
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in fields.items()
        if value is not None
    }
    headers = {**output.headers, **told}
    return {"content_type": output.content_type, "headers": headers}, output.body
