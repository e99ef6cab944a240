"""Counts of many tokens at once: probabilities against mpmath and scipy, the walk from the mode by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from moecusp import RouterParameters
from moecusp._simulation.arrays import ArrayBackend
from moecusp._simulation.binomial import binomial, mode_probability, stirling_error
from moecusp._simulation.philox import philox
from moecusp._simulation.request import Request
from moecusp._simulation.schedules import Schedule
from tests.simulation.runs import path, uniforms

TRIALS = [1.0, 2.0, 3.0, 7.0, 30.0, 1000.0, 1e6, 4e9]
STEPS, ROUTERS, SEED = 12, 3, 2**33 + 5


def outwards(mode: int) -> Iterator[int]:
    """Yield m, m + 1, m - 1, m + 2, and so on."""
    yield mode
    for distance in itertools.count(1):
        yield mode + distance
        yield mode - distance


def walked(n: int, p: float, uniform: float) -> int:
    """Return the outcome at which the probabilities, from the mode outwards, use the number up."""
    if n == 0:
        return 0
    flip = p > 0.5527
    q = 1.0 - p if flip else p
    probability, left = binom.pmf(np.arange(n + 1), n, q), uniform
    for k in outwards(max(math.floor((n + 1) * q - 0.381966), 0)):
        left -= probability[k] if 0 <= k <= n else 0.0
        if left <= 0.0:
            return n - k if flip else k
    raise AssertionError


class TestBinomial:
    def test_the_stirling_error(self) -> None:
        found = stirling_error(np, np.array(TRIALS))
        with mp.workdps(40):
            exact = [
                float(mp.loggamma(n + 1) - (mp.mpf(n) + 0.5) * mp.log(n) + n - mp.log(2 * mp.pi) / 2) for n in TRIALS
            ]
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-13)

    def test_the_probability_of_the_mode(self) -> None:
        n, p = (part.ravel() for part in np.meshgrid(TRIALS[:7], [1e-9, 0.01, 0.3, 0.5, 0.55]))
        for off in (0.0, 1.0):
            k = np.maximum(np.minimum(np.floor((n + 1.0) * p) + off, n - 1.0), 0.0)
            np.testing.assert_allclose(mode_probability(np, n, p, k), binom.pmf(k, n, p), rtol=3e-10)

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    def test_the_walk(self, library: str) -> None:
        xp, random = pytest.importorskip(library), np.random.default_rng(1)
        n, p, u = random.integers(0, 90, 700), random.random(700), random.random(700)
        n[:50], p[:25], p[25:50], p[50:60], p[60:70] = 5, 0.0, 1.0, 1e-3, 0.999
        n[50:70] = 700
        given = (xp.asarray(values, dtype=xp.float64) for values in (n, p, u))
        found = binomial(xp, *given).tolist()
        assert found == [walked(*draw) for draw in zip(n.tolist(), p.tolist(), u.tolist(), strict=True)]

    def test_what_is_left_over_stops(self) -> None:
        """A number beyond all probabilities, as rounding can leave one, ends at the mode."""
        n = np.array([1.0, 3.0, 50.0])
        assert binomial(np, n, np.full(3, 0.3), np.full(3, 1.0 + 1e-9)).tolist() == [0.0, 0.0, 14.0]


def chance(y: float, sigma: float | None) -> float:
    if sigma is None:
        return 1.0 / (1.0 + math.exp(-y))
    return float(ndtr(y / sigma)) if sigma else float(y >= 0.0)


def uniform(step: int, router: int, block: int) -> float:
    """Return the number of 53 bits that two words give."""
    c = [np.array([part]) for part in (step, block, router % 2**32, router >> 32)]
    high, low, *_ = (int(word[0]) for word in philox((c[0], c[1], c[2], c[3]), (SEED % 2**32, SEED >> 32)))
    return ((high >> 5) * 2**26 + (low >> 6) + 0.5) / 2.0**53


def counted(scores: list[float], tokens: int, step: int, router: int, sigma: float | None) -> list[int]:
    """Return the counts of one step at inverse temperature 1."""
    if len(scores) == 2:
        first = walked(tokens, chance(scores[0] - scores[1], sigma), uniform(step, router, 0))
        return [first, tokens - first]
    weights, counts = np.exp(scores), list[int]()
    for expert in range(len(scores) - 1):
        p = weights[expert] / weights[expert:].sum()
        counts.append(walked(tokens - sum(counts), p, uniform(step, router, expert)))
    return [*counts, tokens - sum(counts)]


def engine(library: str, experts: int, tokens: int, sigma: Any, **more: Any) -> ArrayBackend:
    hard = {"selection": "soft", "margin_noise": 0.0} if sigma is None else {"selection": "hard", "margin_noise": sigma}
    start = {"initial": [0.4] + [0.0] * (experts - 1)}
    request = Request(
        RouterParameters(1.6, experts=experts), 0.2, STEPS, ROUTERS, tokens, moments=False, first_passage=None,
        schedule=Schedule(), seed=SEED, **(hard | start | more),
    )  # fmt: skip
    return ArrayBackend(request.plan, pytest.importorskip(library))


class TestArrays:
    @pytest.mark.parametrize("library", ["numpy", "torch"])
    @pytest.mark.parametrize(
        ("experts", "tokens", "sigma"),
        [(2, 65, None), (2, 300, None), (2, 100, 0.7), (2, 100, 0.0), (3, 65, None), (4, 200, None)],
    )
    def test_large_batches(self, library: str, experts: int, tokens: int, sigma: float | None) -> None:
        run = engine(library, experts, tokens, sigma)
        run.advance(0, STEPS, collecting=True)
        sums = run.sums()
        for router in range(ROUTERS):
            scores, hits = [0.4] + [0.0] * (experts - 1), np.zeros(experts)
            for step in range(STEPS):
                counts = counted(scores, tokens, step, router, sigma)
                hits += counts
                scores = [0.8 * s + 0.2 * 1.6 * n / tokens for s, n in zip(scores, counts, strict=True)]
            state = [scores[0] - scores[1]] if experts == 2 else scores
            np.testing.assert_allclose(run.state()[:, router], state, rtol=0, atol=1e-12)
            assert sums.hits[:, router].tolist() == hits[: 1 if experts == 2 else experts].tolist()
        assert sums.steps == STEPS

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    def test_routers_beyond_two_to_the_32(self, library: str) -> None:
        """The high word of the router's number counts too."""
        run, first = engine(library, 2, 3, None, initial=0.0), 2**32 + 2**31 + 7
        run._router = run._router + first
        run.advance(0, STEPS, collecting=False)
        for i in range(ROUTERS):
            scores = path(RouterParameters(1.6), 0.2, STEPS, first + i, seed=SEED, batch_size=3)[0][-1]
            assert abs(run.state()[0, i] - (scores[0] - scores[1])) < 1e-12

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    def test_noise_of_each_router(self, library: str) -> None:
        """Without noise the larger score wins, the first of equals; with noise the word decides."""
        run = engine(library, 2, 1, [0.0, 0.0, 0.7], initial=[[0.0, 0.0], [0.0, 1e-9], [0.1, 0.0]])
        run.advance(0, 1, collecting=True)
        number = next(uniforms(0, 2, SEED, True))
        assert run.sums().hits[0].tolist() == [1.0, 0.0, float(number < ndtr(0.1 / 0.7))]

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_what_is_kept(self, library: str, dtype: str) -> None:
        xp = pytest.importorskip(library)
        run = ArrayBackend(engine(library, 3, 2, None).plan, xp, None, dtype)
        assert run.name == library
        assert run.state().dtype == np.float64
        assert run.passed().dtype == np.int64
        assert run.passed().tolist() == [-1] * ROUTERS
        before = run.state()
        np.testing.assert_array_equal(run.collect(), before)
        run.advance(0, 2, collecting=False)
        assert run.sums().steps == 0
        assert not run.sums().hits.any()
        run.advance(2, 5, collecting=True)
        sums = run.sums()
        assert (sums.steps, sums.hits.sum(axis=0).tolist()) == (3, [6.0] * ROUTERS)
        assert all(part.dtype == np.float64 for part in (sums.hits, sums.first, sums.second, sums.cross, sums.last))
