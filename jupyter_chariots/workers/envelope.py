"""What is around a run: what a call brings, and the answer that goes back as it is.

With JSON it stands in the body; with the binary formats in the query and in headers.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .. import formats
from ..errors import BadRequest
from ..versioning.version import Version

__all__ = [
    "CONTROLS",
    "MOST_IN_HEADERS",
    "Answer",
    "Envelope",
    "answer_tail",
    "assemble",
    "becomes_job",
    "read_call",
    "read_envelope",
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
    """

    pipeline_input: Any = None
    use_worker: bool | None = None
    save: bool | None = None
    after: list[str] | None = None
    priority: int | None = None
    idempotency_key: str | None = None


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; send null")


CONTROLS = tuple(_CONTROLS)
"""Names of the fields beside the input."""

_decode = json.JSONDecoder(parse_constant=_no_constant).decode
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
        data = _decode(body.decode())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise BadRequest(f"The body is not JSON: {reason}.", hint=_HINT) from None
    if data is None:
        return _EMPTY
    if not isinstance(data, dict):
        raise BadRequest(f"The body is {_kind(data)}, not an object.", hint=_HINT)
    controls = {name: data[name] for name in _CONTROLS if data.get(name) is not None}
    for name, value in controls.items():
        fits, wanted = _CONTROLS[name]
        if not fits(value):
            raise BadRequest(
                f"The field {name!r} is {_kind(value)}; it must be {wanted}.", field=name
            )
    return Envelope(data.get("pipeline_input"), **controls)


def read_call(body: formats.Received, form: Mapping[str, Any]) -> Envelope:
    """Read a call by what its request said of itself.

    Args:
        body: of the request.
        form: ``content_type`` where it is not JSON, and then ``query``: the values of the control
            fields by name.

    Raises:
        BadRequest: the body is not what its type says, or a field is of the wrong type.
        UnsupportedFormat: nothing here reads a body of that type.
    """
    given = form.get("content_type")
    if given is None:
        return read_envelope(body)
    # no body is no input, whatever its type; but no bytes are bytes
    media = formats.media_type(given) if body or given == formats.BYTES else None
    query: Mapping[str, list[str]] = form.get("query", {})
    controls = {name: _read_control(name, texts) for name, texts in query.items()}
    return Envelope(formats.decode(media, body) if media else None, **controls)


def _read_control(name: str, texts: list[str]) -> Any:
    """A control field from its texts in a query."""
    fits, wanted = _CONTROLS[name]
    value: Any = texts if name == "after" else texts[-1]
    if name not in ("after", "idempotency_key"):
        # any other text is neither a boolean nor a number, and is refused as such
        with contextlib.suppress(ValueError, RecursionError):
            value = _decode(texts[-1])
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
    fields = {
        "versions": {name: str(version) for name, version in versions.items()},
        "job_id": None,
        "job_status": "done",
        **more,
    }
    return b", " + json.dumps(fields).encode()[1:]


def assemble(output: str | tuple[str, formats.Body], tail: bytes) -> Answer:
    """The answer: an encoded output and the tail.

    Args:
        output: JSON; or media type and bytes, and then the tail goes into ``headers``.
        tail: made by :func:`answer_tail`.
    """
    if isinstance(output, str):
        return {}, b"".join((b'{"pipeline_output": ', output.encode(), tail))
    fields = json.loads(b"{" + tail[2:])
    headers = {
        "Chariots-" + name.replace("_", "-").title(): value
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in fields.items()
        if value is not None
    }
    return {"content_type": output[0], "headers": headers}, output[1]
