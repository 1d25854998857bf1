"""How many values hypothesis makes up."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings

from jupyter_chariots.errors import ChariotsError

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "0"))
"""Of each test in ``make hostile``; 0 in ``make test``."""


def made_up(few: int, **options: Any) -> settings:
    """A few, always the same, in ``make test``; many, and other ones, in ``make hostile``."""
    own = {"max_examples": EXAMPLES or few, "derandomize": not EXAMPLES, "database": None}
    return settings(**{**own, **options})


def refusal(act: Callable[..., object], *given: Any) -> ChariotsError | None:
    """The error of ours that it ends with, if it does; any other error is a defect."""
    try:
        act(*given)
    except ChariotsError as error:
        return error
    return None
