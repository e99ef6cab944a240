"""Flips of a top-k set: predicted from the density of ties, and counted."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from tests.reference import ulps


def chosen(logits: np.ndarray, k: int) -> np.ndarray:
    return np.sort(np.argsort(-logits, axis=-1, kind="stable")[:, :k])


def tie_density(logits: np.ndarray, k: int) -> tuple[float, float]:
    """C and its standard error, from counting: no two entries of one token are independent, so by the total share."""
    found = mc.hard_susceptibility(logits, 0.02, top_k=k)
    density = 0.5 * k * float(np.trace(found.susceptibility))
    return density, float(np.sqrt(density / (0.04 * len(logits))))


@pytest.mark.parametrize(("experts", "k"), [(8, 1), (16, 4), (2, 1)])
def test_counted_under_noise(experts: int, k: int) -> None:
    """False alarm below 1e-6: five standard errors of both sides, and the next order in s."""
    rng = np.random.default_rng(experts)
    logits = rng.normal(size=(400_000, experts))
    density, error = tie_density(logits, k)
    for s in (0.003, 0.01):
        moved = chosen(logits + s * rng.normal(size=logits.shape), k) != chosen(logits, k)
        share = moved.any(axis=1).mean()
        spread = np.hypot(np.sqrt(share / len(logits)), mc.flip_rate(error, s))
        assert abs(share - mc.flip_rate(density, s)) < 5.0 * spread + 2.0 * s * s
        assert spread < 0.06 * share


@pytest.mark.parametrize("s", [1e-2, 1e-4, 1e-6])
def test_two_experts_exactly(s: float) -> None:
    """Two normal logits: the margins before and after have the angle arctan s, and their signs differ by it over pi."""
    found = mc.flip_rate(1.0 / np.sqrt(4.0 * np.pi), s)
    assert found == pytest.approx(np.arctan(s) / np.pi, rel=s * s / 2.0 + 1e-15)


def test_counted_under_rounding() -> None:
    """A grid of 1/64, ties to the expert of the lower number; independent errors would flip a third less."""
    logits = np.random.default_rng(3).normal(size=(400_000, 8))
    density, error = tie_density(logits, 1)
    moved = (chosen(np.round(logits * 64.0) / 64.0, 1) != chosen(logits, 1)).mean()
    spread = np.hypot(np.sqrt(moved / len(logits)), mc.rounding_flip_rate(error, 1 / 64))
    predicted = mc.rounding_flip_rate(density, 1 / 64)
    assert abs(moved - predicted) < 5.0 * spread + 0.03 * predicted
    assert predicted - density / 64 / 3 > 8.0 * spread


@given(st.floats(0.0, 1e308), st.floats(0.0, 1e308))
def test_digits(c: float, s: float) -> None:
    with mp.workdps(40):
        exact = 2 * mp.mpf(c) * mp.mpf(s) / mp.sqrt(mp.pi)
        half = mp.mpf(c) * mp.mpf(s) / 2
        if 1e-300 < exact < 1e308:
            assert ulps(mc.flip_rate(c, s), exact) <= 2.0
        if 1e-300 < half < 1e308:
            assert ulps(mc.rounding_flip_rate(c, s), half) <= 1.0


def test_nothing_overflows_on_the_way() -> None:
    assert mc.rounding_flip_rate(1.5e308, 2.0) == 1.5e308
    assert mc.flip_rate(0.0, 1e308) == 0.0


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "a", 1j])
def test_range(bad: object) -> None:
    for call in (mc.flip_rate, mc.rounding_flip_rate):
        with pytest.raises(mc.ParameterError, match="tie_density"):
            call(bad, 1.0)
    with pytest.raises(mc.ParameterError, match="noise"):
        mc.flip_rate(1.0, bad)
    with pytest.raises(mc.ParameterError, match="spacing"):
        mc.rounding_flip_rate(1.0, bad)
