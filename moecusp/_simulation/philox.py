"""Philox 4x32-10, the counter-based generator of Salmon et al. (SC 2011), on NumPy arrays or torch tensors.

A block of four 32-bit words is a pure function of a counter and a key, so a stream needs no state and does not depend
on chunking, threads or backend. Words are kept in int64, whose wrapping product has the right low 64 bits in both
libraries. Which block decides what is written in docs/simulate.md. The function is made of operators alone, so that
`compiled_words` can write it down as vector instructions.
"""

from __future__ import annotations

from typing import Any

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
WORD = 0xFFFFFFFF


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Return the four words of the block at `counter` under `key`.

    Parameters
    ----------
    counter : tuple of four int64 arrays
        Words in [0, 2^32); they broadcast. At least one must be an array of positive dimension.
    key : tuple of two int
        Words in [0, 2^32).

    Returns
    -------
    tuple of four int64 arrays
        Words in [0, 2^32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = (c0 & WORD) * MULTIPLIERS[0], (c2 & WORD) * MULTIPLIERS[1]  # what lies above a word is dropped here
        c0, c2 = (c1 ^ k0) ^ (p1 >> 32), (c3 ^ k1) ^ (p0 >> 32)
        c1, c3 = p1, p0
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0 & WORD, c1 & WORD, c2 & WORD, c3 & WORD
