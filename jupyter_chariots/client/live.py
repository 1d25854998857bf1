"""What a run prints while it is being waited for, shown where the caller is."""

from __future__ import annotations

import http.client
import json

from ..formats import LIVE
from .screen import Screen

__all__ = ["OUTPUT", "is_live", "read_live"]

OUTPUT = {"Chariots-Output": "live"}
"""Header of a call that asks for it."""


def is_live(response: http.client.HTTPResponse) -> bool:
    """Whether the answer begins with what the run prints."""
    return response.headers.get("Content-Type") == LIVE


def read_live(
    response: http.client.HTTPResponse, screen: Screen
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Show what the run tells as it comes.

    Returns:
        status, headers and body of the plain answer, which come last.

    Raises:
        http.client.HTTPException: the answer is broken off.
    """
    try:
        while True:
            line = response.readline()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            if line == b"\n":
                continue
            try:
                said = json.loads(line)
            except ValueError as error:
                raise http.client.IncompleteRead(line) from error
            if "notice" in said:
                screen.notice(said["notice"])
                continue
            if "progress" in said:
                screen.progress(said["progress"])
                continue
            screen.unnotice()
            if "stream" in said:
                screen.write(said["stream"], said["text"])
                continue
            body = response.read(said["length"])
            if len(body) < said["length"]:
                raise http.client.IncompleteRead(body)
            response.read()  # to the very end, so that the connection can be used again
            headers = http.client.HTTPMessage()
            for name, value in said["headers"].items():
                headers[name] = value
            return said["status"], headers, body
    finally:
        screen.clear()
