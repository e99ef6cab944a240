"""The generator and the binomial counts: known answers, the distribution itself, compiled against plain."""

from __future__ import annotations

import numpy as np
import pytest

from moecusp._simulation.binomial import binomial
from moecusp._simulation.philox import philox


def words(counter: tuple[int, ...], key: tuple[int, int]) -> list[int]:
    c = [np.array([word], dtype=np.int64) for word in counter]
    return [int(word[0]) for word in philox((c[0], c[1], c[2], c[3]), key)]


class TestPhilox:
    @pytest.mark.parametrize(
        ("counter", "key", "expected"),
        [
            ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
            (
                (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
                (0xA4093822, 0x299F31D0),
                (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            ),
        ],
    )
    def test_known_answers_of_random123(
        self, counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
    ) -> None:
        assert words(counter, key) == list(expected)

    def test_compiled_generator_agrees(self) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation.compiled_words import fill

        first, count = 2**33 - 64, 100  # the high word of the router changes on the way
        block = np.empty((4, 128), np.uint32)
        fill(block, 7, 2**32 - 1, first, count, np.uint32(11), np.uint32(2**31))
        for i in range(count):
            router = first + i
            assert block[:, i].tolist() == words((7, 2**32 - 1, router & 0xFFFFFFFF, router >> 32), (11, 2**31))


class TestBinomial:
    @pytest.mark.parametrize(("n", "p"), [(1, 0.5), (2, 0.55), (7, 0.2), (100, 0.553), (5000, 0.003), (100000, 0.9)])
    def test_inversion_reproduces_the_distribution(self, n: int, p: float) -> None:
        """Equidistant uniform numbers must give every outcome its probability, to the resolution of the grid."""
        from scipy.stats import binom

        size = 20000
        counts = binomial(np, np.full(size, float(n)), np.full(size, p), (np.arange(size) + 0.5) / size)
        k, seen = np.unique(counts, return_counts=True)
        assert np.max(np.abs(seen / size - binom.pmf(k, n, p))) < 1.01 / size
        assert k.min() >= 0
        assert k.max() <= n

    def test_edges(self) -> None:
        n, p = np.array([0.0, 5.0, 5.0, 1.0]), np.array([0.5, 0.0, 1.0, 0.5])
        assert binomial(np, n, p, np.full(4, 1 - 1e-16)).tolist()[:3] == [0.0, 0.0, 5.0]

    def test_compiled_counts_agree(self) -> None:
        pytest.importorskip("numba")
        from moecusp._simulation.compiled_scalar import binomial as compiled

        rng = np.random.default_rng(1)
        n, p, u = rng.integers(0, 900, 3000).astype(float), rng.random(3000), rng.random(3000)
        assert binomial(np, n, p, u).tolist() == [compiled(*draw) for draw in zip(n, p, u, strict=True)]
