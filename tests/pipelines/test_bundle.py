"""What a notebook sends, as one body."""

from __future__ import annotations

import pytest

from jupyter_chariots import Node, Pipeline, ReservedNodes, op
from jupyter_chariots.errors import BadRequest
from jupyter_chariots.pipelines.bundle import Bundle, Sent
from jupyter_chariots.pipelines.header import make_header


def three():
    return Pipeline([Node(op(lambda: 3), output_nodes=ReservedNodes.pipeline_output)], "look")


def test_a_bundle_comes_back_as_it_was():
    bundle = Bundle(make_header(), (Sent(three().spec, b"abc", "d"),), True, ("pca",))
    again = Bundle.from_bytes(bundle.to_bytes())
    assert again == bundle


def test_a_broken_bundle_is_a_bad_request():
    body = Bundle(make_header(), (Sent(three().spec, b"abc", "d"),)).to_bytes()
    for broken in [b"", b"x", body[:-1], body + b"x", body[:20], b"\xff" * 8 + body[8:]]:
        with pytest.raises(BadRequest):
            Bundle.from_bytes(broken)
    for header in [{}, {**make_header(), "path": [1]}, {**make_header(), "env": {"A": "\0"}}]:
        with pytest.raises(BadRequest):
            Bundle.from_bytes(Bundle(header, ()).to_bytes())
