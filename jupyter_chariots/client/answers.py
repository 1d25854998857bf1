"""From an answer of the server to a value, or to the error that it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import formats
from ..errors import (
    BadRequest,
    ChariotsError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ServerNotFound,
    Unavailable,
    from_payload,
)
from .addresses import Address
from .connection import Answer

__all__ = ["RemoteTraceback", "decode", "error_from"]

_ASK_FOR_TOKEN = (
    "Give the token of that server (`jupyter server list` shows it) as token, or in CHARIOTS_TOKEN."
)


class RemoteTraceback(Exception):
    """Shows the traceback of an op that failed in another process, as the cause of its error."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text.rstrip()}\n"""'


def decode(answer: Answer, address: Address) -> Any:
    """The JSON value of a successful answer.

    An output in npy, Arrow or bytes is put together with its headers as it would be in JSON. With
    202 the run goes on as a job; then there is a field ``goes_on``.

    Raises:
        ChariotsError: the error that the server answered with, as the same class; or what the
            answer tells when it is not from jupyter_chariots at all.
    """
    kind = answer.headers.get_content_type()
    if answer.status == 200 and "Chariots-Versions" in answer.headers:
        return _with_headers(answer, kind, address)
    if kind != "application/json" and not kind.endswith("+json"):
        raise _foreign(answer.status, kind, answer.headers.get("Location"), address)
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise Unavailable(
            f"{address.url} sent a broken answer: {error}.",
            hint="Is there a proxy in between that cuts answers off?",
        ) from None
    if answer.status == 202:
        return {**value, "goes_on": True}  # the run, as the job that the answer names
    if answer.status < 300 or _is_health(answer.status, value):
        return value
    raise _reported(answer.status, value, address)


def error_from(payload: Mapping[str, Any]) -> ChariotsError:
    """The error that the server tells of, as the same class; its cause shows the traceback."""
    error = from_payload(payload)
    if error.traceback:
        error.__cause__ = RemoteTraceback(error.traceback)
    return error


def _with_headers(answer: Answer, kind: str, address: Address) -> dict[str, Any]:
    """The fields of an answer whose body is nothing but the output."""
    headers = answer.headers
    try:
        fields = {
            name: json.loads(headers[f"Chariots-{name}"])
            for name in ("Versions", "Warnings")
            if f"Chariots-{name}" in headers
        }
        output = formats.decode(formats.media_type(kind), answer.body)
    except (ValueError, KeyError, BadRequest) as error:
        reason = error.message if isinstance(error, BadRequest) else error
        raise Unavailable(
            f"{address.url} sent a broken answer: {reason}.",
            hint="Is there a proxy in between that changes answers?",
        ) from error
    return {
        "pipeline_output": output,
        "versions": fields["Versions"],
        "warnings": fields.get("Warnings", ()),
        "job_id": headers.get("Chariots-Job-Id"),
        "job_status": headers.get("Chariots-Job-Status"),
        "run_id": headers.get("Chariots-Run-Id"),
    }


def _is_health(status: int, value: Any) -> bool:
    """A health check says "not loaded" with a status of 419; it is an answer, not an error."""
    return status == 419 and isinstance(value, dict) and "is_loaded" in value


def _reported(status: int, value: Any, address: Address) -> ChariotsError:
    if isinstance(value, dict) and "code" in value:
        return error_from(value)
    # JSON, but Jupyter's own: the request did not reach the extension.
    reason = value.get("message") if isinstance(value, dict) else None
    said = f"{address.url} answered {status}{f' ({reason})' if reason else ''}."
    if status == 401:
        return NotAuthenticated(said, hint=_ASK_FOR_TOKEN)
    if status == 403:
        return NotAllowed(said, hint=_ASK_FOR_TOKEN)
    if status == 404:
        return NotFound(said, hint="Is the extension installed there, in the same release?")
    return Unavailable(said) if status in (502, 503, 504) else ChariotsError(said)


def _foreign(status: int, kind: str, location: str | None, address: Address) -> ChariotsError:
    """An answer that is no JSON: a login page, a proxy, another server."""
    said = f"{address.url} answered {status} with {kind}, not with JSON"
    if location:
        said += f", and points to {location}"
    wrong = f"The address ({address.found_by}) should read http://host:port/base/chariots."
    if status in (401, 403) or "login" in (location or ""):
        return NotAuthenticated(f"{said}: it asks for a login.", hint=_ASK_FOR_TOKEN)
    if status == 404:
        return ServerNotFound(
            f"{said}: jupyter_chariots does not run there.",
            hint=f"{wrong} `jupyter server extension list` shows whether it is enabled.",
        )
    if status in (502, 503, 504):
        return Unavailable(
            f"{said}: a proxy in front of it does not reach it.", hint="Try again in a moment."
        )
    if status == 400:
        return BadRequest(f"{said}.", hint=wrong)
    return ServerNotFound(f"{said}: a proxy or a login page, it seems.", hint=wrong)
