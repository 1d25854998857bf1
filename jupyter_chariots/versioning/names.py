"""Which names pipelines, nodes and ops may bear."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from ..errors import InvalidName

__all__ = ["check_name", "did_you_mean", "shown"]

# Names of pipelines and ops stand in URLs and in paths of savers: no slashes, nothing hidden.
_IDENTITY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_NODE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,127}")


def check_name(kind: str, name: object) -> str:
    """Give the name back if a thing of this kind ("pipeline", "op" or "node") may bear it.

    Raises:
        InvalidName: it is not 1 to 128 letters, digits, ``_``, ``-`` and ``.`` (in nodes also
            spaces), or it starts with a dot.
    """
    allowed = _NODE if kind == "node" else _IDENTITY
    if isinstance(name, str) and allowed.fullmatch(name):
        return name
    hint = "Use 1 to 128 ASCII letters, digits, '_', '-' and '.', not starting with a dot."
    if kind == "op":
        hint += " Set `op_name` where the name of the class or function does not do."
    raise InvalidName(f"{shown(name)} cannot be the name of {_a(kind)}.", hint=hint)


def shown(value: object) -> str:
    """What somebody gave, for a message: its ``repr``, which is cut off if it is long."""
    text = repr(value)
    return text if len(text) <= 140 else f"{text[:137]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest of the known names, or lists them; may be empty."""
    names = sorted(set(known))
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    listed = ", ".join(repr(one) for one in names[:10])
    return f"Known: {listed}{', …' if len(names) > 10 else ''}." if names else ""


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
