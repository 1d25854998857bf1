"""What the processes of a pipeline have printed."""

from __future__ import annotations

__all__ = ["Log"]


class Log(str):
    """A part of a log. It is a text that shows itself as it is.

    Attributes:
        offset: where the log goes on: ``client.logs(pipeline, after=log.offset)`` is what was
            written since then.
    """

    offset: str

    def __new__(cls, text: str, offset: str) -> Log:
        """A text and where its log goes on."""
        log = super().__new__(cls, text)
        log.offset = offset
        return log

    def __repr__(self) -> str:
        return str(self)
