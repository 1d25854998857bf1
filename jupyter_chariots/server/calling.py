"""Calls of pipelines: how they are answered, and how they are cancelled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from .. import formats
from ..errors import BadRequest, Cancelled, Redefined
from ..workers.envelope import Envelope, becomes_job, read_controls, read_query, says_more
from ..workers.frames import Frame
from ..workers.outstanding import Hear
from .base import Answering, error_of
from .live import LiveAnswer
from .reading import Reading, dumps
from .serving import ServedPipeline

__all__ = ["CALL_ID", "OUTPUT", "Calling"]

CALL_ID = "Chariots-Call"
"""Header of a call with an id that its client has chosen, to cancel it by."""

OUTPUT = "Chariots-Output"
"""Header of a call whose client wants to see ``live`` what the run prints."""


_LARGE = 64 << 10
"""Bytes of a body that is not looked through on the loop."""


class Calling(Answering, Reading):
    """Calls of a pipeline: bytes in, bytes out; no input is decoded here."""

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
                try:
                    header, content = await self.answer_of(pipeline, hear)
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
            fields = {**header.get("headers", {}), **self._goes_on(header.get("job_id"))}
            status = 202 if "job_id" in header else 200
            if live and live.begun:
                self._finish(live, status, {**fields, "Content-Type": kind}, body)
                return
            self.set_status(status)
            for field, value in fields.items():
                self.set_header(field, value)
            self.answer_as(kind, body)
        finally:
            if live:
                live.close()

    async def answer_of(self, pipeline: ServedPipeline, hear: Hear | None) -> Frame:
        """Run it, or submit it as a job."""
        body, form = self.request.body, self.form()
        asked = await self._asked(body, form)
        settings = (self.app.use_workers, pipeline.spec.use_worker, asked.use_worker)
        if becomes_job(*settings):
            return await self.manager.jobs.enter(
                pipeline.name,
                body,
                form,
                priority=asked.priority or 0,
                save=asked.save is not False,
                after=asked.after or (),
                idempotency_key=asked.idempotency_key,
                who=self.who,
            )
        for name in ("after", "priority", "idempotency_key"):
            if getattr(asked, name) is not None:
                raise BadRequest(
                    f"The field {name!r} is for jobs, and this call is none.",
                    hint='Send "use_worker": true, unless pipeline or server say that there '
                    "shall be no jobs.",
                    field=name,
                )
        wait = self._patience() if pipeline.spec.changes else None
        save = bool(asked.save)
        return await pipeline.call(body, self.who, form, hear, save=save, wait=wait)

    async def _asked(self, body: bytes, form: Mapping[str, Any] | None) -> Envelope:
        """What the call says beside its input, which is not decoded here."""
        if form and "content_type" in form:
            return read_query(form["query"])
        if not says_more(body):
            return Envelope()
        if len(body) <= _LARGE:
            return read_controls(body)
        return await self.manager.store.run(read_controls, body)

    def _patience(self) -> float | None:
        """The seconds of ``Prefer: wait=30``."""
        for value in self.request.headers.get_list("Prefer"):
            for preference in value.split(","):
                found = re.fullmatch(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(;.*)?', preference, re.I)
                if found:
                    return float(found[1])
        return None

    def _goes_on(self, job_id: str | None) -> dict[str, str]:
        """The headers that say where a run goes on that takes longer than its client waits."""
        wait = self._patience()
        if job_id is None or wait is None:
            return {}
        base = self.request.path.rpartition("/pipelines/")[0]
        return {"Location": f"{base}/jobs/{job_id}", "Preference-Applied": f"wait={wait:.0f}"}

    def _fail(self, error: Exception) -> None:
        self.cancelled = isinstance(error, Cancelled)
        live = self._live
        if live is None or not live.begun:
            raise error
        self.log_exception(type(error), error, error.__traceback__)
        said = error_of(error, 500, known=True)
        content = dumps(self.error_body(said)).encode()
        self._finish(live, said.status, {"Content-Type": formats.JSON}, content)

    def _finish(self, live: LiveAnswer, status: int, headers: dict[str, str], body: bytes) -> None:
        self._status = status
        live.finish(status, headers, body)

    def on_connection_close(self) -> None:
        """Cancel what nobody waits for any more, unless it would leave something behind."""
        if self._live:
            self._live.close()
        if self._called and not self._called.spec.changes:
            self.cancel()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Count the call, if it was one."""
        if self._called:
            status = self._status or self.get_status()
            self._called.calls.answered(status, self.request.request_time())
        super().on_finish()
