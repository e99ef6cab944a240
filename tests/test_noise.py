"""Fluctuations against the linearised chain, the chain itself and the Fokker-Planck equation."""

from __future__ import annotations

from math import nextafter

import mpmath as mp
import numpy as np
import pytest
from flint import arb
from hypothesis import example, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import certify

CEILING = 5e-15  # relative, for |u| < 5; measured 1.2e-15


def states(g: float, eta: float) -> list[tuple[mp.mpf, mp.mpf]]:
    """Stable equilibria with F', by bisection between the turning points of F, with 60 digits."""
    g, eta = mp.mpf(g), mp.mpf(eta)

    def drift(u: mp.mpf) -> mp.mpf:
        return g * mp.tanh(u) - u + eta

    turn = mp.acosh(mp.sqrt(g)) if g > 1 else mp.mpf(0)
    ends = [(-g - abs(eta) - 1, -turn), (turn, g + abs(eta) + 1)] if g > 1 else [(-g - abs(eta) - 1, g + abs(eta) + 1)]
    found = []
    for low, high in ends:
        if drift(low) > 0 > drift(high):
            for _ in range(220):
                middle = (low + high) / 2
                low, high = (middle, high) if drift(middle) > 0 else (low, middle)
            found.append((low, g * mp.sech(low) ** 2 - 1))
    return found


CASES = [
    (g, s * e) for s in (-1, 1) for g, e in [(0.5, 0.0), (0.9, 0.2), (1.0, 1e-6), (1.2, 0.01), (2.0, 0.3), (3.0, 2.0)]
]
FOLDS = [(g, float(mc.fold_asymmetry(g)) * (1 - d)) for g in (1.001, 1.5, 4.0) for d in (1e-15, 1e-12, 1e-6)]

DENSITIES = [
    (0.5, 0.1, 0.1, 1),
    (1.0, 0.0, 0.01, 2),
    (1.5, 0.02, 0.05, 1),
    (2.0, -0.6, 0.3, 4),
    (1.2, 0.0, 1e-4, 1),
    (3.0, 1.0, 0.02, 1),
]


class TestStationaryVariance:
    @pytest.mark.parametrize(("g", "eta"), CASES + FOLDS)
    @pytest.mark.parametrize(("delta", "b"), [(1e-3, 1), (0.7, 16)])
    def test_linearised_chain(self, g, eta, delta, b):
        """V = (1 + delta F')^2 V + delta^2 g^2 sech^2 u/B."""
        with mp.workdps(60):
            found = mc.stationary_variance(g, eta, delta, b)
            found = found[~np.isnan(found)]
            exact = states(g, eta)
            assert len(found) == len(exact)
            for value, (u, slope) in zip(found, exact, strict=True):
                d = mp.mpf(delta)
                variance = d**2 * mp.mpf(g) ** 2 * mp.sech(u) ** 2 / b / (1 - (1 + d * slope) ** 2)
                assert abs(mp.mpf(float(value)) / variance - 1) < CEILING

    def test_places(self):
        assert np.isnan(mc.stationary_variance(1.5, 0.0, 0.1)).tolist() == [False, True, False]
        assert mc.stationary_variance(np.ones((2, 1)), np.ones(4), 0.1).shape == (2, 4, 3)
        assert mc.stationary_variance(1.0, 0.0, 0.1)[0] == np.inf
        assert mc.stationary_variance(np.float32(0.5), np.float32(0), np.float32(0.1)).dtype == np.float32

    def test_the_chain_itself(self):
        """Moments of the chain's stationary law at g = 0.5, from its transfer operator: O(delta) corrections."""
        errors = []
        for delta in (0.04, 0.02):
            grid = np.linspace(-0.5, 0.5, 4001)
            moves = []
            for sign in (-1.0, 1.0):
                place = ((1 - delta) * grid + delta * 0.5 * sign + 0.5) * 4000
                left = np.clip(np.floor(place).astype(int), 0, 3999)
                chance = 0.5 * (1 + sign * np.tanh(grid))
                moves += [(left, chance * (left + 1 - place)), (left + 1, chance * (place - left))]
            law = np.full(4001, 1 / 4001)
            for _ in range(int(12 / delta)):
                law = np.sum([np.bincount(to, weight * law, 4001) for to, weight in moves], axis=0)
            errors.append(mc.stationary_variance(0.5, 0.0, delta)[0] / (law @ grid**2) - 1)
        assert abs(errors[0]) < 0.04
        assert errors[1] == pytest.approx(errors[0] / 2, rel=0.2)


