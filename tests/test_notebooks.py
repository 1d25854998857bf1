"""Which cells of a notebook are served, and what counts as a change."""

from __future__ import annotations

import nbformat
import pytest

from jupyter_chariots.errors import InvalidNotebook, NotFound
from jupyter_chariots.notebooks import read_app

from .app_notebooks import write_app


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.ipynb"


def change(path, how):
    """The digest after a change."""
    notebook = nbformat.read(path, as_version=4)
    how(notebook)
    nbformat.write(notebook, path)
    return read_app(path).digest


def test_the_tagged_cells_in_their_order(path):
    write_app(path, "a = 1", "b = 2", untagged=["c = 3"])
    notebook = nbformat.read(path, as_version=4)
    text = nbformat.v4.new_markdown_cell("# text", metadata={"tags": ["chariots"]})
    notebook.cells.insert(1, text)
    nbformat.write(notebook, path)
    app = read_app(path)
    assert [(cell.number, cell.source) for cell in app.cells] == [(3, "a = 1"), (4, "b = 2")]
    assert app.kernel == "python3"
    assert app.path == path


def tagged(source):
    return {"source": source, "metadata": {"tags": ["chariots"]}}


CHANGES = {
    "a source": lambda notebook: notebook.cells[0].update(source="a = 2"),
    "a blank": lambda notebook: notebook.cells[0].update(source="a = 1 "),
    "the order": lambda notebook: notebook.cells.reverse(),
    "a cell more": lambda notebook: notebook.cells.append(
        nbformat.v4.new_code_cell(**tagged("a = 1"))
    ),
    "a cell less": lambda notebook: notebook.cells.pop(),
    "a tag less": lambda notebook: notebook.cells[1].metadata.pop("tags"),
    "a tag more": lambda notebook: notebook.cells[1].metadata.tags.append("other"),
    "cells joined": lambda notebook: (
        notebook.cells[0].update(source="a = 1\nb = 2"),
        notebook.cells.pop(),
    ),
    "the kernel": lambda notebook: notebook.metadata.kernelspec.update(name="other"),
    "no kernel": lambda notebook: notebook.metadata.pop("kernelspec"),
}


@pytest.mark.parametrize("how", CHANGES.values(), ids=CHANGES)
def test_what_decides_what_runs_counts(path, how):
    write_app(path, "a = 1", "b = 2")
    before = read_app(path).digest
    assert change(path, how) != before


def add_text(notebook):
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("text"))
    notebook.cells.append(nbformat.v4.new_code_cell("1 / 0"))


def run(notebook):
    notebook.cells[0].execution_count = 3
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="x")]
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99"}


@pytest.mark.parametrize("how", [add_text, run])
def test_other_cells_and_outputs_do_not_count(path, how):
    write_app(path, "a = 1", "b = 2")
    before = read_app(path).digest
    assert change(path, how) == before


def test_a_notebook_of_an_older_form_can_be_read(path):
    old = nbformat.v3.new_notebook(
        worksheets=[
            nbformat.v3.new_worksheet(
                cells=[nbformat.v3.new_code_cell("a = 1", metadata={"tags": ["chariots"]})]
            )
        ]
    )
    path.write_text(nbformat.v3.writes_json(old))
    assert [cell.source for cell in read_app(path).cells] == ["a = 1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": 3}}, '
        '"cells": []}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
        '"metadata": {"tags": ["chariots"]}, "source": 3}]}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", '
        '"metadata": {"tags": [{}]}, "source": "1"}]}',
        "\udcff",
    ],
)
def test_what_is_no_notebook_is_named(path, text):
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidNotebook, match="is no notebook that can be read"):
        read_app(path)


def test_a_notebook_without_tagged_cells_says_what_to_do(path):
    write_app(path, untagged=["a = 1"])
    with pytest.raises(InvalidNotebook, match="tagged 'chariots'"):
        read_app(path)
    with pytest.raises(NotFound):
        read_app(path.with_name("other.ipynb"))
