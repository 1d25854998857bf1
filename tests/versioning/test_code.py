from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.manager import start_new_kernel as start_kernel

from jupyter_chariots.versioning.code import own_code, read_code

Make = Callable[..., ModuleType]

BASE = """
    import math
    import numpy as np
    from dataclasses import dataclass, field
    from enum import Enum
    from functools import cached_property, lru_cache, partial, wraps

    FACTOR = 3
    TABLE = {"a": [1, 2], "b": {"x", "y"}}

    def helper(x):
        return deeper(x) * FACTOR

    def deeper(x):
        return x + 1

    @lru_cache
    def cached(x):
        return deeper(x)

    class Kind(Enum):
        ONE = 1
        TWO = 2

    @dataclass
    class Settings:
        depth: int = 3
        names: list = field(default_factory=list)

    class Parent:
        limit = 10

        def inherited(self):
            return TABLE

    SETTINGS = Settings()
    ADD = partial(helper, 2)

    def make(n):
        def inner(x):
            return x + n
        return inner

    ADD_TWO = make(2)

    class Thing(Parent):
        level = 5
        square = lambda self, x: x * x

        def run(self, x, step=FACTOR):
            numbers = [helper(i) for i in range(3)]
            return np.sqrt(x), math.pi, SETTINGS, Kind.ONE, ADD, ADD_TWO, cached, numbers

        @property
        def size(self):
            return 1

        @cached_property
        def weight(self):
            return 2

        @classmethod
        def of(cls):
            return cls()

        @staticmethod
        def free(x):
            return x

        def again(self):
            return Thing().again() or super().inherited()
"""

CHANGES = [
    ("return deeper(x) * FACTOR", "return deeper(x) / FACTOR"),
    ("return x + 1", "return x + 2"),
    ("FACTOR = 3", "FACTOR = 4"),
    ('"a": [1, 2]', '"a": [1, 3]'),
    ("limit = 10", "limit = 11"),
    ("return TABLE", "return dict(TABLE)"),
    ("depth: int = 3", "depth: int = 4"),
    ("default_factory=list", "default_factory=tuple"),
    ("SETTINGS = Settings()", "SETTINGS = Settings(depth=9)"),
    ("ONE = 1", "ONE = 3"),
    ("partial(helper, 2)", "partial(helper, 3)"),
    ("make(2)", "make(3)"),
    ("return x + n", "return x - n"),
    ("level = 5", "level = 6"),
    ("x * x", "x ** 2"),
    ("np.sqrt(x)", "np.log(x)"),
    ("step=FACTOR", "step=FACTOR + 1"),
    ("@lru_cache", "@lru_cache(maxsize=3)"),
    ("return 1\n", "return 10\n"),
    ("return 2\n", "return 20\n"),
    ("return cls()", "return cls"),
    ("def free(x):\n            return x\n", "def free(x):\n            return -x\n"),
    ("class Thing(Parent):", "class Thing(Settings, Parent):"),
    ("import numpy as np", "import cmath as np"),
]

NO_CHANGES = [
    ("return x + 1", "return x + 1  # one more"),
    ("def deeper(x):\n", "def deeper(x):\n\n        # a comment\n\n"),
    ("FACTOR = 3", "FACTOR = 2 + 1"),
    ("class Kind(Enum):", "UNUSED = 4\n\n    class Kind(Enum):"),
    ("class Thing(Parent):", "class Thing(Parent):\n        # the thing\n"),
    ('"x", "y"', '"y", "x"'),
    ("class Thing(Parent):", 'class Thing(Parent):\n        """A thing."""'),
    ("class Parent:", "def unused():\n        return FACTOR\n\n    class Parent:"),
]


def digest_of(make_module: Make, text: str) -> str:
    return read_code(make_module(text).Thing).digest


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_edits_that_count(make_module: Make, old: str, new: str) -> None:
    assert old in BASE
    assert digest_of(make_module, BASE) != digest_of(make_module, BASE.replace(old, new))


@pytest.mark.parametrize(("old", "new"), NO_CHANGES)
def test_edits_that_do_not_count(make_module: Make, old: str, new: str) -> None:
    assert old in BASE
    assert digest_of(make_module, BASE) == digest_of(make_module, BASE.replace(old, new))


def test_the_module_s_name_does_not_count(make_module: Make) -> None:
    assert digest_of(make_module, BASE) == digest_of(make_module, BASE)


