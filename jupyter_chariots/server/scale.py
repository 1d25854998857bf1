"""How many processes answer the calls of each pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..op_store.records import Definition
from ..workers.warm import Warm

__all__ = ["Scale"]


@dataclass(frozen=True)
class Scale:
    """What the configuration says about replicas.

    Attributes:
        warm: ends those that are idle; knows how many there may be.
        configured: number by pipeline, for those that were served without saying one.
    """

    warm: Warm
    configured: Mapping[str, int] = field(default_factory=dict)

    def asked(self, definition: Definition) -> int:
        """How many somebody asked for: who served the pipeline, else the configuration."""
        return definition.replicas or self.configured.get(definition.name, 1)

    def of(self, definition: Definition) -> int:
        """How many there shall be: as many as were asked for and may be."""
        return min(self.asked(definition), self.warm.most)

    def warning(self, definition: Definition) -> str | None:
        """Why there are fewer than somebody asked for."""
        asked, most = self.asked(definition), self.warm.most
        if asked <= most:
            return None
        return (
            f"{asked} replicas were asked for, but there are {most} at most "
            "(c.PipelinesServer.max_replicas)."
        )
