"""What a notebook sends to be served: definitions, and states that its kernel has learned.

As bytes it is the length of a JSON document (8 bytes, network order), the document, and the raw
bytes that the document gives the lengths of, in the order in which it names them. To read one
opens nothing: definitions and states stay bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BadRequest, ChariotsError
from ..versioning.names import check_name
from ..versioning.runs import run_from_json, run_to_json
from ..versioning.spec import PipelineSpec, RunRecord

__all__ = ["Bundle", "Sent"]

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Sent:
    """A pipeline to be served.

    Attributes:
        spec: as made in the notebook.
        data: the definition by value.
        carried: digest of the data that goes with the code and is no part of its version.
        runs: what its ops learned in the kernel and no store has yet.
    """

    spec: PipelineSpec
    data: bytes
    carried: str
    runs: tuple[RunRecord, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """Pipelines to be served together.

    Attributes:
        header: where they can run; see :func:`jupyter_chariots.pipelines.header.make_header`.
        pipelines: the pipelines.
        replace: take their names over from other notebooks.
        share: ops whose names other notebooks have and that these may use, too.
        replicas: how many processes shall answer the calls of each.
    """

    header: Mapping[str, Any]
    pipelines: tuple[Sent, ...]
    replace: bool = False
    share: tuple[str, ...] = ()
    replicas: int | None = None

    def to_bytes(self) -> bytes:
        """The bundle as the body of a request."""
        parts: list[bytes] = []

        def keep(data: bytes) -> int:
            return _add(parts, bytes(data))

        document = {
            "header": dict(self.header),
            "pipelines": [
                {
                    "spec": sent.spec.to_json(),
                    "data": _add(parts, sent.data),
                    "carried": sent.carried,
                    "runs": [run_to_json(run, keep) for run in sent.runs],
                }
                for sent in self.pipelines
            ],
            "replace": self.replace,
            "share": list(self.share),
            "replicas": self.replicas,
        }
        head = json.dumps(document).encode()
        return b"".join((_LENGTH.pack(len(head)), head, *parts))

    @classmethod
    def from_bytes(cls, body: bytes) -> Bundle:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            BadRequest: it is something else.
        """
        try:
            (size,) = _LENGTH.unpack_from(body)
            parts = _Parts(body, _LENGTH.size + size)
            document = json.loads(body[_LENGTH.size : _LENGTH.size + size])
            header = document["header"]
            _check_header(header)
            pipelines = tuple(
                Sent(
                    spec=PipelineSpec.from_json(one["spec"]),
                    data=parts.take(one["data"]),
                    carried=str(one["carried"]),
                    runs=tuple(run_from_json(run, parts.take) for run in one["runs"]),
                )
                for one in document["pipelines"]
            )
            parts.check_end()
            share = tuple(check_name("op", name) for name in document["share"])
            replicas = document.get("replicas")
            if replicas is not None and (type(replicas) is not int or replicas < 1):
                raise ValueError("'replicas'")
            return cls(header, pipelines, bool(document["replace"]), share, replicas)
        except ChariotsError:
            raise
        except Exception as error:  # whatever else a stranger may have put together
            raise BadRequest(
                f"The body is no definition of pipelines ({type(error).__name__}: {error}).",
                hint="Serve pipelines with client.serve(…) of the same release as the server.",
            ) from None


class _Parts:
    """The raw bytes behind the document, taken one after the other."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body, self._at = memoryview(body), start

    def take(self, size: Any) -> bytes:
        if type(size) is not int or not 0 <= size <= len(self._body) - self._at:
            raise ValueError("a part is missing")
        self._at += size
        return bytes(self._body[self._at - size : self._at])

    def check_end(self) -> None:
        if self._at != len(self._body):
            raise ValueError("there is something behind the last part")


def _add(parts: list[bytes], data: bytes) -> int:
    parts.append(data)
    return len(data)


def _check_header(header: Any) -> None:
    kinds: dict[str, Any] = {
        "protocol": int,
        "python": str,
        "executable": str,
        "folder": str,
        "path": list,
        "env": dict,
        "notebook": (str, type(None)),
        "kernel_id": (str, type(None)),
        "formerly": list,
        "kernel": (dict, type(None)),
    }
    for name, kind in kinds.items():
        if not isinstance(header[name], kind):
            raise ValueError(f"{name!r} in the header")
    texts = [*header["path"], *header["env"], *header["env"].values(), *header["formerly"]]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("'path', 'env' or 'formerly' in the header")
