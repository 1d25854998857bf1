"""The op store: names, versions and bytes; never ops, never pickles."""

from __future__ import annotations

from .records import (
    Choice,
    Collected,
    Committed,
    Definition,
    Loadable,
    News,
    OpInfo,
    Rerecorded,
    Saved,
    Served,
    StateRef,
    VersionInfo,
)
from .savers import BaseSaver, FileSaver, FsspecSaver
from .store import OpStore

__all__ = [
    "BaseSaver",
    "Choice",
    "Collected",
    "Committed",
    "Definition",
    "FileSaver",
    "FsspecSaver",
    "Loadable",
    "News",
    "OpInfo",
    "OpStore",
    "Rerecorded",
    "Saved",
    "Served",
    "StateRef",
    "VersionInfo",
]
