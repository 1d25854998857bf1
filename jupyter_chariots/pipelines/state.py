"""What a run leaves: states, versions and lineage; and how they go to a store and come back."""

from __future__ import annotations

import getpass
import mmap
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from ..errors import ChariotsError, SerializationError, below_own_frames, from_payload
from ..versioning.spec import Learned, Link, PipelineSpec, RunRecord
from ..versioning.version import Version
from .nodes import Plan
from .ops import LoadableOp
from .provenance import facts_of, surroundings

__all__ = ["StateOfRun", "Store", "imported_models", "load_state", "load_states", "save_run"]


class Store(Protocol):
    """What of an op store saving and loading in this process takes."""

    def commit(
        self,
        spec: PipelineSpec,
        record: RunRecord,
        *,
        promote: bool = False,
        who: str | None = None,
        share: Collection[str] = (),
    ) -> Any:
        """Keep what a run left; ``versions`` of the answer are those recorded, by op name."""

    def choose(self, spec: PipelineSpec, pins: Mapping[str, str] | None = None) -> Any:
        """The ``versions`` and ``states`` that a load takes, with ``warnings``."""

    def read(
        self,
        op: str,
        version: Version,
        *,
        mapped: bool | Callable[[mmap.mmap], object] = False,
    ) -> Any:
        """The bytes of a state, after their digest and signature were checked.

        ``mapped``: a private memory map will do; a function is called with it before the check.
        """

    def record(self, choice: Any) -> Any:
        """Keep the versions that a choice makes (older state under newer code).

        The answer is the choice with the versions as recorded.
        """