SATURATED = [(g, e) for g in (7.3, 60.1, 201.7, 251.9, 330.3) for e in (0.0, 1.1 - g / 3)] + [(0.1, 101.3)]


@pytest.mark.parametrize(("g", "eta"), [*SATURATED, (9e16, 200.0 - 9e16), (700.0, 0.0)])
def test_saturated_states_keep_their_digits(g, eta):
    """exp(-2 u) takes the rounding of u: only F = 0 itself says what sech u is. With delta = 1, 1 + F' = g sech^2 u."""
    with mp.workdps(700):
        u = mp.mpf(float(mc.equilibria(g, eta).u[~np.isnan(mc.equilibria(g, eta).u)][-1]))
        for _ in range(12):
            u -= (g * mp.tanh(u) - u + mp.mpf(eta)) / (g * mp.sech(u) ** 2 - 1)
        pull = g * mp.sech(u) ** 2
        variance = mp.mpf(0.01) * g * pull / ((1 - pull) * (2 - mp.mpf(0.01) * (1 - pull)))
        for found, exact in (
            (mc.stationary_variance(g, eta, 0.01), variance),
            (mc.lag1_autocorrelation(g, eta, 1.0), pull),
        ):
            value = float(found[~np.isnan(found)][-1])
            assert abs(value - exact) <= 8 * np.spacing(float(exact))


class TestLag1Autocorrelation:
    @pytest.mark.parametrize(("g", "eta"), CASES + FOLDS)
    def test_definition(self, g, eta):
        with mp.workdps(60):
            found = mc.lag1_autocorrelation(g, eta, 0.25)
            slopes = [slope for _, slope in states(g, eta)]
            for value, slope in zip(found[~np.isnan(found)], slopes, strict=True):
                assert abs(mp.mpf(float(value)) - 1 - slope / 4) < 2e-16

    @pytest.mark.parametrize("delta", [1.0, 0.999, 0.75])
    @pytest.mark.parametrize(("g", "eta"), [*CASES, (11.0, 8.619537360602052), (3.0, 15.0), (1e-9, -4.0)])
    def test_digits_where_little_is_left(self, g, eta, delta):
        """1 + delta F' keeps them down to g sech^2 u, the least there is, as far as u itself has digits."""
        with mp.workdps(60):
            found = mc.lag1_autocorrelation(g, eta, delta)
            for value, (u, slope) in zip(found[~np.isnan(found)], states(g, eta), strict=True):
                exact = 1 + mp.mpf(delta) * slope
                assert abs(mp.mpf(float(value)) / exact - 1) < CEILING * max(1, float(abs(u)) / 5)

    def test_rises_to_one_at_the_fold(self):
        fold = float(mc.fold_asymmetry(2.0))
        shallow = [mc.lag1_autocorrelation(2.0, -fold * f, 0.1)[2] for f in (0.0, 0.9, 0.99, nextafter(1, 0))]
        assert np.all(np.diff(shallow) > 0)
        assert 1 - shallow[-1] < 1e-8


def rounded_terms(u, g, eta, delta):
    """Return the size of what the exponent adds up, at u and where the density is large, and so of its rounding.

    The terms are those of degree two, in which g - 1 stands for g near 0, of degree four, and those of eta.
    """
    found = mc.equilibria(g, eta).u
    reach = 3 * min(np.sqrt(delta) * g, delta**0.25)
    x = np.abs(np.concatenate([[u], found, found + reach / np.cosh(found), found - reach / np.cosh(found)]))
    near = 0.5 * abs(g - 1) * np.sinh(x) ** 2 + x**4 / 12
    far = (0.5 * g + 0.25) * np.sinh(x) ** 2 + 0.25 * x * (x + np.sinh(2 * x))
    terms = np.where(x < 1, near, far) + abs(eta) * (0.5 * x + 0.25 * np.sinh(2 * x))
    return 2 / (delta * g * g) * np.nanmax(terms)


