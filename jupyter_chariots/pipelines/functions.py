"""Functions as ops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, overload

from ..versioning.version import VersionType
from .callbacks import OpCallBack
from .ops import BaseOp

__all__ = ["FunctionOp", "op"]


class FunctionOp(BaseOp):
    """An op that calls a function. Calling the op calls the function."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        op_name: str | None = None,
        code_version: VersionType | None = VersionType.PATCH,
        op_callbacks: Iterable[OpCallBack] | None = None,
    ) -> None:
        super().__init__(op_callbacks)
        self.function = function
        self.op_name = op_name or _function_name(function)
        self.code_version = code_version
        self.__doc__ = getattr(function, "__doc__", None)
        self.__wrapped__ = function  # its code counts where another op calls this one

    @property
    def code_root(self) -> Any:
        """The function."""
        return self.function

    def execute(self, *args: Any) -> Any:
        """Call the function with the values of the input nodes."""
        return self.function(*args)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


def _function_name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__.lower()
    return str(name).strip("<>")


@overload
def op(function: Callable[..., Any], /) -> FunctionOp: ...
@overload
def op(
    *,
    op_name: str | None = None,
    code_version: VersionType | None = VersionType.PATCH,
    op_callbacks: Iterable[OpCallBack] | None = None,
) -> Callable[[Callable[..., Any]], FunctionOp]: ...
def op(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Turn a function into an op, bare or with options: ``@op`` or ``@op(op_name="scale")``.

    The op is named after the function. It can still be called like the function.
    """
    if function is None:
        return functools.partial(FunctionOp, **options)
    return FunctionOp(function, **options)
