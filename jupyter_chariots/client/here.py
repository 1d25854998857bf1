"""Runs of served pipelines in this very process, for a debugger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, Conflict, NodeFailed
from ..pipelines.header import make_header
from ..pipelines.opening import unpacked
from ..pipelines.packing import pack
from ..pipelines.pipeline import Pipeline
from .values import encode, is_data

__all__ = ["run_here"]


def run_here(pipeline: Pipeline | str, value: Any, view: Mapping[str, Any]) -> Any:
    """Run a copy of a pipeline with the versions that are served; nothing is saved.

    Definition and states come from the op store of the server, which has to be on this machine.
    What this user did not sign is not opened.

    Args:
        pipeline: it, or its name, which means the definition that is served.
        value: its input.
        view: what the server says of it.

    Returns:
        its output, as it is.

    Raises:
        ConfigurationError: the op store is not here.
        VersionError: there is nothing valid to run with.
        NotTrusted: definition or states were not signed by this user.
        Exception: what an op raised.
    """
    from ..op_store import OpStore

    path = Path(view["op_store"])
    if not path.exists():
        raise ConfigurationError(
            f"The op store of the server, {path}, is not on this machine.",
            hint="run_here works where the server runs; client.call_pipeline works anywhere.",
        )
    store = OpStore(path)
    try:
        return _run(store, pipeline, value if is_data(value) else _as_sent(value), view)
    except NodeFailed as failed:
        if failed.__cause__ is None:
            raise
        raise failed.__cause__ from None  # a debugger shall stop in the op
    finally:
        store.close()


def _run(store: Any, pipeline: Pipeline | str, value: Any, view: Mapping[str, Any]) -> Any:
    # late: a client that only calls needs none of these
    from ..pipelines.runners import SequentialRunner
    from ..workers.hosted import Hosted
    from ..workers.interrupts import Interrupts
    from ..workers.modules import find

    name = view["name"]
    definition = store.definition(name)
    if definition.digest != view["definition"]:
        raise Conflict(
            f"The op store at {store.path} is not that of the server, or pipeline {name!r} has "
            "just been changed.",
            hint="run_here works on the machine of the server only.",
        )
    source = definition.source
    if isinstance(pipeline, str) and source["kind"] == "pickle":
        header, data = source["header"], store.read_definition(name, source["blob"])
    else:
        meant = find(source["ref"])[0].pipeline if isinstance(pipeline, str) else pipeline
        header, data = make_header(), pack(meant).data
    with unpacked(header, data) as copy:
        spec = copy.spec
        served = store.served(name)
        if spec.changes:
            chosen = store.start(spec)
        elif served and served.until is None and spec.digest == definition.spec.digest:
            chosen = served
        else:
            chosen = store.carry_over(spec)
        hosted = Hosted(copy, spec, SequentialRunner(), Interrupts())
        stored = {op: state.version for op, state in chosen.states.items()}
        hosted.load(store, chosen.versions, stored)
    return hosted.run_here(value)


def _as_sent(value: Any) -> Any:
    """JSON values as a child gets them."""
    return json.loads(encode(value))
