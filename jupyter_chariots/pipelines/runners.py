"""Runners: they execute a pipeline in the calling process."""

from __future__ import annotations

import contextvars
from abc import ABC, abstractmethod
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from ..errors import InvalidInput
from . import watching
from .nodes import Plan
from .ops import BaseOp
from .pipeline import Pipeline
from .state import StateOfRun
from .steps import after, before, failed, pass_on, unpack
from .watching import RunningNode

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
        watcher = watching.begin(plan)
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
            if watcher is not None:
                watcher.end(ok)
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
        watcher = watching.watcher_of(plan)
        for index, step in enumerate(plan.steps):
            args = [slots[slot] for slot in step.inputs]
            for slot in step.drop:
                slots[slot] = None
            op = step.op
            if watcher is not None and op is not None:
                watcher.start(index)
            try:
                if op is None:
                    output = pass_on(step, args, slots)
                elif step.pipeline.callbacks:
                    before(step, args)
                    output = op.execute_with_all_callbacks(args)
                    after(step, args, output)
                elif step.hooked or op.callbacks:
                    output = op.execute_with_all_callbacks(args)
                else:
                    output = op.execute(*args)
                if step.target >= 0:
                    slots[step.target] = output
                elif step.targets:
                    unpack(step, output, slots)
            except (Exception, SystemExit) as exc:
                error = failed(plan.pipeline, step, exc)
                if error is exc:
                    raise
                raise error from exc
            args = output = None  # type: ignore[assignment]
            if watcher is not None and op is not None:
                watcher.done(index)


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

    def __init__(
        self, index: int, op: BaseOp, args: list[Any], keep: bool, node: RunningNode | None
    ) -> None:
        self.index, self.output = index, None
        self.kept = args if keep else []
        self._op, self._args, self._node = op, args, node

    def run(self) -> None:
        if self._node is not None:
            self._node.enter()
        args, self._args = self._args, []
        self.output = self._op.execute_with_all_callbacks(args)


class _Threads:
    """One run in threads. Everything but the ops themselves happens in the calling thread."""

    def __init__(self, plan: Plan, slots: list[Any], pool: ThreadPoolExecutor) -> None:
        self._pipeline, self._steps = plan.pipeline, plan.steps
        self._watcher = watching.watcher_of(plan)
        self._slots, self._pool = slots, pool
        self._open = [len(step.after) for step in plan.steps]
        self._followers: list[list[int]] = [[] for _ in plan.steps]
        self._uses = [0] * plan.size
        for index, step in enumerate(plan.steps):
            for earlier in step.after:
                self._followers[earlier].append(index)
            for slot in step.inputs:
                self._uses[slot] += 1
        if plan.output >= 0:
            self._uses[plan.output] += 1
        self._ready = [index for index, count in enumerate(self._open) if not count]
        self._running: dict[Future[None], _Task] = {}
        self._errors: dict[int, Exception | SystemExit] = {}

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
            error = failed(self._pipeline, self._steps[first], self._errors[first])
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
                self._store(index, pass_on(step, args, self._slots))
                return
            if step.pipeline.callbacks:
                before(step, args)
        except (Exception, SystemExit) as exc:
            self._errors[index] = exc
            return
        node = self._watcher.start(index) if self._watcher is not None else None
        task = _Task(index, op, args, keep=bool(step.pipeline.callbacks), node=node)
        future = self._pool.submit(contextvars.copy_context().run, task.run)
        self._running[future] = task

    def _end(self, task: _Task, future: Future[None]) -> None:
        step = self._steps[task.index]
        try:
            future.result()
            output, task.output = task.output, None
            if step.pipeline.callbacks:
                after(step, task.kept, output)
            self._store(task.index, output)
        except (Exception, SystemExit) as exc:
            self._errors[task.index] = exc
        else:
            if self._watcher is not None:
                self._watcher.done(task.index)

    def _store(self, index: int, output: Any) -> None:
        step = self._steps[index]
        if step.target >= 0:
            self._slots[step.target] = output
        elif step.targets:
            unpack(step, output, self._slots)
        for follower in self._followers[index]:
            self._open[follower] -= 1
            if not self._open[follower]:
                self._ready.append(follower)
        self._ready.sort()


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
