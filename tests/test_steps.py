"""The way to the roots: each equation's start, its rough step and its last one, over points that hug all regimes.

The last step is checked by a change of sign of the equation in Arb; start and rough step against that root. Starts hold
up to 1e9: beyond, the equations are linear and the last step finds the root from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import arb

from moecusp._numerics import elementary, steps
from validation import reference

FAR = 1e9
NUMBER = 4000
START, QUICK = 0.1, 5e-5


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def powers(rng: np.random.Generator, low: float, high: float) -> Any:
    return 10.0 ** rng.uniform(low, high, NUMBER)


def bistable() -> tuple[Any, Any]:
    """Return gains and asymmetries inside the folds: anywhere, 10^-k from the fold and towards 0."""
    rng = np.random.default_rng(1)
    gains = [1.0 + powers(rng, -15.6, 1.0), rng.uniform(1.2, 4.0, NUMBER), powers(rng, 1.0, 8.9)]
    shares = [rng.uniform(0.0, 1.0, NUMBER), 1.0 - powers(rng, -15.5, -0.5), powers(rng, -15.5, -0.5)]
    g, share = (np.concatenate(x) for x in (np.repeat(gains, 3, axis=0), shares * 3))
    size = share * steps.prepare(g, 0.0 * g)[0]
    inside = steps.prepare(g, size)[1] > 0.0
    return g[inside], size[inside]


def outside() -> tuple[Any, Any]:
    """Return gains above 1 and asymmetries up to 1e7 times the fold's, as many again from the fold to 10 times it."""
    rng = np.random.default_rng(2)
    gains = [1.0 + powers(rng, -15.6, 1.0), rng.uniform(1.2, 4.0, NUMBER), powers(rng, 1.0, 8.9)]
    times = [*(powers(rng, -7.0, 7.0) for _ in gains), *(1.0 + powers(rng, -15.0, 1.0) for _ in gains)]
    g = np.concatenate(gains * 2)
    return g, np.concatenate(times) * steps.prepare(g, 0.0 * g)[0]


def subcritical() -> tuple[Any, Any]:
    """Return gains up to 1 and asymmetries from 1e-20 to 1e8."""
    rng = np.random.default_rng(3)
    gains = [rng.uniform(0.0, 1.0, NUMBER), 1.0 - powers(rng, -16.0, -1.0), np.ones(NUMBER), powers(rng, -30.0, 0.0)]
    return np.concatenate(gains), np.concatenate([powers(rng, -20.0, 8.0) for _ in gains])


def of_kind(kind: int) -> tuple[Any, Any]:
    """Return points inside the folds whose middle root is found by one of the three equations."""
    g, size = bistable()
    mine = steps.middle_kind(g, size, steps.prepare(g, size)[2]) == kind
    return g[mine], size[mine]


def outer_value(d: arb, a: float, level: float) -> arb:
    t = d.tanh()
    return (d - t) + a * t * t / (1 + a * t) - level


def direct_value(u: arb, g: float, level: float) -> arb:
    return (1 - arb(g)) * u + g * (u - u.tanh()) - level


def assert_way(value: Callable[..., arb], parts: tuple[Any, Any], start: Any, quick: Any, last: Any) -> None:
    """Fail unless last solves value(x, *parts) = 0 to 1e-15, quick to 5e-5 and start to 10 %."""
    chosen = np.unique(np.concatenate([np.linspace(0, last.size - 1, 150).astype(int), [np.argmax(parts[1])]]))
    with reference.workprec(600):
        for k in chosen:
            numbers = [arb(float(x[k])) for x in parts]
            below, above = (value(arb(float(last[k])) * (1 + s * arb(10) ** -15), *numbers) for s in (-1, 1))
            assert bool(below * above < 0), [float(x[k]) for x in parts]
    assert last.size > NUMBER // 2
    assert np.max(np.abs(quick / last - 1.0)) < QUICK
    assert np.max(np.abs(start / last - 1.0)) < START


