"""Values as bytes on the way between client and child: npy, Arrow streams, raw bytes, tensors.

JSON is not here: it needs an envelope and is written differently at the two ends.
"""

from .binary import decode, encode, readable
from .media import (
    ARROW,
    BYTES,
    JSON,
    LIVE,
    NPY,
    Body,
    Encoded,
    Received,
    is_json,
    media_type,
    preferred,
)

__all__ = [
    "ARROW",
    "BYTES",
    "JSON",
    "LIVE",
    "NPY",
    "Body",
    "Encoded",
    "Received",
    "decode",
    "encode",
    "is_json",
    "media_type",
    "preferred",
    "readable",
]
