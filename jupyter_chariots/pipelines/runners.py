"""Runners: they execute a pipeline in the calling process."""

from __future__ import annotations

import contextvars
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from ..errors import ChariotsError, InvalidInput, NodeFailed, NotLoaded, below_own_frames
from .nodes import Plan, Step
from .ops import BaseOp
from .pipeline import Pipeline
from .state import StateOfRun

__all__ = ["BaseRunner", "SequentialRunner", "ThreadRunner"]


class BaseRunner(ABC):
    """Runs pipelines; subclasses say in ``_execute`` how the steps of a plan follow one another."""

    def run(self, pipeline: Pipeline, pipeline_input: Any = None) -> Any:
        """Run a pipeline.

        Args:
            pipeline: what to run.
            pipeline_input: the value of ``__pipeline_input__``; ``None`` is no input.

        Returns:
            The value of ``__pipeline_output__``; ``None`` if the pipeline gives none.

        Raises:
            InvalidInput: the pipeline takes an input and got none, or takes none and got one.
            NotLoaded: an op has no state to run with.
            NodeFailed: an op raised. Ops that the pipeline fits are as they were before.
            SerializationError: what an op learned cannot be turned into bytes.
        """
        plan = pipeline.plan
        if plan.takes_input is (pipeline_input is None):
            raise _wrong_input(pipeline)
        slots: list[Any] = [None] * plan.size
        args = [pipeline_input] if plan.takes_input else []
        del pipeline_input
        callbacks = pipeline.callbacks
        for callback in callbacks:
            callback.before_execution(pipeline, args)
        if args:
            slots[0] = args[0]
        if not callbacks:
            args.clear()  # nobody asks for them: results are dropped as early as they can be
        run = StateOfRun(plan) if plan.changing else None
        ok = False
        try:
            if run is not None:
                run.begin()
            self._execute(plan, slots)
            output = slots[plan.output] if plan.output >= 0 else None
            record = run.record() if run is not None else None
            for callback in callbacks:
                callback.after_execution(pipeline, args, output)
            ok = True
        finally:
            if run is not None:
                run.end(ok)
        if record is not None:
            pipeline.last_run = record
        return output

    @abstractmethod
    def _execute(self, plan: Plan, slots: list[Any]) -> None:
        """Run all steps of the plan; values are passed on through the slots."""


class SequentialRunner(BaseRunner):
    """Runs one node after the other."""

    def _execute(self, plan: Plan, slots: list[Any]) -> None:
        for step in plan.steps:
            args = [slots[slot] for slot in step.inputs]
            for slot in step.drop:
                slots[slot] = None
            op = step.op
            try:
                if op is None:
                    output = _pass(step, args, slots)
                elif step.pipeline.callbacks:
                    _before(step, args)
                    output = op.execute_with_all_callbacks(args)
                    _after(step, args, output)
                elif step.hooked or op.callbacks:
                    output = op.execute_with_all_callbacks(args)
                else:
                    output = op.execute(*args)
                if step.target >= 0:
                    slots[step.target] = output
                elif step.targets:
                    _unpack(step, output, slots)
            except Exception as exc:
                error = _failed(plan.pipeline, step, exc)
                if error is exc:
                    raise
                raise error from exc
            args = output = None  # type: ignore[assignment]