@st.composite
def noisy_routers(draw):
    """Draw (u, g, eta, delta, B): u within some widths of a state, noise from the weakest resolved to the strongest."""
    kind = draw(st.sampled_from(["strong", "weak", "cusp", "fold", "tilted", "large", "small"]))
    side = draw(st.sampled_from([-1, 1]))
    power = draw(st.floats(-1 if kind in ("strong", "large", "tilted") else -6, 0))
    b = draw(st.sampled_from([1, 4]))
    g, eta = {
        "strong": lambda: (draw(st.floats(0.2, 4)), draw(st.floats(-1, 1))),
        "weak": lambda: (draw(st.floats(0.3, 2)), draw(st.floats(-0.5, 0.5))),
        "cusp": lambda: (1 + side * 10 ** draw(st.floats(-12, -1)), side * 10 ** draw(st.floats(-14, -2))),
        "fold": lambda: (1 + 10 ** draw(st.floats(-4, 0.4)), draw(st.floats(-14, -1))),
        "tilted": lambda: (draw(st.floats(0.5, 3)), side * draw(st.floats(1, 6))),
        "large": lambda: (draw(st.floats(3, 8)), draw(st.floats(-0.5, 0.5))),
        "small": lambda: (10 ** draw(st.floats(-3, -1)), draw(st.floats(-0.1, 0.1))),
    }[kind]()
    if kind == "fold":
        eta = float(mc.fold_asymmetry(g)) * (1 + side * 10**eta)
    states = mc.equilibria(g, eta).u
    state = draw(st.sampled_from(states[~np.isnan(states)].tolist()))
    width = min(np.sqrt(10**power / b) * g, (10**power / b) ** 0.25) / np.cosh(state)
    return state + width * draw(st.floats(-4, 4)), g, eta, 10**power, b


