"""The connection between server and child: a socket pair, or TCP where none can be inherited."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence

__all__ = ["LOOPBACK", "Offer", "join"]

LOOPBACK = sys.platform == "win32"
"""Whether new children are connected over TCP on the loopback interface."""

_SECRET = "CHARIOTS_CHANNEL_SECRET"
_LENGTH = 32
_CONNECT_S = 60.0
_HELLO_S = 5.0


class Offer:
    """The server's side of a connection that one child is to take.

    A context manager for the one who starts the child: when it is left, the child's end is closed
    in this process.

    Over TCP, a child proves by a secret in its environment that it is meant. It connects twice;
    nothing is sent on the second connection, so that its end can be seen at any time.

    Attributes:
        argument: of the command line, for :func:`join`.
        env: environment variables that the child needs.
        descriptors: what it inherits.
    """

    def __init__(self) -> None:
        self.env: Mapping[str, str] = {}
        self.descriptors: Sequence[int] = ()
        self._ours: list[socket.socket] = []
        self._wanted = 2 if LOOPBACK else 1
        self._hung_up = False
        if LOOPBACK:
            self._secret = secrets.token_hex(_LENGTH // 2).encode()
            self._theirs = socket.create_server(("127.0.0.1", 0))
            self.argument = f"tcp:{self._theirs.getsockname()[1]}"
            self.env = {_SECRET: self._secret.decode()}
        else:
            ours, self._theirs = socket.socketpair()
            self._ours = [ours]
            self.argument = str(self._theirs.fileno())
            self.descriptors = (self._theirs.fileno(),)

    def accept(self, alive: Callable[[], bool]) -> None:
        """In a thread: wait until the child, which has been started, is connected.

        Args:
            alive: whether the child is.

        Raises:
            OSError: it is not, or it does not connect in time.
        """
        until = time.monotonic() + _CONNECT_S
        while not self._hung_up and len(self._ours) < self._wanted:
            if not alive() or time.monotonic() > until:
                raise OSError("it is not connected")
            self._theirs.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                self._admit(self._theirs.accept()[0])
        if self._hung_up:
            self.hang_up()

    def _admit(self, caller: socket.socket) -> None:
        """Keep the connection if it is the child's; another process may have found the port."""
        caller.settimeout(_HELLO_S)
        said = b""
        with contextlib.suppress(OSError):
            while len(said) < _LENGTH and (data := caller.recv(_LENGTH - len(said))):
                said += data
        if hmac.compare_digest(said, self._secret):
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ours.append(caller)
        else:
            caller.close()

    @property
    def socket(self) -> socket.socket:
        """The server's end, as soon as it is connected."""
        return self._ours[0]

    def hang_up(self) -> None:
        """Close the server's ends, which ends the child."""
        self._hung_up = True
        for end in self._ours:
            end.close()

    def decline(self) -> None:
        """No child will take it."""
        self._theirs.close()

    def __enter__(self) -> None:
        """Nothing happens yet."""

    def __exit__(self, *_: object) -> None:
        self.decline()


def join(argument: str) -> tuple[socket.socket, Callable[[], None]]:
    """Take the connection that a server offers.

    Args:
        argument: of the command line.

    Returns:
        the socket, and a function that returns when the server has hung up.
    """
    if argument.startswith("tcp:"):
        address = ("127.0.0.1", int(argument[4:]))
        secret = os.environ.pop(_SECRET).encode()
        channel, lifeline = (socket.create_connection(address) for _ in range(2))
        for end in (channel, lifeline):
            end.sendall(secret)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        channel = lifeline = socket.socket(fileno=int(argument))

    def hung_up() -> None:
        if lifeline is channel:
            # what has been sent may still be unread: only the poll tells
            poll = select.poll()
            poll.register(channel, 0)  # hanging up is always reported
            while not poll.poll():
                pass
        else:
            with contextlib.suppress(OSError):
                lifeline.recv(1)

    for end in {channel, lifeline}:
        # nobody that this process starts may keep the channel open
        end.set_inheritable(False)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=end.close)
    return channel, hung_up
