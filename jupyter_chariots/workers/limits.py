"""What a child may take of the machine: memory, and its turn at the processors."""

from __future__ import annotations

import contextlib
import os
import re
import sys

from ..errors import ChariotsError, ConfigurationError

__all__ = ["explained", "give_way", "limit_memory", "parse_size", "spare_others"]

_HALF_OF_MEMORY = 500  # in thousandths: it counts as if it used that much more than it does
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(size: int | str | None) -> int | None:
    """The number of bytes that a setting means: ``2_000_000_000``, ``"2G"``, ``"1.5 GiB"``.

    Returns:
        ``None`` for ``None`` and for an empty text: no limit.

    Raises:
        ValueError: it is none of these.
    """
    if size is None or size == "":
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(size), re.IGNORECASE)
    number = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not number:
        raise ValueError(f'{size!r} is no amount of memory; write bytes, or text such as "2G".')
    return number


def limit_memory(size: int) -> None:
    """Let this process, and each that it starts, allocate no more than this many bytes.

    What counts is memory of its own that it may write to, used or not; libraries and files that
    are mapped do not count.

    Raises:
        ConfigurationError: this platform cannot do that.
    """
    if sys.platform != "linux":
        raise ConfigurationError(
            "The memory of processes can be limited on Linux only.",
            hint="Take c.PipelinesServer.memory_limit out of the configuration.",
        )
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def explained(error: ChariotsError, size: int | None) -> ChariotsError:
    """The error; if it came from a lack of memory, with a hint that names the limit."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, MemoryError):
        cause = cause.__cause__ or cause.__context__
    if cause and size:
        error.hint = (
            f"Each process of a pipeline may allocate {_text(size)} "
            "(c.PipelinesServer.memory_limit): use less, or raise the limit."
        )
        error.details["memory_limit"] = size
    return error


def _text(size: int) -> str:
    unit = next(name for name in "TGMK" if size >= _UNITS[name] or name == "K")
    return f"{size / _UNITS[unit]:.4g} {unit}iB"


def give_way(niceness: int) -> None:
    """Let other processes of this user have the processors first.

    Args:
        niceness: 0 (not at all) to 19; added to that of the server.
    """
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
        # where the kernel groups processes by session, only that of the group counts
        with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
            file.write(str(niceness))


def spare_others() -> None:
    """Where memory runs out, let Linux end this process, and what it starts, before notebooks.

    It holds nothing that the store does not; a kernel holds a day's work.
    """
    path = "/proc/self/oom_score_adj"
    with contextlib.suppress(OSError, ValueError), open(path, "r+") as file:
        score = min(1000, int(file.read()) + _HALF_OF_MEMORY)
        file.seek(0)
        file.write(str(score))
