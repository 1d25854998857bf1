"""What a process that defines pipelines sends to have them served."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Collection, Iterator, Sequence

from ..errors import DefinitionError
from ..pipelines.bundle import Bundle, Sent
from ..pipelines.header import make_header
from ..pipelines.packing import pack
from ..pipelines.pipeline import Pipeline
from ..versioning.spec import RunRecord
from ..versioning.version import Version, digest
from .fingerprint import state_digest

__all__ = ["bundle_of"]


def bundle_of(
    pipelines: Sequence[Pipeline],
    *,
    replace: bool,
    share: Collection[str],
    env: Collection[str],
    replicas: int | None = None,
) -> Bundle:
    """All that is sent; warns of what is large.

    Raises:
        DefinitionError: something cannot travel.
        TooLarge: a definition has more than 50 MB.
    """
    if replicas is not None and (type(replicas) is not int or replicas < 1):
        raise DefinitionError(
            f"replicas is a number of processes, at least 1, not {replicas!r}.",
            hint="client.serve(pipeline, replicas=2)",
        )
    decisive = {name for one in pipelines for op in one.ops.values() for name in op.environment}
    named = {env} if isinstance(env, str) else set(env)
    header = make_header(sorted(named | (decisive & os.environ.keys())))
    sent = []
    for pipeline in pipelines:
        packed = pack(pipeline)
        for name, size in packed.large.items():
            warnings.warn(
                f"Pipeline {pipeline.name!r} takes {name} along: {size / (1 << 20):.1f} MB. Read "
                "such data inside an op, or give it as input.",
                UserWarning,
                stacklevel=3,
            )
        carried = digest(
            *(
                part.encode()
                for name, value in sorted(packed.carried, key=lambda one: one.name)
                for part in (name, state_digest(value))
            )
        )
        sent.append(Sent(pipeline.spec, packed.data, carried, tuple(_unsaved(pipeline))))
    names = (share,) if isinstance(share, str) else share
    return Bundle(header, tuple(sent), replace, tuple(names), replicas)


def _unsaved(pipeline: Pipeline) -> Iterator[RunRecord]:
    """What ops of a pipeline were fitted to in this kernel and no store has yet."""
    last = pipeline.last_run
    known: set[tuple[str, Version]] = set()
    if last is not None and any(one.fitted for one in last.learned):
        yield last
        known = {(one.op, one.version) for one in (*last.learned, *last.used)}
    held = [op.learned for op in pipeline.ops.values() if op.learned is not None]
    rest = tuple(one for one in held if one.fitted and (one.op, one.version) not in known)
    if rest:  # fitted by another pipeline that shares the op, or imported
        after = {one.op: one.version for one in rest}
        yield RunRecord(run_id=uuid.uuid4().hex, learned=rest, after=after)
