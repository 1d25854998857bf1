from __future__ import annotations

import pytest

from jupyter_chariots.errors import InvalidName
from jupyter_chariots.versioning.names import check_name, did_you_mean


@pytest.mark.parametrize("name", ["a", "pcaop", "PCA-2", "1.0_x", "-", "x" * 128])
def test_allowed_names(name: str) -> None:
    assert check_name("pipeline", name) == name
    assert check_name("op", name) == name
    assert check_name("node", name) == name


@pytest.mark.parametrize(
    "name", ["", ".hidden", "..", "a/b", "../x", "a\\b", "a\n", "é", "x" * 129, "a\x00b", None, 3]
)
def test_refused_names(name: object) -> None:
    for kind in ("pipeline", "op", "node"):
        with pytest.raises(InvalidName, match=f"name of an? {kind}"):
            check_name(kind, name)


def test_spaces_only_in_node_names() -> None:
    assert check_name("node", "my node") == "my node"
    with pytest.raises(InvalidName):
        check_name("op", "my op")


def test_the_message_does_not_repeat_megabytes() -> None:
    with pytest.raises(InvalidName) as caught:
        check_name("op", "x" * 1_000_000)
    assert len(str(caught.value)) < 500


def test_did_you_mean() -> None:
    assert did_you_mean("X_pac", ["X_pca", "y"]) == "Did you mean 'X_pca'?"
    assert did_you_mean("zzz", ["a", "b"]) == "Known: 'a', 'b'."
    assert did_you_mean("zzz", []) == ""
