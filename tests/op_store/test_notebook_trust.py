"""Records of trusted notebooks; forged ones in tests/acceptance/test_app_notebooks.py."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import NotTrusted, StoreError
from jupyter_chariots.op_store.notebook_trust import check_notebook, trust_notebook


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_one_path_and_one_digest(tmp_path):
    path = tmp_path / "an app.ipynb"
    with pytest.raises(NotTrusted, match="have not trusted"):
        check_notebook(path, "a")
    trust_notebook(path, "a")
    check_notebook(path, "a")
    with pytest.raises(NotTrusted, match="changed since") as refused:
        check_notebook(path, "b")
    assert refused.value.hint.endswith(f"jupyter chariots trust '{path}'")
    assert refused.value.details == {"notebook": str(path)}
    with pytest.raises(NotTrusted, match="have not trusted"):
        check_notebook(tmp_path / "other.ipynb", "a")

    trust_notebook(path, "b")
    check_notebook(path, "b")
    with pytest.raises(NotTrusted, match="changed since"):
        check_notebook(path, "a")  # what was trusted before is not any more


def test_a_link_is_what_it_leads_to(tmp_path):
    path = tmp_path / "app.ipynb"
    path.touch()
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    trust_notebook(link, "a")
    check_notebook(path, "a")
    check_notebook(link, "a")
    other = tmp_path / "other.ipynb"
    other.touch()
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(NotTrusted):
        check_notebook(link, "a")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, data_folder):
    data_folder.mkdir()
    (data_folder / "chariots_notebooks").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"):
        trust_notebook(tmp_path / "app.ipynb", "a")
