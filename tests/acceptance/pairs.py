"""Small pipelines of one's own on a shared server: two ops that learn one after the other.

Each test takes a pair of its own, so that tests of one server do not meet. Whatever a pair has
learned by :meth:`Pair.train`, its prediction for ``[0]`` is ``[-1.0]`` as long as both ops are of
one training, and something else when they are a mixture.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..live import Answer, LiveServer, wait_for

MODULE = """
import statistics

from jupyter_chariots import BaseMLOp, MLMode, Node, Pipeline, VersionType

IN, OUT = "__pipeline_input__", "__pipeline_output__"


def centred(numbers, mean):
    return {helper}


class Mean(BaseMLOp):
    op_name = "PAIR_mean"
    code_version = VersionType.{code}

    def _init_model(self):
        return {{}}

    def fit(self, numbers):
        self._model["mean"] = statistics.fmean(numbers)

    def predict(self, numbers):
        return centred(numbers, self._model["mean"])


class Scale(BaseMLOp):
    op_name = "PAIR_scale"

    def _init_model(self):
        return {{}}

    def fit(self, numbers):
        self._model["largest"] = max(numbers)

    def predict(self, numbers):
        return [number / self._model["largest"] for number in numbers]


learn = Pipeline(
    [Node(Mean(MLMode.FIT_PREDICT), [IN], "centred"), Node(Scale(MLMode.FIT), ["centred"])],
    "PAIR_learn",
)
learn_mean = Pipeline([Node(Mean(MLMode.FIT), [IN])], "PAIR_learn_mean")
learn_scale = Pipeline(
    [Node(Mean(MLMode.PREDICT), [IN], "centred"), Node(Scale(MLMode.FIT), ["centred"])],
    "PAIR_learn_scale",
)
apply = Pipeline(
    [
        Node(Mean(MLMode.PREDICT), [IN], "centred"),
        Node(Scale(MLMode.PREDICT), ["centred"], OUT),
    ],
    "PAIR_apply",
)
"""
HELPER = "[number - mean for number in numbers]"
WHOLE = [-1.0]


def write_pair(root: Path, name: str, *, code: str = "PATCH", helper: str = HELPER) -> str:
    """Write the module ``pair_<name>`` and give its name.

    Args:
        root: folder of the server.
        name: of the pair; its ops and pipelines begin with it.
        code: the level at which the code of the first op counts.
        helper: the body of a function that the first op calls.
    """
    root.mkdir(parents=True, exist_ok=True)
    text = MODULE.format(code=code, helper=helper).replace("PAIR", name)
    (root / f"pair_{name}.py").write_text(text)
    return f"pair_{name}"


class Pair:
    """The pipelines of a pair on a server."""

    def __init__(self, server: LiveServer, name: str) -> None:
        self.server, self.name = server, name

    def ask(self, pipeline: str, route: str, body: Any = None) -> Answer:
        """A POST to a route of one of the pair's pipelines."""
        return self.server.post(f"pipelines/{self.name}_{pipeline}/{route}", body)

    def train(self, numbers: list[float], pipeline: str = "learn") -> dict[str, Any]:
        """Train and save; gives the answer of the training.

        Two numbers ``0`` and ``2 * k`` are a mean of ``k`` and a scale of ``k``.
        """
        trained = self.ask(pipeline, "main", {"pipeline_input": numbers})
        assert trained.status == 200, trained.body
        saved = self.ask(pipeline, "save")
        assert saved.status == 200, saved.body
        return dict(trained.body)

    def load(self, **versions: str) -> Answer:
        """Load the prediction: the newest versions, or chosen ones by op (without the prefix)."""
        chosen = {f"{self.name}_{op}": version for op, version in versions.items()}
        return self.ask("apply", "load", {"versions": chosen} if chosen else None)

    def apply(self, numbers: tuple[float, ...] = (0,)) -> Answer:
        """Predict."""
        return self.ask("apply", "main", {"pipeline_input": list(numbers)})

    def health(self) -> Answer:
        """Whether the prediction is loaded."""
        return self.server.get(f"pipelines/{self.name}_apply/health_check")

    def serve(self, numbers: list[float]) -> dict[str, Any]:
        """Train, save, load and predict; gives the answer of the prediction."""
        self.train(numbers)
        loaded = self.load()
        assert (loaded.status, loaded.body) == (200, {})
        return dict(self.apply().body)


@contextlib.contextmanager
def calling(pair: Pair, threads: int = 4) -> Iterator[list[Answer]]:
    """Threads that call the prediction without a pause; the list fills with their answers."""
    answers: list[Answer] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def call() -> None:
        try:
            while not done.is_set():
                answers.append(pair.apply())
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    try:
        wait_for(lambda: errors or len(answers) >= threads, "the first answers")
        yield answers
    finally:
        done.set()
        for caller in callers:
            caller.join()
    assert not errors, errors
