"""A binary heap of (key, item) in two plain arrays, for compiled code."""

from typing import Any

from simulations.compiler import njit

Array = Any

bare: Any = njit(cache=True, nogil=True, _nrt=False, error_model="numpy", forceinline=True)  # type: ignore[call-overload]
"""For code that makes no array: without reference counts, and in line; both together took most of the time."""


@bare
def push(keys: Array, items: Array, size: int, key: float, item: int) -> int:
    """Add an item and return the new size."""
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] <= key:
            break
        keys[at], items[at] = keys[above], items[above]
        at = above
    keys[at], items[at] = key, item
    return size + 1


@bare
def pop(keys: Array, items: Array, size: int) -> int:
    """Take the least item away (read it at 0 before) and return the new size."""
    size -= 1
    key, item = keys[size], items[size]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[at], items[at] = keys[below], items[below]
        at = below
    keys[at], items[at] = key, item
    return size
