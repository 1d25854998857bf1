"""The program of the guard: ``python -m jupyter_chariots.workers.guard FD``.

It runs no user code. The server tells it about its children and jobs, in lines on the socket
``FD``:

- ``watch PID MARKER``: a child was started;
- ``forget PID``: that child has ended, and all that it had started;
- ``store PATH``: the database of the op store, as JSON without spaces;
- ``renew JOB TOKEN``: keep the lease of this job from now on;
- ``release JOB TOKEN``: that lease needs no care any more.

It answers with ``cancel JOB TOKEN`` when a job shall be cancelled, and ``lost JOB TOKEN`` when that
lease is not held any more; the job may have another one by then.

When the server is gone, however it ended, the guard ends the children that are left with all that
they have started, gives up the leases that it has kept, so that nobody waits for those jobs, and
then ends itself. Being the one process that nothing holds up, it is the place for whatever must go
on in time while user code runs.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator

from .descendants import end

__all__ = ["main"]

_LOOK_S = 1.0  # a process forked from the server may hold its end of the socket open


def _lines(descriptor: int) -> Iterator[list[str]]:
    """The words of each line, until the server is gone."""
    server = os.getppid()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    rest = b""
    while os.getppid() == server:
        if not poll.poll(_LOOK_S * 1000):
            continue
        try:
            data = os.read(descriptor, 1 << 16)
        except ConnectionError:
            return
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode().split()


def main(arguments: list[str]) -> None:
    """Guard the children of the server whose socket's descriptor is the first argument."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the server does
    descriptor = int(arguments[0])
    family: dict[int, str] = {}
    path, leases = "", None
    for what, *words in _lines(descriptor):
        match what:
            case "watch":
                family[int(words[0])] = words[1]
            case "forget":
                family.pop(int(words[0]), None)
            case "store":
                path = words[0]
            case "renew":
                if leases is None:
                    # late: most servers run no job for longer than a moment
                    from .leases import Leases

                    leases = Leases(path, lambda line: os.write(descriptor, line.encode()))
                leases.hold(*words)
            case "release" if leases:
                leases.release(*words)
    end(family)
    if leases:
        leases.give_up()


if __name__ == "__main__":
    main(sys.argv[1:])
