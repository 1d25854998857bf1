"""The logs of jobs, as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from jupyter_chariots.server.job_logs import JobLogs
from jupyter_chariots.server.threads import StoreThreads

from ..op_store.lab import open_store


def written(folder: Path, *said: str | None) -> str:
    """The log after a job has printed these, and ``None``: after a note of the server."""

    async def main() -> str:
        threads = StoreThreads(lambda: open_store(folder))
        logs = JobLogs(folder / "logs", threads, lambda job_id: None)
        try:
            for text in said:
                if text is None:
                    logs.note("job", "It was killed.")
                else:
                    logs.hear("job", json.dumps({"stream": "stdout", "text": text}).encode())
                while logs.is_busy("job"):
                    await asyncio.sleep(0.005)
            return (await logs.read("job", 100, None)).text
        finally:
            await threads.close()

    return asyncio.run(main())


def test_a_note_has_a_line_of_its_own(tmp_path: Path) -> None:
    note = "[jupyter_chariots] It was killed.\n"
    cut_off, whole, none = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for folder in (cut_off, whole, none):
        folder.mkdir()
    # print writes the end of a line by itself, so a process may be killed before that
    assert written(cut_off, "one", None, "two", "\n", None) == f"one\n{note}two\n{note}"
    assert written(whole, "one", "\n", None) == f"one\n{note}"
    assert written(none, None, None) == note * 2