class StateOfRun:
    """Follows one run of a pipeline that changes state."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._constructed: dict[str, str] = {}
        self._made: dict[str, Learned] = {}

    def begin(self) -> None:
        """Before the first node."""
        for op in self._plan.changing:
            if not op.fits and op.held_version is None:
                try:
                    self._constructed[op.name] = op.fingerprint_of(op.serialize())
                except Exception:
                    continue  # it has no state yet: whatever the run leaves is new
        for op in self._plan.changing:
            op.begin_run()

    def record(self) -> RunRecord | None:
        """After the last node: what the run left; ``None`` if no state is another than before.

        Raises:
            SerializationError: an op's state cannot be turned into bytes.
        """
        run_id = uuid.uuid4().hex
        pipeline = self._plan.pipeline
        states = {op.name: _state_of(op, pipeline) for op in self._plan.changing}
        versions = {op.name: op.held_version for op in self._plan.ops.values()}
        for op in self._plan.changing:
            fingerprint = states[op.name][1]
            version = op.__version__.learned(op.training_update_version, fingerprint)
            if op.fits or self._is_new(op, version, fingerprint):
                versions[op.name] = version
            else:
                del states[op.name]
        if not states:
            return None
        links = self._lineages(versions)
        around = surroundings()
        for op in self._plan.changing:
            if op.name in states:
                payload, fingerprint = states[op.name]
                made = versions[op.name]
                assert made is not None
                self._made[op.name] = Learned(
                    op=op.name,
                    version=made,
                    class_version=op.__version__,
                    level=op.training_update_version,
                    fingerprint=fingerprint,
                    payload=payload,
                    lineage=links.get(op.name),
                    fitted=op.fits,
                    learned=made.created,
                    facts={**around, "pipeline": pipeline, **facts_of(op)},
                )
        return RunRecord(
            run_id=run_id,
            learned=tuple(self._made.values()),
            after={name: version for name, version in versions.items() if version is not None},
            used=tuple(
                op.learned
                for op in self._plan.ops.values()
                if op.learned is not None and op.name not in self._made
            ),
        )

    def end(self, ok: bool) -> None:
        """At the end, however it came."""
        for op in self._plan.changing:
            op.end_run(ok)
            if ok and op.name in self._made:
                op.set_learned(self._made[op.name])

    def _is_new(self, op: LoadableOp, version: Version, fingerprint: str) -> bool:
        if op.held_version is not None:
            return version != op.held_version
        return self._constructed.get(op.name) != fingerprint

    def _lineages(self, versions: Mapping[str, Version | None]) -> dict[str, tuple[Link, ...]]:
        """For each op that was fitted, the versions of all ops upstream of where it was."""
        steps = self._plan.steps
        lineages: dict[str, tuple[Link, ...]] = {}
        for index, sources in self._plan.upstream.items():
            fitted = steps[index].op
            if fitted is None or not fitted.fits:
                continue
            links: dict[tuple[str, Version], Link] = {}
            for source in sources:
                op = steps[source].op
                if op is not None and not (op.stateful and op.name == fitted.name):
                    version = (versions.get(op.name) if op.stateful else None) or op.__version__
                    links.setdefault((op.name, version), Link(op.name, version, op.stateful))
            lineages[fitted.name] = tuple(links.values())
        return lineages


def _state_of(op: LoadableOp, pipeline: str) -> tuple[bytes, str]:
    try:
        payload = op.serialize()
        return payload, op.fingerprint_of(payload)
    except Exception as exc:
        what = f"The state of op {op.name!r} of pipeline {pipeline!r} cannot be turned into bytes"
        hint = "Give the op another serializer_cls, or write its serialize()."
        raise _explained(exc, what, hint, op, pipeline) from exc


def load_state(op: LoadableOp, payload: Any, version: Version, pipeline: str) -> None:
    """Have an op of a pipeline take the state of a version.

    Raises:
        SerializationError: it cannot.
    """
    try:
        op.load(payload)
    except Exception as exc:
        what = f"Op {op.name!r} of pipeline {pipeline!r} cannot load version {version!r}"
        hint = (
            "A package that the state needs may be missing here or be of another version; else"
            " train the op again."
        )
        raise _explained(exc, what, hint, op, pipeline) from exc


def _explained(
    exc: Exception, what: str, hint: str, op: LoadableOp, pipeline: str
) -> ChariotsError:
    """The error that names the op; what a serialiser says of the reason stays."""
    where = {"pipeline": pipeline, "op": op.name}
    if isinstance(exc, ChariotsError):
        return from_payload({**exc.payload(), **where, "message": f"{what}: {exc.message}"})
    exc.__traceback__ = below_own_frames(exc.__traceback__)
    text = "".join(traceback.format_exception(exc))
    reason = f"{type(exc).__name__}: {exc}"
    return SerializationError(f"{what}: {reason}", hint=hint, traceback=text, **where)


def imported_models(ops: Mapping[str, LoadableOp]) -> RunRecord | None:
    """Models that were trained elsewhere and that no store has, as if a run had left them."""
    held = [op.learned for op in ops.values() if op.learned is not None]
    imported = tuple(one for one in held if one.fitted and one.lineage is None)
    if not imported:
        return None
    after = {name: op.held_version for name, op in ops.items() if op.held_version is not None}
    return RunRecord(run_id=uuid.uuid4().hex, learned=imported, after=after)


def save_run(
    spec: PipelineSpec,
    ops: Mapping[str, LoadableOp],
    record: RunRecord,
    store: Store,
    share: Collection[str],
) -> Any:
    """Commit what a run left and promote it; the ops then hold the versions as recorded."""
    committed = store.commit(spec, record, promote=True, who=_user(), share=share)
    for learned in (*record.learned, *record.used):
        op = ops.get(learned.op)
        # An op that was trained again in another pipeline since then holds what that left.
        if op is not None and op.held_version == learned.version:
            op.set_learned(committed.versions.get(learned.op, learned.version))
    return committed


def load_states(
    spec: PipelineSpec,
    ops: Mapping[str, LoadableOp],
    store: Store,
    versions: Mapping[str, str] | None,
) -> list[str]:
    """Load what the store chooses: all of it, or nothing. Returns the warnings.

    Raises:
        VersionError: nothing that fits together is in the store.
        SerializationError: an op cannot take its state.
    """
    choice = store.choose(spec, versions)
    payloads = {
        name: store.read(name, state.version, mapped=ops[name].maps_state)
        for name, state in choice.states.items()
    }
    points = [(ops[name], ops[name].restore_point()) for name in payloads]
    try:
        for name, payload in payloads.items():
            load_state(ops[name], payload, choice.versions[name], spec.name)
        recorded = store.record(choice)
        for name in payloads:
            ops[name].set_learned(recorded.versions[name])
    except BaseException:
        for op, point in points:
            op.restore(point)
        raise
    return list(choice.warnings)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None  # a container without a name for this user
