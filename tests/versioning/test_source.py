from __future__ import annotations

import textwrap
from collections.abc import Callable
from types import ModuleType

import pytest

from jupyter_chariots.versioning.source import (
    class_source,
    function_source,
    is_user_module,
    normalised,
)


def test_what_is_the_users_own() -> None:
    assert is_user_module("__main__")
    assert is_user_module(__name__)
    assert is_user_module("a_module_that_is_not_loaded")
    for name in ("json", "os.path", "sys", "numpy", "sklearn.linear_model", "jupyter_chariots.ml"):
        assert not is_user_module(name)


TEXTS = [
    "def f(x):\n    return x + 1\n",
    "def f(x):\n    return x + 1",
    "def f(x):  # adds\n    # one\n    return x + 1  # done\n",
    "def f(x):\n\n    return x + 1\n\n\n",
    "def f(x):   \n    return x + 1   \n",
    "    def f(x):\n        # deeper\n        return x + 1\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_comments_blank_lines_and_depth_do_not_count(text: str) -> None:
    assert normalised(text) == "def f(x):\n    return x + 1"


def test_strings_are_kept_as_they_are() -> None:
    text = 'def f():\n    return """a  # no comment\n\n    b   \n"""  # a comment\n'
    assert normalised(text) == 'def f():\n    return """a  # no comment\n\n    b   \n"""'
    assert normalised("x = '# no'") == "x = '# no'"
    assert normalised('x = f"""\n\n# {1}\n"""\n\n') == 'x = f"""\n\n# {1}\n"""'


def test_a_method_reads_as_the_same_function_elsewhere() -> None:
    text = 'def f(self):\n    """Long.\n\n    Text.\n    """\n    return 1\n'
    inside = textwrap.indent(text, "    ", lambda line: bool(line.strip()))
    assert normalised(text).splitlines()[0] == normalised(inside).splitlines()[0]
    assert normalised(inside).splitlines()[-1] == "    return 1"


def test_where_things_stand(make_module: Callable[..., ModuleType]) -> None:
    module = make_module(
        """
        import functools

        def decorated(function):
            @functools.wraps(function)
            def inner(*args):
                return function(*args)
            return inner

        @decorated
        def f(x):
            return x

        def outer():
            class Local:
                def method(self):
                    return 1
            return Local

        functions = [
            lambda x: x + 1,
            lambda x: (
                x + 2
            ),
        ]
        """
    )
    assert function_source(module.f.__wrapped__) == "@decorated\ndef f(x):\n    return x\n"
    assert "class Local" in (class_source(module.outer()) or "")
    assert function_source(module.functions[0]) == "lambda x: x + 1"
    assert "x + 2" in (function_source(module.functions[1]) or "")


def test_without_a_file_there_is_no_source() -> None:
    namespace: dict[str, object] = {}
    exec("def f(x):\n    return x\nclass C:\n    pass\n", namespace)
    assert function_source(namespace["f"]) is None  # type: ignore[arg-type]
