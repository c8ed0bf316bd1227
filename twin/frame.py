"""Columns of numbers as bytes: the one binary form of the feed's payload and of the frames that screens get.

Little endian: u32 length of the header; the header (JSON, padded with spaces so that the columns start at a multiple
of 8); then the columns in the header's order, each padded to 8 bytes. A column is `[name, type]` with type one of
u1 u2 u4 i4 f4 f8; all have `n` rows.
"""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

TYPES = frozenset({"u1", "u2", "u4", "i4", "f4", "f8"})
Column = tuple[str, NDArray[Any]]


def encode(header: dict[str, Any], columns: list[Column]) -> bytes:
    """Encode columns of equal length; the header gains `n` and `columns`."""
    kinds = [array.dtype.str[1:] for _, array in columns]
    assert TYPES.issuperset(kinds), kinds
    rows = len(columns[0][1]) if columns else 0
    text = orjson.dumps(
        {**header, "n": rows, "columns": [[name, kind] for (name, _), kind in zip(columns, kinds, strict=True)]}
    )
    text += b" " * (-(4 + len(text)) % 8)
    parts = [len(text).to_bytes(4, "little"), text]
    for _, array in columns:
        data = array.tobytes()
        parts += (data, bytes(-len(data) % 8))
    return b"".join(parts)


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return header and columns (views of the bytes, read-only)."""
    length = int.from_bytes(frame[:4], "little")
    header = orjson.loads(frame[4 : 4 + length])
    at, rows = 4 + length, header["n"]
    columns = {}
    for name, kind in header["columns"]:
        columns[name] = np.frombuffer(frame, "<" + kind, rows, at)
        at += -(-columns[name].nbytes // 8) * 8
    return header, columns
