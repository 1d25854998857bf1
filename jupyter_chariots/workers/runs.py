"""A pipeline in a worker: what runs as the store says, and commits what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from .. import faults, formats
from ..versioning.version import Version
from .envelope import Answer, assemble, bare, read_call, tail_of
from .hosted import Hosted
from .store_protocol import Store

__all__ = ["HostedRuns", "NeedsFreshProcess"]


class NeedsFreshProcess(Exception):
    """An op must start as constructed, and in this process it no longer is."""


class HostedRuns(Hosted):
    """A pipeline that starts from what the store says at each run, and not from what it holds."""

    _loaded: Any = None  # the set that the last job took on

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


def _texts(versions: Mapping[str, Version]) -> dict[str, str]:
    return {name: str(version) for name, version in versions.items()}
