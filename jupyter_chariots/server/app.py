"""The Jupyter server extension."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Float, Int, List, Unicode

from .. import __version__
from ..op_store import OpStore
from ..workers.launcher import Launcher
from .connection import ConnectionFile, OwnerIdentity
from .manager import PipelineManager
from .newsfeed import SCHEMAS, event_id
from .routes import handlers
from .threads import StoreThreads

__all__ = ["PipelinesServer"]


class PipelinesServer(ExtensionApp):
    """Serves versioned machine-learning pipelines under ``{base_url}chariots``."""

    name = "jupyter_chariots"

    app_pipelines = List(
        Unicode(),
        help="Where the pipelines are: modules, or module:name for one pipeline of a module.",
    ).tag(config=True)
    op_store_path = Unicode(
        "",
        help="Database of the op store; .chariots/op_store.db in the server's root if empty.",
    ).tag(config=True)
    runner = Unicode(
        "",
        help="Dotted path of the class that executes pipelines; SequentialRunner if empty.",
    ).tag(config=True)
    default_pipeline_callbacks = List(
        Unicode(),
        help="Dotted paths of classes of callbacks; one of each is added to every pipeline.",
    ).tag(config=True)
    use_workers = Bool(
        None,
        allow_none=True,
        help="Whether calls become jobs: True unless pipeline or request say False, "
        "False never, None (the default) where pipeline or request say so.",
    ).tag(config=True)
    call_timeout = Float(
        60.0,
        allow_none=True,
        help="Seconds that a call of a pipeline may take that changes nothing.",
    ).tag(config=True)
    candidate_ttl = Float(
        7.0,
        allow_none=True,
        help="Days after which what a run left is removed if it was not saved and is not current; "
        "None: never.",
    ).tag(config=True)
    start_timeout = Float(
        10.0,
        help="Seconds that a request waits while the pipelines are being imported at the start, "
        "before it is answered with 503.",
    ).tag(config=True)
    max_body_size = Int(
        256 * 1024 * 1024,
        help="Bytes that the body of a request may have; ServerApp.max_body_size limits it too.",
    ).tag(config=True)

    manager: PipelineManager
    identity: OwnerIdentity
    _connection: ConnectionFile | None = None

    def initialize_settings(self) -> None:
        """Make what the handlers use, and register the events before anybody subscribes."""
        self.identity = OwnerIdentity(parent=self)
        serverapp: Any = self.serverapp
        for schema in SCHEMAS:
            serverapp.event_logger.register_event_schema(schema)
        root = Path(serverapp.root_dir).resolve()
        path = Path(self.op_store_path or ".chariots/op_store.db").expanduser()
        path = path if path.is_absolute() else root / path
        launcher = Launcher(
            store_path=path,
            cwd=root,
            logs=path.parent / "logs",
            runner=self.runner or None,
            callbacks=tuple(self.default_pipeline_callbacks),
            use_workers=self.use_workers,
            call_timeout=self.call_timeout,
        )
        ttl = None if self.candidate_ttl is None else timedelta(days=self.candidate_ttl)
        self.manager = PipelineManager(
            self.app_pipelines,
            StoreThreads(lambda: OpStore(path, candidate_ttl=ttl)),
            launcher,
            self._emit,
            self.log,
            start_timeout=self.start_timeout,
            release=__version__,
        )

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(handlers())

    def _emit(self, kind: str, fields: dict[str, Any]) -> None:
        serverapp: Any = self.serverapp
        serverapp.event_logger.emit(schema_id=event_id(kind), data=fields)

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to find the pipelines, and tell kernels and scripts where this server is."""
        self.manager.start()
        self._connection = file = ConnectionFile(jupyter_runtime_dir())

        def write() -> None:
            file.write(
                url=serverapp.connection_url,
                token=self.identity.credential,
                root_dir=str(Path(serverapp.root_dir).resolve()),
                version=__version__,
            )

        try:
            await self.manager.store.run(write)
        except OSError as error:
            self.log.warning("The connection file cannot be written: %s", error)

    async def stop_extension(self) -> None:
        """End all processes; called before Jupyter ends the kernels."""
        if self._connection:
            await asyncio.to_thread(self._connection.remove)
        await self.manager.stop()

    def current_activity(self) -> dict[str, int] | None:
        """Runs under way, so that nothing stops an idle server under them."""
        return self.manager.running() or None
