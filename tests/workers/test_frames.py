"""Frames survive any cutting of the stream."""

from __future__ import annotations

import json
import random
import struct

import pytest

from jupyter_chariots.workers.frames import Decoder, FrameError, pack

FRAMES = [
    ({"id": 1, "do": "call"}, b'{"pipeline_input": [[1.5]]}'),
    ({"id": 2}, b""),
    ({}, bytes(range(256)) * 500),
    ({"id": 3, "text": "übung – 数"}, b"x"),
]


def decode(pieces):
    decoder = Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def test_whole_stream_at_once():
    assert decode([b"".join(pack(*frame) for frame in FRAMES)]) == FRAMES


@pytest.mark.parametrize("seed", range(5))
def test_stream_cut_anywhere(seed):
    stream = b"".join(pack(*frame) for frame in FRAMES)
    draw = random.Random(seed)
    cuts = sorted(draw.choices(range(len(stream)), k=200))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(pieces) == FRAMES


def test_byte_by_byte():
    stream = b"".join(pack(*frame) for frame in FRAMES[:2])
    assert decode(stream[i : i + 1] for i in range(len(stream))) == FRAMES[:2]


def test_nothing_before_a_frame_is_complete():
    assert decode([pack(*FRAMES[0])[:-1]]) == []


def test_values_that_json_does_not_know_are_sent_as_text():
    class Strange:
        def __str__(self):
            return "strange"

    assert decode([pack({"value": Strange()})]) == [({"value": "strange"}, b"")]


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack("!IQ", 3, 0) + b"{,}",
        struct.pack("!IQ", 2, 0) + json.dumps([]).encode(),
    ],
)
def test_what_is_no_frame_is_refused(stream):
    with pytest.raises(FrameError):
        decode([stream])
