"""Ops: the units of computation and of versioning."""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from ..versioning.code import Code, read_code
from ..versioning.fields import FieldValue, Versioned
from ..versioning.names import check_name
from ..versioning.spec import Learned
from ..versioning.version import Version, VersionType, digest
from .callbacks import OpCallBack

__all__ = ["BaseOp", "LoadableOp"]


class BaseOp(Versioned, ABC):
    """An op without state: subclass it and write ``execute``.

    Attributes:
        op_name: the identity of the op in the store; the class name in lower case where unset.
        code_version: the level of the version that a change of the op's code changes; ``None``
            leaves code out of the version.
        callbacks: what runs around the op.

    Args:
        op_callbacks: what runs around the op. Subclasses need not call ``super().__init__``.
    """

    op_name: str | None = None
    code_version: VersionType | None = VersionType.PATCH
    callbacks: list[OpCallBack]

    _code: Code | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make what every op has, whether or not its class calls ``super().__init__``."""
        self = super().__new__(cls)
        self.callbacks = []
        return self

    def __init__(self, op_callbacks: Iterable[OpCallBack] | None = None) -> None:
        self.callbacks = list(op_callbacks or ())

    @property
    def name(self) -> str:
        """The identity of the op in the store."""
        return self.op_name or type(self).__name__.lower()

    # What the version rules must know; subclasses override.

    @property
    def stateful(self) -> bool:
        """Whether the op has state that the store keeps."""
        return False

    @property
    def fits(self) -> bool:
        """Whether running the op trains it."""
        return False

    @property
    def changes(self) -> bool:
        """Whether running the op changes its state."""
        return False

    @property
    def carries(self) -> bool:
        """Whether such a run goes on from the current state."""
        return False

    @property
    def needs_state(self) -> bool:
        """Whether the op cannot run without learned state."""
        return False

    # Version and code.

    @property
    def op_version(self) -> Version:
        """The version of the op with what it has learned."""
        return self.__version__

    @property
    def code_root(self) -> Any:
        """The class or function whose code is the op's code."""
        return type(self)

    @property
    def code(self) -> Code:
        """The code of the op; read anew until the op is in a pipeline."""
        return self._code or read_code(self.code_root)

    def extra_fields(self) -> list[FieldValue]:
        """The digest of the code, as one more field of its level."""
        if self.code_version is None:
            return []
        return [FieldValue("<code>", self.code_version, self.code.digest)]

    def enter_pipeline(self, codes: MutableMapping[Any, Code] | None = None) -> None:
        """Fix the version and the code; a pipeline calls this for each of its ops.

        An op that is in another pipeline already, and whose code has changed since (a helper of
        an ``@op`` in another cell of the notebook), gets the version of the code as it is now.

        Args:
            codes: codes read already, by root, so that ops of one class are read once.
        """
        check_name("op", self.name)
        root = self.code_root
        codes = {} if codes is None else codes
        if root not in codes:
            codes[root] = read_code(root)
        code = codes[root]
        if self._code is not None and (code.opaque or code.digest == self._code.digest):
            return
        self._code, self._fixed = code, None
        self.fix_version()

    # Running.

    @abstractmethod
    def execute(self, *args: Any) -> Any:
        """Compute the output from the values of the input nodes."""

    def before_execution(self, args: list[Any]) -> Sequence[Any] | None:
        """Called right before ``execute``; may return other arguments (``None``: the same)."""
        return None

    def after_execution(self, args: list[Any], output: Any) -> Any:
        """Called right after ``execute``; may return another output (``None``: the same)."""
        return None

    def execute_with_all_callbacks(self, args: Sequence[Any]) -> Any:
        """Run the op with its callbacks and its own hooks, as a runner does."""
        values = args if isinstance(args, list) else list(args)
        for callback in self.callbacks:
            callback.before_execution(self, values)
        changed = self.before_execution(values)
        if changed is not None:
            values = list(changed)
        output = self.execute(*values)
        replaced = self.after_execution(values, output)
        if replaced is not None:
            output = replaced
        for callback in self.callbacks:
            callback.after_execution(self, values, output)
        return output

    def __repr__(self) -> str:
        return f"<OP {self.name}>"


