"""The Jupyter server extension."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.routing import Rule
from traitlets import Bool, Dict, Float, Int, List, TraitError, Unicode, Union, validate

from .. import __version__
from ..errors import ChariotsError
from ..op_store import OpStore
from ..workers.guard_process import GuardProcess
from ..workers.launcher import Launcher
from ..workers.limits import parse_size
from ..workers.pools.base import BaseWorkerPool
from ..workers.pools.choosing import make_pool
from ..workers.pools.local import LocalWorkerPool
from ..workers.warm import Warm
from .app_notebooks import AppSettings
from .bodies import Bodies, Bounded
from .connection import ConnectionFile, OwnerIdentity
from .express import Ways
from .lean import Permitted
from .manager import PipelineManager
from .metrics import LoopLag
from .newsfeed import SCHEMAS, event_id
from .overview import Overview
from .permits import Permits
from .routes import handlers, pattern
from .running import Running
from .scale import Scale
from .threads import StoreThreads

__all__ = ["PipelinesServer"]


class PipelinesServer(ExtensionApp):
    """Serves versioned machine-learning pipelines under ``{base_url}chariots``."""

    name = "jupyter_chariots"

    app_pipelines = List(
        Unicode(),
        help="Where the pipelines are: modules, or module:name for one pipeline of a module.",
    ).tag(config=True)
    app_notebooks = List(
        Unicode(),
        help="Notebooks, from the server's root, whose cells tagged 'chariots' define pipelines. "
        "They run only after: jupyter chariots trust NOTEBOOK",
    ).tag(config=True)
    notebook_timeout = Float(
        300.0,
        help="Seconds that the cells of one of app_notebooks may run.",
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
    worker_pool = Unicode(
        "local",
        help="Where jobs run: 'local' (processes on this machine), 'dask', 'rq', 'remote' (only "
        "where you start `jupyter chariots worker` yourself), or the dotted path of a class "
        "derived from jupyter_chariots.BaseWorkerPool.",
    ).tag(config=True)
    worker_pool_options = Dict(
        key_trait=Unicode(),
        help="Arguments of the pool; of the local one: {'n_workers': 4}, one for each processor if "
        "not given.",
    ).tag(config=True)
    call_timeout = Float(
        60.0,
        allow_none=True,
        help="Seconds that a call of a pipeline may take that changes nothing.",
    ).tag(config=True)
    replicas = Dict(
        key_trait=Unicode(),
        value_trait=Int(min=1),
        help='How many processes answer the calls of a pipeline, by its name: {"pred_iris": 2}. '
        "One for those not named; client.serve(…, replicas=2) has the last word.",
    ).tag(config=True)
    max_replicas = Int(
        8,
        min=1,
        help="How many processes that answer calls are kept at most, over all pipelines. For a "
        "further one, those end that were not called for the longest time; never one with calls.",
    ).tag(config=True)
    cull_idle_timeout = Float(
        1800.0,
        min=0.0,
        help="Seconds without a call after which the processes that answer calls of a pipeline "
        "end; its next call starts them again. 0: never.",
    ).tag(config=True)
    memory_limit = Union(
        [Int(), Unicode()],
        default_value=None,
        allow_none=True,
        help='Memory that each process of a pipeline may allocate: bytes, or text such as "2G"; '
        "Linux only. None: as much as there is.",
    ).tag(config=True)
    worker_niceness = Int(
        5,
        help="How much processes that train give way to kernels and to the server, 0 to 19.",
    ).tag(config=True)
    candidate_ttl = Float(
        7.0,
        allow_none=True,
        help="Days after which what a run left is removed if it was not saved and is not current; "
        "None: never.",
    ).tag(config=True)
    job_retention = Float(
        7.0,
        allow_none=True,
        help="Days after which jobs that have ended are removed, all but the last 1000; None: "
        "never.",
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

    @validate("memory_limit")
    def _size(self, proposal: Any) -> int | None:
        try:
            return parse_size(proposal["value"])
        except ValueError as error:
            raise TraitError(f"PipelinesServer.memory_limit: {error}") from None

    manager: PipelineManager
    overview: Overview
    identity: OwnerIdentity
    permits: Permits
    running: Running
    lag: LoopLag
    _connection: ConnectionFile | None = None

    def initialize_settings(self) -> None:
        """Make what the handlers use, and register the events before anybody subscribes."""
        self.identity = OwnerIdentity(parent=self)
        self.permits = Permits()
        self.running = Running()
        self.lag = LoopLag()
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
            call_timeout=self.call_timeout,
            memory_limit=self.memory_limit,
            niceness=self.worker_niceness,
            guard=GuardProcess() if os.name == "posix" else None,
        )
        if launcher.guard:
            launcher.guard.store_path = str(path)
        ttl, retention = _days(self.candidate_ttl), _days(self.job_retention)
        apps = AppSettings(
            paths=self.app_notebooks,
            root=Path(serverapp.root_dir).absolute(),
            find_spec=serverapp.kernel_spec_manager.get_kernel_spec,
            timeout=self.notebook_timeout,
        )
        self.manager = PipelineManager(
            self.app_pipelines,
            apps,
            StoreThreads(lambda: OpStore(path, candidate_ttl=ttl, job_retention=retention)),
            launcher,
            Scale(Warm(self.max_replicas, self.cull_idle_timeout), self.replicas),
            self._pool(),
            self._address,
            self._is_active,
            self._emit,
            self.log,
            start_timeout=self.start_timeout,
        )
        self.overview = Overview(self.manager, __version__)

    def initialize_handlers(self) -> None:
        """Add the routes; before them what bodies that are too large go to, and before all the
        short way of a call.
        """
        serverapp: Any = self.serverapp
        web_app = serverapp.web_app
        main = url_path_join(web_app.settings["base_url"], pattern("/pipelines/{name}/main"))
        every = url_path_join(web_app.settings["base_url"], "/chariots(?:/.*)?")
        bounded = Bounded(every, min(self.max_body_size, serverapp.max_body_size))
        # as add_handlers does, which in Jupyter takes handlers only
        for rule in (
            Rule(Permitted(main, self), Ways(web_app, self)),
            Rule(bounded, Bodies(web_app, bounded, self)),
        ):
            web_app.default_router.rules.insert(-1, rule)
        self.handlers.extend(handlers())

    def _pool(self) -> BaseWorkerPool | ChariotsError:
        """The pool of the configuration, or what is wrong with it: all but jobs goes on without."""
        try:
            pool = make_pool(self.worker_pool, self.worker_pool_options)
            if not isinstance(pool, LocalWorkerPool):
                _ = self.identity.worker_credential  # read now, not while requests wait
            return pool
        except ChariotsError as error:
            self.log.error("%s", error)
            return error

    def _address(self) -> tuple[str, str]:
        serverapp: Any = self.serverapp
        url = url_path_join(serverapp.connection_url, "chariots")
        return url, self.identity.worker_credential

    def _is_active(self) -> None:
        """Jobs run: whoever ends idle servers counts from now."""
        serverapp: Any = self.serverapp
        times = serverapp.web_app.settings["last_activity_times"]
        times[self.name] = datetime.now(timezone.utc)

    def _emit(self, kind: str, fields: dict[str, Any]) -> None:
        serverapp: Any = self.serverapp
        serverapp.event_logger.emit(schema_id=event_id(kind), data=fields)

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to find the pipelines, and tell kernels and scripts where this server is."""
        self.manager.start()
        self.lag.start()
        self._connection = file = ConnectionFile(jupyter_runtime_dir())

        def write() -> None:
            file.write(serverapp, token=self.identity.credential, version=__version__)

        try:
            await self.manager.store.run(write)
        except OSError as error:
            self.log.warning("The connection file cannot be written: %s", error)

    async def stop_extension(self) -> None:
        """End all processes; called before Jupyter ends the kernels."""
        self.lag.stop()
        if self._connection:
            await asyncio.to_thread(self._connection.remove)
        await self.manager.stop()

    def current_activity(self) -> dict[str, int] | None:
        """Runs and jobs under way, so that nothing stops an idle server under them."""
        return self.manager.running() or None


def _days(number: float | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)
