import json
import mmap
import pickle
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from jupyter_chariots.errors import NotTrusted, SerializationError
from jupyter_chariots.ml.serializers import (
    CSVSerializer,
    JoblibSerializer,
    JSONSerializer,
    PickleSerializer,
    SkopsSerializer,
)

BIG = np.arange(10_000, dtype="f8")


def mapped(payload: bytes, folder: Path) -> mmap.mmap:
    path = folder / "state"
    path.write_bytes(payload)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


class TestPickle:
    def test_carries_local_functions_and_classes(self):
        factor = 3

        class Scale:
            def __call__(self, value):
                return factor * value

        back = PickleSerializer().deserialize_object(PickleSerializer().serialize_object(Scale()))
        assert back(2) == 6

    def test_a_state_without_large_arrays_is_a_plain_pickle(self):
        state = {"coef": np.arange(3.0), "names": ["a"]}
        back = pickle.loads(PickleSerializer().serialize_object(state))
        assert back["coef"].tolist() == [0, 1, 2]
        assert back["names"] == ["a"]

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "mmap"])
    def test_arrays_come_back_writable_from_any_kind_of_bytes(self, kind, tmp_path):
        payload = PickleSerializer().serialize_object({"a": BIG, "b": np.asfortranarray([[1, 2]])})
        source = mapped(payload, tmp_path) if kind == "mmap" else kind(payload)
        back = PickleSerializer().deserialize_object(source)
        assert (back["a"] == BIG).all()
        back["a"][0] = -1
        back["b"][0, 0] = 5
        assert PickleSerializer().deserialize_object(payload)["a"][0] == 0

    def test_writable_bytes_are_used_in_place(self, tmp_path):
        payload = PickleSerializer().serialize_object(BIG)
        held = bytearray(payload)
        whole = np.frombuffer(held, "u1")
        assert np.shares_memory(PickleSerializer().deserialize_object(held), whole)
        mapping = mapped(payload, tmp_path)
        whole = np.frombuffer(mapping, "u1")
        assert np.shares_memory(PickleSerializer().deserialize_object(mapping), whole)

    def test_writing_into_a_mapped_state_leaves_the_file(self, tmp_path):
        payload = PickleSerializer().serialize_object(BIG)
        back = PickleSerializer().deserialize_object(mapped(payload, tmp_path))
        back[:] = 0
        assert (tmp_path / "state").read_bytes() == payload

    def test_an_array_that_was_read_only_stays_so(self):
        array = BIG.copy()
        array.flags.writeable = False
        payload = PickleSerializer().serialize_object(array)
        assert not PickleSerializer().deserialize_object(bytearray(payload)).flags.writeable

    def test_a_loaded_state_is_written_as_the_same_bytes(self):
        payload = PickleSerializer().serialize_object({"a": BIG, "small": np.arange(3)})
        for source in (payload, bytearray(payload)):
            back = PickleSerializer().deserialize_object(source)
            assert PickleSerializer().serialize_object(back) == payload

    def test_what_cannot_be_pickled_is_named(self):
        with pytest.raises(SerializationError, match="lock"):
            PickleSerializer().serialize_object({"a": threading.Lock()})

    def test_other_bytes_are_refused(self):
        with pytest.raises(SerializationError, match="pickle"):
            PickleSerializer().deserialize_object(b"not a pickle")


class TestJoblib:
    def test_the_bytes_are_a_joblib_file(self, tmp_path):
        (tmp_path / "state").write_bytes(JoblibSerializer().serialize_object({"a": BIG}))
        assert (joblib.load(tmp_path / "state")["a"] == BIG).all()

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "mmap"])
    def test_reads_any_kind_of_bytes(self, kind, tmp_path):
        payload = JoblibSerializer().serialize_object({"a": BIG})
        source = mapped(payload, tmp_path) if kind == "mmap" else kind(payload)
        assert (JoblibSerializer().deserialize_object(source)["a"] == BIG).all()

    def test_maps_a_file_privately(self, tmp_path):
        payload = JoblibSerializer().serialize_object({"a": BIG})
        path = tmp_path / "state"
        path.write_bytes(payload)
        back = JoblibSerializer().deserialize_object(path)["a"]
        assert isinstance(back, np.memmap)
        back[0] = 5
        assert path.read_bytes() == payload

    def test_other_bytes_are_refused(self):
        with pytest.raises(SerializationError, match="joblib"):
            JoblibSerializer().deserialize_object(b"not a joblib file")

    def test_a_local_class_is_refused(self):
        class Local:
            pass

        with pytest.raises(SerializationError, match="Local"):
            JoblibSerializer().serialize_object(Local())


