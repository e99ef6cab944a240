"""Escape barriers against the root p(u) integrated with 55 digits, times against the chain's own first passage."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import spsolve

import moecusp as mc
from tests.examples import examples

CEILING = 5e-15  # relative; measured 6e-16


def bisect(f, low: mp.mpf, high: mp.mpf) -> mp.mpf:
    rising = f(high) > 0
    assert (f(low) > 0) != rising
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if (f(middle) > 0) == rising else (middle, high)
    return (low + high) / 2


def path(gain: float, asymmetry: float, momentum) -> mp.mpf:
    """The integral of -p from the middle to the upper equilibrium; p given by the drift F > 0, g, eta and u."""
    with mp.workdps(55):
        g, eta = mp.mpf(gain), mp.mpf(asymmetry)

        def drift(u: mp.mpf) -> mp.mpf:
            return g * mp.tanh(u) - u + eta

        turn = mp.acosh(mp.sqrt(g))
        top, middle = bisect(drift, turn, g + abs(eta) + 1), bisect(drift, -turn, turn)
        length = top - middle
        points = [middle, top]
        if g > 1.2:  # the momentum has a boundary layer at the top
            points = [middle, *(middle + length * mp.mpf(2) ** -j for j in range(6, 0, -1))]
            points += [*(top - length * mp.mpf(2) ** -j for j in range(2, 40 if g > 2 else 12)), top]
        middle_force = drift(middle + length / 2)  # for quad's tolerance is absolute
        scale = length * middle_force / g**2

        def integrand(u: mp.mpf) -> mp.mpf:
            force = drift(u)
            return -momentum(force, g, eta, u) * length / scale if force > 0 else mp.mpf(0)

        return scale / length * mp.quad(integrand, points, method="gauss-legendre", maxdegree=4 if g > 1.2 else 5)


def exact(force: mp.mpf, g: mp.mpf, eta: mp.mpf, u: mp.mpf) -> mp.mpf:
    """The non-zero root of p (u - eta) = log(cosh(p g + u)/cosh u)."""

    def excess(p: mp.mpf) -> mp.mpf:
        return mp.log(mp.cosh(p * g + u) / mp.cosh(u)) - p * (u - eta)

    p = -2 * force * mp.cosh(u) ** 2 / g**2
    while excess(p) < 0:
        p *= 2
    for _ in range(60):  # convex and positive here: Newton's method descends to the root
        step = excess(p) / (g * mp.tanh(p * g + u) - (u - eta))
        p -= step
        if abs(step) < abs(p) * mp.mpf(10) ** -18:
            break
    return p


def diffusion(force: mp.mpf, g: mp.mpf, eta: mp.mpf, u: mp.mpf) -> mp.mpf:
    return -2 * force * mp.cosh(u) ** 2 / g**2


def fold(g: float, share: float) -> float:
    return float(mc.fold_asymmetry(g)) * share


CASES = [
    (1.5, 0.0),
    (1.5, 0.1),
    (1.5, -0.1),
    (1.5, 1e-9),
    (1 + 1e-9, 0.0),
    (1 + 1e-6, 3e-10),
    (1 + 1e-6, -3e-10),
    (1.1, -0.02),
    (1.3, fold(1.3, -(1 - 1e-13))),
    (1.3, fold(1.3, 1 - 1e-13)),
    (2.5, fold(2.5, -(1 - 1e-8))),
    (3.0, 1.0),
    (3.0, -1.0),
    (7.0, 0.0),
    (7.0, 3.0),
    (7.0, -4.0),
]


class TestEscapeBarrier:
    @pytest.mark.parametrize(("g", "eta"), CASES)
    def test_large_deviation_action(self, g, eta):
        reference = path(g, eta, exact)
        assert abs(mp.mpf(float(mc.escape_barrier(g, eta)[1])) / reference - 1) < CEILING
        assert mc.escape_barrier(g, -eta)[0] == mc.escape_barrier(g, eta)[1]

    def test_anchor(self):
        assert mc.escape_barrier(1.5)[0] == pytest.approx(0.22432058826986, rel=1e-13)

    @examples(30)
    @given(st.floats(-6, 2), st.floats(0, 0.999))
    def test_shape(self, power, share):
        g = 1 + 10.0**power
        lower, upper = mc.escape_barrier(g, fold(g, share))
        assert 0 < lower <= upper * (1 + 1e-14)
        assert lower <= mc.escape_barrier(g * 1.01, fold(g, share))[0]

    @examples(30)
    @given(st.floats(-3, 1), st.floats(-14, -9))
    def test_vanishes_like_gap_to_three_halves(self, power, closeness):
        """Near the fold F = gap - b y^2 with b = tanh u_f, p = -2 F/g, and the path is 2 sqrt(gap/b) long."""
        g = 1 + 10.0**power
        eta = fold(g, 1 - 10.0**closeness)
        with mp.workdps(40):
            e = mp.mpf(g) - 1
            gap = mp.sqrt(e * (1 + e)) - mp.asinh(mp.sqrt(e)) - mp.mpf(eta)
            leading = mp.mpf(8) / 3 * gap * mp.sqrt(gap / mp.sqrt(e / g)) / g
        assert mc.escape_barrier(g, eta)[0] == pytest.approx(float(leading), rel=2e-4)

    def test_strong_feedback(self):
        """With tanh replaced by sign, w = -u (g - u)/(g + u), and S/g is the integral of (u - w)/g^2: 2 (1 - log 2)."""
        for g, error in ((1e3, 2e-2), (1e6, 2e-5), (1e9, 2e-8)):
            assert mc.escape_barrier(g)[0] / g == pytest.approx(2 * (1 - np.log(2)), rel=error)

    def test_no_barrier(self):
        assert np.isnan(mc.escape_barrier([0.5, 1.0, 1.5], [0.0, 0.0, 0.3])).all()
        assert mc.escape_barrier(np.full((2, 1), 1.5), np.zeros(3)).shape == (2, 3, 2)
        assert mc.escape_barrier(np.float32(1.5)).dtype == np.float32

    def test_chunks(self):
        g = np.linspace(1.1, 3, 1200)
        whole = mc.escape_barrier(g, 0.01)
        some = np.array([0, 620, 1199])
        np.testing.assert_allclose(whole[some], mc.escape_barrier(g[some], 0.01), rtol=1e-14)


class TestDiffusionBarrier:
    @pytest.mark.parametrize(("g", "eta"), CASES)
    def test_integral_of_the_drift(self, g, eta):
        reference = path(g, eta, diffusion)
        assert abs(mp.mpf(float(mc.diffusion_barrier(g, eta)[1])) / reference - 1) < CEILING
        assert mc.diffusion_barrier(g, -eta)[0] == mc.diffusion_barrier(g, eta)[1]

    def test_anchor_and_limits(self):
        assert mc.diffusion_barrier(1.5)[0] == pytest.approx(0.25457, abs=5e-6)
        near = 1 + 1e-7
        assert mc.diffusion_barrier(near)[0] == pytest.approx(mc.escape_barrier(near)[0], rel=1e-6)
        assert mc.diffusion_barrier(1e4)[0] == np.inf
        assert np.isnan(mc.diffusion_barrier(1.0)).all()

    def test_is_the_exponent_of_the_stationary_density(self):
        u = mc.equilibria(1.5, 0.05).u
        logs = mc.log_stationary_density(u, 1.5, 0.05, 1e-5) - 2 * np.log(np.cosh(u))
        drops = 1e-5 * (logs[[0, 2]] - logs[1])
        np.testing.assert_allclose(mc.diffusion_barrier(1.5, 0.05), drops, rtol=1e-9)


def first_passage(g: float, eta: float, delta: float, batch: int) -> float:
    """Exact mean number of steps from the upper well to far beyond the barrier, by cubic interpolation on a grid."""
    lower, middle, upper = mc.equilibria(g, eta).u
    end = 0.8 * lower + 0.2 * middle
    h = delta * g / 24 / np.sqrt(batch)
    grid = end + h * np.arange(1, int((eta + g - end) / h) + 6)
    n = grid.size
    chance = 1 / (1 + np.exp(-2 * grid))
    rows, columns, values = [], [], []
    binomial = 1.0
    for k in range(batch + 1):
        weight = binomial * chance**k * (1 - chance) ** (batch - k)
        binomial *= (batch - k) / (k + 1)
        to = (1 - delta) * grid + delta * (eta + g * (2 * k - batch) / batch)
        place = (to - end) / h - 1
        left = np.clip(np.floor(place).astype(int) - 1, 0, n - 4)
        for j in range(4):
            share = np.where(to <= end, 0.0, weight)
            for other in {0, 1, 2, 3} - {j}:
                share = share * (place - left - other) / (j - other)
            rows.append(np.arange(n))
            columns.append(left + j)
            values.append(share)
    places = (np.concatenate(rows), np.concatenate(columns))
    chain = sp.csc_matrix((np.concatenate(values), places), shape=(n, n))
    return float(np.interp(upper, grid, spsolve(sp.identity(n, format="csc") - chain, np.ones(n))))


class TestEscapeTime:
    @pytest.mark.parametrize(
        ("g", "eta", "batch", "delta"),
        [
            (1.5, 0.0, 1, 0.025),
            (1.5, 0.05, 1, 0.025),
            (1.5, -0.1, 4, 0.05),
            (1.3, 0.0, 1, 0.01),
            (2.0, 0.1, 1, 0.1),
            (2.0, -0.3, 1, 0.025),
            (3.0, 0.3, 1, 0.16),
            (3.0, -1.2, 3, 0.02),
        ],
    )
    def test_first_passage(self, g, eta, batch, delta):
        """The error is O(delta): small, and about half as large at half the step."""
        errors = []
        for step in (delta, delta / 2):
            steps = mc.escape_time(g, eta, step, batch)[1] / step
            errors.append(steps / first_passage(g, eta, step, batch) - 1)
        assert abs(errors[0]) < 0.08
        assert abs(errors[1]) < 0.65 * abs(errors[0])

    def test_prefactor_and_exponent_are_told_apart(self):
        """The error extrapolates to 0: a wrong constant or a wrong barrier would not."""
        errors = [
            mc.escape_time(1.5, 0.0, step)[0] / step / first_passage(1.5, 0.0, step, 1) - 1 for step in (0.02, 0.01)
        ]
        assert abs(2 * errors[1] - errors[0]) < 0.002

    def test_kramers_near_the_cusp(self):
        """2 pi/sqrt(r r*) exp(S/delta) with r = 2 (g - 1) and r* = g - 1 for F = (g - 1) u - u^3/3."""
        g = 1 + 1e-6
        rate = 1e-6
        constant = mc.log_escape_time(g, 0.0, 1e-3)[1] - mc.escape_barrier(g)[1] / 1e-3
        assert constant == pytest.approx(np.log(2 * np.pi / np.sqrt(2 * rate**2)), abs=1e-5)

    def test_kramers_near_the_fold(self):
        g, eta = 2.0, fold(2.0, -(1 - 1e-9))
        rate = mc.lag1_autocorrelation(g, eta, 1.0)[2]
        constant = mc.log_escape_time(g, eta, 1e-3)[1] - mc.escape_barrier(g, eta)[1] / 1e-3
        assert constant == pytest.approx(np.log(2 * np.pi / (1 - rate)), abs=1e-3)

    def test_continuous_through_zero_asymmetry(self):
        times = mc.log_escape_time(2.0, [-1e-9, 0.0, 1e-12, 1e-9], 0.1)[:, 1]
        np.testing.assert_allclose(times, times[1], atol=1e-6)

    @examples(30)
    @given(st.floats(1.05, 6), st.floats(-0.9, 0.9), st.floats(-3, 0))
    def test_mirror_and_logarithm(self, g, share, power):
        eta, step = fold(g, share), 10.0**power
        time, logarithm = mc.escape_time(g, eta, step), mc.log_escape_time(g, eta, step)
        np.testing.assert_array_equal(time, mc.escape_time(g, -eta, step)[::-1])
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(time, np.exp(logarithm))

    def test_overflow_and_absence(self):
        assert mc.escape_time(1.5, 0.0, 1e-5).tolist() == [np.inf, np.inf]
        assert np.isnan(mc.escape_time(1.0, 0.0, 0.1)).all()
        assert mc.escape_time(1.5, 0.0, np.full((2, 3), 0.1)).shape == (2, 3, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
@pytest.mark.parametrize("name", ["gain", "step", "batch_size"])
def test_bad_input(name, bad):
    arguments = {"gain": 1.5, "asymmetry": 0.0, "step": 0.1, "batch_size": 1, name: bad}
    for call in (mc.escape_time, mc.log_escape_time):
        with pytest.raises(mc.ParameterError, match=name):
            call(**arguments)
    if name == "gain":
        for barrier in (mc.escape_barrier, mc.diffusion_barrier):
            with pytest.raises(mc.ParameterError, match=name):
                barrier(bad)


def test_bad_asymmetry():
    for call in (mc.escape_barrier, mc.diffusion_barrier, lambda g, e: mc.escape_time(g, e, 0.1)):
        with pytest.raises(mc.ParameterError, match="asymmetry"):
            call(1.5, np.nan)
        with pytest.raises(mc.ParameterError, match="broadcast"):
            call([1.5, 2.0], [0.0, 0.0, 0.0])


def test_slopes_of_the_logarithm_of_the_time():
    """In all four arguments, against differences of the function at a step of 0.05 and a batch of 3."""
    torch = pytest.importorskip("torch")
    point = [1.6, 0.04, 0.05, 3.0]
    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in point]
    for well in (0, 1):
        slopes = torch.autograd.grad(mc.log_escape_time(*leaves)[well], leaves)
        for k, slope in enumerate(slopes):
            ends = [[v + sign * 1e-5 * (j == k) for j, v in enumerate(point)] for sign in (-1, 1)]
            low, high = (mc.log_escape_time(*end)[well] for end in ends)
            assert float(slope) == pytest.approx(float(high - low) / 2e-5, rel=2e-5)