class TestWays:
    def test_right(self) -> None:
        g, size = (np.concatenate(x) for x in zip(bistable(), outside(), strict=True))
        fold, _, _, a = steps.prepare(g, size)
        near = fold + size < FAR
        a, level = a[near], (fold + size)[near]
        start = steps.beyond_start(a, level)
        assert_way(outer_value, (a, level), start, steps.fold_quick(a, level, start), steps.beyond(a, level))

    def test_left(self) -> None:
        _, level, _, a = steps.prepare(*bistable())
        start = steps.beyond_start(a, level)
        assert_way(outer_value, (a, level), start, steps.fold_quick(a, level, start), steps.beyond(a, level))

    def test_before(self) -> None:
        _, gap, _, a = steps.prepare(*of_kind(0))
        start = steps.before_start(a, gap)
        assert_way(outer_value, (-a, -gap), start, steps.fold_quick(-a, -gap, start), steps.before(a, gap))

    def test_saturated(self) -> None:
        g, size = of_kind(1)
        start = steps.saturated_start(g, size)
        assert_way(direct_value, (g, -size), start, steps.saturated_step(g, size, start), steps.saturated(g, size))

    def test_small(self) -> None:
        g, size = of_kind(2)
        last = steps.small(g, size)
        assert np.max(last) < 0.66
        assert_way(direct_value, (g, -size), last, steps.small_rough(g, size), last)

    def test_only(self) -> None:
        g, size = (np.concatenate(x) for x in zip(subcritical(), outside(), strict=True))
        mine = steps.alone(g, size) & (size < FAR)
        assert np.sum(mine & (g > 1.0)) > NUMBER
        g, size = g[mine], size[mine]
        start = steps.only_start(g, size)
        assert_way(direct_value, (g, size), start, steps.direct_quick(1.0 - g, g, size, start), steps.only(g, size))

    def test_all_three_kinds_are_used_near_their_borders(self) -> None:
        """The equation by the fold takes u_f - w up to max(1, 0.4 u_f); that of saturation has w > 0.65."""
        g, size = of_kind(0)
        _, gap, turn, a = steps.prepare(g, size)
        reach = steps.before(a, gap)
        assert np.all(reach < np.minimum(1.0, 0.4 * turn) * 1.0001)
        assert np.max(reach) > 0.99
        g, size = of_kind(1)
        w = steps.saturated(g, size)
        assert 0.65 * 0.9999 < np.min(w) < 0.66
        turn = steps.prepare(g, size)[2]
        assert np.all(w < np.maximum(turn - 1.0, 0.6 * turn) * 1.0001)


class TestTiny:
    """Where E is lifted out of the underflow of its squares: below 2^-430 and below 2^-750, and on those borders."""

    SIZES = np.array([1e-320, 1e-300, 2.0**-751, 2.0**-750, 1e-150, 2.0**-431, 2.0**-430, 2.0**-429])

    @pytest.mark.parametrize("g", [0.0, 0.25, 0.5])
    def test_linear_below_the_critical_gain(self, g: float) -> None:
        assert steps.only(np.full(8, g), self.SIZES) == pytest.approx(self.SIZES / (1.0 - g), rel=4e-16, abs=0.0)

    def test_cube_root_at_the_critical_gain(self) -> None:
        assert steps.only(np.ones(8), self.SIZES) == pytest.approx(np.cbrt(3.0) * np.cbrt(self.SIZES), rel=1e-15, abs=0)

    @pytest.mark.parametrize("g", [1.25, 3.0])
    def test_linear_in_the_middle(self, g: float) -> None:
        assert steps.small(np.full(8, g), self.SIZES) == pytest.approx(self.SIZES / (g - 1.0), rel=4e-16, abs=0.0)


