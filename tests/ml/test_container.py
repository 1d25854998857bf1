import pickle

import numpy as np
import pytest

from jupyter_chariots.errors import SerializationError
from jupyter_chariots.ml.container import pack, unpack


def packed(*arrays):
    buffers = []
    stream = pickle.dumps(arrays, protocol=5, buffer_callback=buffers.append)
    return stream, pack(stream, buffers)


def test_without_buffers_the_payload_is_the_plain_pickle():
    stream, payload = packed()
    assert payload == stream
    assert unpack(payload) == (stream, [])


@pytest.mark.parametrize("sizes", [(1,), (1000, 3, 0), (7, 64, 65, 128)])
def test_buffers_come_back_aligned_and_as_views(sizes):
    arrays = [np.arange(size, dtype="u1") for size in sizes]
    stream, payload = packed(*arrays)
    found, buffers = unpack(payload)
    assert found == stream
    assert [bytes(buffer) for buffer in buffers] == [array.tobytes() for array in arrays]
    whole = np.frombuffer(payload, "u1").ctypes.data
    for buffer in buffers:
        if buffer.nbytes:
            view = np.frombuffer(buffer, "u1")
            assert (view.ctypes.data - whole) % 64 == 0
            assert np.shares_memory(view, np.frombuffer(payload, "u1"))


@pytest.mark.parametrize("length", [9, 20, 30, 100, -1])
def test_a_payload_cut_short_is_refused(length):
    _, payload = packed(np.arange(100))
    with pytest.raises(SerializationError, match="cut short"):
        unpack(payload[:length])
