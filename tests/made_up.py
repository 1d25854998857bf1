"""How many values hypothesis makes up."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "0"))
"""Of each test in ``make hostile``; 0 in ``make test``."""


def made_up(few: int, **options: Any) -> settings:
    """A few, always the same, in ``make test``; many, and other ones, in ``make hostile``."""
    own = {"max_examples": EXAMPLES or few, "derandomize": not EXAMPLES, "database": None}
    return settings(**{**own, **options})
