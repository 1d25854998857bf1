"""Progress: what a run tells of itself while it goes on, to whoever watches it.

Runners tell which nodes run and have run; ops tell more with :func:`progress`. Nothing here waits,
locks or sends: a :class:`Watcher` keeps what was told last, and says that there is something new.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .nodes import Plan

__all__ = ["RunningNode", "Watcher", "begin", "progress", "watch", "watched", "watcher_of"]

_LONGEST_MESSAGE = 200

_watcher: Watcher | None = None  # one for the process: threads of an op have contexts of their own
_own: ContextVar[RunningNode | None] = ContextVar("_own", default=None)


def progress(i: float, n: float | None, message: object = None) -> None:
    """Tell how far an op has come; for use inside of ops.

    It costs next to nothing, may be called as often as one likes and from any thread of the op, and
    does nothing where nobody watches: in a plain ``runner.run``, in other processes.

    Args:
        i: how much is done.
        n: of how much; ``None`` if that is not known.
        message: what is being done, in a few words.
    """
    watcher = _watcher
    if watcher is not None:
        watcher.tell((i, n, message))


def watched() -> bool:
    """Whether anybody watches, so that gathering what is to be told is worth while."""
    return _watcher is not None


def watch(watcher: Watcher | None) -> None:
    """Have the runs of this process tell this watcher from now on; ``None``: nobody."""
    global _watcher
    _watcher = watcher


def begin(plan: Plan) -> Watcher | None:
    """Who is to be told of the nodes of a run that begins: nobody, if an op of another run runs it.

    The watcher is told of the ``end`` of the run as well.
    """
    watcher = _watcher
    return watcher if watcher is not None and watcher.begin(plan) else None


def watcher_of(plan: Plan) -> Watcher | None:
    """Who is to be told of the nodes of this plan, which runs."""
    watcher = _watcher
    return watcher if watcher is not None and watcher.plan is plan else None


class RunningNode:
    """A node while it runs.

    Attributes:
        path: its name, behind those of the nested pipelines that it is in.
        told: what its op has told last: ``(i, n, message)``.
    """

    __slots__ = ("path", "told")

    def __init__(self, path: str) -> None:
        self.path = path
        self.told: tuple[Any, Any, Any] = (None, None, None)

    def enter(self) -> None:
        """What this context tells from now on belongs to this node."""
        _own.set(self)

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1, as far as is known."""
        i, n = map(_number, self.told[:2])
        return min(max(i / n, 0.0), 1.0) if i is not None and n else 0.0


class Watcher:
    """Knows how far the run is.

    Args:
        changed: called when there is something new, from any thread; it has to be quick.

    Attributes:
        told: whether an op has told anything itself.
        plan: of the run that is being watched, while it goes on.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self.told = False
        self.plan: Plan | None = None
        self._done = self._total = 0
        self._running: dict[int, RunningNode] = {}
        self._latest: RunningNode | None = None

    # called by whoever runs

    def begin(self, plan: Plan) -> bool:
        """A run begins; gives whether it is to tell of its nodes."""
        if self.plan is not None:
            return False
        self.plan = plan
        self._done, self._total = 0, sum(step.op is not None for step in plan.steps)
        self._running, self._latest = {}, None
        self._changed()
        return True

    def start(self, index: int) -> RunningNode:
        """The step of this index starts."""
        assert self.plan is not None
        node = self._running[index] = self._latest = RunningNode(self.plan.steps[index].path)
        self._changed()
        return node

    def done(self, index: int) -> None:
        """The step of this index has ended."""
        self._running.pop(index, None)
        self._done += 1
        self._changed()

    def end(self, ok: bool) -> None:
        """The run has ended; where one has failed stays known."""
        self.plan = None
        if ok:  # a runner of the user's may not have told of its nodes
            self._done = self._total
            self._changed()

    def tell(self, told: tuple[Any, Any, Any]) -> None:
        """An op says how far it is."""
        self.told = True
        node = _own.get() or self._latest
        if node is not None:
            node.told = told  # one step, and of no use to anybody if the node has ended: no lock
            self._latest = node
        self._changed()

    # called by whoever watches

    def note(self) -> dict[str, Any]:
        """How far it is, as JSON values.

        ``done`` of ``total`` nodes; ``node``, which runs, and what it has told: ``i`` of ``n``,
        ``message``; ``fraction`` of the whole, from 0 to 1.
        """
        running = list(self._running.values())
        latest = self._latest
        if latest not in running:
            latest = running[-1] if running else None
        i, n, message = latest.told if latest else (None, None, None)
        inside = sum(node.fraction for node in running)
        done, total = self._done, self._total
        return {
            "done": done,
            "total": total,
            "node": latest.path if latest else None,
            "i": _number(i),
            "n": _number(n),
            "message": _text(message),
            "fraction": round(min((done + inside) / total, 1.0), 4) if total else None,
        }


def _number(value: Any) -> int | float | None:
    """A finite number of any library as one of Python; what is none becomes ``None``."""
    if value is None:
        return None
    try:
        number = float(value)
    except Exception:  # whatever it is, no run shall fail for it
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _text(message: Any) -> str | None:
    if message is None:
        return None
    try:
        # half of a character, which a program can make, is no text for anybody else
        text = str(message).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return None
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
