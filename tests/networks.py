"""A host of its own for a process: a network namespace whose cable can be pulled."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Host:
    """Another host, as far as the network goes.

    Attributes:
        name: of its namespace.
        here: the address of this machine, as it sees it.
    """

    name: str
    here: str

    @property
    def prefix(self) -> list[str]:
        """What runs a command there."""
        return ["ip", "netns", "exec", self.name]

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """Its network is cut; it comes back at the end."""
        _ip("link", "set", f"{self.name}-a", "down")
        try:
            yield
        finally:
            _ip("link", "set", f"{self.name}-a", "up")


@contextlib.contextmanager
def another_host() -> Iterator[Host]:
    """Make one; it is removed at the end. Skips the test where that is not permitted."""
    if os.name != "posix" or shutil.which("ip") is None:
        pytest.skip("needs the command ip (Debian's iproute2)")
    mark = secrets.token_hex(2)
    name, net = f"ch{mark}", f"10.{200 + int(mark[0], 16)}.{int(mark[1:3], 16)}"
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
    try:
        try:
            _ip("link", "add", f"{name}-a", "type", "veth", "peer", "name", f"{name}-b")
            _ip("link", "set", f"{name}-b", "netns", name)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no virtual cables here: {error.stderr.strip()}")
        _ip("addr", "add", f"{net}.1/24", "dev", f"{name}-a")
        _ip("link", "set", f"{name}-a", "up")
        _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", f"{name}-b")
        _ip("-n", name, "link", "set", f"{name}-b", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield Host(name, f"{net}.1")
    finally:
        _ip("netns", "del", name)  # and both ends of the cable with it
