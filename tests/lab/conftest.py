"""The browser of a module: one for all of its tests."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from .browser import Lab, browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, Any]:
    """A picture of the page at which a test has failed."""
    report = yield
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.when == "call" and report.failed and isinstance(lab, Lab):
        with contextlib.suppress(Exception):  # the page may be what has failed
            lab.picture(f"failed-{item.name}")
    return report


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """Chromium, open for the tests of one module."""
    with browser() as opened:
        yield opened
