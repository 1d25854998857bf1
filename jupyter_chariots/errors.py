"""The tree of errors.

Each error has a stable ``code`` (the client turns it back into the class) and the HTTP ``status``
that the server answers with. A message says what happened and to which pipeline, node, op or
version; the ``hint`` says what to do next.

::

    ChariotsError
    ├── DefinitionError (ValueError)      a definition is refused, before anything runs
    │   ├── InvalidPipeline
    │   ├── InvalidName
    │   ├── InvalidField
    │   └── InvalidNotebook               a file is no notebook that can be served
    ├── BadRequest                        the request cannot be understood
    │   ├── InvalidInput                  the input does not fit the pipeline
    │   └── UnsupportedFormat             nothing here reads a body of this type
    ├── AccessDenied
    │   ├── NotAuthenticated
    │   └── NotAllowed
    ├── NotFound
    │   ├── PipelineNotFound (ValueError)
    │   ├── OpNotFound
    │   ├── VersionNotFound
    │   ├── RunNotFound
    │   └── JobNotFound
    ├── VersionError (TypeError)          versions that do not fit together
    │   └── NotLoaded                     an op has no state to run with
    ├── Conflict
    │   ├── NameTaken                     the name belongs to another notebook or module
    │   ├── Redefined                     the definition has been replaced before the run began
    │   ├── SaveConflict                  another run was saved in the meantime
    │   ├── LeaseLost                     the job was taken from this attempt; its result is refused
    │   ├── JobCancelled
    │   └── PrerequisiteFailed            a job that this one waited for did not come through
    ├── NodeFailed (ValueError)           an op raised; the cause is the op's own exception
    ├── SerializationError                a state or a value cannot be turned into bytes, or back
    ├── StoreError
    │   ├── StoreTooNew
    │   ├── StoreBusy
    │   ├── BlobMissing
    │   └── NotTrusted                    unsigned, or changed since it was signed
    ├── Unavailable                       try again: busy, starting, or a process died
    │   └── WorkerLost
    ├── TimedOut
    ├── Cancelled                         whoever called it, or somebody else, ended the run
    ├── TooLarge
    ├── ConfigurationError
    └── ServerNotFound                    the client finds no server
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any, ClassVar

__all__ = [
    "AccessDenied",
    "BadRequest",
    "BlobMissing",
    "Cancelled",
    "ChariotsError",
    "ConfigurationError",
    "Conflict",
    "DefinitionError",
    "InvalidField",
    "InvalidInput",
    "InvalidName",
    "InvalidNotebook",
    "InvalidPipeline",
    "JobCancelled",
    "JobNotFound",
    "LeaseLost",
    "NameTaken",
    "NodeFailed",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotLoaded",
    "NotTrusted",
    "OpNotFound",
    "PipelineNotFound",
    "PrerequisiteFailed",
    "Redefined",
    "RunNotFound",
    "SaveConflict",
    "SerializationError",
    "ServerNotFound",
    "StoreBusy",
    "StoreError",
    "StoreTooNew",
    "TimedOut",
    "TooLarge",
    "Unavailable",
    "UnsupportedFormat",
    "VersionError",
    "VersionNotFound",
    "WorkerLost",
    "from_payload",
]


class ChariotsError(Exception):
    """Base of all errors of jupyter_chariots.

    Args:
        message: what happened, and to what.
        hint: what to do next.
        traceback: the traceback of user code, as text, where there is one.
        details: further facts as JSON values (``node``, ``op``, ``remedy`` …); they are part of
            the body that the server answers with, and come back as ``details`` in the client.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        /,  # details may have any name
        *,
        hint: str | None = None,
        traceback: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.traceback = traceback
        self.details = details

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.endswith((".", "!", "?", ":")) else "."  # it may quote an error
        between = "\n" if "\n" in self.hint else " "
        return f"{self.message}{stop}{between}{self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return from_payload, (self.payload(),)

    def payload(self) -> dict[str, Any]:
        """The error as the JSON body that the server answers with."""
        body: dict[str, Any] = {**self.details, "code": self.code, "message": self.message}
        if self.hint:
            body["hint"] = self.hint
        if self.traceback:
            body["traceback"] = self.traceback
        return body

    def _render_traceback_(self) -> list[str]:
        """What IPython shows under a cell: the frames of the caller, without those in here."""
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        shown = above_own_frames(self.__traceback__)
        return list(shell.InteractiveTB.structured_traceback(type(self), self, shown))


class DefinitionError(ChariotsError, ValueError):
    """A definition is refused, before anything runs."""

    code = "invalid_definition"
    status = 400


class InvalidPipeline(DefinitionError):
    """A graph cannot be executed: a cycle, an input that nobody produces, or that two produce."""

    code = "invalid_pipeline"


class InvalidName(DefinitionError):
    """A name of a pipeline, node or op is not allowed."""

    code = "invalid_name"


class InvalidField(DefinitionError):
    """The value of a versioned field has no canonical form."""

    code = "invalid_field"


class InvalidNotebook(DefinitionError):
    """A file is no notebook, or none of its cells is tagged."""

    code = "invalid_notebook"


class BadRequest(ChariotsError):
    """The request cannot be understood."""

    code = "bad_request"
    status = 400


class InvalidInput(BadRequest):
    """The input does not fit the pipeline."""

    code = "invalid_input"


class UnsupportedFormat(BadRequest):
    """Nothing here reads a body of this type; nothing was run."""

    code = "unsupported_format"
    status = 415


