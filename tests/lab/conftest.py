"""The browser of a module: one for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .browser import browser


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """Chromium, open for the tests of one module."""
    with browser() as opened:
        yield opened
