"""How far a fit of scikit-learn is, by the hooks that it offers for that.

Releases with ``sklearn.callback`` (1.9 and later) tell of the steps of pipelines, the candidates of
searches and the iterations of some solvers; gradient boosting of its trees in any release. A model
that was watched learns the same and has the same bytes as one that was not: what is set on it is
taken away after the fit, and no part of it is copied with a callback on.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..pipelines.watching import progress, watched

__all__ = ["fit_watched"]

_FAMILY = getattr(socket, "AF_UNIX", -1)
_PATIENCE_S = 0.5


def fit_watched(model: Any, *data: Any, parameters: Mapping[str, Any]) -> None:
    """Call ``model.fit``; if anybody watches the run, tell how far it is, where the model can.

    Args:
        model: with the interface of scikit-learn.
        data: what it is fitted on.
        parameters: keyword arguments of its ``fit``.
    """
    if not watched():
        model.fit(*data, **parameters)
    elif _counts_trees(model):
        model.fit(*data, **{"monitor": _monitor, **parameters})
    else:
        with _callback_on(model):
            model.fit(*data, **parameters)


def _counts_trees(model: Any) -> bool:
    ensemble: Any = sys.modules.get("sklearn.ensemble")
    return ensemble is not None and isinstance(
        model, (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
    )


def _monitor(index: int, model: Any, _: Mapping[str, Any]) -> None:
    progress(index + 1, model.n_estimators, "trees")


@contextlib.contextmanager
def _callback_on(model: Any) -> Iterator[None]:
    """Set a callback on the model, if this release has them and the model takes them."""
    try:
        from sklearn.callback import CallbackSupportMixin
    except ImportError:
        CallbackSupportMixin = None
    if CallbackSupportMixin is None or not isinstance(model, CallbackSupportMixin):
        yield
        return
    # of the mixin itself: some models warn that they tell less for some of their parameters
    set_callbacks = CallbackSupportMixin.set_callbacks
    before = getattr(model, "_skl_callbacks", [])
    with _Tasks() as tasks:
        address = tasks.listen() if _is_parallel(model) else None
        set_callbacks(model, *before, Callback(tasks.took, address))
        try:
            yield
        finally:
            set_callbacks(model, *before)


def _is_parallel(model: Any) -> bool:
    parameters = model.get_params(deep=True)
    return any(
        name.rpartition("__")[2] == "n_jobs" and value not in (None, 1)
        for name, value in parameters.items()
    )


class Callback:
    """What scikit-learn calls at the begin and the end of each task of a fit.

    It is not propagated to the models inside: those that know no callbacks would warn.

    Args:
        took: is told of a task, in this process.
        address: of the socket that takes it from others, which get copies of this.
    """

    def __init__(self, took: Callable[..., object] | None, address: str | None) -> None:
        self._took, self._address = took, address

    def __getstate__(self) -> dict[str, Any]:
        return {"_took": None, "_address": self._address}

    def setup(self, estimator: Any, context: Any) -> None:
        """The fit begins."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """The fit has ended."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """A task begins."""
        self._tell(context, ended=False)

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """A task has ended; what this gives would end the fit if it were true."""
        self._tell(context, ended=True)

    def _tell(self, context: Any, ended: bool) -> None:
        parent = context.parent
        if parent is None:
            return
        leaf = context.max_subtasks == 0
        told = [parent.task_name, parent.task_id, parent.max_subtasks, context.task_name]
        if self._took is not None:
            self._took(*told, leaf, ended)
        elif self._address is not None:
            # nobody reads any more, or too slowly: nothing to fail for
            with contextlib.suppress(OSError), socket.socket(_FAMILY, socket.SOCK_DGRAM) as sock:
                sock.settimeout(_PATIENCE_S)
                sock.sendto(json.dumps([*told, leaf, ended]).encode(), self._address)


class _Tasks(contextlib.ExitStack):
    """Counts the tasks that have ended, in this process and in those that a fit starts."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: Counter[tuple[str, int]] = Counter()

    def took(
        self, group: str, number: int, n: int | None, name: str, leaf: bool, ended: bool
    ) -> None:
        """Count a task and tell it."""
        key = (group, number)
        self._ended[key] += ended
        if leaf:  # of what is inside of the others more is told
            progress(self._ended[key], n, name.replace("-", " "))

    def listen(self) -> str | None:
        """Take what other processes tell, until this is left; gives the address for them."""
        if _FAMILY == -1:
            return None
        folder = self.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        address = str(Path(folder) / "tasks")
        sock = self.enter_context(socket.socket(_FAMILY, socket.SOCK_DGRAM))
        try:
            sock.bind(address)
        except OSError:  # the path of the folder for temporary files is too long
            return None
        thread = threading.Thread(target=self._take, args=(sock,), name="tasks", daemon=True)
        thread.start()

        def end() -> None:
            with socket.socket(_FAMILY, socket.SOCK_DGRAM) as last:
                last.sendto(b"", address)
            thread.join()

        self.callback(end)
        return address

    def _take(self, sock: socket.socket) -> None:
        while told := sock.recv(4096):
            self.took(*json.loads(told))
