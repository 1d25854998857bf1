"""The program of a child process: ``python -m jupyter_chariots.workers.child FD``.

``FD`` is one end of a socket pair. The main thread reads requests from it, one after the other,
and runs user code; a second thread does nothing but wait for the server to hang up, and then ends
this process and its whole group, whatever the main thread is doing.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import platform
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ChariotsError, Conflict, Unavailable
from ..pipelines.pipeline import Pipeline
from ..pipelines.runners import BaseRunner, SequentialRunner
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from .frames import PROTOCOL, Decoder, pack
from .hosted import Hosted, NeedsFreshProcess, Store
from .interrupts import Interrupts
from .logs import rotate
from .modules import find, load_object

__all__ = ["main"]

_LONGEST_TEXT = 20_000
_LARGEST_DETAILS = 1 << 20

Header = Mapping[str, Any]
Answer = tuple[Mapping[str, Any], bytes]


class _Stop(Exception):
    """The server asked this process to end."""


class Child:
    """Answers requests; each ``do`` of a request is a method of that name."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._interrupts = Interrupts()
        self._settings: Header = {"log": os.devnull}
        self._store: Store | None = None
        self._hosted: Hosted | None = None
        self._actions = {
            action.__name__: action
            for action in (
                self.setup, self.check, self.describe, self.define, self.load, self.call, self.run,
                self.stop,
            )
        }  # fmt: skip

    def serve(self) -> None:
        """Answer until told to stop."""
        self._interrupts.install()
        decoder = Decoder()
        with contextlib.suppress(_Stop):
            while data := self._channel.recv(1 << 18):
                for header, body in decoder.feed(data):
                    answer, content = self._answer(header, body)
                    self._channel.sendall(pack({"id": header["id"], **answer}, content))
                    with contextlib.suppress(OSError):  # a log is not worth a process
                        rotate(Path(self._settings["log"]), 1, 2)

    def _answer(self, header: Header, body: bytes) -> Answer:
        self._interrupts.reset()
        try:
            return self._actions[header["do"]](header, body)
        except _Stop:
            raise
        except NeedsFreshProcess:
            return {"fresh": True}, b""
        except ChariotsError as error:
            return _refusal(error)
        except KeyboardInterrupt:
            return _refusal(Unavailable("The request was interrupted.", interrupted=True))
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
            return _refusal(ChariotsError(message, traceback=traceback.format_exc()))
        finally:
            self._interrupts.reset()

    # -- requests ---------------------------------------------------------------------------

    def setup(self, header: Header, body: bytes) -> Answer:
        """The first request: settings of the server."""
        self._settings = header
        sys.path[:0] = header["path"]
        info = {"protocol": PROTOCOL, "python": platform.python_version(), "pid": os.getpid()}
        return info, b""

    def check(self, header: Header, body: bytes) -> Answer:
        """Whether runner and callbacks of the configuration can be made."""
        self._runner()
        self._callbacks()
        return {}, b""

    def describe(self, header: Header, body: bytes) -> Answer:
        """The pipelines that ``module`` or ``module:name`` has."""
        with self._interrupts:
            found = [
                {"ref": ref, "spec": pipeline.spec.to_json(), "same": id(pipeline)}
                for ref, pipeline in find(header["module"])
            ]
        return {"found": found}, b""

    def define(self, header: Header, body: bytes) -> Answer:
        """Import the pipeline that this process is for."""
        spec = PipelineSpec.from_json(header["spec"])
        reference = header["source"]["ref"]
        with self._interrupts:
            pipeline: Pipeline = find(reference)[0].pipeline
            if pipeline.spec.digest != spec.digest:
                raise Conflict(
                    f"The code of pipeline {spec.name!r} ({reference}) changed since it was "
                    "served.",
                    hint="Restart the server to serve the new code.",
                    pipeline=spec.name,
                )
            pipeline.callbacks = [*pipeline.callbacks, *self._callbacks()]
            runner = self._runner()
        self._hosted = Hosted(
            pipeline, spec, runner, self._interrupts, self._settings["use_workers"]
        )
        return {}, b""

    def load(self, header: Header, body: bytes) -> Answer:
        """Take on a set of versions."""
        versions = {op: Version.parse(text) for op, text in header["versions"].items()}
        stored = {op: Version.parse(text) for op, text in header["stored"].items()}
        if versions:
            self._pipeline.load(self._open_store(), versions, stored)
        return {}, b""

    def call(self, header: Header, body: bytes) -> Answer:
        """Run on the loaded set; changes nothing."""
        return {}, self._pipeline.call(body)

    def run(self, header: Header, body: bytes) -> Answer:
        """Run from what the store says, and commit."""
        return self._pipeline.run(
            self._open_store(),
            body,
            who=header["who"],
            job_id=header["job_id"],
            promote=header["promote"],
        )

    def stop(self, header: Header, body: bytes) -> Answer:
        """End this process in the normal way, exit handlers included."""
        raise _Stop

    # -- what they need -----------------------------------------------------------------------

    @property
    def _pipeline(self) -> Hosted:
        if self._hosted is None:
            raise Unavailable("This process has no pipeline yet.")
        return self._hosted

    def _open_store(self) -> Store:
        if self._store is None:
            # late: its import costs as much as pandas, and pipelines without state do without
            from ..op_store import OpStore

            self._store = OpStore(self._settings["store"], **self._settings["store_options"])
        return self._store

    def _runner(self) -> BaseRunner:
        path = self._settings["runner"]
        if not path:
            return SequentialRunner()
        runner: BaseRunner = load_object(path, "PipelinesServer.runner")()
        return runner

    def _callbacks(self) -> list[Any]:
        setting = "PipelinesServer.default_pipeline_callbacks"
        return [load_object(path, setting)() for path in self._settings["callbacks"]]


def _refusal(error: ChariotsError) -> Answer:
    """The error, made to fit into a header: user code may have put anything into it."""
    payload = error.payload()
    texts = {
        name: _shortened(str(payload.pop(name)))
        for name in ("code", "message", "hint", "traceback")
        if name in payload
    }
    try:
        fits = len(pack(payload)) <= _LARGEST_DETAILS
    except Exception:
        fits = False
    return {"error": {**payload, **texts} if fits else texts}, b""


def _shortened(text: str) -> str:
    """Beginning and end of a text that is too long."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters …\n{text[-half:]}"


def _end_with_server(descriptor: int) -> None:
    """Wait until the other end of the socket is closed; then end the whole group, at once."""
    poll = select.poll()
    poll.register(descriptor, 0)  # hanging up is always reported
    while not poll.poll():
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Serve the socket whose file descriptor is the first argument."""
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    descriptor = int(arguments[0])
    # nobody that this process starts may keep the channel open
    os.set_inheritable(descriptor, False)
    channel = socket.socket(fileno=descriptor)
    os.register_at_fork(after_in_child=channel.close)
    threading.Thread(target=_end_with_server, args=(descriptor,), daemon=True).start()
    Child(channel).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
