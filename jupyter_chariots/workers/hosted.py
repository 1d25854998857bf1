"""A pipeline as a child holds it: loads states and answers calls. :mod:`.runs` commits, too."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
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
    read_call,
    read_envelope,
)
from .inference import InferRequest, Tensors, model_version
from .inputs import arranged
from .interrupts import Interrupts
from .joining import Joining
from .store_protocol import Store

__all__ = ["Hosted"]


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

    def run_here(self, pipeline_input: Any) -> Any:
        """Run on the loaded set and give the output as it is; nothing is committed.

        Raises:
            InvalidInput: the input does not fit the pipeline.
            NodeFailed: an op raised; its own exception is the cause.
        """
        given = self._arranged(self._given(Envelope(pipeline_input)))
        return self._runner.run(self.pipeline, given)

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
