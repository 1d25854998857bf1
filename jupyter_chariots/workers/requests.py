"""What the server asks of a child: requests in their order, and interrupts, which jump the queue.

An interrupt is a frame that names the request that shall end, and then SIGINT, which makes the
child read that frame now. So it ends just what it is meant for: not the request after it, if it
comes late, and one that is still waiting as well.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Iterator

from .frames import Decoder, Frame
from .interrupts import Interrupts

__all__ = ["Requests"]

_PATIENCE_MS = 100  # how long a signal waits for its frame, which may be behind larger ones


class Requests:
    """The requests that come in over a socket, to be iterated by the main thread.

    Args:
        channel: the socket.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._decoder = Decoder()
        self._waiting: deque[Frame] = deque()
        self._current = 0
        self._interrupted: set[int] = set()
        self._stopping = False
        self._news = False  # an interrupt has come that no signal has told of yet
        self.interrupts = Interrupts(self._meant)
        """User code runs inside of it."""

    def __iter__(self) -> Iterator[Frame]:
        while True:
            while self._waiting:
                frame = self._waiting.popleft()
                self._current = frame[0]["id"]
                if self._stopping or self._current in self._interrupted:
                    self.interrupts.ask()
                yield frame
            if not self._receive():
                return

    def _receive(self) -> bool:
        """Sort what comes next; whether there is any more to come."""
        count = self._channel.recv_into(self._decoder.room())
        for frame in self._decoder.filled(count):
            match frame[0]["do"]:
                case "interrupt":
                    self._interrupted.add(frame[0]["of"])
                    self._news = True
                    continue
                case "stop":
                    self._stopping = self._news = True
            self._waiting.append(frame)
        return bool(count)

    def _meant(self) -> bool:
        """Whether the current request shall end; reads what the server has said since."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        self._news = self._news or self._stopping or self._current in self._interrupted
        while poll.poll(0 if self._news else _PATIENCE_MS):
            if not self._receive():
                break
        self._news = False
        meant = self._stopping or self._current in self._interrupted
        # requests have rising numbers: those before this one are answered
        self._interrupted = {one for one in self._interrupted if one > self._current}
        return meant
