"""How a request is read, and how a value is written, as JSON."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TypedDict

from tornado import web

from .. import formats
from ..errors import BadRequest, TooLarge
from ..workers.envelope import CONTROLS

__all__ = ["Page", "Reading", "dumps"]

_LARGEST = 1 << 20  # bytes of a body that is read here, on the loop; calls are read by children
_KINDS = {
    str: "text",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    int: "a whole number",
    float: "a number",
}


class Page(TypedDict):
    """Which part of a list is wanted: at most ``limit`` items, older than the cursor ``before``."""

    limit: int
    before: int | None


def dumps(value: Any) -> str:
    """The value as JSON that every parser accepts: NaN and infinities become null."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class Reading(web.RequestHandler):
    """The part of a handler that reads the request."""

    def fields(self, **kinds: type) -> dict[str, Any]:
        """The body as a JSON object with these fields; absent ones and ``null`` are left out.

        No body and ``null`` are an empty object.

        Raises:
            BadRequest: not JSON, not an object, an unknown field, or one of the wrong type.
            TooLarge: more than 1 MiB.
        """
        if len(self.request.body) > _LARGEST:
            raise TooLarge(f"The body has {len(self.request.body)} bytes; {_LARGEST} are enough.")
        try:
            body = json.loads(self.request.body or b"null", parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise BadRequest(
                f"The body is not JSON: {reason}.", hint="Send a JSON object, or no body at all."
            ) from None
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise BadRequest(
                f"The body is a JSON {type(body).__name__}, not an object.",
                hint=f"Send an object with the fields {_list(kinds)}, or no body at all.",
            )
        for name in body:
            if name not in kinds:
                raise BadRequest(f"{name!r} is not a field here.", hint=_fields_hint(name, kinds))
        given = {name: value for name, value in body.items() if value is not None}
        for name, value in given.items():
            if not _is_of(kinds[name], value):
                raise BadRequest(
                    f"The field {name!r} must be {_KINDS[kinds[name]]}, not {dumps(value)[:80]}.",
                    field=name,
                )
        return given

    def form(self) -> dict[str, Any] | None:
        """What a call says of its body and of the answer; ``None`` where both are JSON.

        Of the query only what belongs to the call goes on to user code, for it may have a token.
        """
        form: dict[str, Any] = {}
        given = self.request.headers.get("Content-Type", "")
        if not formats.is_json(given):
            named = ((name, self.get_query_arguments(name)) for name in CONTROLS)
            form["content_type"] = given
            form["query"] = {name: values for name, values in named if values}
        accept = self.request.headers.get("Accept", "")
        if formats.preferred(accept):
            form["accept"] = accept
        return form or None

    def number(self, name: str, *, most: int = 2**53) -> int | None:
        """A whole number from the query.

        Raises:
            BadRequest: it is not one, or not between 0 and ``most``.
        """
        text = self.get_query_argument(name, None)
        if not text:
            return None
        # no longer than `most`: Python refuses to read numbers of thousands of digits
        if not re.fullmatch("[0-9]{1,16}", text) or int(text) > most:
            raise BadRequest(
                f"The parameter {name!r} must be a whole number from 0 to {most}, "
                f"not {text[:80]!r}.",
                field=name,
            )
        return int(text)

    def page(self) -> Page:
        """``limit`` and ``before`` of a paged list, from the query."""
        return Page(limit=self.number("limit", most=1000) or 100, before=self.number("before"))

    def time(self, name: str) -> datetime | None:
        """A time from the query as naive UTC, as the store keeps them.

        Raises:
            BadRequest: it is not ISO 8601.
        """
        text = self.get_query_argument(name, None)
        if not text:
            return None
        try:
            # before Python 3.11 the Z for UTC is not understood; a plus sign decodes to a space
            given = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" +", "+"))
            return given.astimezone(timezone.utc).replace(tzinfo=None) if given.tzinfo else given
        except (ValueError, OverflowError):
            raise BadRequest(
                f"The parameter {name!r} must be a time such as 2024-05-01T12:00:00Z, "
                f"not {text[:80]!r}.",
                field=name,
            ) from None

    def required(self, name: str) -> str:
        """A parameter of the query that must be there.

        Raises:
            BadRequest: it is missing.
        """
        text = self.get_query_argument(name, None)
        if not text:
            raise BadRequest(f"The parameter {name!r} is missing.", field=name)
        return str(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_of(kind: type, value: Any) -> bool:
    """Whether a value from JSON is of a kind. Half of a character is no text: it cannot be
    written anywhere.
    """
    if isinstance(value, bool) and kind is not bool:
        return False
    if kind is str and isinstance(value, str):
        return value.encode(errors="replace").decode() == value
    return isinstance(value, (int, float) if kind is float else kind)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "(none)"


def _fields_hint(name: str, kinds: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, kinds, 1)
    known = f"Known are: {_list(kinds)}."
    return f"Did you mean {nearest[0]!r}? {known}" if nearest else known