class LoadableOp(BaseOp):
    """An op with state that the store keeps: write ``execute``, ``serialize`` and ``load``.

    Attributes:
        training_update_version: the level of the version that learned state goes into.
        changes_when_run: whether running changes the state. Such runs of one pipeline follow one
            another, each going on from where the last one ended.
        shares_state: whether two ops of one class and version in one pipeline are one op (train
            and predict in one graph). They must then keep all that they learn in ``_op_state``.
        environment: names of environment variables that decide how the op runs. Where they are
            set when a notebook serves the op, they go along.
    """

    training_update_version: VersionType = VersionType.MAJOR
    changes_when_run: bool = True
    shares_state: bool = False
    environment: Collection[str] = ()

    # One object for all ops that share their state. ``version`` is that of the state held (None:
    # as constructed), ``learned`` that state where no store has it yet. Subclasses add their own.
    _op_state: SimpleNamespace
    _made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Keep the arguments: the op travels as what it is made with."""
        self = super().__new__(cls)
        self._op_state = SimpleNamespace(version=None, learned=None)
        self._made_with = (args, kwargs)
        return self

    @property
    def stateful(self) -> bool:
        """Whether the op has state that the store keeps: yes."""
        return True

    @property
    def changes(self) -> bool:
        """Whether running the op changes its state."""
        return self.fits or self.changes_when_run

    @property
    def carries(self) -> bool:
        """Whether such a run goes on from the current state."""
        return self.changes_when_run

    @property
    def maps_state(self) -> bool | Callable[[mmap.mmap], object]:
        """Whether ``load`` takes a memory map as well as bytes.

        A function says yes, and is called with each map before its digest is checked: to copy what
        must not change afterwards.
        """
        return False

    @abstractmethod
    def serialize(self) -> bytes:
        """The state as bytes: of the run under way, where one is."""

    @abstractmethod
    def load(self, serialized_object: Any) -> None:
        """Take the state from bytes (or a memory view of them) that ``serialize`` gave."""

    # What the op holds.

    @property
    def learned(self) -> Learned | None:
        """The state that a run in this process left and no store has yet."""
        return cast("Learned | None", self._op_state.learned)

    @property
    def held_version(self) -> Version | None:
        """The version of the state that the op holds; ``None``: it is as constructed."""
        return cast("Version | None", self._op_state.version)

    @property
    def op_version(self) -> Version:
        """The version of the op with what it has learned."""
        return self.held_version or self.__version__

    def set_learned(self, version: Version | Learned | None) -> None:
        """Say which state the op holds now: one of the store's, a new one, or none."""
        new = isinstance(version, Learned)
        self._op_state.learned = version if new else None
        self._op_state.version = version.version if isinstance(version, Learned) else version

    def fingerprint_of(self, payload: bytes) -> str:
        """What tells two states apart: by default the digest of the serialised state."""
        return digest(payload)

    def facts(self) -> Mapping[str, Any]:
        """Provenance of the state, as JSON values (parameters, input schema, metrics …)."""
        return {}

    # Around a run. Both are called for every op whose state the run changes.

    def begin_run(self) -> None:
        """Called before the first node of a run; what is fitted from here on is kept aside."""

    def end_run(self, ok: bool) -> None:
        """Called at the end: swap in what was fitted (``ok``), or drop it.

        ``serialize``, ``fingerprint_of`` and ``facts`` of the new state are called before this.
        Without a ``begin_run`` before it, it must do nothing.
        """

    # All or nothing.

    def restore_point(self) -> Any:
        """What :meth:`restore` needs to undo a ``load``."""
        return dict(self.__dict__), dict(vars(self._op_state))

    def restore(self, point: Any) -> None:
        """Be again as at the restore point."""
        attributes, state = point
        self.__dict__.clear()
        self.__dict__.update(attributes)
        vars(self._op_state).clear()
        vars(self._op_state).update(state)

    def __reduce__(self) -> Any:
        # Learned state never travels in a definition: the op is made again as it was made.
        args, kwargs = self._made_with
        fixed = {"_fixed", "_code", "_last", "_own_levels", "callbacks", "op_name"}
        fixed.update(field.name.partition(".")[0] for field in self.versioned_fields())
        kept = {name: value for name, value in self.__dict__.items() if name in fixed}
        return _remake, (type(self), args, kwargs), kept


def _remake(cls: type[LoadableOp], args: tuple[Any, ...], kwargs: dict[str, Any]) -> LoadableOp:
    made: LoadableOp = cls(*args, **kwargs)
    return made
