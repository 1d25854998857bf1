"""Which pipelines modules define, asked in a child: the server imports no user code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import ChariotsError, ConfigurationError
from ..versioning.spec import PipelineSpec
from .launcher import Launcher
from .process import Child

__all__ = ["Described", "describe"]

LABEL = "describe"


class Described(NamedTuple):
    """A pipeline as its module defines it now.

    Attributes:
        spec: what the store registers.
        source: where a child gets it from: ``{"kind": "module", "ref": "package.module:name",
            "digest": …}``.
        owner: the module.
    """

    spec: PipelineSpec
    source: Mapping[str, Any]
    owner: str


async def describe(
    modules: Iterable[str], launcher: Launcher
) -> tuple[list[Described], list[ChariotsError]]:
    """Find the pipelines of modules.

    Args:
        modules: each ``module`` or ``module:name``.
        launcher: how the child that imports them is started.

    Returns:
        the pipelines, and what is wrong: modules that cannot be imported (with the traceback),
        that end the process, that have no pipeline; names that two pipelines bear (neither is
        among the pipelines then); a runner or callbacks that do not exist. One error does not
        hinder the others.
    """
    found: dict[str, list[tuple[object, Described]]] = {}
    errors: list[ChariotsError] = []
    child: Child | None = None
    try:
        for request in ({"do": "check"}, *({"do": "describe", "module": name} for name in modules)):
            try:
                if child is None or not child.alive:
                    child = await launcher.start(LABEL)
                answer, _ = await child.request(request, timeout=launcher.start_timeout)
            except ChariotsError as error:
                errors.append(_named(error, request))
                continue
            for entry in answer.get("found", ()):
                spec = PipelineSpec.from_json(entry["spec"])
                source = {"kind": "module", "ref": entry["ref"], "digest": spec.digest}
                described = Described(spec, source, entry["ref"].partition(":")[0])
                same = found.setdefault(spec.name, [])
                # imported by two modules it is one pipeline, which its object in the child tells
                if all(identity != (child.pid, entry["same"]) for identity, _ in same):
                    same.append(((child.pid, entry["same"]), described))
    finally:  # also when the server is stopped in the middle of it
        if child:
            await child.stop()
    errors += [_duplicate(name, same) for name, same in found.items() if len(same) > 1]
    return [same[0][1] for same in found.values() if len(same) == 1], errors


def _named(error: ChariotsError, request: Mapping[str, str]) -> ChariotsError:
    """The error, with the name of the module that it is about."""
    module = request.get("module")
    if module is None or isinstance(error, ConfigurationError):
        return error
    return ConfigurationError(
        f"Module {module!r} cannot be imported: {error.message}",
        hint=error.hint,
        traceback=error.traceback,
        module=module,
    )


def _duplicate(name: str, same: list[tuple[object, Described]]) -> ConfigurationError:
    references = [described.source["ref"] for _, described in same]
    return ConfigurationError(
        f"{len(same)} pipelines are named {name!r}: {' and '.join(references)}; none is served.",
        hint="Rename one of them, or name the one that is meant: "
        f'app_pipelines = ["{references[0]}"].',
        pipeline=name,
        references=references,
    )
