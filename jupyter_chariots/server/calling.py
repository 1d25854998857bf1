"""Calls of pipelines: how they are answered, and how they are cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

from .. import formats
from ..errors import Cancelled, Redefined
from .base import Answering, error_of
from .live import LiveAnswer
from .reading import Reading, dumps
from .serving import ServedPipeline

__all__ = ["CALL_ID", "OUTPUT", "Calling"]

CALL_ID = "Chariots-Call"
"""Header of a call with an id that its client has chosen, to cancel it by."""

OUTPUT = "Chariots-Output"
"""Header of a call whose client wants to see ``live`` what the run prints."""


class Calling(Answering, Reading):
    """Calls of a pipeline: bytes in, bytes out; nothing is decoded here."""

    cancelled = False
    _called: ServedPipeline | None = None
    _live: LiveAnswer | None = None
    _task: asyncio.Task[Any] | None = None
    _status = 0

    async def call(self, name: str) -> None:
        """Run the pipeline on the input in the body."""
        self._task = asyncio.current_task()
        headers = self.request.headers
        if headers.get(OUTPUT) == "live" and self._may_be_long():
            self._live = LiveAnswer(self)
        call_id = headers.get(CALL_ID)
        if call_id is None:
            await self._run(name)
            return
        with self.app.running.entered(call_id, self):
            await self._run(name)

    def _may_be_long(self) -> bool:
        """Whether the client can see where an answer ends whose length it has not been told."""
        kept = self.request.headers.get("Connection", "").lower() == "keep-alive"
        return self.request.version != "HTTP/1.0" or not kept

    def cancel(self) -> None:
        """End the call, wherever it is; once, for its end may take a moment."""
        task, self._task = self._task, None
        if task:
            task.cancel()

    async def _run(self, name: str) -> None:
        live, hear = self._live, None
        try:
            while True:
                self._called = pipeline = await self.manager.pipeline(name)
                if live:
                    hear = live.hear
                    live.watch(pipeline)
                body, who, form = self.request.body, self.who, self.form()
                try:
                    header, content = await pipeline.call(body, who, form, hear)
                    break
                except Redefined:  # in the middle of a start: nothing has run yet
                    if not await self.manager.is_followed(pipeline):
                        raise
        except asyncio.CancelledError:
            self._fail(
                Cancelled(
                    f"The call of pipeline {name!r} was cancelled; nothing was saved.",
                    pipeline=name,
                )
            )
        except Exception as error:
            self._fail(error)
        else:
            kind, body = header.get("content_type", formats.JSON), bytes(content)
            fields = header.get("headers", {})
            if live and live.begun:
                self._finish(live, 200, {**fields, "Content-Type": kind}, body)
                return
            for field, value in fields.items():
                self.set_header(field, value)
            self.answer_as(kind, body)
        finally:
            if live:
                live.close()

    def _fail(self, error: Exception) -> None:
        self.cancelled = isinstance(error, Cancelled)
        live = self._live
        if live is None or not live.begun:
            raise error
        self.log_exception(type(error), error, error.__traceback__)
        said = error_of(error, 500, known=True)
        content = dumps(said.payload()).encode()
        self._finish(live, said.status, {"Content-Type": formats.JSON}, content)

    def _finish(self, live: LiveAnswer, status: int, headers: dict[str, str], body: bytes) -> None:
        self._status = status
        live.finish(status, headers, body)

    def on_connection_close(self) -> None:
        """Cancel what nobody waits for any more, unless it would leave something behind."""
        if self._live:
            self._live.close(gone=True)
        if self._called and not self._called.spec.changes:
            self.cancel()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Count the call, if it was one."""
        if self._called:
            status = self._status or self.get_status()
            self._called.calls.answered(status, self.request.request_time())
        super().on_finish()
