"""What a node does with its model."""

from __future__ import annotations

import enum

__all__ = ["MLMode"]


class MLMode(enum.Enum):
    """What a node does with its model.

    ``FIT`` trains it and gives nothing, ``PREDICT`` uses it, ``FIT_PREDICT`` trains it and gives
    what it predicts for the first input it was trained on. The mode is no part of the version.
    """

    FIT = "fit"
    PREDICT = "predict"
    FIT_PREDICT = "fit-predict"

    @property
    def fits(self) -> bool:
        """Whether a node of this mode trains the model."""
        return self is not MLMode.PREDICT

    @property
    def predicts(self) -> bool:
        """Whether a node of this mode uses the model."""
        return self is not MLMode.FIT
