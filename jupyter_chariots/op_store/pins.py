"""Pins: versions that a load is asked for, by number, version string or digests."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import BadRequest, OpNotFound, VersionError, VersionNotFound
from ..versioning.names import did_you_mean, shown
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from . import versions
from .database import Database
from .versions import Row

__all__ = ["find_version", "resolve"]

_NUMBER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
_DIGESTS = re.compile(r"([0-9a-f]{40})\.([0-9a-f]{40})\.([0-9a-f]{40})")


def find_version(db: Database, op: str, wanted: Version | str) -> Row:
    """The row that a number such as ``1.0.2``, a version (or its string) or its digests mean.

    Raises:
        OpNotFound: the store does not know the op.
        VersionNotFound: it has no such version.
        BadRequest: the text is none of these.
    """
    if versions.known_op(db, op) is None:
        raise versions.unknown_op(db, op)
    row: Row | None
    if isinstance(wanted, Version):
        row = versions.find(db, op, wanted)
    elif number := _NUMBER.fullmatch(wanted):
        major, minor, patch = map(int, number.groups())
        row = versions.find_number(db, op, (major, minor, patch))
    elif digests := _DIGESTS.fullmatch(wanted):
        row = versions.find(db, op, Version(digests[1], digests[2], digests[3]))
    else:
        row = versions.find(db, op, Version.parse(wanted))
    if row is None:
        raise VersionNotFound(
            f"The op store has no version {wanted} of {op}.",
            hint=f'See client.history("{op}").',
            op=op,
            version=str(wanted),
        )
    return row


def resolve(db: Database, spec: PipelineSpec, pins: Mapping[str, str | Version]) -> dict[str, Row]:
    """The saved versions that the pins of a load mean, by op name.

    Raises:
        OpNotFound: the pipeline has no such op.
        VersionNotFound: the store has no such version.
        VersionError: the version is a candidate, not saved.
        BadRequest: a pin names no version, or two pins mean one op.
    """
    found: dict[str, Row] = {}
    for key, wanted in pins.items():
        if not isinstance(wanted, (str, Version)):
            raise BadRequest(
                f"The version of {key} must be text, not {type(wanted).__name__}.",
                hint='Give its number, such as "1.0.2", or what str(version) gives.',
            )
        op = _op(spec, key)
        row = find_version(db, op, wanted)
        if row.number is None:
            raise VersionError(
                f"Version {row.label} of {op} was never saved, so it cannot be loaded.",
                hint="Save the run that left it, by its run_id.",
                pipeline=spec.name,
                op=op,
            )
        if op in found and found[op] != row:
            raise BadRequest(
                f"Two different versions of op {op!r} are asked for.",
                hint="Name it once: by its op name, or by the name of one of its nodes.",
                pipeline=spec.name,
                op=op,
            )
        found[op] = row
    return found


def _op(spec: PipelineSpec, key: str) -> str:
    if key in spec.stateful:
        return key
    for node in spec.nodes:
        stateful = {spec.ops[index].name for index in node.ops if spec.ops[index].stateful}
        if node.name == key and len(stateful) == 1:
            return stateful.pop()
        if node.name == key and stateful:
            raise BadRequest(
                f"Node {key!r} of pipeline {spec.name!r} has several ops with state.",
                hint=f"Name one of: {', '.join(sorted(stateful))}.",
            )
    raise OpNotFound(
        f"Pipeline {spec.name!r} has no op with state named {shown(key)}.",
        hint=did_you_mean(key[:128], spec.stateful) or None,
        pipeline=spec.name,
        op=key[:128],
    )
