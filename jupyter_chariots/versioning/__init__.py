"""Versions, and what they are made of."""

from .code import Code
from .fields import Versioned, VersionedField, VersionedFieldDict
from .names import check_name
from .spec import Learned, Link, NodeSpec, OpSpec, PipelineSpec, RunRecord
from .status import JobStatus
from .version import Version, VersionType, combine, digest, now

__all__ = [
    "Code",
    "JobStatus",
    "Learned",
    "Link",
    "NodeSpec",
    "OpSpec",
    "PipelineSpec",
    "RunRecord",
    "Version",
    "VersionType",
    "Versioned",
    "VersionedField",
    "VersionedFieldDict",
    "check_name",
    "combine",
    "digest",
    "now",
]
