"""Frames survive any cutting of the stream."""

from __future__ import annotations

import json
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_chariots.workers.frames import Decoder, FrameError, pack, parts

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


def test_a_frame_in_parts_is_the_same_frame():
    for frame in FRAMES:
        assert b"".join(parts(*frame)) == pack(*frame)
    assert [len(parts(*frame)) for frame in FRAMES] == [1, 1, 2, 1]


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


def test_a_large_body_is_read_where_it_stays():
    frame = {"id": 1}, bytes(range(256)) * 4096
    decoder = Decoder()
    stream, rooms = memoryview(pack(*frame)), []
    while stream:
        room = decoder.room()
        count = min(len(room), 100_000, len(stream))
        room[:count] = stream[:count]
        rooms.append(room.obj)
        stream = stream[count:]
        found = list(decoder.filled(count))
    assert found == [frame]
    assert found[0][1] is rooms[-1]


def test_a_large_header():
    frame = {"id": 1, "text": "x" * (3 << 20)}, b"body"
    assert decode([pack(*frame), pack(*FRAMES[0])]) == [frame, FRAMES[0]]


def test_frames_that_nobody_took_do_not_stand_in_the_way():
    decoder = Decoder()
    assert next(decoder.feed(pack(*FRAMES[0]))) == FRAMES[0]
    assert next(decoder.feed(pack(*FRAMES[1]))) == FRAMES[1]


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
        struct.pack("!IQ", 2, 1 << 62) + b"{}",
        struct.pack("!IQ", 200_000, 0) + b"[" * 200_000,
        struct.pack("!IQ", (1 << 32) - 1, 0),
    ],
)
def test_what_is_no_frame_is_refused(stream):
    with pytest.raises(FrameError):
        decode([stream])


STREAM = b"".join(pack(*frame) for frame in FRAMES)
CUTS = st.lists(st.integers(1, 5000), min_size=1, max_size=20)


def broken(stream):
    """Streams that are right but for a few bytes that are changed, missing or too many."""
    part = st.tuples(st.integers(0, len(stream)), st.integers(0, 20), st.binary(max_size=20))

    def spoil(parts):
        spoilt = stream
        for at, count, put in parts:
            spoilt = spoilt[:at] + put + spoilt[at + count :]
        return spoilt

    return st.lists(part, min_size=1, max_size=3).map(spoil)


@given(broken(STREAM) | st.binary(max_size=4000), CUTS)
def test_what_is_broken_is_refused_or_waited_for_and_costs_no_memory(stream, cuts):
    decoder, at, turn = Decoder(), 0, 0
    try:
        while at < len(stream):
            piece = stream[at : at + cuts[turn % len(cuts)]]
            at, turn = at + len(piece), turn + 1
            for header, body in decoder.feed(piece):
                assert isinstance(header, dict)
                assert len(body) <= len(stream)
            assert len(decoder._small) <= 4 * max(len(stream), 256 << 10)
    except FrameError:
        pass


def test_a_body_that_is_only_announced_takes_no_memory():
    decoder = Decoder()
    before = resident()
    assert list(decoder.feed(struct.pack("!IQ", 2, 1 << 30) + b"{}" + bytes(1000))) == []
    assert len(decoder.room()) < 2 << 20
    assert resident() - before < 64 << 20


def resident():
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_large_body_that_comes_in_parts_is_whole():
    body = random.Random(0).randbytes(5 << 20)
    stream = pack({"id": 1}, body) + pack({"id": 2}, b"next")
    pieces = [stream[at : at + 300_001] for at in range(0, len(stream), 300_001)]
    assert decode(pieces) == [({"id": 1}, body), ({"id": 2}, b"next")]
