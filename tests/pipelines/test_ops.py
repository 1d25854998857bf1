from __future__ import annotations

import copy
from typing import Any

import cloudpickle
import pytest

from jupyter_chariots.errors import DefinitionError, InvalidName
from jupyter_chariots.pipelines import BaseOp, LoadableOp, Node, OpCallBack, Pipeline, op
from jupyter_chariots.versioning import VersionedField, VersionType


class AddOp(BaseOp):
    amount = VersionedField(1, VersionType.MINOR)

    def execute(self, x: int) -> int:
        return x + self.amount


class NoInit(BaseOp):
    def __init__(self, n: int) -> None:
        self.n = n

    def execute(self) -> int:
        return self.n


class Counter(LoadableOp):
    start = VersionedField(0, VersionType.MAJOR)

    def __init__(self, step: int = 1) -> None:
        super().__init__()
        self.step = step
        self.count = self.start

    def execute(self) -> int:
        self.count += self.step
        return self.count

    def serialize(self) -> bytes:
        return str(self.count).encode()

    def load(self, serialized_object: bytes) -> None:
        self.count = int(bytes(serialized_object))


def test_names() -> None:
    assert AddOp().name == "addop"
    assert str(AddOp()) == "<OP addop>"
    named = AddOp()
    named.op_name = "mine"
    assert named.name == "mine"


def test_execute_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        BaseOp()  # type: ignore[abstract]


def test_constructors_need_not_call_super() -> None:
    made = NoInit(3)
    assert made.callbacks == []
    assert made.execute_with_all_callbacks([]) == 3


def test_an_op_without_state() -> None:
    one = AddOp()
    assert not any([one.stateful, one.fits, one.changes, one.carries, one.needs_state])
    assert one.op_version == one.__version__


def test_an_op_with_state() -> None:
    one = Counter()
    assert one.stateful
    assert one.changes
    assert one.carries
    assert not one.fits
    assert not one.needs_state
    assert one.held_version is None
    one.changes_when_run = False
    assert not one.changes
    assert not one.carries


class Hooked(AddOp):
    seen: list[Any]

    def before_execution(self, args: list[Any]) -> list[Any] | None:
        self.seen = [("before", list(args))]
        return [args[0] * 10]

    def after_execution(self, args: list[Any], output: Any) -> Any:
        self.seen.append(("after", list(args), output))
        return output + 100


class Recorder(OpCallBack):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def before_execution(self, op: Any, args: list[Any]) -> None:
        self.log.append(("before", str(op), list(args)))
        args[0] += 1

    def after_execution(self, op: Any, args: list[Any], output: Any) -> None:
        self.log.append(("after", str(op), list(args), output))


def test_callbacks_and_hooks_in_order() -> None:
    log: list[Any] = []
    hooked = Hooked([Recorder(log)])
    assert hooked.execute_with_all_callbacks((1,)) == 121
    assert hooked.seen == [("before", [2]), ("after", [20], 21)]
    assert log == [("before", "<OP hooked>", [1]), ("after", "<OP hooked>", [20], 121)]


def test_code_is_part_of_the_version_at_its_level() -> None:
    class A(BaseOp):
        def execute(self) -> int:
            return 1

    one = A().__version__

    class A(BaseOp):  # type: ignore[no-redef]
        def execute(self) -> int:
            return 2

    other = A().__version__
    assert one.major == other.major
    assert one.minor == other.minor
    assert one.patch != other.patch
    A.code_version = VersionType.MAJOR
    assert A().__version__.patch == AddOp().__version__.major  # nothing is left in it
    A.code_version = None
    assert len(set(A().__version__.digests)) == 1


def test_names_and_levels_of_code_do_not_change_the_code() -> None:
    class Renamed(AddOp):
        op_name = "x"

    class Other(AddOp):
        op_name = "y"

    assert Renamed().__version__ == Other().__version__


def test_version_and_code_are_fixed_in_a_pipeline() -> None:
    one = AddOp()
    one.amount = 5
    pipeline = Pipeline([Node(one, "__pipeline_input__")], "p")
    text = str(one.__version__)
    assert str(one.__version__) == text
    assert str(pipeline.spec.ops[0].version) == text
    with pytest.raises(DefinitionError, match="'amount'"):
        one.amount = 6


def offset() -> int:
    return 1


def test_the_next_pipeline_has_the_code_as_it_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook: the cell of a helper and that of the pipeline were edited, not the op's."""

    @op
    def shift(x: int) -> int:
        return x + offset()

    def pipeline() -> Pipeline:
        return Pipeline([Node(shift, "__pipeline_input__", "__pipeline_output__")], "p")

    first, same = pipeline(), pipeline()
    assert str(first.spec.ops[0].version) == str(same.spec.ops[0].version)
    monkeypatch.setitem(globals(), "offset", lambda: 2)
    other = pipeline()
    assert other.spec.ops[0].version != first.spec.ops[0].version
    assert other.spec.ops[0].version == shift.__version__
    assert same.spec.digest == first.spec.digest != other.spec.digest


def test_bad_op_names_are_refused_by_the_pipeline() -> None:
    class ÉtatOp(AddOp):
        pass

    with pytest.raises(InvalidName, match="op_name"):
        Pipeline([Node(ÉtatOp(), "__pipeline_input__")], "p")


def test_restore_point() -> None:
    one = Counter()
    one.execute()
    point = one.restore_point()
    one.load(b"50")
    one.set_learned(one.__version__.learned(VersionType.MAJOR, "x"))
    one.extra = 1  # type: ignore[attr-defined]
    one.restore(point)
    assert one.count == 1
    assert one.held_version is None
    assert not hasattr(one, "extra")


def test_learned_state_does_not_travel() -> None:
    one = Counter(step=2)
    one.start = 7
    Pipeline([Node(one)], "p")
    one.execute()
    one.set_learned(one.__version__.learned(VersionType.MAJOR, "x"))
    sent = cloudpickle.loads(cloudpickle.dumps(one))
    assert (sent.count, sent.step, sent.start) == (0, 2, 7)
    assert sent.held_version is None
    assert str(sent.__version__) == str(one.__version__)
    assert sent.code == one.code
    assert copy.copy(one).held_version is None


def test_function_ops() -> None:
    @op
    def add_one(x: int) -> int:
        """Adds."""
        return x + 1

    assert add_one.name == "add_one"
    assert add_one(3) == 4
    assert add_one.execute(3) == 4
    assert add_one.__doc__ == "Adds."
    assert "return x + 1" in (add_one.code.source or "")

    @op(op_name="scale", code_version=VersionType.MAJOR)
    def multiply(x: int) -> int:
        return x * 2

    assert multiply.name == "scale"
    assert multiply.__version__.major != add_one.__version__.major


def test_ops_called_by_other_ops_count() -> None:
    def made(source: int) -> Any:
        @op
        def inner() -> int:
            return source

        @op
        def outer() -> int:
            return int(inner())

        return outer

    assert made(1).__version__ == made(1).__version__
    assert made(1).__version__ != made(2).__version__


class Inner(BaseOp):
    scale = VersionedField(1)

    def execute(self) -> int:
        return self.scale


INNER = Inner()


@op
def uses_an_op() -> int:
    return INNER.execute()


def test_an_op_object_that_is_named_counts_by_its_fields() -> None:
    before = uses_an_op.__version__
    assert uses_an_op.__version__ == before
    INNER.scale = 2
    try:
        assert uses_an_op.__version__ != before
    finally:
        INNER.scale = 1