class TestJSON:
    @pytest.mark.parametrize(
        "state", [None, 3, "é", [1, 2.5, None], {"a": {"b": [True]}}, {"x": float("inf")}]
    )
    def test_round_trip(self, state):
        payload = JSONSerializer().serialize_object(state)
        assert JSONSerializer().deserialize_object(payload) == state
        assert JSONSerializer().deserialize_object(memoryview(payload)) == state

    def test_is_json(self):
        assert json.loads(JSONSerializer().serialize_object({"runs": 3})) == {"runs": 3}

    @pytest.mark.parametrize("state", [{1: 2}, {"a": [{None: 1}]}, {1, 2}, object()])
    def test_what_would_come_back_as_something_else_is_refused(self, state):
        with pytest.raises(SerializationError):
            JSONSerializer().serialize_object(state)

    def test_other_bytes_are_refused(self):
        with pytest.raises(SerializationError):
            JSONSerializer().deserialize_object(b"{")


FRAME = pd.DataFrame(
    {
        "int": [1, -2],
        "float": [0.1, np.nan],
        "text": ["NA", None],
        "empty": ["", 'a,"b"\nc'],
        "bool": [True, False],
        "nullable int": pd.array([2**60 + 1, None], "Int64"),
        "nullable bool": pd.array([True, None], "boolean"),
        "date": pd.to_datetime(["2020-01-01", None]),
        "zone": pd.to_datetime(
            ["2020-01-01 00:00:00.5", "2021-06-01 12:00:00.123"], format="ISO8601"
        ).tz_localize("Europe/Paris"),
        "category": pd.Categorical(["u", "v"]),
        "span": pd.to_timedelta(["1s", "2 days"]),
    }
)


class TestCSV:
    @pytest.mark.parametrize(
        "frame",
        [
            FRAME,
            FRAME.set_index("text"),
            FRAME.set_index(["int", "empty"]),
            FRAME.iloc[::-1],
            pd.DataFrame(np.eye(3)),
            pd.DataFrame({"a": [1.5]}, index=["r"]),
            pd.DataFrame({"a": []}, dtype="f8"),
            pd.DataFrame({"a": ["x", None]}, dtype=object),
            pd.DataFrame({"a": ["x", np.nan]}, dtype=object),
            pd.DataFrame([["x", 1]], columns=["a", "a"]),
        ],
    )
    def test_a_frame_comes_back_as_it_was(self, frame):
        payload = CSVSerializer().serialize_object(frame)
        pd.testing.assert_frame_equal(CSVSerializer().deserialize_object(payload), frame)

    def test_is_csv_after_its_first_line(self):
        payload = CSVSerializer().serialize_object(pd.DataFrame({"a": [1], "b": ["x"]}))
        assert payload.splitlines()[1:] == [b"a,b", b"1,x"]

    @pytest.mark.parametrize(
        "state", [[1], pd.DataFrame({"a": [[1, 2]]}), pd.DataFrame({"a": ["\\N"]})]
    )
    def test_what_would_come_back_as_something_else_is_refused(self, state):
        with pytest.raises(SerializationError, match="CSV"):
            CSVSerializer().serialize_object(state)

    def test_other_bytes_are_refused(self):
        with pytest.raises(SerializationError, match="CSV"):
            CSVSerializer().deserialize_object(b"a,b\n1,2\n")


class Custom:
    pass


class TestSkops:
    def test_round_trip_of_an_estimator(self):
        model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
        payload = SkopsSerializer().serialize_object(model)
        back = SkopsSerializer().deserialize_object(memoryview(payload))
        assert back.predict([[2.0]]) == pytest.approx([4.0])

    def test_unknown_types_are_refused_until_they_are_trusted(self):
        payload = SkopsSerializer().serialize_object({"a": Custom()})
        with pytest.raises(NotTrusted, match="Custom") as refused:
            SkopsSerializer().deserialize_object(payload)

        class Trusting(SkopsSerializer):
            trusted = tuple(refused.value.details["types"])

        assert isinstance(Trusting().deserialize_object(payload)["a"], Custom)

    def test_equal_states_have_equal_fingerprints(self):
        def fingerprint():
            model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
            return SkopsSerializer().fingerprint(model, SkopsSerializer().serialize_object(model))

        assert fingerprint() == fingerprint()


@pytest.mark.parametrize("serializer", [PickleSerializer, JoblibSerializer])
def test_fingerprints_tell_states_apart_small_and_large(serializer):
    def fingerprint(state):
        return serializer().fingerprint(state, serializer().serialize_object(state))

    for size in (10, 1_000_000):
        state = np.arange(size)
        assert fingerprint(state) == fingerprint(state.copy())
        changed = state.copy()
        changed[-1] = 0
        assert fingerprint(state) != fingerprint(changed)
