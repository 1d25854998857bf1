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
        pairs = {f"trained on {op}": pair for op, pair in self.get("lineage", {}).items()}
        pairs.update(self.get("facts", {}))
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


def history_of(rows: Iterable[_Row]) -> Records:
    """The versions of an op."""
    return Records(
        rows,
        {
            "number": lambda row: row["number"] or "not saved",
            "at": lambda row: row["at"],
            "pipeline": lambda row: row["pipeline"],
            "who": lambda row: row["who"],
            "metrics": lambda row: row["facts"].get("metrics"),
        },
    )


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
