"""The program of a child process: ``python -m jupyter_chariots.workers.child CHANNEL``.

The main thread reads requests from the connection that the argument names, one after the other,
and runs user code; a second thread does nothing but wait for the server to hang up, and then ends
this process and its whole group, whatever the main thread is doing, if the guard does not.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import platform
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ChariotsError, Conflict, Unavailable
from ..formats import Body, Received
from ..ml.bundling import bundle_of
from ..pipelines.header import check_here
from ..pipelines.opening import unpack
from ..pipelines.runners import BaseRunner, SequentialRunner
from ..versioning.spec import PipelineSpec
from ..versioning.version import Version
from .channel import join
from .frames import PROTOCOL, pack, parts
from .limits import explained, give_way, limit_memory, spare_others
from .logs import rotate
from .modules import find, load_object
from .output import Output
from .requests import Requests
from .runs import HostedRuns, NeedsFreshProcess
from .store_protocol import Store
from .telling import Telling

__all__ = ["main"]

_LONGEST_TEXT = 20_000
_LARGEST_DETAILS = 1 << 20
_HEAD_START_S = 1.0  # of the guard

Header = Mapping[str, Any]
Answer = tuple[Mapping[str, Any], Body]


class _Stop(Exception):
    """The server asked this process to end."""


class Child:
    """Answers requests; each ``do`` of a request is a method of that name."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._requests = Requests(channel)
        self._interrupts = self._requests.interrupts
        self._output = Output(self._send)
        self._progress = Telling(self._send, self._output.sending)
        self._settings: Header = {}
        self._log = Path(os.devnull)
        self._store: Store | None = None
        self._hosted: HostedRuns | None = None
        self._actions = {
            action.__name__: action
            for action in (
                self.setup, self.check, self.describe, self.cells, self.define, self.load,
                self.call, self.calls, self.run, self.predict, self.stop,
            )
        }  # fmt: skip

    def serve(self) -> None:
        """Answer until told to stop."""
        self._interrupts.install()
        self._output.install()
        with contextlib.suppress(_Stop):
            for header, body in self._requests:
                if header.get("heard"):
                    self._output.begin(header["id"])
                    self._progress.begin(header["id"])
                answer, content = self._answer(header, body)
                with self._output.sending:
                    self._output.end()
                    self._progress.end()
                    self._send({"id": header["id"], **answer}, content)
                with contextlib.suppress(OSError):  # a log is not worth a process
                    rotate(self._log, 1, 2)

    def _send(self, header: Header, content: Body) -> None:
        for part in parts(header, content):
            self._channel.sendall(part)

    def _answer(self, header: Header, body: Received) -> Answer:
        try:
            return self._actions[header["do"]](header, body)
        except _Stop:
            raise
        except NeedsFreshProcess:
            return {"fresh": True}, b""
        except ChariotsError as error:
            return _refusal(explained(error, self._memory_limit))
        except KeyboardInterrupt:
            return _refusal(Unavailable("The request was interrupted.", interrupted=True))
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
            failure = ChariotsError(message, traceback=traceback.format_exc())
            failure.__cause__ = error
            return _refusal(explained(failure, self._memory_limit))
        finally:
            self._interrupts.forbid()

    # -- requests ---------------------------------------------------------------------------

    def setup(self, header: Header, body: Received) -> Answer:
        """The first request: settings of the server."""
        self._settings, self._log = header, Path(header["log"])
        spare_others()
        give_way(header.get("niceness", 0))
        if self._memory_limit:
            limit_memory(self._memory_limit)
        sys.path[:0] = header["path"]
        info = {"protocol": PROTOCOL, "python": platform.python_version(), "pid": os.getpid()}
        return info, b""

    def check(self, header: Header, body: Received) -> Answer:
        """Whether runner and callbacks of the configuration can be made."""
        self._runner()
        self._callbacks()
        return {}, b""

    def describe(self, header: Header, body: Received) -> Answer:
        """The pipelines that ``module`` or ``module:name`` has."""
        with self._interrupts:
            found = [
                {"ref": ref, "spec": pipeline.spec.to_json(), "same": id(pipeline)}
                for ref, pipeline in find(header["module"])
            ]
        return {"found": found}, b""

    def cells(self, header: Header, body: Received) -> Answer:
        """Run cells of a notebook; the pipelines that they leave, as a notebook sends them."""
        # late: only a process for cells needs IPython
        from .cells import pipelines_of_cells, users_files

        with self._interrupts:
            pipelines = pipelines_of_cells(header["notebook"], json.loads(body))
            bundle = bundle_of(pipelines, replace=False, share=(), env=header["env"])
            return {"files": users_files()}, bundle.to_bytes()

    def define(self, header: Header, body: Received) -> Answer:
        """Import the pipeline that this process is for, or open its definition by value."""
        spec = PipelineSpec.from_json(header["spec"])
        source = header["source"]
        with self._interrupts:
            if source["kind"] == "pickle":
                # first, for another Python may not even have what the store needs
                check_here(source["header"])
                # signature and digest are checked before anything is opened
                data = self._open_store().read_definition(spec.name, source["blob"])
                pipeline = unpack(source["header"], data)
                reference, remedy = "its definition", "Serve it again."
            else:
                reference, remedy = source["ref"], "Restart the server to serve the new code."
                pipeline = find(reference)[0].pipeline
            if pipeline.spec.digest != spec.digest:
                raise Conflict(
                    f"The code of pipeline {spec.name!r} ({reference}) changed since it was "
                    "served.",
                    hint=remedy,
                    pipeline=spec.name,
                )
            pipeline.callbacks = [*pipeline.callbacks, *self._callbacks()]
            runner = self._runner()
        self._hosted = HostedRuns(pipeline, spec, runner, self._interrupts)
        return {}, b""

    def load(self, header: Header, body: Received) -> Answer:
        """Take on a set of versions."""
        versions = {op: Version.parse(text) for op, text in header["versions"].items()}
        stored = {op: Version.parse(text) for op, text in header["stored"].items()}
        if versions:
            self._pipeline.load(self._open_store(), versions, stored)
        return {}, b""

    def call(self, header: Header, body: Received) -> Answer:
        """Run on the loaded set; changes nothing."""
        return self._pipeline.call(body, header)

    def calls(self, header: Header, body: Received) -> Answer:
        """Several calls at once; ``lengths`` are those of their bodies, and of the answers."""
        start, bodies = 0, []
        for length in header["lengths"]:
            bodies.append(body[start : start + length])
            start += length
        answers, warning = self._pipeline.calls(bodies)
        refused = {
            index: answer.payload()
            for index, answer in enumerate(answers)
            if isinstance(answer, ChariotsError)
        }
        parts = [b"" if isinstance(answer, ChariotsError) else answer for answer in answers]
        about = {"lengths": [len(part) for part in parts], "errors": refused, "warning": warning}
        return about, b"".join(parts)

    def run(self, header: Header, body: Received) -> Answer:
        """Run from what the store says, and commit; a job ends with that, if it has a lease."""
        store = self._open_store()
        # late: the store has imported it
        from ..op_store.records import Ending, Lease

        job_id, token = header["job_id"], header["token"]

        def ending(result: bytes, about: Callable[[Any], Header]) -> Ending:
            return Ending(Lease(job_id, token), result, about)

        return self._pipeline.run(
            store,
            body,
            who=header["who"],
            job_id=job_id,
            ending=ending if token else None,
            promote=header["promote"],
            alone=header["alone"],
            form=header,
        )

    def predict(self, header: Header, body: Received) -> Answer:
        """Run as a job what changes nothing."""
        served = header["served"]
        if served is not None:
            versions, stored = (
                {op: Version.parse(text) for op, text in texts.items()} for texts in served
            )
            served = versions, stored
        return self._pipeline.predict(self._open_store, body, served, header)

    def stop(self, header: Header, body: Received) -> Answer:
        """End this process in the normal way, exit handlers included."""
        raise _Stop

    # -- what they need -----------------------------------------------------------------------

    @property
    def _memory_limit(self) -> int | None:
        limit: int | None = self._settings.get("memory_limit")
        return limit

    @property
    def _pipeline(self) -> HostedRuns:
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
    if error.traceback:
        with contextlib.suppress(OSError):  # the log can't be written
            os.write(2, f"{_shortened(str(error.traceback)).rstrip()}\n".encode(errors="replace"))
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


def _end_with_server(hung_up: Callable[[], None]) -> None:
    """Wait until the server has hung up; then end the whole group.

    The guard does that, too, and more thoroughly, for it asks whose parent this process is as long
    as it lives. So it comes first; but it may be gone as well.
    """
    hung_up()
    time.sleep(_HEAD_START_S)
    if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)  # not SIGKILL: see `descendants.end`
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Serve the connection that the first argument names."""
    faulthandler.enable()
    channel, hung_up = join(arguments[0])
    threading.Thread(target=_end_with_server, args=(hung_up,), daemon=True).start()
    Child(channel).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