class AccessDenied(ChariotsError):
    """The request may not do this."""

    code = "access_denied"
    status = 403


class NotAuthenticated(AccessDenied):
    """The request bears no valid credentials."""

    code = "not_authenticated"
    status = 401


class NotAllowed(AccessDenied):
    """The Authorizer said no."""

    code = "not_allowed"


class NotFound(ChariotsError):
    """Something named in the request does not exist."""

    code = "not_found"
    status = 404


class PipelineNotFound(NotFound, ValueError):
    """No pipeline of this name is served."""

    code = "pipeline_not_found"


class OpNotFound(NotFound):
    """No op of this name is in the store."""

    code = "op_not_found"


class VersionNotFound(NotFound):
    """The store has no such version of the op."""

    code = "version_not_found"


class RunNotFound(NotFound):
    """No run of this id left a candidate."""

    code = "run_not_found"


class JobNotFound(NotFound):
    """No job of this id is in the store."""

    code = "job_not_found"


class VersionError(ChariotsError, TypeError):
    """Versions do not fit together; nothing was changed."""

    code = "version_error"
    status = 419


class NotLoaded(VersionError):
    """The pipeline cannot run: an op has no state to run with."""

    code = "not_loaded"


class Conflict(ChariotsError):
    """The request does not agree with what is there."""

    code = "conflict"
    status = 409


class NameTaken(Conflict):
    """The name belongs to another notebook or module."""

    code = "name_taken"


class Redefined(Conflict):
    """The pipeline was defined anew before a process had opened the definition that it had."""

    code = "redefined"


class SaveConflict(Conflict):
    """Another run that names one of the same ops was saved since this one started."""

    code = "save_conflict"


class LeaseLost(Conflict):
    """A job was taken from this attempt, or has ended; what it reports is refused."""

    code = "lease_lost"


class JobCancelled(Conflict):
    """The job was cancelled; its result is refused."""

    code = "job_cancelled"


class PrerequisiteFailed(Conflict):
    """A job that this one waited for failed or was cancelled."""

    code = "prerequisite_failed"


class NodeFailed(ChariotsError, ValueError):
    """An op raised; ``__cause__`` is its own exception where that was raised in this process."""

    code = "node_failed"


class SerializationError(ChariotsError):
    """A state or a value cannot be turned into bytes, or back."""

    code = "serialization_error"


class StoreError(ChariotsError):
    """The op store cannot do what was asked."""

    code = "store_error"


class StoreTooNew(StoreError):
    """The store was written by a newer release."""

    code = "store_too_new"


class StoreBusy(StoreError):
    """Another process kept the store locked for too long."""

    code = "store_busy"
    status = 503


class BlobMissing(StoreError):
    """The bytes of a version are gone."""

    code = "blob_missing"


class NotTrusted(StoreError):
    """Bytes that this user did not sign, or that were changed since; they were not opened."""

    code = "not_trusted"


class Unavailable(ChariotsError):
    """The server cannot answer now; the same request may succeed later."""

    code = "unavailable"
    status = 503


class WorkerLost(Unavailable):
    """The process that ran the pipeline died."""

    code = "worker_lost"


class TimedOut(ChariotsError):
    """The run took longer than it may."""

    code = "timed_out"
    status = 504


class Cancelled(ChariotsError):
    """The run was cancelled; it has left nothing behind."""

    code = "cancelled"
    status = 499  # has no name in HTTP; it is known as "client closed request"


class TooLarge(ChariotsError):
    """The body is larger than the server accepts."""

    code = "too_large"
    status = 413


class ConfigurationError(ChariotsError):
    """The configuration of the server contradicts itself or names what does not exist."""

    code = "configuration_error"


class ServerNotFound(ChariotsError):
    """The client finds no server that runs jupyter_chariots, or cannot reach it."""

    code = "server_not_found"


def _tree(cls: type[ChariotsError]) -> Iterator[type[ChariotsError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _tree(child)


def from_payload(payload: Mapping[str, Any]) -> ChariotsError:
    """Turn a body made by :meth:`ChariotsError.payload` back into the same class.

    An unknown code (from a newer server) becomes a plain :class:`ChariotsError`.
    """
    body = dict(payload)
    code = body.pop("code", "error")
    message = str(body.pop("message", "The server gave no reason."))
    hint, traceback = (
        None if text is None else str(text)
        for text in (body.pop("hint", None), body.pop("traceback", None))
    )
    cls = next((c for c in _tree(ChariotsError) if c.code == code), ChariotsError)
    return cls(message, hint=hint, traceback=traceback, **body)


def above_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """A copy of a traceback that ends where this package is entered."""
    above: list[TracebackType] = []
    while trace is not None and not _is_own(trace.tb_frame):
        above.append(trace)
        trace = trace.tb_next
    shown: TracebackType | None = None
    for one in reversed(above):
        shown = TracebackType(shown, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return shown


def below_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from where the code of the user, or of a library, is entered; else as it is."""
    inner = trace
    while inner is not None and (_is_own(inner.tb_frame) or _is_pool(inner.tb_frame)):
        inner = inner.tb_next
    return inner or trace


def _is_own(frame: FrameType) -> bool:
    package, _, rest = _module(frame).partition(".")
    return package == __package__ and not rest.startswith("examples.")  # those are like users' code


def _is_pool(frame: FrameType) -> bool:
    return _module(frame).startswith("concurrent.futures.")  # what a ThreadRunner runs ops with


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
