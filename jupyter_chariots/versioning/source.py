"""The source text of functions and classes, without what does not count."""

from __future__ import annotations

import ast
import functools
import io
import linecache
import sys
import sysconfig
import tokenize
import types
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from .cells import note_cell

__all__ = [
    "class_source",
    "file_of",
    "function_source",
    "is_installed",
    "is_user_module",
    "normalised",
    "remember_source",
]

# Lines of files as they were when a class of theirs was defined: files are edited while a kernel
# goes on with what it has imported.
_remembered: dict[str, list[str]] = {}

_PACKAGE = __name__.partition(".")[0]


def is_user_module(name: str) -> bool:
    """Whether code of this module is the user's own.

    That is ``__main__`` and what lies outside the standard library and the installed packages.
    """
    top = name.partition(".")[0]
    if top in ("__main__", "__mp_main__"):
        return True
    if top == _PACKAGE or top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is None or not is_installed(file)


@functools.lru_cache(maxsize=4096)
def is_installed(file: str) -> bool:
    """Whether a file belongs to the standard library or to an installed package."""
    path = PurePath(file)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    paths = sysconfig.get_paths()
    return any(
        path.is_relative_to(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")
    )


def remember_source(cls: type) -> None:
    """Keep the text of the file that defines the class, as it is now, and which cell that is."""
    if is_user_module(cls.__module__):
        file = file_of(cls)
        if file is not None:
            linecache.checkcache(file)
            lines = linecache.getlines(file, _namespace(cls))
            if lines:
                _remembered[file] = lines
            note_cell(file)


def function_source(function: types.FunctionType) -> str | None:
    """The text of a function, decorators included, or of a lambda; ``None`` if there is none."""
    code = function.__code__
    index = _index_of(code.co_filename, function.__globals__)
    if code.co_name == "<lambda>":
        texts = index.lambdas.get(code.co_firstlineno, [])
        return "\n".join(_which(texts, code)) or None
    return index.functions.get((code.co_firstlineno, code.co_name))


def _which(lambdas: list[str], code: types.CodeType) -> list[str]:
    """Of several lambdas in one line those whose code this is; all of them if that is unclear."""
    if len(lambdas) < 2:
        return lambdas
    wanted = _shape(code)
    around = f"def _({', '.join(code.co_freevars)}): return"
    found = [text for text in lambdas if _shape(_lambda_code(f"{around} (\n{text}\n)")) == wanted]
    return sorted(set(found)) or lambdas


def _lambda_code(text: str) -> types.CodeType | None:
    """The code of the lambda that is returned by the only function of the text."""
    try:
        code = compile(text, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    for _ in range(2):
        code = next(inner for inner in code.co_consts if isinstance(inner, types.CodeType))
    return code


def _shape(code: Any) -> Any:
    """What a code does, wherever it stands."""
    if not isinstance(code, types.CodeType):
        return code if isinstance(code, frozenset) else repr(code)
    names = (code.co_names, code.co_varnames, code.co_freevars)
    return code.co_code, names, tuple(map(_shape, code.co_consts))


def class_source(cls: type) -> str | None:
    """The text of a class, decorators included; ``None`` if there is none."""
    file = file_of(cls)
    if file is None:
        return None
    return _index_of(file, _namespace(cls)).classes.get(cls.__qualname__)


def _namespace(cls: type) -> dict[str, Any]:
    return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}


def file_of(cls: type) -> str | None:
    """The file that defines a class, as its code names it; ``None`` if there is none."""
    # The module of a notebook class has no file, but each of its methods knows its cell.
    for value in vars(cls).values():
        value = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if isinstance(value, types.FunctionType) and value.__module__ == cls.__module__:
            file = value.__code__.co_filename
            if not file.startswith("<string"):
                return file
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


@dataclass
class _Index:
    """Where the functions and classes of one text stand."""

    functions: dict[tuple[int, str], str] = field(default_factory=dict)
    lambdas: dict[int, list[str]] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)


def _index_of(file: str, namespace: dict[str, Any]) -> _Index:
    lines = _remembered.get(file)
    if lines is None:
        linecache.checkcache(file)
        lines = linecache.getlines(file, namespace)
    return _index("".join(lines))


@functools.lru_cache(maxsize=256)
def _index(text: str) -> _Index:
    index = _Index()
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(text, "<source>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return index
    _fill(index, tree, text, text.splitlines(keepends=True), "")
    return index


def _fill(index: _Index, parent: ast.AST, text: str, lines: list[str], prefix: str) -> None:
    for node in ast.iter_child_nodes(parent):
        inner = prefix
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            start = min(one.lineno for one in (node, *node.decorator_list))
            block = "".join(lines[start - 1 : node.end_lineno])
            if isinstance(node, ast.ClassDef):
                index.classes[prefix + node.name] = block
                inner = f"{prefix}{node.name}."
            else:
                index.functions[start, node.name] = block
                inner = f"{prefix}{node.name}.<locals>."
        elif isinstance(node, ast.Lambda):
            segment = ast.get_source_segment(text, node)
            index.lambdas.setdefault(node.lineno, []).append(segment or "")
        _fill(index, node, text, lines, inner)


@functools.lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """The text without comments, blank lines, trailing blanks and the indentation of its block.

    What stands inside strings is kept as it is.
    """
    rows = text.splitlines()
    prefix = rows[0][: len(rows[0]) - len(rows[0].lstrip())] if rows else ""
    inside: set[int] = set()  # rows whose end lies within a string that goes on in the next row
    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = tokenize.tok_name[token.type]
            if kind == "COMMENT":
                number, column = token.start
                rows[number - 1] = rows[number - 1][:column]
            elif kind == "STRING":
                inside.update(range(token.start[0], token.end[0]))
            elif kind.endswith("STRING_START"):  # f-strings are several tokens from 3.12 on
                opened.append(token.start[0])
            elif kind.endswith("STRING_END"):
                inside.update(range(opened.pop(), token.end[0]))
    except (tokenize.TokenError, SyntaxError):
        pass  # a lambda cut out of its statement: what was met so far has been cut
    kept: list[str] = []
    for number, row in enumerate(rows, 1):
        if number - 1 not in inside:
            row = row.removeprefix(prefix)
        if number in inside:
            kept.append(row)
        elif row.strip() or number - 1 in inside:
            kept.append(row.rstrip())
    return "\n".join(kept)
