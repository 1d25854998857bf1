"""What notebooks send: judged without opening it, and entered into the store.

All of it is to be called in threads, for it touches files and the store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from ..errors import BadRequest, Conflict, TooLarge
from ..op_store import OpStore
from ..op_store.records import Definition
from ..pipelines.bundle import Bundle, Sent
from ..pipelines.header import PROTOCOL
from ..pipelines.packing import LIMIT
from ..versioning.names import check_name
from ..versioning.spec import Learned, PipelineSpec, RunRecord
from ..versioning.version import Version

__all__ = ["read_bundle", "register", "renamed", "save"]


def read_bundle(body: bytes) -> Bundle:
    """What a notebook sent, checked as far as that goes without opening it.

    Raises:
        BadRequest: it is malformed.
        Conflict: it cannot run on this machine.
        TooLarge: a definition is larger than may be.
    """
    bundle = Bundle.from_bytes(body)
    header = bundle.header
    if header["protocol"] != PROTOCOL:
        raise Conflict(
            "The kernel has a release of jupyter_chariots that does not go with the server's.",
            hint="Install the same release in both environments.",
        )
    if not re.fullmatch(r"3\.\d{1,3}", header["python"]):
        raise BadRequest("The header names no version of Python.", field="python")
    if not os.access(header["executable"], os.X_OK):
        raise Conflict(
            f"The interpreter of the kernel, {header['executable']}, is not on the machine of the "
            "server.",
            hint="Serve from a kernel that runs beside the server.",
        )
    if not os.path.isdir(header["folder"]):
        raise Conflict(
            f"The folder of the kernel, {header['folder']}, is not on the machine of the server.",
            hint="Serve from a kernel that runs beside the server.",
        )
    names = [sent.spec.name for sent in bundle.pipelines]
    if len(set(names)) < len(names):
        raise BadRequest("Two of the pipelines have the same name.")
    for sent in bundle.pipelines:
        _check_sent(sent)
    return bundle


def _check_sent(sent: Sent) -> None:
    check_name("pipeline", sent.spec.name)
    for op in sent.spec.ops:
        check_name("op", op.name)
    if len(sent.data) > LIMIT:
        raise TooLarge(
            f"The definition of pipeline {sent.spec.name!r} has more than {LIMIT >> 20} MB."
        )


def register(store: OpStore, bundle: Bundle, owner: str, who: str | None) -> list[Definition]:
    """Register all or none; names of a notebook that was renamed move along.

    Raises:
        NameTaken: a name belongs to another notebook or module.
    """
    names = {str(bundle.header["notebook"]), *bundle.header["formerly"]}
    names |= {
        known.owner
        for known in store.definitions()
        if known.trusted and _kernel_of(known.source) == bundle.header["kernel_id"] is not None
    }
    header = {**bundle.header, "notebook": owner}
    return store.register_by_value(
        [_owned(sent.spec, {*names, "__main__"}, owner) for sent in bundle.pipelines],
        [sent.data for sent in bundle.pipelines],
        [{**header, "carried": sent.carried} for sent in bundle.pipelines],
        owner=owner,
        who=who,
        replace=bundle.replace,
        share=bundle.share,
        replicas=bundle.replicas,
        formerly=names - {owner},
    )


def _kernel_of(source: Mapping[str, Any]) -> str | None:
    found: str | None = source.get("header", {}).get("kernel_id")
    return found


def _owned(spec: PipelineSpec, here: Set[str], owner: str) -> PipelineSpec:
    """The specification; what the notebook defines is the notebook's under its present name."""
    ops = (replace(op, origin=owner) if op.origin in here else op for op in spec.ops)
    return replace(spec, ops=tuple(ops))


def renamed(runs: Sequence[RunRecord], called: str | None, owner: str) -> Iterator[RunRecord]:
    """Runs of a kernel, which may know its notebook under an older name."""

    def under_name(one: Learned) -> Learned:
        if one.facts.get("notebook") != called:
            return one
        return replace(one, facts={**one.facts, "notebook": owner})

    for run in runs:
        yield replace(
            run,
            learned=tuple(map(under_name, run.learned)),
            used=tuple(map(under_name, run.used)),
        )


def save(
    store: OpStore, spec: PipelineSpec, run: RunRecord, who: str | None
) -> tuple[dict[str, Version], dict[str, Version]]:
    """Commit and save what a kernel learned, unless it is the newest already.

    Returns:
        What was saved, and all that the run learned, by op as the store has it.
    """
    newest = {one.op: store.newest(one.op, one.class_version.major) for one in run.learned}
    known = {op: version for op, version in newest.items() if version is not None}
    if all(newest[one.op] == one.version for one in run.learned):
        return {}, known
    committed = store.commit(spec, run, promote=True, who=who)
    mine = {one.op for one in (*run.learned, *run.used)}
    held = {op: version for op, version in committed.versions.items() if op in mine}
    return {one.op: held[one.op] for one in run.learned}, held
