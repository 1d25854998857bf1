"""The files in which running servers say where they are, and with which credential.

A connection file is ``jpchariots-<pid>-….json`` in Jupyter's runtime folder, written by the
extension at each start: ``{"url", "token", "root_dir", "pid", "network", "certificate", …}``.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import ServerNotFound
from ..pipelines.provenance import network
from .addresses import normal
from .sockets import http_connection

__all__ = ["ServerFile", "runtime_dir", "server_files"]

_PATIENCE_S = 1.0


@dataclass(frozen=True)
class ServerFile:
    """What one file says.

    Attributes:
        url: where the extension answers.
        token: the credential.
        root: the server's root.
        pid: its process id.
        written: when, in seconds.
        certificate: SHA-256 of the certificate that it shows, where it speaks HTTPS.
        reachable: whether it can be meant here: a loopback address of another machine, or of
            another container, whose home is the same, is somebody else's here.
    """

    url: str
    token: str | None
    root: Path
    pid: int
    written: float
    certificate: str | None
    reachable: bool

    def alive(self) -> bool:
        """Whether the server that wrote the file still answers at its address.

        The file of a server that was killed stays behind, and its port, like its process id, may
        belong to another program by now.
        """
        connection = http_connection(self.url, _PATIENCE_S, self.certificate)
        try:
            connection.connect()
        except OSError:
            return False
        try:
            headers = {"Authorization": f"token {self.token}"}
            connection.request("GET", urlsplit(self.url).path + "/openapi.yaml", headers=headers)
            answer = connection.getresponse()
            kind = answer.headers.get_content_type()
            # an Authorizer may have something against it; it is the server all the same
            return (answer.status, kind) in ((200, "application/yaml"), (403, "application/json"))
        except TimeoutError:
            return True  # it is there, and busy
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def server_files() -> list[ServerFile]:
    """What the readable files say, the youngest first, those of dead servers included.

    Of several with one address only the youngest counts: the others' servers are gone.
    """
    files = sorted(_read(), key=lambda one: one.written)
    by_address = {(one.url, one.reachable): one for one in files}
    return sorted(by_address.values(), key=lambda one: one.written, reverse=True)


def runtime_dir() -> Path:
    """Where the files are."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _read() -> Iterator[ServerFile]:
    for file in runtime_dir().glob("jpchariots-*.json"):
        try:
            data = json.loads(file.read_text())
            url = normal(data["url"], file.name)[0]
            yield ServerFile(
                url=url,
                token=data.get("token") or None,
                root=Path(data["root_dir"]),
                pid=int(data["pid"]),
                written=file.stat().st_mtime,
                certificate=data.get("certificate") or None,
                reachable=data.get("network") in (None, network()) or not _is_local(url),
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ServerNotFound):
            continue  # of another user, of another release, or being removed at this moment


def _is_local(url: str) -> bool:
    """Whether an address means another machine on each machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or url.startswith("http+unix:")
