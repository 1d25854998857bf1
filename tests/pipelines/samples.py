"""Ops that several tests use."""

from __future__ import annotations

from typing import Any

from jupyter_chariots.ml import BaseMLOp
from jupyter_chariots.pipelines import LoadableOp, PipelineCallback
from jupyter_chariots.versioning import VersionedField, VersionType


def one() -> int:
    return 1


def pair() -> tuple[int, int]:
    return 1, 2


def double(x: Any) -> Any:
    return 2 * x


def add(x: Any, y: Any) -> Any:
    return x + y


def fail(*args: Any) -> None:
    raise RuntimeError("broken")


class CountOp(LoadableOp):
    """Counts its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def execute(self, *args: Any) -> int:
        self.count += 1
        return self.count

    def serialize(self) -> bytes:
        return str(self.count).encode()

    def load(self, serialized_object: Any) -> None:
        self.count = int(bytes(serialized_object))


class Vocabulary(LoadableOp):
    """Has state that running does not change."""

    changes_when_run = False
    words = "a b"

    def execute(self, word: str) -> int:
        return self.words.split().index(word)

    def serialize(self) -> bytes:
        return self.words.encode()

    def load(self, serialized_object: Any) -> None:
        self.words = bytes(serialized_object).decode()


class Mean(BaseMLOp):
    """Learns a mean."""

    power = VersionedField(1, VersionType.MAJOR)

    def _init_model(self) -> dict[str, float]:
        return {}

    def fit(self, values: list[float]) -> None:
        self._model["mean"] = sum(values) / len(values)

    def predict(self, values: list[float]) -> float:
        return float(self._model["mean"])


class Log(PipelineCallback):
    """Writes down what it hears."""

    def __init__(self, log: list[Any], name: str = "") -> None:
        self.log, self.name = log, name

    def before_execution(self, pipeline: Any, args: list[Any]) -> None:
        self.log.append((f"{self.name}before", pipeline.name, list(args)))

    def after_execution(self, pipeline: Any, args: list[Any], output: Any) -> None:
        self.log.append((f"{self.name}after", pipeline.name, list(args), output))

    def before_node_execution(self, pipeline: Any, node: Any, args: list[Any]) -> None:
        self.log.append((f"{self.name}before node", node.name, list(args)))

    def after_node_execution(self, pipeline: Any, node: Any, args: list[Any], output: Any) -> None:
        self.log.append((f"{self.name}after node", node.name, list(args), output))
