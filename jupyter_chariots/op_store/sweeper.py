"""Finding the jobs whose workers are gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from .attempts import Attempts
from .records import Job
from .silence import Silences

__all__ = ["Sweeper"]


class Sweeper:
    """Watches the leases of running jobs, whichever server they belong to (see :class:`Silences`).

    One a server; not for several threads at once.

    Args:
        store: the op store.
        clock: seconds, from any beginning.
    """

    def __init__(self, store: Attempts, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._silences = Silences(clock)

    def sweep(self) -> list[Job]:
        """Look once; to be called every one or two seconds while jobs run.

        Returns:
            The jobs that were taken from workers that are gone: queued again, or ended.

        Raises:
            StoreError: the store could not be read or written; the next look goes on.
        """
        leases = self._store.leases()
        self._silences.keep({lease for lease, _, _ in leases})
        # All are looked at before any is taken: taking may fail.
        lost = [one for one in leases if self._silences.is_lost(*one)]
        taken = [
            self._store.lose_job(
                lease, f"nothing was heard of it for {lease_s:g} s", renewals=renewals
            )
            for lease, renewals, lease_s in lost
        ]
        return [job for job in taken if job is not None]
