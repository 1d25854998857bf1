"""What is counted in the tests of faults, and printed at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .lab import Lab, Told


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether this is ``make faults``."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def told(record_property: Any) -> Told:
    """Counts something, for the table, and fails if there are not as many as there should be."""

    def told(what: str, expected: object, found: object) -> None:
        record_property("counted", [what, str(expected), str(found)])
        assert expected == found, what

    return told


@pytest.fixture
def noted(record_property: Any) -> Any:
    """Notes a figure, for the table."""
    return lambda what, found: record_property("counted", [what, "", str(found)])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server that has trained and serves something."""
    made = Lab(tmp_path_factory.mktemp("faults"))
    with made.server:
        made.train()
        assert made.ask("pipelines/use/load") == {}
        yield made
    assert made.no_orphan() == 0, [process.command for process in made.processes()]
