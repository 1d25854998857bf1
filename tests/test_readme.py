"""The README shows nothing that does not work."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import sys

import pytest

from .live import REPOSITORY, LiveServer

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SERVING = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")


def blocks_of(document: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


BLOCKS = blocks_of(README)


def blocks(kind: str, document: str = README) -> list[str]:
    return [text for language, text in blocks_of(document) if language == kind]


def test_it_opens_with_the_two_commands():
    assert BLOCKS[0][0] == "sh"
    assert [line.split("#")[0].strip() for line in BLOCKS[0][1].splitlines()] == [
        "make run",
        "make test",
    ]


@pytest.mark.parametrize(("name", "document"), [("readme", README), ("serving", SERVING)])
def test_python_blocks(iris_server: LiveServer, name: str, document: str):
    """One script in the server's root; what it prints stands behind the lines."""
    script = "\n".join(blocks("python", document))
    expected = re.findall(r"^ *(?:print\(.*\)  #|\S.*  # prints:) (.*)$", script, re.MULTILINE)
    assert expected
    file = iris_server.root / f"{name}.py"
    file.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", file.name],
        cwd=iris_server.root,
        env=iris_server.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == expected


def console_lines() -> list[tuple[str, str]]:
    """Commands and the output that is shown after each of them."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_console_blocks(iris_server: LiveServer):
    assert console_lines()
    variables = {"URL": iris_server.url, "TOKEN": iris_server.token}
    for command, expected in console_lines():
        done = subprocess.run(
            ["bash", "-c", command],
            env={**iris_server.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        same = doctest.OutputChecker().check_output(
            expected, done.stdout.rstrip("\n") + "\n", doctest.ELLIPSIS
        )
        assert same, f"{command}\nanswered {done.stdout}\nnot      {expected}"


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/serving.md",
        "docs/progress.md",
        "docs/shell.md",
        "docs/v2.md",
    ],
)
def test_links_lead_somewhere(document):
    file = REPOSITORY / document
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (file.parent / target).exists(), target
    for command in re.findall(r"\bmake (\w+)\b(?=`|  |$)", text, re.MULTILINE):
        makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