def test_functions_of_other_modules_of_the_user(make_module: Make) -> None:
    def digest(helper: str, number: int) -> str:
        make_module(
            f"def scale(x):\n    return {helper}\n\ndef other(x):\n    return 1\n", f"h{number}"
        )
        text = (
            f"import h{number} as tools\nfrom h{number} import scale\ndef f(x):\n    return {{}}\n"
        )
        return "".join(
            read_code(make_module(text.format(call)).f).digest
            for call in ("tools.scale(x)", "scale(x)")
        )

    assert digest("x * 2", 1) != digest("x * 3", 2)
    assert digest("x * 2", 3)[:40] == digest("x * 2  # twice", 4)[:40]


def test_what_is_imported_inside_a_function(make_module: Make) -> None:
    for number, value in enumerate((1, 1, 2)):
        make_module(f"VALUE = {value}\n", f"inner_{number}")
    digests = [
        read_code(
            make_module(f"def f():\n    from inner_{n} import VALUE\n    return VALUE\n").f
        ).digest
        for n in range(3)
    ]
    assert digests[0] != digests[2]
    sys.modules.pop("inner_0")
    again = make_module("def f():\n    from inner_0 import VALUE\n    return VALUE\n").f
    assert read_code(again).digest == digests[0]
    assert "inner_0" not in sys.modules, "reading code imports nothing"


