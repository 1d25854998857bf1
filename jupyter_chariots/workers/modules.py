"""Finding pipelines in modules; runs in a child, for it imports user code."""

from __future__ import annotations

import difflib
import importlib
import traceback
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..pipelines.pipeline import Pipeline

__all__ = ["Found", "find", "load_object"]


class Found(NamedTuple):
    """A pipeline and the reference ``module:name`` under which it was found."""

    ref: str
    pipeline: Pipeline


def find(reference: str) -> list[Found]:
    """The pipelines of ``module``, or the one that is ``module:name``.

    Of a module these are the ones that its public names are bound to; one that has two names is
    found once.

    Raises:
        ConfigurationError: the module cannot be imported (with its traceback), has no such name,
            or no pipeline.
    """
    module_name, colon, attribute = reference.partition(":")
    module = _import(module_name, reference)
    if colon:
        pipeline = _attribute(module, attribute, reference)
        if not isinstance(pipeline, Pipeline):
            raise ConfigurationError(
                f"{reference!r} is a {type(pipeline).__name__}, not a Pipeline.", module=reference
            )
        return [Found(reference, pipeline)]
    found = {
        id(value): Found(f"{module_name}:{name}", value)
        for name, value in reversed(vars(module).items())
        if isinstance(value, Pipeline) and not name.startswith("_")
    }
    if not found:
        raise ConfigurationError(
            f"Module {module_name!r} has no pipeline.",
            hint="Bind one to a public name at the top level of the module: "
            "train = Pipeline([...], 'train').",
            module=reference,
        )
    return list(reversed(found.values()))


def load_object(path: str, setting: str) -> Any:
    """The object at a dotted path, such as ``package.module.Class``.

    Raises:
        ConfigurationError: there is none; the message names the setting that holds the path.
    """
    module_name, _, attribute = path.replace(":", ".").rpartition(".")
    if not module_name:
        raise ConfigurationError(
            f"{setting} = {path!r} is not a dotted path.", hint="Give package.module.Class."
        )
    wanted_for = f"{setting} = {path}"
    return _attribute(_import(module_name, wanted_for), attribute, wanted_for)


def _import(module_name: str, wanted_for: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"{wanted_for!r}: module {module_name!r} cannot be imported: "
            f"{type(error).__name__}: {error}",
            hint="The traceback shows where. Folders outside of the server's root have to be on "
            "PYTHONPATH.",
            traceback=traceback.format_exc(),
            module=wanted_for,
        ) from error


def _attribute(module: Any, attribute: str, reference: str) -> Any:
    value = module
    for name in attribute.split("."):
        if not hasattr(value, name):
            near = difflib.get_close_matches(name, dir(value), 1)
            raise ConfigurationError(
                f"{reference!r}: {module.__name__!r} has no {attribute!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else None,
                module=reference,
            )
        value = getattr(value, name)
    return value
