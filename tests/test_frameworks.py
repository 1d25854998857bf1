"""docs/frameworks.md shows nothing that does not work."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .live import REPOSITORY, clean_environment

TEXT = (REPOSITORY / "docs" / "frameworks.md").read_text(encoding="utf-8")
FRAME, *SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
EXAMPLES = {section.partition("\n")[0]: section for section in SECTIONS if "```python" in section}
# On Linux it brings gigabytes of CUDA, so it is not among the requirements of the tests.
NEEDS_TORCH = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)


def code(text: str) -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


OPS = {
    "XGBoost": "Boosted, BoostedClassifier",
    "PyTorch": "TorchNet",
    "Keras": "lambda mode: KerasNet(mode, verbose=0)",
}
# Of keras itself: see pyproject.toml.
IGNORED = ["__array__ impl", "Explicitly requested dtype int64"]
AGAIN = """
def learned(op):
    fitted, loaded = op(MLMode.FIT), op(MLMode.PREDICT)
    fitted.execute(*flowers())
    loaded.load(fitted.serialize())
    return [one.fingerprint_of(one.serialize()) for one in (fitted, loaded)]


for op in ({ops},):
    assert len({{*learned(op), *learned(op)}}) == 1, "equal training gave another version"
"""


@pytest.mark.parametrize("name", ["XGBoost", pytest.param("PyTorch", marks=NEEDS_TORCH), "Keras"])
def test_example(name: str, tmp_path: Path):
    """One script; each ``print`` is followed by what it prints, and nothing else is shown."""
    script = "\n".join([code(FRAME), code(EXAMPLES[name]), AGAIN.format(ops=OPS[name])])
    (tmp_path / "example.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-Werror", *(f"-Wignore:{text}" for text in IGNORED), "example.py"],
        cwd=tmp_path,
        env=clean_environment(tmp_path, {"KERAS_BACKEND": "jax"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)


def test_every_example_is_tried():
    assert set(EXAMPLES) == set(OPS)
    for section in EXAMPLES.values():
        assert re.search(r"^print\(.*\)  # ", code(section), re.MULTILINE)


def test_every_example_is_well_formed():
    for name, section in EXAMPLES.items():
        compile(code(FRAME) + code(section), name, "exec")
    assert max(map(len, code(TEXT).splitlines())) <= 100


@pytest.mark.parametrize(("name", "op"), [("XGBoost", "Boosted"), ("PyTorch", "TorchNet")])
def test_an_op_takes_about_ten_lines(name: str, op: str):
    written = code(EXAMPLES[name]).partition(f"class {op}(")[2].partition("\n\n\n")[0]
    assert len([line for line in written.splitlines() if line.strip()]) <= 13
