"""Fixtures that every part of the tests may use."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from .live import IRIS, LiveServer

# A busy machine is no defect: no example and no generation of one is timed.
settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")


def pytest_configure() -> None:
    """Tests press Ctrl-C; shells start what runs in the background with that signal ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long form of tests/faults")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what is marked as long out of the short form."""
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With what fails, show what the servers said that it may have used."""
    report = yield
    if report.failed:
        for server in LiveServer.made:
            report.sections.append((f"log of {server.url}", server.log_tail(40)))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The counts of the tests of faults, as a table."""
    counted = [
        [report.location[2].removeprefix("test_").replace("_", " "), *value]
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == "counted"
    ]
    if counted:
        terminalreporter.section("faults: what was counted")
        rows = [["test", "what", "expected", "found"], *counted]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            terminalreporter.line("  ".join(cells).rstrip())


@pytest.fixture(scope="session")
def iris_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server with the iris pipelines, shared by all tests that do not mind its state."""
    folder = tmp_path_factory.mktemp("iris_server")
    with LiveServer(folder / "root", folder / "home", app_pipelines=[IRIS]) as server:
        yield server


@pytest.fixture
def live_server(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Makes and starts servers of one's own: ``live_server(app_pipelines=[...], name="b")``.

    All of them are stopped when the test ends. Servers of one name share root and home.
    """
    with contextlib.ExitStack() as stack:

        def make(*, name: str = "server", root: Path | None = None, **options: Any) -> LiveServer:
            folder = tmp_path / name
            server = LiveServer(root or folder / "root", folder / "home", **options)
            return stack.enter_context(server)

        yield make
