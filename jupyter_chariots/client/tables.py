"""Lists and differences that show themselves as tables, in a notebook and as text."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["Difference", "Records", "history_of", "served_sets"]

_WIDEST = 60
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\S*")
_NOTHING = "–"
_FIRST, _LAST = ("metrics", "parameters"), ("kernel", "git", "host", "python")

_Row = dict[str, Any]
_Table = list[list[str]]


class Records(list[_Row]):
    """A list of dicts. It shows itself as a table of what matters most.

    Each dict may have more than is shown; ``pandas.DataFrame(records)`` has it all.
    """

    def __init__(self, rows: Iterable[_Row], columns: Mapping[str, Callable[[_Row], Any]]) -> None:
        super().__init__(rows)
        self._columns = columns

    def _table(self) -> _Table:
        """The header and the rows, without the columns in which nothing stands."""
        columns = [
            [name, *(_cell(value(row)) for row in self)] for name, value in self._columns.items()
        ]
        shown = [column for column in columns if set(column[1:]) != {_NOTHING}]
        return [list(line) for line in zip(*shown, strict=True)]

    def __repr__(self) -> str:
        return _text(self._table()) if self else "[]"

    def _repr_html_(self) -> str | None:
        return _html(self._table()) if self else None


class Difference(dict[str, Any]):
    """What differs between two versions. It shows itself as a table with a column for each."""

    def __init__(self, found: Mapping[str, Any], op: str, labels: tuple[str, str]) -> None:
        super().__init__(found)
        self._op = op
        self._labels = labels

    def _title(self) -> str:
        if not self:
            return f"{self._op}: no difference"
        levels = self.get("levels")
        return f"{self._op}: the {' and '.join(levels)} digests differ" if levels else self._op

    def _table(self) -> _Table:
        facts = self.get("facts", {})
        order = sorted(facts, key=_rank)
        pairs = {name: facts[name] for name in order if _rank(name) < len(_FIRST)}
        lineage = self.get("lineage", {})
        pairs.update({f"trained on {op}": pair for op, pair in lineage.items()})
        pairs.update({name: facts[name] for name in order})
        if "state" in self:
            pairs["state"] = [str(digest)[:10] for digest in self["state"]]
        return [["", *self._labels], *([name, *map(_cell, pair)] for name, pair in pairs.items())]

    def __repr__(self) -> str:
        table = self._table()
        shown = [self._title(), *([_text(table)] if len(table) > 1 else [])]
        return "\n".join([*shown, *([self["source"]] if "source" in self else [])])

    def _repr_html_(self) -> str:
        table = self._table()
        shown = f"<p>{html.escape(self._title())}</p>"
        if len(table) > 1:
            shown += _html(table)
        return shown + (f"<pre>{html.escape(self['source'])}</pre>" if "source" in self else "")


def _rank(fact: str) -> int:
    """Where a fact stands in a table: what is asked for first comes first."""
    kind = fact.partition(".")[0]
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST) + (kind in _LAST)


def history_of(rows: Iterable[_Row]) -> Records:
    """The versions of an op."""
    return Records(
        rows,
        {
            "number": lambda row: row["number"] or "not saved",
            "at": lambda row: row["at"],
            "pipeline": lambda row: row["pipeline"],
            "who": lambda row: row["who"],
            "notebook": _cell_of,
            "kernel": _kernel_of,
            "trained on": _trained_on,
            "metrics": lambda row: row["facts"].get("metrics"),
        },
    )


def _cell_of(row: _Row) -> str | None:
    """Notebook and execution count of the cell that defines the op."""
    notebook, cell = row["facts"].get("notebook"), row["facts"].get("cell") or {}
    number = cell.get("execution_count")
    name = re.split(r"[/\\]", notebook)[-1] if notebook else None
    return f"{name} [{number}]" if name and number else name


def _kernel_of(row: _Row) -> str | None:
    kernel = row["facts"].get("kernel") or {}
    return kernel.get("display_name") or kernel.get("name")


def _trained_on(row: _Row) -> dict[str, str]:
    """The versions of the ops with state that it was trained on."""
    return {one["op"]: one["label"] for one in row.get("trained_on", ()) if one["stateful"]}


def served_sets(rows: Iterable[_Row]) -> Records:
    """What a pipeline served since when."""
    return Records(
        rows,
        {
            "from": lambda row: row["at"],
            "until": lambda row: row["until"],
            "who": lambda row: row["who"],
            "cause": lambda row: row["cause"],
            "versions": lambda row: row["numbers"],
            "pinned": lambda row: row["pins"],
        },
    )


def _cell(value: Any) -> str:
    """A value in a few words."""
    if value is None or value == {} or value == []:
        return _NOTHING
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{name} {_cell(one)}" for name, one in value.items()))
    if isinstance(value, (list, tuple)):
        return _cut(", ".join(map(_cell, value)))
    return _cut(_TIME.sub(r"\1 \2", str(value)))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _text(table: _Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def _html(table: _Table) -> str:
    def line(cells: list[str], tag: str) -> str:
        left = ' style="text-align: left"'
        return "".join(f"<{tag}{left}>{html.escape(cell)}</{tag}>" for cell in cells)

    head, *rows = table
    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
