"""What the server and its op store know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import BadRequest
from ..pipelines.pipeline import Pipeline
from ..versioning.version import Version
from .addresses import segment
from .requests import Requests, path_of
from .tables import Difference, Records, history_of, served_sets

__all__ = ["Looking"]


class Looking(Requests):
    """The part of the client that changes nothing."""

    def is_pipeline_loaded(self, pipeline: Pipeline | str) -> bool:
        """Whether the pipeline has all the state that it needs."""
        return bool(self._get(path_of(pipeline, "health_check"))["is_loaded"])

    def pipeline_versions(self, pipeline: Pipeline | str) -> dict[str, Version]:
        """The current version of each node, by its name."""
        answer = self._get(path_of(pipeline, "versions"))
        return {node: Version.parse(text) for node, text in answer.items()}

    def available_pipelines(self) -> list[str]:
        """The names of the pipelines that the server serves."""
        return list(self._get("/available_pipelines"))

    def health(self) -> dict[str, bool]:
        """For each pipeline whether it is loaded."""
        return dict(self._get("/health_check"))

    def history(self, op: str, limit: int | None = 100) -> Records:
        """The versions of an op, the latest trained first, with what is known of each.

        The list shows itself as a table; each of its dicts has more, such as the ``facts``.

        Args:
            op: the name of the op.
            limit: how many at most; ``None`` means all.

        Raises:
            OpNotFound: the store has no version of such an op.
        """
        return history_of(self._pages(f"/ops/{segment(op)}/versions", limit))

    def diff(
        self,
        op: str | Mapping[str, Any],
        a: Version | str | Mapping[str, Any],
        b: Version | str | None = None,
    ) -> Difference:
        """Just what differs between two versions of an op; the dict shows itself as a table.

        ``diff(older, newer)`` takes two rows of :meth:`history`; ``diff("pca", "1.0.0", "2.0.0")``
        the name of the op, and each version itself, its text or its number.

        Raises:
            VersionNotFound: the store has no such version.
            BadRequest: they are versions of two ops, or one of them is missing.
        """
        name, one, other = _compared(op, a, b)
        found = self._get(f"/ops/{segment(name)}/diff", a=str(one), b=str(other))
        return Difference(found, name, (_label(one), _label(other)))

    def served(self, pipeline: Pipeline | str, limit: int | None = 100) -> Records:
        """What the pipeline served since when, by whose load; the latest first.

        The list shows itself as a table; each of its dicts has more.

        Args:
            pipeline: the pipeline or its name.
            limit: how many at most; ``None`` means all.
        """
        return served_sets(self._pages(path_of(pipeline, "served"), limit))


def _compared(op: Any, a: Any, b: Any) -> tuple[str, Version | str, Version | str]:
    """The name of an op and two versions of it, however they were given."""
    if isinstance(op, Mapping) and isinstance(a, Mapping) and b is None and op["op"] == a["op"]:
        return op["op"], *(row["number"] or row["version"] for row in (op, a))
    if isinstance(op, str) and isinstance(a, Version | str) and b is not None:
        return op, a, b
    raise BadRequest(
        "Two versions of one op can be compared.",
        hint='client.diff("pcaop", "1.0.0", "2.0.0"), or two rows of client.history("pcaop")',
    )


def _label(version: Version | str) -> str:
    digests = version.digests if isinstance(version, Version) else version.split("_")[0].split(".")
    return ".".join(digest[:5] for digest in digests)
