"""What a version was trained on, as a picture in a cell and as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NotFound
from ..pipelines.display import escaped

__all__ = ["Ancestor", "Lineage", "lineage_of"]

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Look = Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Ancestor:
    """A version of a lineage.

    Attributes:
        op: the name of the op.
        version: the version, as text.
        label: its number, or the beginnings of its digests where it has none.
        stateful: whether the op has learned something.
        trained_on: the places in :attr:`Lineage.versions` of what it was trained on directly.
    """

    op: str
    version: str
    label: str
    stateful: bool
    trained_on: tuple[int, ...] = ()


class Lineage:
    """A version of an op, and what it was trained on. It shows itself as a graph.

    Attributes:
        versions: all of them, upstream first; the version that was asked for is the last one.
    """

    def __init__(self, versions: tuple[Ancestor, ...]) -> None:
        self.versions = versions

    def __repr__(self) -> str:
        *ancestors, last = self.versions
        lines = [f"{_plain(last.op)} {_plain(last.label)}"]
        if not ancestors:
            return f"{lines[0]}: trained on nothing that the op store knows"
        width = max(len(_plain(one.op)) for one in self.versions)
        for one in self.versions:
            on = ", ".join(_plain(self.versions[place].op) for place in one.trained_on)
            kind = "" if one.stateful else "  (stateless)"
            said = f"  trained on {on}" if on else ""
            lines.append(f"  {_plain(one.op):{width}}  {_plain(one.label)}{kind}{said}")
        return "\n".join(lines)

    def _mermaid(self) -> Iterator[str]:
        """A flow chart; cylinders are versions with state."""
        yield "flowchart LR"
        for place, one in enumerate(self.versions):
            label = f"{escaped(one.op)}<br>{escaped(one.label)}"
            yield f'  v{place}[("{label}")]' if one.stateful else f'  v{place}["{label}"]'
        for place, one in enumerate(self.versions):
            for upstream in one.trained_on:
                yield f"  v{upstream} --> v{place}"
        yield f"  style v{len(self.versions) - 1} stroke-width:3px"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # No HTML: JupyterLab would prefer it to the graph.
        return {"text/plain": repr(self), "text/vnd.mermaid": "\n".join(self._mermaid())}


def lineage_of(look: Look, op: str, version: str) -> Lineage:
    """The lineage of a version.

    The store keeps for each trained version all versions upstream of it. The lineages of the
    upstream ones tell which of them stand between: an arrow is left out where a longer way says
    the same. Of ops without state it is known only what was trained on them.

    Args:
        look: gives what the store knows of a version of an op, as ``/ops/<op>/versions/<version>``.
        op: the name of the op.
        version: its number, its text or its digests.

    Raises:
        OpNotFound, VersionNotFound: there is no such version.
    """
    asked = look(op, version)
    upstream = {_key(one): one for one in asked["trained_on"]}
    above = {
        key: _upstream(look, key) & upstream.keys()
        for key, one in upstream.items()
        if one["stateful"]
    }
    last = (op, str(asked["version"]))
    above[last] = set(upstream)
    # who has more above it stands further down; what has learned nothing has nothing above
    order = sorted(upstream, key=lambda key: len(above.get(key, ())))
    places = {key: place for place, key in enumerate([*order, last])}

    def direct(key: tuple[str, str]) -> tuple[int, ...]:
        mine = above.get(key, set())
        farther = set[tuple[str, str]]().union(*(above.get(other, set()) for other in mine))
        return tuple(sorted(places[other] for other in mine - farther))

    ancestors = (
        Ancestor(*key, str(upstream[key]["label"]), bool(upstream[key]["stateful"]), direct(key))
        for key in order
    )
    return Lineage((*ancestors, Ancestor(*last, _label(asked), True, direct(last))))


def _upstream(look: Look, key: tuple[str, str]) -> set[tuple[str, str]]:
    try:
        return {_key(other) for other in look(*key)["trained_on"]}
    except NotFound:  # known by its name only, as with what was imported
        return set()


def _key(one: Mapping[str, Any]) -> tuple[str, str]:
    return str(one["op"]), str(one["version"])


def _label(asked: Mapping[str, Any]) -> str:
    """The number, or as the store shortens a version that has none."""
    digests = str(asked["version"]).split("_")[0].split(".")
    return str(asked["number"] or ".".join(digest[:5] for digest in digests))


def _plain(text: str) -> str:
    """The text without what a terminal would obey."""
    return _UNPRINTABLE.sub("�", text)
