"""Taking over a store that somebody else wrote."""

from __future__ import annotations

import pytest

from jupyter_chariots.errors import NotTrusted
from jupyter_chariots.op_store import OpStore

from .lab import PREDICT, TRAIN, load, run


def test_trusting_signs_states_and_definitions(store: OpStore) -> None:
    run(store, TRAIN, save=True, pca="p", clf="c")
    store.register(PREDICT, owner="a", source={})
    heir = OpStore(store.path, secret=b"the secret of whoever takes it over")
    with pytest.raises(NotTrusted):
        load(heir, PREDICT)
    with pytest.raises(NotTrusted):
        heir.definition("pred_iris")
    assert heir.trust() == 3
    assert heir.trust() == 0
    assert heir.definition("pred_iris").trusted
    load(heir, PREDICT)
    heir.close()
