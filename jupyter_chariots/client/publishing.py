"""What is served, and by which definition."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .. import faults
from ..formats import BYTES
from ..pipelines.pipeline import Pipeline
from ..versioning.cells import rename_notebook
from .requests import Requests, name_of, path_of
from .serving import Serving, Servings, keep_saved, pipelines_of

__all__ = ["Publishing"]


class Publishing(Requests):
    """The part of the client that has pipelines served."""

    def serve(
        self,
        *pipelines: Any,
        replace: bool = False,
        share: Collection[str] = (),
        env: Collection[str] = (),
        replicas: int | None = None,
        name: str | None = None,
    ) -> Serving | Servings:
        """Let the Jupyter server serve pipelines of this notebook, or a fitted estimator.

        They go by value, with the functions and classes of the notebook, and run in processes of
        their own, with the interpreter and in the folder of this kernel; they are served again
        after a restart of the server, without the notebook. What this kernel has fitted since the
        last save is saved and served with them. A definition that is served already is left alone.

        Args:
            pipelines: the pipelines; or one fitted estimator.
            replace: take names of pipelines over from other notebooks.
            share: names of ops that belong to other notebooks and that these may use as well.
            env: names of environment variables that the pipelines need. Their values are kept in
                the op store, where only this user's secret opens them. Those that decide how an op
                runs (``KERAS_BACKEND``) go along by themselves.
            replicas: how many processes answer the calls of each, all on the same versions; if
                not given, as ``c.PipelinesServer.replicas`` says, or one.
            name: under which the estimator is served.

        Returns:
            for each pipeline what was done, for a single one that alone. It shows itself.

        Raises:
            NameTaken: a name belongs to another notebook; nothing was changed.
            DefinitionError: something cannot travel, or is no pipeline; nothing was sent.
            TooLarge: a definition has more than 50 MB; nothing was sent.
        """
        from ..ml.bundling import bundle_of

        meant = pipelines_of(pipelines, name)
        bundle = bundle_of(meant, replace=replace, share=share, env=env, replicas=replicas)
        faults.reached("definition packed")
        # the same thing sent twice changes nothing, so that a lost answer is asked for again
        headers = {"Content-Type": BYTES}
        answers = self._request("POST", "/pipelines", bundle.to_bytes(), headers)["pipelines"]
        faults.reached("definition answered")
        url = self._connection.address.url if self._connection else ""
        done = Servings(
            Serving.from_json(pipeline, url, answer)
            for pipeline, answer in zip(meant, answers, strict=True)
        )
        keep_saved(meant, bundle, answers[0]["held"])
        if bundle.header["kernel_id"] and answers[0]["owner"].endswith(".ipynb"):
            rename_notebook(answers[0]["owner"])  # the server knows what it is called now
        for one in meant:
            self._own_runs.pop(one.name, None)
        return done[0] if len(done) == 1 else done

    def unserve(self, pipeline: Pipeline | str) -> None:
        """Serve a pipeline no more. Its versions and its history stay in the op store.

        One that ``app_pipelines`` names is served again when the server starts again.

        Raises:
            PipelineNotFound: no pipeline of this name is served.
        """
        self._request("DELETE", path_of(pipeline), repeatable=False)
        self._own_runs.pop(name_of(pipeline), None)
