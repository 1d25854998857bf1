"""Serving pipelines of this notebook: what is sent, and what comes back."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import DefinitionError
from ..pipelines.bundle import Bundle
from ..pipelines.nodes import Node, ReservedNodes
from ..pipelines.pipeline import Pipeline
from ..versioning.spec import Learned
from ..versioning.version import Version
from .addresses import segment

__all__ = ["Serving", "Servings", "curl_line", "keep_saved", "pipelines_of"]


@dataclass(frozen=True)
class Serving:
    """What :meth:`PipelinesClient.serve` did with a pipeline; shows itself in a notebook.

    Attributes:
        pipeline: the pipeline.
        url: its address.
        change: ``"served"``, ``"replaced"`` (the definition has changed), ``"loaded"`` (newer
            versions), ``"scaled"`` (another number of replicas) or ``"unchanged"``.
        is_loaded: whether it has all the state that it needs.
        reason: if not, why; else why newer versions were not loaded, if they were refused.
        hint: what to do then.
        saved: numbers of the versions that were saved, by op.
        versions: what it serves, by op.
        warnings: what else is worth knowing.
        curl: a line for the shell that calls it. The token is in ``$JUPYTER_TOKEN``.
    """

    pipeline: Pipeline
    url: str
    change: str
    is_loaded: bool
    curl: str
    reason: str | None = None
    hint: str | None = None
    saved: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, Version] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, pipeline: Pipeline, base_url: str, answer: Mapping[str, Any]) -> Serving:
        """Read what the server answers for a pipeline."""
        url = f"{base_url}/pipelines/{segment(pipeline.name)}/main"
        problem = answer.get("refusal") or {}
        notes = [*answer.get("warnings", ())]
        if answer.get("pinned"):
            notes.append(
                "Its versions are pinned: load() to use what was saved: "
                f'client.load_pipeline("{pipeline.name}")'
            )
        return cls(
            pipeline=pipeline,
            url=url,
            change=str(answer["change"]),
            is_loaded=bool(answer["is_loaded"]),
            curl=curl_line(url, pipeline.spec.takes_input, answer.get("example")),
            reason=problem.get("message") or answer.get("reason"),
            hint=problem.get("hint") or answer.get("hint"),
            saved={op: str(one["number"]) for op, one in answer["saved"].items()},
            versions={op: Version.parse(one["version"]) for op, one in answer["served"].items()},
            warnings=tuple(notes),
        )

    def _lines(self) -> Iterator[str]:
        """What happened, in words."""
        said = {
            "served": "is served",
            "replaced": "is served in its new definition",
            "loaded": "is served, with newer versions than before",
            "scaled": "is served by another number of processes than before",
            "unchanged": "is served already: nothing was to do",
        }
        yield f"Pipeline {self.pipeline.name!r} {said.get(self.change, self.change)}."
        if self.saved:
            numbers = ", ".join(f"{op} {number}" for op, number in self.saved.items())
            yield f"Saved what this kernel has learned: {numbers}."
        if self.reason:
            yield f"Newer versions were refused: {self.reason}" if self.is_loaded else self.reason
        if self.hint:
            yield self.hint
        yield from self.warnings

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), self.url, self.curl])

    def _repr_html_(self) -> str:
        lines = "\n".join(self._lines()).split("\n")
        said = "<br>".join(
            f"<code>{html.escape(line)}</code>" if line.startswith("client.") else html.escape(line)
            for line in lines
        )
        url = html.escape(self.url, quote=True)
        return f"<p>{said}</p><p><code>{url}</code></p><pre>{html.escape(self.curl)}</pre>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.pipeline)  # type: ignore[no-untyped-call]
        shown = {"text/plain": repr(self), "text/html": self._repr_html_()}
        display(shown, raw=True)  # type: ignore[no-untyped-call]


class Servings(tuple[Serving, ...]):
    """What was done with several pipelines, in their order; shows itself in a notebook."""

    def __repr__(self) -> str:
        return "\n\n".join(repr(one) for one in self)

    def _ipython_display_(self) -> None:
        for one in self:
            one._ipython_display_()


def pipelines_of(given: Sequence[Any], name: str | None) -> tuple[Pipeline, ...]:
    """The pipelines that are meant: given as such, or one around a fitted estimator.

    Raises:
        DefinitionError: there is none, or a name is missing or too much.
    """
    if not given:
        raise DefinitionError("There is nothing to serve.", hint="client.serve(pipeline)")
    if all(isinstance(one, Pipeline) for one in given):
        if name is not None:
            raise DefinitionError(
                f"A pipeline has its own name; {name!r} is not needed.",
                hint="Leave name out: it is for a fitted estimator.",
            )
        return tuple(dict.fromkeys(given))
    if isinstance(given[0], (list, tuple)):
        raise DefinitionError(
            "The pipelines are given one by one, not in a list.",
            hint="client.serve(train, predict), or client.serve(*pipelines)",
        )
    if len(given) > 1:
        raise DefinitionError(
            "An estimator is served alone.", hint='client.serve(estimator, name="iris")'
        )
    return (_around(given[0], name),)


def _around(estimator: Any, name: str | None) -> Pipeline:
    from ..ml.estimators import as_op, is_fitted

    if isinstance(estimator, (str, type)) or not hasattr(estimator, "get_params"):
        raise DefinitionError(
            f"{estimator!r} is neither a pipeline nor a fitted estimator.",
            hint='client.serve(pipeline), or client.serve(estimator, name="iris")',
        )
    if name is None:
        raise DefinitionError(
            f"{type(estimator).__name__} needs a name to be served under.",
            hint='client.serve(estimator, name="iris")',
        )
    if not is_fitted(estimator):
        raise DefinitionError(
            f"{type(estimator).__name__} is not fitted.",
            hint="Fit it first; or make a pipeline that fits it, with as_op(…).",
        )
    node = Node(
        as_op(estimator, name=name),
        input_nodes=[ReservedNodes.pipeline_input],
        output_nodes=ReservedNodes.pipeline_output,
    )
    return Pipeline([node], name)


def keep_saved(pipelines: Sequence[Pipeline], bundle: Bundle, held: Mapping[str, str]) -> None:
    """Let the ops hold the versions as the store has them now; there is nothing left to save."""
    sent: dict[str, list[Learned]] = {}
    for one in bundle.pipelines:
        for run in one.runs:
            for learned in (*run.learned, *run.used):
                sent.setdefault(learned.op, []).append(learned)
    for pipeline, one in zip(pipelines, bundle.pipelines, strict=True):
        for name, op in pipeline.ops.items():
            if name in held and any(op.learned is learned for learned in sent.get(name, ())):
                op.set_learned(Version.parse(held[name]))
        if pipeline.last_run in one.runs:
            pipeline.last_run = None


def curl_line(url: str, takes_input: bool, example: Any) -> str:
    """A line for the shell that calls a pipeline.

    Args:
        url: the address of the call.
        takes_input: whether the pipeline takes an input.
        example: a row of it as the server tells it, if it knows one.
    """
    parts = ["curl", "-X POST", '-H "Authorization: token $JUPYTER_TOKEN"']
    if takes_input:
        row = list(example.values()) if isinstance(example, dict) else example
        body = json.dumps({"pipeline_input": [row]}) if row is not None else None
        body = body or '{"pipeline_input": …}'
        quoted = body.replace("'", "'\\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{quoted}'"]
    return " ".join([*parts, f"'{url}'"])
