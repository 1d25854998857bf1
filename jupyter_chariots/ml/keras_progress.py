"""How far a fit of keras is: epochs and batches."""

from __future__ import annotations

import functools
import numbers
from typing import Any

from ..pipelines.watching import progress, watched
from .keras_files import import_keras

__all__ = ["with_progress"]


def with_progress(callbacks: Any) -> Any:
    """The callbacks for a fit, and one more that tells how far it is, if anybody watches the run.

    It looks at nothing but the counts, and at the logs of whole epochs, which keras has at hand.

    Args:
        callbacks: as keras' ``fit`` takes them.
    """
    if not watched():
        return callbacks
    given = [] if callbacks is None else callbacks
    several = given if isinstance(given, (list, tuple)) else [given]
    return [*several, _progress_class()()]


@functools.cache
def _progress_class() -> Any:
    """The class, made when keras is there."""
    base: Any = import_keras().callbacks.Callback

    class Progress(base):  # type: ignore[misc]
        """Tells batches, where their number is known, else epochs."""

        async_safe = True  # or keras would wait for each batch
        _epoch = 0
        _said: str | None = None

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch = epoch
            self._tell(0)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._tell(batch + 1)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            shown = (
                f"{name} {value:.4g}"
                for name, value in (logs or {}).items()
                if isinstance(value, numbers.Real)
            )
            self._said = ", ".join(shown)
            self._epoch = epoch + 1
            self._tell(0)

        def _tell(self, batches: int) -> None:
            epochs, steps = self.params.get("epochs"), self.params.get("steps")
            now = min(self._epoch + 1, epochs) if epochs else self._epoch + 1
            message = f"epoch {now} of {epochs}" + (f": {self._said}" if self._said else "")
            if epochs and steps:
                progress(self._epoch * steps + batches, epochs * steps, message)
            else:
                progress(self._epoch, epochs, message)

    return Progress
