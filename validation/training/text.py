"""The text: the language reference that ships with Python (`pydoc_data.topics`), read byte by byte.

It differs between versions of Python, so a report records its SHA-256.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

LONGEST = 4
"""Bytes before a token that its features know."""


def load_text() -> NDArray[np.uint8]:
    """Return all topics, in the order of their names, as bytes."""
    from pydoc_data.topics import topics

    return np.frombuffer("\n".join(topics[name] for name in sorted(topics)).encode(), np.uint8)


def digest(text: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the SHA-256, 32 bytes."""
    return np.frombuffer(hashlib.sha256(text.tobytes()).digest(), np.uint8)


def features(text: NDArray[np.uint8], places: NDArray[np.int64], size: int = 64) -> NDArray[np.float64]:
    """Return features (places, size) of tokens at some places >= `LONGEST`: the bytes before each, hashed.

    Every run of 1 to `LONGEST` bytes that ends before the place adds or takes 1/2 at the feature that its hash names.

    Examples
    --------
    >>> import numpy as np
    >>> found = features(np.frombuffer(b"abcdeabcdf", np.uint8), np.array([4, 9]))
    >>> np.array_equal(found[0], found[1]), float(np.abs(found).sum())
    (True, 4.0)
    """
    found = np.zeros((places.size, size))
    rows = np.arange(places.size)
    code = np.zeros(places.size, dtype=np.uint64)
    for length in range(1, LONGEST + 1):
        code = code * np.uint64(257) + text[places - length].astype(np.uint64) + np.uint64(1)
        mixed = (code + np.uint64(length << 40)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        sign = np.where(mixed >> np.uint64(63), 0.5, -0.5)
        np.add.at(found, (rows, (mixed >> np.uint64(32)) % np.uint64(size)), sign)
    return found