class ThreadRunner(BaseRunner):
    """Runs independent branches in parallel, in threads. Same results, same callbacks.

    Callbacks of pipelines run in the calling thread, never two at once; those of ops run where
    the op runs.

    Args:
        max_workers: the number of threads; by default that of ``ThreadPoolExecutor``.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers

    def _execute(self, plan: Plan, slots: list[Any]) -> None:
        with ThreadPoolExecutor(self.max_workers, "chariots") as pool:
            _Threads(plan, slots, pool).run()


class _Task:
    """One op's run in a thread.

    The pool holds on to its task for a moment longer than the run needs the values: they are
    handed over, so that results are dropped as soon as they can be.
    """

    def __init__(self, index: int, op: BaseOp, args: list[Any], keep: bool) -> None:
        self.index, self.output = index, None
        self.kept = args if keep else []
        self._op, self._args = op, args

    def run(self) -> None:
        args, self._args = self._args, []
        self.output = self._op.execute_with_all_callbacks(args)


class _Threads:
    """One run in threads. Everything but the ops themselves happens in the calling thread."""

    def __init__(self, plan: Plan, slots: list[Any], pool: ThreadPoolExecutor) -> None:
        self._pipeline, self._steps = plan.pipeline, plan.steps
        self._slots, self._pool = slots, pool
        self._open = [len(step.after) for step in plan.steps]
        self._followers: list[list[int]] = [[] for _ in plan.steps]
        self._uses = [0] * plan.size
        for index, step in enumerate(plan.steps):
            for before in step.after:
                self._followers[before].append(index)
            for slot in step.inputs:
                self._uses[slot] += 1
        if plan.output >= 0:
            self._uses[plan.output] += 1
        self._ready = [index for index, count in enumerate(self._open) if not count]
        self._running: dict[Future[None], _Task] = {}
        self._errors: dict[int, Exception] = {}

    def run(self) -> None:
        while True:
            while self._ready and not self._errors:
                self._start(self._ready.pop(0))
            if not self._running:
                break
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                self._end(self._running.pop(future), future)
        if self._errors:
            first = min(self._errors)
            error = _failed(self._pipeline, self._steps[first], self._errors[first])
            if error is self._errors[first]:
                raise error
            raise error from self._errors[first]

    def _start(self, index: int) -> None:
        step = self._steps[index]
        args = [self._slots[slot] for slot in step.inputs]
        for slot in step.inputs:
            self._uses[slot] -= 1
            if not self._uses[slot]:
                self._slots[slot] = None
        op = step.op
        try:
            if op is None:
                self._store(index, _pass(step, args, self._slots))
                return
            if step.pipeline.callbacks:
                _before(step, args)
        except Exception as exc:
            self._errors[index] = exc
            return
        task = _Task(index, op, args, keep=bool(step.pipeline.callbacks))
        future = self._pool.submit(contextvars.copy_context().run, task.run)
        self._running[future] = task

    def _end(self, task: _Task, future: Future[None]) -> None:
        step = self._steps[task.index]
        try:
            future.result()
            output, task.output = task.output, None
            if step.pipeline.callbacks:
                _after(step, task.kept, output)
            self._store(task.index, output)
        except Exception as exc:
            self._errors[task.index] = exc

    def _store(self, index: int, output: Any) -> None:
        step = self._steps[index]
        if step.target >= 0:
            self._slots[step.target] = output
        elif step.targets:
            _unpack(step, output, self._slots)
        for follower in self._followers[index]:
            self._open[follower] -= 1
            if not self._open[follower]:
                self._ready.append(follower)
        self._ready.sort()


def _before(step: Step, args: list[Any]) -> None:
    for callback in step.pipeline.callbacks:
        callback.before_node_execution(step.pipeline, step.node, args)


def _after(step: Step, args: list[Any], output: Any) -> None:
    for callback in step.pipeline.callbacks:
        callback.after_node_execution(step.pipeline, step.node, args, output)


def _pass(step: Step, args: list[Any], slots: list[Any]) -> Any:
    """Enter a nested pipeline, or leave it: fire the callbacks of both, pass the value on."""
    assert step.inner is not None
    inner = step.inner
    if step.enters:
        _before(step, args)
        for callback in inner.callbacks:
            callback.before_execution(inner, args)
        if inner.callbacks or step.pipeline.callbacks:
            slots[step.frame] = args
        return args[0] if args else None
    output = args[0] if args else None
    given, slots[step.frame] = slots[step.frame] or [], None
    for callback in inner.callbacks:
        callback.after_execution(inner, given, output)
    _after(step, given, output)
    return output


def _unpack(step: Step, output: Any, slots: list[Any]) -> None:
    names = step.node.output_nodes
    if not isinstance(output, Sequence) or isinstance(output, (str, bytes)):
        raise TypeError(
            f"Node {step.path!r} has {len(names)} outputs ({', '.join(names)}) and needs a tuple of"
            f" as many values, but got one {type(output).__name__}."
        )
    if len(output) != len(names):
        raise ValueError(
            f"Node {step.path!r} has {len(names)} outputs ({', '.join(names)}) and needs a tuple of"
            f" as many values, but got {len(output)}."
        )
    for slot, value in zip(step.targets, output, strict=True):
        if slot >= 0:
            slots[slot] = value


def _failed(pipeline: str, step: Step, exc: Exception) -> ChariotsError:
    """The error that says where an op failed; what already says what to do passes through."""
    op = step.op.name if step.op is not None else step.node.op.name
    where = {"pipeline": pipeline, "node": step.path, "op": op}
    if isinstance(exc, (InvalidInput, NotLoaded)):
        exc.details = {**where, **exc.details}
        return exc
    # What the reader looks for is below the frames of the runner and of the op's base class.
    exc.__traceback__ = below_own_frames(exc.__traceback__)
    text = "".join(traceback.format_exception(exc))
    return NodeFailed(
        f"Node {step.path!r} (op {op!r}) of pipeline {pipeline!r} failed:"
        f" {type(exc).__name__}: {exc}",
        traceback=text,
        **where,
    )


def _wrong_input(pipeline: Pipeline) -> InvalidInput:
    if pipeline.plan.takes_input:
        return InvalidInput(
            f"Pipeline {pipeline.name!r} takes an input, and was given none.",
            hint="Pass a value as pipeline_input.",
            pipeline=pipeline.name,
        )
    return InvalidInput(
        f"Pipeline {pipeline.name!r} takes no input, and was given one.",
        hint="Call it without pipeline_input.",
        pipeline=pipeline.name,
    )
