"""The op store: names, versions and bytes; never ops, never pickles."""

from __future__ import annotations

from .elsewhere import Beginning
from .newer import Newer
from .records import (
    Choice,
    Claim,
    Collected,
    Committed,
    Definition,
    Ending,
    Job,
    Lease,
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
from .sweeper import Sweeper

__all__ = [
    "BaseSaver",
    "Beginning",
    "Choice",
    "Claim",
    "Collected",
    "Committed",
    "Definition",
    "Ending",
    "FileSaver",
    "FsspecSaver",
    "Job",
    "Lease",
    "Loadable",
    "Newer",
    "News",
    "OpInfo",
    "OpStore",
    "Rerecorded",
    "Saved",
    "Served",
    "StateRef",
    "Sweeper",
    "VersionInfo",
]
