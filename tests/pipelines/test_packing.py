"""Pipelines as bytes: what goes, and what is named."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import types

import numpy as np
import pandas as pd
import pytest

from jupyter_chariots import Node, Pipeline, ReservedNodes, SequentialRunner, op
from jupyter_chariots.errors import DefinitionError
from jupyter_chariots.pipelines.captured import captured
from jupyter_chariots.pipelines.header import make_header
from jupyter_chariots.pipelines.opening import unpack
from jupyter_chariots.pipelines.packing import pack

TABLE = [1, 2, 3]
LOCK = threading.Lock()


def gives(function):
    return Pipeline([Node(op(function), output_nodes=ReservedNodes.pipeline_output)], "look")


def tabled():
    return sum(TABLE)


def locked():
    return LOCK


def test_another_process_that_has_none_of_the_code_can_run_it(tmp_path):
    pipeline = gives(tabled)
    packed = pack(pipeline)
    (tmp_path / "definition").write_bytes(packed.data)
    (tmp_path / "header").write_text(json.dumps(make_header()))
    script = (
        "import json\n"
        "from jupyter_chariots import SequentialRunner\n"
        "from jupyter_chariots.pipelines.opening import unpack\n"
        "p = unpack(json.load(open('header')), open('definition', 'rb').read())\n"
        "import sys\n"
        f"assert {__name__!r} not in sys.modules\n"
        "print(p.spec.digest, SequentialRunner().run(p))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [pipeline.spec.digest, "6"]


def test_code_says_where_it_is_from():
    def outer():
        return (lambda: 1)()

    copy = unpack(make_header(), pack(gives(outer)).data)
    code = copy.node_for_name["outer"].op.function.__code__
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    assert code is not outer.__code__
    assert {one.co_filename for one in (code, *inner)} == {__file__}
    assert SequentialRunner().run(copy) == 1


def test_what_goes_along_has_the_name_that_the_user_knows():
    assert ("global 'TABLE'", TABLE) in captured(gives(tabled))
    factor = 7
    names = dict(captured(gives(lambda: factor)))
    assert [value for name, value in names.items() if "'factor'" in name] == [7]


def test_what_cannot_travel_is_named():
    with pytest.raises(DefinitionError, match="global 'LOCK' cannot travel") as refused:
        pack(gives(locked))
    assert refused.value.details["stuck"] == ["global 'LOCK'"]


def test_modules_go_by_name_again_afterwards():
    import cloudpickle

    before = cloudpickle.list_registry_pickle_by_value()
    pack(gives(tabled))
    with pytest.raises(DefinitionError):
        pack(gives(locked))
    assert cloudpickle.list_registry_pickle_by_value() == before


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_and_frames_go_along(order):
    array = np.asarray(np.arange(200_000.0).reshape(400, 500), order=order)
    frame = pd.DataFrame(array)
    pipeline = gives(lambda: float(array.sum() - frame.to_numpy().sum()))
    packed = pack(pipeline)
    assert sorted(packed.large.values()) == [pytest.approx(array.nbytes, rel=0.01)] * 2
    assert SequentialRunner().run(unpack(make_header(), packed.data)) == 0
