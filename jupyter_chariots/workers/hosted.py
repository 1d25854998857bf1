"""A pipeline as a child holds it: loads states, answers calls, runs and commits."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .. import faults, formats
from ..errors import (
    ChariotsError,
    InvalidInput,
    NodeFailed,
    SerializationError,
    Unavailable,
)
from ..pipelines.pipeline import Pipeline
from ..pipelines.runners import BaseRunner
from ..pipelines.state import load_state
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version, combine
from . import codec
from .envelope import (
    MOST_IN_HEADERS,
    Answer,
    Envelope,
    answer_tail,
    assemble,
    bare,
    read_call,
    read_envelope,
    tail_of,
)
from .inference import InferRequest, Tensors, model_version
from .inputs import arranged
from .interrupts import Interrupts
from .joining import Joining
from .store_protocol import Store

__all__ = ["Hosted", "NeedsFreshProcess"]


class NeedsFreshProcess(Exception):
    """An op must start as constructed, and in this process it no longer is."""


class Hosted:
    """A pipeline with its registered definition, whose times the versions carry.

    Args:
        pipeline: as this process imported it.
        spec: as the store registered it.
        runner: executes it.
        interrupts: user code runs inside of it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        spec: PipelineSpec,
        runner: BaseRunner,
        interrupts: Interrupts,
    ) -> None:
        self.pipeline, self.spec = pipeline, spec
        self._runner, self._interrupts = runner, interrupts
        self._loaded: Any = None
        self._unsure: set[str] = set()  # ops that a run may have left half changed
        self._name_versions({})
        self._joining = Joining(spec.name, self._run, self._single)
        output = next((n for n in spec.nodes if "__pipeline_output__" in n.outputs), None)
        self._output_node = output.name if output else None
        self._schema: Mapping[str, Any] | None = None

    def load(
        self, store: Store, versions: Mapping[str, Version], stored: Mapping[str, Version]
    ) -> None:
        """Take on a set of versions, to answer calls with.

        Args:
            store: where the states are; it checks their signatures before they are opened.
            versions: by op, as they are served.
            stored: by op, the versions under which the states are stored, where they differ.
        """
        wanted = {op: versions[op] for op in self.spec.stateful if op in versions}
        payloads = {op: self._read(store, op, stored.get(op, wanted[op])) for op in wanted}
        faults.reached("states read")
        for op, payload in payloads.items():
            self._set(op, payload, wanted[op])
        self._name_versions(versions)
        faults.reached("states loaded")
        # its facts stand with the version under which the state is stored
        self._schema = self._schema_of(store, {**versions, **stored})

    def _name_versions(self, versions: Mapping[str, Version]) -> None:
        nodes = self.spec.node_versions(versions)
        self._tail = answer_tail(nodes)
        self._version = model_version(combine(nodes.items()))

    def call(
        self, body: formats.Received, form: Mapping[str, Any] = MappingProxyType({})
    ) -> Answer:
        """Answer a call on the loaded set.

        Args:
            body: of the request.
            form: ``content_type``, ``query`` and ``accept`` of the request, where they are not
                those of JSON; ``infer``, if it is one of the Open Inference Protocol.
        """
        envelope = read_call(body, form)
        if envelope.infer:
            envelope.infer.check(self._version)
        pipeline_input = self._arranged(self._given(envelope))
        output = self._execute(pipeline_input, form, envelope.infer, self._version)
        return assemble(output, self._tail)

    def calls(
        self, bodies: Sequence[formats.Received]
    ) -> tuple[list[bytes | ChariotsError], str | None]:
        """Answer several calls in JSON on the loaded set, as one run where that is the same.

        Returns:
            for each body the answer or the error; and why calls should not be joined, if so.

        Raises:
            Unavailable: it was interrupted.
        """
        answers: list[bytes | ChariotsError] = [b""] * len(bodies)
        given: dict[int, Any] = {}
        for index, body in enumerate(bodies):
            try:
                given[index] = self._given(read_envelope(body))
            except ChariotsError as error:
                answers[index] = error
        outputs = self._joining.outputs(list(given.values()))
        for index, output in zip(given, outputs, strict=True):
            answers[index] = output if isinstance(output, ChariotsError) else self._complete(output)
        return answers, self._joining.warning

    def predict(
        self,
        open_store: Callable[[], Store],
        body: formats.Received,
        served: tuple[Mapping[str, Version], Mapping[str, Version]] | None,
        form: Mapping[str, Any] = MappingProxyType({}),
    ) -> Answer:
        """Run as a job what changes nothing; a set that it has already is not loaded again.

        Args:
            open_store: where the states are.
            body: of the request.
            served: the versions that are served, and those under which the states are stored where
                they differ; if nothing is, what a load would take now.
            form: as for :meth:`call`.

        Returns:
            a header with what goes with the output (``about``), and the output alone.

        Raises:
            VersionError: nothing is served, and no versions that go together are in the store.
            NeedsFreshProcess: an op must start as constructed, and here it no longer is.
        """
        if served is None:
            store = open_store()
            choice = store.start(self.spec)
            store.record(choice)
            states = {op: state.version for op, state in choice.states.items()}
            served = dict(choice.versions), states
        if self._loaded != served:
            held = (name for name, op in self.pipeline.ops.items() if op.held_version)
            if any(name not in served[0] for name in held):
                raise NeedsFreshProcess
            self._loaded = None
            if served[0]:
                self.load(open_store(), *served)
            self._loaded = served
        envelope = read_call(body, form)
        output = self._execute(self._arranged(self._given(envelope)), form)
        header, result = bare(output)
        about = {**header, "versions": _texts(self.spec.node_versions(served[0]))}
        return {"about": about, "ended": False}, result

    def run(
        self,
        store: Store,
        body: formats.Received,
        *,
        who: str | None = None,
        job_id: str | None = None,
        ending: Callable[[bytes, Callable[[Any], Mapping[str, Any]]], Any] | None = None,
        promote: bool | None = None,
        alone: bool = False,
        form: Mapping[str, Any] = MappingProxyType({}),
    ) -> Answer:
        """Run from what the store says it starts from, and commit what it leaves.

        Args:
            store: the op store.
            body: of the request.
            who: the user.
            job_id: the job that this is, if it is one.
            ending: makes how the job ends from its result and from what makes its header: then the
                job ends in the transaction that commits.
            promote: whether the result is saved; if not given, the body says it.
            alone: give the output alone, and in the header what goes with it (``about``).
            form: as for :meth:`call`.

        Returns:
            header and body of the answer; the header says what was committed: ``run_id``,
            ``seq``, ``saved``, ``versions`` by op, ``warnings``; and whether the job has ``ended``.

        Raises:
            NeedsFreshProcess: an op must start as constructed, and here it no longer is.
            LeaseLost: the job was taken from this attempt; nothing was committed.
            JobCancelled: the job was to be cancelled, and is; nothing was committed.
        """
        envelope = read_call(body, form)
        given = self._given(envelope)  # refused before a store is asked
        started = store.sequence()
        before = self._start(store)
        faults.reached("start chosen")
        self._schema = self._schema_of(store, before)
        pipeline_input = self._arranged(given)
        self.pipeline.last_run = None
        self._unsure = {op.name for op in self.spec.ops if op.carries}
        output = self._execute(pipeline_input, form, envelope.infer)
        faults.reached("fitted")
        form_of_output, result = bare(output)
        record = self.pipeline.last_run
        after = before if record is None else {**before, **record.after}

        def about(committed: Any) -> dict[str, Any]:
            versions = self.spec.node_versions({**after, **committed.versions})
            more: dict[str, Any] = {}
            if committed.warnings:
                more["warnings"] = list(committed.warnings)
            if record and record.learned:
                more["run_id"] = committed.run_id
            return {**form_of_output, "versions": _texts(versions), **more}

        if record is None:
            self._unsure.clear()
            told = {**form_of_output, "versions": _texts(self.spec.node_versions(before))}
            if ending is not None:
                end = ending(bytes(result), lambda _: told)
                store.finish_job(end.lease, end.body, told)
            header: dict[str, Any] = {}
        else:
            committed = store.commit(
                self.spec,
                record,
                promote=bool(envelope.save) if promote is None else promote,
                started=started,
                who=who,
                job_id=job_id,
                ending=None if ending is None else ending(bytes(result), about),
            )
            after = {**after, **committed.versions}
            for name in self.pipeline.ops.keys() & after.keys():
                self.pipeline.ops[name].set_learned(after[name])
            self._unsure.clear()
            told = about(committed)
            header = {
                "run_id": committed.run_id,
                "seq": committed.seq,
                "saved": committed.saved,
                "versions": _texts(committed.versions),
                "warnings": committed.warnings,
            }
        header["ended"] = ending is not None
        if alone:
            return {**header, "about": told}, result
        more = {key: told[key] for key in ("run_id", "warnings") if key in told}
        form_of_answer, answer = assemble(output, tail_of(told["versions"], **more))
        return {**header, **form_of_answer}, answer

    def run_here(self, pipeline_input: Any) -> Any:
        """Run on the loaded set and give the output as it is; nothing is committed.

        Raises:
            InvalidInput: the input does not fit the pipeline.
            NodeFailed: an op raised; its own exception is the cause.
        """
        given = self._arranged(self._given(Envelope(pipeline_input)))
        return self._runner.run(self.pipeline, given)

    def _start(self, store: Store) -> dict[str, Version]:
        """Bring the ops that are not fitted from scratch to the versions that a run starts from."""
        choice = store.start(self.spec)
        for name, spec in self.spec.stateful.items():
            if spec.fits and not spec.carries:
                continue
            op = self.pipeline.ops[name]
            version = choice.versions.get(name)
            if version is None:
                if op.held_version is not None or name in self._unsure:
                    raise NeedsFreshProcess
            elif op.held_version == version and name not in self._unsure:
                op.set_learned(version)  # the same, but perhaps recorded at another time
            else:
                self._set(name, self._read(store, name, choice.states[name].version), version)
        store.record(choice)
        return dict(choice.versions)

    def _read(self, store: Store, name: str, version: Version) -> Any:
        return store.read(name, version, mapped=self.pipeline.ops[name].maps_state)

    def _set(self, name: str, payload: Any, version: Version) -> None:
        op = self.pipeline.ops[name]
        self._unsure.add(name)
        with self._interrupts:
            load_state(op, payload, version, self.spec.name)
        op.set_learned(version)
        self._unsure.discard(name)

    def _given(self, envelope: Envelope) -> Any:
        given = envelope.pipeline_input is not None
        if given and not self.spec.takes_input:
            raise InvalidInput(
                f"Pipeline {self.spec.name!r} takes no input, but the call has one.",
                hint="Leave `pipeline_input` out.",
                pipeline=self.spec.name,
            )
        if self.spec.takes_input and not given:
            raise InvalidInput(
                f"Pipeline {self.spec.name!r} needs an input, and the call has none.",
                hint='Send it as "pipeline_input".',
                pipeline=self.spec.name,
            )
        return envelope.pipeline_input

    def _arranged(self, given: Any) -> Any:
        """The input as the op that gets it knows it from its fit."""
        if isinstance(given, Tensors):
            given = given.value(self._schema)
        return given if self._schema is None else arranged(given, self._schema, self.spec.name)

    def _schema_of(self, store: Store, versions: Mapping[str, Version]) -> Any:
        """What the input looked like when the op that gets it was fitted, if one is fitted."""
        for node in self.spec.nodes:
            # which of a nested pipeline's ops gets the input, the specification does not say
            if "__pipeline_input__" in node.inputs and len(node.ops) == 1:
                op = self.spec.ops[node.ops[0]]
                if op.stateful and not op.fits and op.name in versions:
                    return store.version_info(op.name, versions[op.name]).facts.get("schema")
        return None

    def _run(self, given: Any) -> Any:
        pipeline_input = self._arranged(given)
        with self._interrupts:
            return self._runner.run(self.pipeline, pipeline_input)

    def _complete(self, output: str) -> bytes:
        return bytes(assemble(output, self._tail)[1])

    def _single(self, given: Any) -> str | ChariotsError:
        """The output of one execution among several, as JSON, or its error."""
        try:
            return str(self._execute(self._arranged(given), {}))
        except ChariotsError as error:
            if error.details.get("interrupted"):
                raise
            return error

    def _execute(
        self,
        pipeline_input: Any,
        form: Mapping[str, Any],
        infer: InferRequest | None = None,
        version: str | None = None,
    ) -> str | formats.Encoded:
        """The output of one execution: JSON, or bytes; for ``infer`` as its answer."""
        name = self.spec.name
        wanted = formats.preferred(form.get("accept", ""))
        if len(self._tail) > MOST_IN_HEADERS:
            wanted = ()
        try:
            with self._interrupts:
                output = self._runner.run(self.pipeline, pipeline_input)
                if infer:
                    return infer.write(output, version)
                data = formats.encode(output, wanted)
                return formats.Encoded(*data) if data else codec.encode(output)
        except SerializationError as error:
            where = f" (node {self._output_node!r})" if self._output_node else ""
            raise SerializationError(
                f"The output of pipeline {name!r}{where} cannot be sent: {error.message}",
                hint=error.hint,
                **{**error.details, "pipeline": name, "node": self._output_node},
            ) from error
        except ChariotsError:
            raise
        except KeyboardInterrupt:
            raise Unavailable(
                f"The run of pipeline {name!r} was interrupted.",
                hint="It has left nothing behind; it can be called again.",
                pipeline=name,
                interrupted=True,
            ) from None
        except (Exception, SystemExit) as error:
            raise NodeFailed(
                f"Pipeline {name!r} failed outside of its nodes: {type(error).__name__}: {error}",
                hint="A callback or the runner raised, or an op ended the process.",
                traceback=traceback.format_exc(),
                pipeline=name,
            ) from error


def _texts(versions: Mapping[str, Version]) -> dict[str, str]:
    return {name: str(version) for name, version in versions.items()}
