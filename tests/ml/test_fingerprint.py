import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np

from jupyter_chariots.ml.fingerprint import is_canonical, state_digest
from jupyter_chariots.ml.serializers import PickleSerializer


def in_another_process(code: str, seed: str, folder) -> str:
    script = folder / f"script_{seed}.py"
    script.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


STATE = """
    import numpy as np
    from jupyter_chariots.ml.fingerprint import state_digest

    class Model:
        def __init__(self):
            self.words = {f"word {i}" for i in range(50)}
            self.frozen = {"a": frozenset(self.words)}
            self.coef = np.arange(5.0)

        def predict(self):
            return self.coef

    model = Model()
    model.scale = lambda value: value + 1
    print(state_digest(model))
"""


def test_sets_and_classes_of_the_main_script_digest_alike_in_every_process(tmp_path):
    moved = "\n# a comment, and other line numbers\n\n" + textwrap.dedent(STATE)
    assert in_another_process(STATE, "1", tmp_path) == in_another_process(moved, "2", tmp_path)


def test_other_code_in_the_state_is_another_state(tmp_path):
    other = STATE.replace("value + 1", "value + 2")
    assert in_another_process(STATE, "1", tmp_path) != in_another_process(other, "3", tmp_path)


def test_equal_strings_digest_alike_whether_or_not_they_are_one_object():
    name = "a name"
    assert state_digest([name, name]) == state_digest([name, "".join(["a ", "name"])])


def test_equal_types_of_arrays_digest_alike_whether_or_not_they_are_one_object():
    shared = [np.arange(3.0), np.arange(4.0)]
    apart = [np.arange(3.0), np.arange(4.0).astype(np.dtype("f8", copy=True))]
    assert state_digest(shared) == state_digest(apart)


def test_a_state_digests_like_what_its_pickle_gives_back():
    grid = np.arange(200_000.0).reshape(400, 500)
    text = np.array(["a", "bc", "a"], dtype=object)
    odd = [np.float32(1), np.array(3), np.zeros((0, 2)), np.array(["2020"], "M8[D]")]
    state = [grid, grid.T, grid[::2, ::3], grid[:, 0], grid[:3].T, text, np.array(["x"]), *odd]
    for one in (*state, state):
        assert state_digest(one) == state_digest(pickle.loads(pickle.dumps(one)))


def test_values_and_types_count():
    states = [
        {"a": 1}, {"a": 1.0}, {"a": "1"}, {"b": 1}, {"a": {1}}, {"a": [1]}, {"a": (1,)},
        np.arange(3), np.arange(3.0), np.arange(3)[None], np.array([0, 1, 3]), print, len,
        np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]).T, np.array([[1, 3], [2, 4]]),
    ]  # fmt: skip
    assert len({state_digest(state) for state in states}) == len(states)


def test_a_pickle_with_sets_or_code_is_no_identity():
    serialize = PickleSerializer().serialize_object
    assert is_canonical(memoryview(serialize({"a": [1, "b"]})))
    assert not is_canonical(memoryview(serialize({"a": {1}})))
    assert not is_canonical(memoryview(serialize({"a": frozenset("ab")})))
    assert not is_canonical(memoryview(serialize(lambda: 1)))
