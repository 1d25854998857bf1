"""Pickles of states whose classes are the user's own.

By value alone, a state would come back with the code that its classes had when it was trained,
and as an instance of classes that the rest of the pipeline does not know.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable
from typing import Any

from ..pipelines.opening import brought, class_named

__all__ = ["read_pickle", "write_pickle"]


def write_pickle(state: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any]) -> bytes:
    """A state as a pickle by cloudpickle; classes of a notebook by name and by value."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, type) and value.__module__ == "__main__":
                name = value.__qualname__
                if class_named("__main__", name) is value:
                    return _class_of_notebook, (name, cloudpickle.dumps(value, protocol=5))
            return super().reducer_override(value)

    file = io.BytesIO()
    Pickler(file, protocol=5, buffer_callback=buffer_callback).dump(state)
    return file.getvalue()


def read_pickle(stream: memoryview, buffers: Iterable[Any]) -> Any:
    """The state; its classes are those that came with the definition, where there are such."""
    return _Unpickler(io.BytesIO(stream), buffers=buffers).load()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = brought(module, name)
        return super().find_class(module, name) if known is None else known


def _class_of_notebook(name: str, by_value: bytes) -> Any:
    known = class_named("__main__", name)
    return known if isinstance(known, type) else pickle.loads(by_value)