class TestOrders:
    """One step from an error e leaves one of its order: checked with 60 digits, where nothing else is left."""

    @pytest.mark.parametrize("error", ["1e-5", "-1e-6"])
    def test_householder_and_halley(self, error: str) -> None:
        with mp.workdps(60):
            x = mp.log(3) + mp.mpf(error)
            newton = (mp.exp(x) - 3) / mp.exp(x)
            four = x - steps.householder(newton, 1, 1) - mp.log(3)
            three = x - steps.halley(newton, 1) - mp.log(3)
            assert abs(three) < abs(mp.mpf(error)) ** 3
            assert abs(three) > abs(mp.mpf(error)) ** 4
            assert abs(four) < 2e5 * abs(mp.mpf(error)) ** 4 * 1e-5  # 1/6 - 1/6.00... of the float 1/6

    @pytest.mark.parametrize("share", [-0.05, 0.05])
    def test_steps_from_five_percent(self, share: float) -> None:
        """Errors of 5 % fall to 5e-6 by the steps of order four (the quick tanh aside), to 2e-4 by Halley's."""
        g, size = bistable()
        _, gap, _, a = steps.prepare(g, size)
        near = gap < 1.0
        a, gap = a[near], gap[near]
        d = steps.beyond(a, gap)
        assert np.max(np.abs(steps.fold_quick(a, gap, d * (1.0 + share)) / d - 1.0)) < 1e-5
        assert np.max(np.abs(steps.fold_step(a, gap, d * (1.0 + share)) / d - 1.0)) < 2e-4
        g, size = subcritical()
        near = size < 1.0
        g, size = g[near], size[near]
        u = steps.only(g, size)
        assert np.max(np.abs(steps.direct_quick(1.0 - g, g, size, u * (1.0 + share)) / u - 1.0)) < 1e-5
        assert np.max(np.abs(steps.direct_step(g, size, u * (1.0 + share)) / u - 1.0)) < 2e-4

    @pytest.mark.parametrize("share", [-0.05, 0.05])
    def test_gain_step(self, share: float) -> None:
        eta = 10.0 ** np.linspace(-25.0, 12.0, 400)
        d = steps.gain(eta) - 1.0
        d = steps.gain_step(eta, steps.gain_step(eta, np.where(d > 0.0, d, np.cbrt(2.25 * eta * eta))))
        assert np.max(np.abs(steps.gain_step(eta, d * (1.0 + share)) / d - 1.0)) < 3e-5


class TestRough:
    def test_quick_fraction(self) -> None:
        """The continued fraction is exact to the last digits for small x, and capped where tanh is nearly 1."""
        x = np.concatenate([np.linspace(0.01, 0.5, 200), np.linspace(0.5, 40.0, 2000)])
        top, rest, below = elementary.quick_fraction(x)
        _, exact = elementary.tanh_pair(x)
        assert np.max(np.abs(top / below / np.tanh(x) - 1.0)[x <= 0.5]) < 1e-15
        assert np.max(np.abs(rest / below / exact - 1.0)[x <= 0.5]) < 1e-13
        assert np.max(np.abs(top / below / np.tanh(x) - 1.0)) < 1.2e-4
        assert np.max(np.abs(rest / below / exact - 1.0)) < 3e-5

    def test_root_square_root_logarithm_and_tanh(self) -> None:
        x = 10.0 ** np.linspace(-300.0, 300.0, 20_000)
        assert np.max(np.abs(elementary.rough_root(x) / np.cbrt(x) - 1.0)) < 0.04
        assert np.max(np.abs(elementary.rough_sqrt(x) / np.sqrt(x) - 1.0)) < 0.002
        assert np.max(np.abs(elementary.rough_log(x) - np.log(x))) < 0.06
        x = np.concatenate([np.linspace(1e-3, 30.0, 20_000), 10.0 ** np.linspace(-300.0, 0.0, 100)])
        assert np.max(np.abs(elementary.rough_tanh(x) / np.tanh(x) - 1.0)) < 0.03


@pytest.mark.parametrize("g", [1e279, 1e281, 1e300, 1.7e308])
def test_saturated_roots_up_to_the_largest_gains(g: float) -> None:
    """Beyond 1e280 products of g overflow, so that the last step is taken without pairs."""
    sizes = g * np.array([0.6, 0.9, 0.999, 1.0 - 1e-9])
    roots = steps.saturated(np.full(4, g), sizes)
    with reference.workprec(1200):
        for size, w in zip(sizes.tolist(), roots.tolist(), strict=True):
            below, above = (direct_value(arb(w) * (1 + s * arb(10) ** -15), g, -size) for s in (-1, 1))
            assert bool(below * above < 0), (size, w)
