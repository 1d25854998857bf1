"""Whether the holder of a lease is gone, without trust in any clock of the wall."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable

__all__ = ["Silences"]

_LOOKS = 5


class Silences:
    """How long the holders of leases have been silent, as far as this object has seen.

    Each renewal changes the mark that a lease bears. One that bears the same mark for the length
    of the lease, in at least five looks after the first, is lost: however long the time between
    two looks is, it counts for no more than a fifth. So neither a clock that is set, nor a machine
    that was suspended, nor a thread that was late takes anything from a holder that lives; and
    hosts need not agree on the time.

    Args:
        clock: seconds, from any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[Hashable, float, float]] = {}

    def is_lost(self, key: Hashable, mark: Hashable, lease_s: float) -> bool:
        """Look once at a lease of so many seconds."""
        now = self._clock()
        before, silence, last = self._seen.get(key, (None, 0.0, now))
        silence = silence + min(now - last, lease_s / _LOOKS) if before == mark else 0.0
        self._seen[key] = mark, silence, now
        return silence >= 0.999 * lease_s  # the sum of fifths is not quite the whole

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget all leases but these."""
        self._seen = {key: seen for key, seen in self._seen.items() if key in keys}