def test_whether_an_installed_package_was_imported_yet_does_not_matter(
    make_module: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def f():\n    import yaml\n    return yaml\n"
    import yaml

    with_it = read_code(make_module(text).f)
    assert with_it.packages == {"yaml": yaml.__version__}
    monkeypatch.delitem(sys.modules, "yaml")
    assert read_code(make_module(text).f).digest == with_it.digest


def test_mutual_recursion_and_self_reference(make_module: Make) -> None:
    text = """
        def even(n):
            return n == 0 or odd(n - 1)

        def odd(n):
            return n != 0 and even(n - 1)

        BOTH = {even, odd}

        def both(n):
            return BOTH
    """
    one, other = make_module(text), make_module(text)
    for name in ("even", "odd", "both"):
        assert read_code(getattr(one, name)).digest == read_code(getattr(other, name)).digest
    assert read_code(one.even).digest != read_code(one.odd).digest
    changed = make_module(text.replace("n != 0", "n > 0"))
    assert read_code(one.even).digest != read_code(changed.even).digest
    assert read_code(one.both).digest != read_code(changed.both).digest


def test_objects_that_are_no_constants_count_by_type(make_module: Make) -> None:
    text = """
        import logging, threading, random
        log, lock, rng = logging.getLogger("x"), threading.Lock(), random.Random()

        def f():
            with lock:
                log.info(rng.random())
    """
    assert read_code(make_module(text).f).digest == read_code(make_module(text).f).digest


def test_decorators_of_installed_packages(make_module: Make) -> None:
    text = """
        import contextlib

        @contextlib.contextmanager
        def manager():
            yield 1

        def f():
            with manager() as x:
                return x
    """
    one = read_code(make_module(text).f).digest
    assert one != read_code(make_module(text.replace("yield 1", "yield 2")).f).digest


def test_installed_code_counts_by_name_and_is_provenance() -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    assert read_code(PCA).digest == read_code(PCA).digest
    assert read_code(PCA).digest != read_code(LogisticRegression).digest
    assert set(read_code(PCA).packages) == {"sklearn"}


def test_ones_own_code_by_name(make_module: Make) -> None:
    module = make_module(BASE)
    named = own_code(module.Thing.run, module.Parent)
    assert {name: named[name] for name in ("Settings", "Kind", "Parent", "helper", "deeper")} == {
        "Settings": module.Settings,
        "Kind": module.Kind,
        "Parent": module.Parent,
        "helper": module.helper,
        "deeper": module.deeper,
    }
    assert named.keys().isdisjoint({"Thing", "run", "inherited", "sqrt", "dataclass"})
    assert named["inner"](1) == 3  # the function in ADD_TWO


def test_packages_origin_and_source(make_module: Make) -> None:
    module = make_module(BASE)
    code = read_code(module.Thing)
    import numpy

    assert code.packages == {"numpy": numpy.__version__}
    assert code.origin == module.__name__
    assert code.source is not None
    assert code.source.strip().startswith("class Thing(Parent):")
    assert "def again(self):" in code.source
    assert "class Parent" not in code.source
    assert code.opaque == ()


def test_data_that_code_names_is_told_by_digest(make_module: Make) -> None:
    text = "import math\nFACTOR = {}\nmy_token = 'abc'\n"
    text += "def helper():\n    return FACTOR\n"
    text += "def f():\n    return helper(), math.pi, my_token\n"
    one, two = (make_module(text.format(number)) for number in (1, 2))
    first, second = (read_code(module.f) for module in (one, two))
    assert [*first.values] == [f"{one.__name__}.FACTOR"]  # no module, and nothing secret
    assert [*first.helpers] == ["helper"]
    assert set(first.values.values()) != set(second.values.values())


def test_names_not_defined_yet(make_module: Make) -> None:
    text = "def f():\n    return later()\n"
    before = make_module(text)
    digest = read_code(before.f).digest
    before.later = lambda: 1  # type: ignore[attr-defined]
    assert read_code(before.f).digest != digest


def test_without_source_the_bytecode_counts_with_a_warning() -> None:
    def made(text: str) -> Any:
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        return namespace["f"]

    with pytest.warns(UserWarning, match="source of f cannot be read"):
        one = read_code(made("def f(x):\n    return x + 1\n"))
    with pytest.warns(UserWarning, match="source of f"):
        same = read_code(made("def f(x):\n    return x + 1\n"))
    with pytest.warns(UserWarning, match="source of f"):
        other = read_code(made("def f(x):\n    return x + 2\n"))
    assert one.opaque == ("f",)
    assert one.digest == same.digest != other.digest


def test_a_file_edited_after_the_import_does_not_change_the_version(
    make_module: Make, tmp_path: Path
) -> None:
    text = """
        from jupyter_chariots.versioning import Versioned

        class Thing(Versioned):
            def run(self):
                return helper()

        def helper():
            return 1
    """
    module = make_module(text)
    before = read_code(module.Thing)
    file = tmp_path / f"{module.__name__}.py"
    file.write_text("\n\n\n" + file.read_text().replace("return 1", "return 2"))
    assert read_code(module.Thing) == before


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from jupyter_chariots.versioning.code import own_code, read_code
from seeds import Thing
print(read_code(Thing).digest)
"""


def test_the_same_for_every_hash_seed(make_module: Make, tmp_path: Path) -> None:
    extra = "\n    FUNCTIONS = {helper, deeper, make, Kind, Settings}\n"
    use = BASE.replace("return 1\n", "return FUNCTIONS\n").replace(
        "    class Thing", extra + "    class Thing"
    )
    (tmp_path / "seeds.py").write_text(textwrap.dedent(use))
    seen = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT.format(folder=str(tmp_path))],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2", "3")
    }
    assert len(seen) == 1
    assert seen.pop().strip() == digest_of(make_module, use)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A real kernel: runs a cell, gives what it printed."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/iris.ipynb")
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    manager: KernelManager
    manager, client = start_kernel()

    def run(cell: str) -> str:
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                printed.append(content["text"])

        answer = client.execute_interactive(
            textwrap.dedent(cell), output_hook=hear, timeout=60, store_history=True
        )
        content = answer["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", ()))
        return "".join(printed).strip()

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


CELLS = (
    "def helper(x):\n    return x + 1\n",
    """
from jupyter_chariots.pipelines.ops import BaseOp
class MyOp(BaseOp):
    '''Mine.'''
    def execute(self, x):
        return helper(x)
""",
)


def test_classes_of_notebook_cells(kernel: Callable[[str], str], make_module: Make) -> None:
    show = "print(MyOp().code.digest)"
    for cell in CELLS:
        kernel(cell)
    first = kernel(show)
    assert first == read_code(make_module("\n".join(CELLS)).MyOp).digest
    assert kernel("print(MyOp().code.source)").startswith("class MyOp(BaseOp):")
    assert kernel("print(MyOp().code.origin, MyOp().code.opaque)") == "/home/me/iris.ipynb ()"
    kernel("def helper(x):\n    # a comment\n    return x + 1")
    assert kernel(show) == first
    kernel("def helper(x):\n    return x + 2")
    assert kernel(show) != first, "the helper is looked up when the code is read"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return self.value + 1", "return self.value + 2"),
        ("GREEN = 2", "GREEN = 3"),
        ("return size", "return -size"),
        ("weight: float = 1.0", "weight: float = 2.0"),
        ("return self.sized(1)", "return self.sized(2)"),
    ],
)
def test_enums_protocols_and_named_tuples(make_module: Make, old: str, new: str) -> None:
    text = """
        from enum import Enum
        from typing import NamedTuple, Protocol

        class Colour(Enum):
            RED = 1
            GREEN = 2

            def next(self):
                return self.value + 1

        class Sized(Protocol):
            def sized(self, size):
                return size

        class Pair(NamedTuple):
            weight: float = 1.0

        class Thing(Sized):
            def run(self):
                return self.sized(1), Colour.RED, Pair()
    """
    assert old in text
    one = read_code(make_module(text).Thing).digest
    assert read_code(make_module(text).Thing).digest == one
    assert read_code(make_module(text.replace(old, new)).Thing).digest != one