class TestStationaryDensity:
    @given(noisy_routers())
    @example((-0.985, 1.428, 0.1895, 0.734, 2))  # noise as wide as both wells
    @example((0.1, 1.30, 0.001, 0.043, 1))
    @example((0.0, 1.2, 0.2, 1.0, 1))
    @example((-9.2e-5, 0.99997, -8e-13, 1.6e-6, 8))  # terms of order u^2 cancel
    def test_encloses(self, point):
        """Within rounding of the exponent of enclosures by rigorous quadrature: the integral is right to 1e-14."""
        u, g, eta, delta, b = point
        value = mc.log_stationary_density(u, g, eta, delta, b)
        if np.isnan(value):
            assert (
                2 * b / (delta * g * g) * (g + abs(eta) + 1) * np.exp(2 * np.nanmax(abs(mc.equilibria(g, eta).u))) > 9e8
            )
            return
        exact = certify.log_stationary_density(u, g, eta, delta, b)
        error = abs(float(arb(float(value)) - exact))
        assert error < 1e-14 + 6e-16 * (rounded_terms(u, g, eta, delta / b) + abs(value))

    @pytest.mark.parametrize(("g", "eta", "delta", "b"), DENSITIES)
    def test_solves_fokker_planck_and_integrates_to_one(self, g, eta, delta, b):
        """No flux, F rho = (D rho)'/2 with D = delta g^2 sech^2 u/B; the norm by another rule."""
        u = np.linspace(-g - abs(eta) - 1, g + abs(eta) + 1, 400_001)
        density = mc.stationary_density(u, g, eta, delta, b)
        assert np.sum(density) * (u[1] - u[0]) == pytest.approx(1.0, rel=1e-9)
        with mp.workdps(40):
            for x in np.linspace(-1.3, 1.3, 7):

                def log_flow(y):
                    return mp.log(mp.mpf(delta) * g**2 * mp.sech(y) ** 2 / b)

                rate = 2 * (g * mp.tanh(x) - x + eta) * b * mp.cosh(x) ** 2 / (mp.mpf(delta) * g**2) - mp.diff(
                    log_flow, x
                )
                h = 1e-4
                logs = mc.log_stationary_density(x + h * np.array([-2, -1, 1, 2]), g, eta, delta, b)
                numeric = (logs[0] - 8 * logs[1] + 8 * logs[2] - logs[3]) / (12 * h)
                assert numeric == pytest.approx(float(rate), rel=1e-6, abs=1e-4)

    def test_reference_value(self):
        """At (1.5, 0.1, 0.05), by quadrature of the exponent with 30 digits."""
        with mp.workdps(30):
            g, eta, delta = mp.mpf(1.5), mp.mpf(0.1), mp.mpf(0.05)

            def exponent(u):
                f = mp.quad(lambda v: (g * mp.tanh(v) - v + eta) * mp.cosh(v) ** 2, [0, u])
                return 2 * mp.log(mp.cosh(u)) + 2 * f / (delta * g**2)

            nodes = mp.linspace(-3, 3, 601)
            norm = sum(mp.exp(exponent(u)) for u in nodes) / 100  # the trapezoidal rule, spectrally good here
            exact = exponent(mp.mpf(0.7)) - mp.log(norm)
        assert mc.log_stationary_density(0.7, 1.5, 0.1, 0.05) == pytest.approx(float(exact), rel=1e-12)

    def test_many_routers_at_once(self):
        """Routers that share a chunk share the number of panels; each keeps its integral."""
        rng = np.random.default_rng(4)
        g, eta, delta = rng.uniform(0.2, 3, 600), rng.normal(0, 0.3, 600), 10 ** rng.uniform(-4, 0, 600)
        u = rng.normal(size=600)
        g[7] = 40.0  # NaN, beside the others
        together = mc.log_stationary_density(u, g, eta, delta)
        assert np.flatnonzero(np.isnan(together)).tolist() == [7]
        for k in range(0, 600, 10):
            alone = mc.log_stationary_density(u[k], g[k], eta[k], delta[k])
            bound = 1e-14 + 6e-16 * (rounded_terms(u[k], g[k], eta[k], delta[k]) + abs(alone))
            assert abs(together[k] - alone) < bound

    def test_sharp_peak_is_the_gaussian_of_the_linear_noise(self):
        u = mc.equilibria(1.5, 0.1).u[2]
        variance = mc.stationary_variance(1.5, 0.1, 1e-7)[2]
        assert mc.stationary_density(u, 1.5, 0.1, 1e-7) == pytest.approx(1 / np.sqrt(2 * np.pi * variance), rel=1e-3)

    def test_far_out_and_unresolved(self):
        assert mc.stationary_density(1e300, 1.5, 0.0, 0.1) == 0.0
        assert np.isnan(mc.stationary_density(0.0, 30.0, 0.0, 0.01))
        assert mc.stationary_density(np.zeros((2, 1)), np.full(3, 1.5), 0.0, 0.1).shape == (2, 3)

    @given(st.floats(-3, 3), st.floats(0.2, 3), st.floats(-0.5, 0.5), st.floats(-3, -0.3))
    def test_mirror(self, u, g, eta, power):
        left = mc.log_stationary_density(u, g, eta, 10.0**power)
        assert mc.log_stationary_density(-u, g, -eta, 10.0**power) == pytest.approx(left, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "1", 1j, [], -1.0])
@pytest.mark.parametrize("name", ["gain", "step", "batch_size"])
def test_bad_input(name, bad):
    arguments = {"gain": 1.5, "asymmetry": 0.0, "step": 0.1, "batch_size": 1, name: bad}
    for call in (mc.stationary_variance, lambda **a: mc.stationary_density(u=0.0, **a)):
        with pytest.raises(mc.ParameterError, match=name):
            call(**arguments)
    if name != "batch_size":
        del arguments["batch_size"]
        with pytest.raises(mc.ParameterError, match=name):
            mc.lag1_autocorrelation(**arguments)


def test_bad_ranges():
    for step in (0.0, 1.5):
        with pytest.raises(mc.ParameterError, match="step"):
            mc.stationary_variance(1.5, 0.0, step)
    with pytest.raises(mc.ParameterError, match="batch_size"):
        mc.stationary_variance(1.5, 0.0, 0.1, 0.5)
    with pytest.raises(mc.ParameterError, match="asymmetry"):
        mc.stationary_variance(1.5, np.nan, 0.1)
    with pytest.raises(mc.ParameterError, match="gain"):
        mc.stationary_density(0.0, 0.0, 0.0, 0.1)
    with pytest.raises(mc.ParameterError, match="u ="):
        mc.stationary_density(np.inf, 1.0, 0.0, 0.1)
