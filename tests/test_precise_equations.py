"""moecusp.precise against the equations its results must solve, by mpmath alone."""

from __future__ import annotations

from fractions import Fraction

import mpmath as mp
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import precise
from moecusp.equilibria import Stability
from tests.examples import examples

DIGITS = 40


HIGH = 60


def near(value, expected, digits=DIGITS):
    assert abs(value - expected) <= abs(expected) * mp.mpf(10) ** (1 - digits), (value, expected)


@pytest.fixture(autouse=True)
def _many_digits():
    with mp.workdps(HIGH):
        yield


class TestExperts:
    @pytest.mark.parametrize("k", [3, 8, 64, 10**6, 10**40])
    def test_fold_gain_is_the_least_gain(self, k):
        """The least of x (1/(exp x - 1) + 1/K) over x > 0."""
        with mp.workdps(HIGH + 60):
            low, high = mp.log(k) / 2, 3 * mp.log(k)
            for _ in range(350):
                x = (low + high) / 2
                e = mp.exp(x)
                falling = (e - 1) ** 2 + k * (e - 1 - x * e) < 0
                low, high = (x, high) if falling else (low, x)
            near(precise.expert_fold_gain(k, digits=DIGITS), x * (1 / mp.expm1(x) + mp.mpf(1) / k))

    @pytest.mark.parametrize("k", [3, 10, 1000])
    def test_states_are_equally_deep(self, k):
        g = precise.equal_depth_gain(k, digits=HIGH)
        x = precise.expert_equilibria(g, k, [1], digits=HIGH)[-1].difference
        near(x, 2 * mp.log(k - 1))

        def depth(v, w):
            return (v**2 + (k - 1) * w**2) / 2 - k * g * mp.log(mp.exp(v) + (k - 1) * mp.exp(w))

        low = k * g / (mp.exp(x) + k - 1)
        assert abs(depth(low + x, low) - depth(g, g)) < mp.mpf(10) ** (5 - DIGITS) * k

    @pytest.mark.parametrize(
        ("gain", "k"), [("0.95", 3), ("0.5315", 8), ("1", 5), ("1.7", 9), ("1.000000000000001", 6)]
    )
    def test_states_solve_the_equation(self, gain, k):
        found = precise.expert_equilibria(gain, k, digits=DIGITS)
        assert len(found) == mc.expert_equilibria(float(gain), k).count
        mp.mp.dps = 3 * HIGH
        for s in found[1:]:
            m, y, x = s.favoured, mp.exp(s.difference), s.difference
            bottom = m * y + k - m
            error = (k * mp.mpf(gain) * (y - 1) / bottom - x) / (k * mp.mpf(gain) * k * y / bottom**2 - 1)
            assert abs(error) < x * mp.mpf(10) ** (1 - DIGITS)
            near(s.load_high, y / bottom)
            near(s.load_low, 1 / bottom)
            slope = k * k * mp.mpf(gain) * y / bottom**2 - 1  # of the difference
            group = k * mp.mpf(gain) * s.load_high - 1  # within the favoured group
            assert s.unstable_directions == (slope > 0) + (m - 1) * (group > 0)

    def test_beside_the_fold_by_1e_minus_60(self):
        fold = precise.expert_fold_gain(5, digits=200)
        with mp.workdps(220):
            above, below = fold * (1 + mp.mpf(10) ** -60), fold * (1 - mp.mpf(10) ** -60)
        assert len(precise.expert_equilibria(below, 5)) == 1
        _, inner, outer = precise.expert_equilibria(above, 5, [0, 1], digits=50)
        assert [s.stability for s in (inner, outer)] == [Stability.UNSTABLE, Stability.STABLE]
        assert 0 < outer.difference - inner.difference < 1e-29

    @pytest.mark.parametrize("x", ["-30", "-0.5", "1e-12", "2", "7", "300"])
    def test_fold_curve_is_a_double_root(self, x):
        k = 9
        g, eta = precise.expert_fold_curve(x, k, digits=DIGITS)
        with mp.workdps(400):
            place = mp.mpf(x)
            y = mp.exp(place)
            near(g * k * k * y / (y + k - 1) ** 2, 1)
            exact_gain = (y + k - 1) ** 2 / (k * k * y)
            near(eta, place - k * exact_gain * (y - 1) / (y + k - 1))


class TestMargins:
    @pytest.mark.parametrize(("w", "b", "s"), [("0.5", "0.2", "1"), ("1e-20", "3", "2"), ("4", "16", "1.5")])
    def test_mass_is_the_integral_of_the_density(self, w, b, s):
        width, mean, sigma = mp.mpf(w), mp.mpf(b), mp.mpf(s)
        expected = mp.quad(lambda x: mp.npdf(x, mean, sigma), mp.linspace(-width, width, 65))
        near(precise.boundary_mass(w, b, s, digits=DIGITS), expected)
        near(precise.boundary_slope(b, s, digits=DIGITS), 2 * mp.npdf(0, mean, sigma))
        near(precise.boundary_remainder(w, s, digits=DIGITS), width**3 / (3 * sigma**3 * mp.sqrt(2 * mp.pi)))

    @pytest.mark.parametrize(("t", "b", "s"), [("0.5", "0.3", "1"), ("0.05", "-2", "1"), ("3", "9", "1")])
    def test_gap_is_the_mean(self, t, b, s):
        with mp.workdps(30):
            temperature, mean, sigma = mp.mpf(t), mp.mpf(b), mp.mpf(s)
            top = abs(mean) + 14 * sigma
            points = sorted(
                {mp.mpf(0), *mp.linspace(-top, top, 41), *mp.linspace(-4 * temperature, 4 * temperature, 9)}
            )
            mass = mp.quad(lambda x: mp.npdf(x, mean, sigma) / (1 + mp.exp(abs(x) / temperature)), points)
            near(precise.soft_hard_gap(t, b, s, digits=25), mass, 25)

    @pytest.mark.parametrize("terms", [1, 2, 4])
    def test_expansion_has_the_derivatives_of_the_density(self, terms):
        t, b, s = mp.mpf("0.1"), mp.mpf("0.4"), mp.mpf("1.3")
        coefficients = mp.taylor(lambda x: mp.npdf(x, b, s), 0, 2 * terms)
        even = [mp.altzeta(2 * n + 1) * coefficients[2 * n] * mp.factorial(2 * n) * t ** (2 * n) for n in range(terms)]
        near(precise.soft_hard_expansion("0.1", "0.4", "1.3", terms, digits=30), 2 * t * mp.fsum(even), 28)
        bound = precise.soft_hard_remainder("0.1", "1.3", terms, digits=30)
        gap = precise.soft_hard_gap("0.1", "0.4", "1.3", digits=30)
        assert abs(gap - 2 * t * mp.fsum(even)) <= bound
        peak = abs(mp.taylor(lambda x: mp.npdf(x, 0, s), 0, 2 * terms)[2 * terms] * mp.factorial(2 * terms))
        near(bound, 2 * t ** (2 * terms + 1) * mp.altzeta(2 * terms + 1) * peak, 28)

    @pytest.mark.parametrize(
        ("z", "s", "beta"), [("0.7", "2", "1"), ("-5", "0.5", "1"), ("1e-8", "1", "3"), ("3", "30", "1")]
    )
    def test_logistic_normal_is_the_mean(self, z, s, beta):
        response = precise.LogisticNormalResponse(s, beta)
        with mp.workdps(30):
            place, sigma, sharp = mp.mpf(z), mp.mpf(s), mp.mpf(beta)
            points = sorted(
                {*mp.linspace(-13 * sigma, 13 * sigma, 61), *(-place + x / sharp for x in mp.linspace(-6, 6, 13))}
            )
            value = mp.quad(lambda x: mp.npdf(x, 0, sigma) * mp.tanh(sharp * (place + x) / 2), points)
            slope = mp.quad(lambda x: mp.npdf(x, 0, sigma) * sharp / 2 * mp.sech(sharp * (place + x) / 2) ** 2, points)
            assert abs(response.value(z, digits=20) - value) < 1e-24 + abs(value) * mp.mpf(10) ** -19
            near(response.slope(z, digits=20), slope, 20)
            feedback, _ = response.fold_curve(z, digits=20)
            near(feedback, 1 / slope, 20)

    def test_small_noise_is_softmax_and_small_temperature_is_hard(self):
        """To first order in sigma^2 and in T^2, whose coefficients are not needed here."""
        for limit, near_by in (
            (precise.SoftmaxResponse(2), precise.LogisticNormalResponse("1e-15", 2)),
            (precise.HardGaussianResponse(2), precise.LogisticNormalResponse(2, "1e15")),
        ):
            for z in ("1e-6", "0.5", "3"):
                near(near_by.value(z, digits=30), limit.value(z, digits=40), 28)
                near(near_by.fold_curve(z, digits=30)[1], limit.fold_curve(z, digits=40)[1], 16)


class TestMatrices:
    LOGITS = (("0.3", "0.1", "-2"), ("5", "0", "0.7"), ("0", "0", "1"))

    def test_susceptibility_is_the_derivative_of_the_loads(self):
        beta, h = mp.mpf("0.9"), mp.mpf(10) ** -25

        def loads(scores):
            total = [mp.mpf(0)] * 3
            for row in self.LOGITS:
                weights = [mp.exp(beta * (mp.mpf(a) + s)) for a, s in zip(row, scores, strict=True)]
                total = [t + w / sum(weights) / 3 for t, w in zip(total, weights, strict=True)]
            return total

        chi = precise.susceptibility(self.LOGITS, "0.9", digits=DIGITS)
        for j in range(3):
            up, down = (loads([sign * h * (i == j) for i in range(3)]) for sign in (1, -1))
            for i in range(3):
                assert abs((up[i] - down[i]) / (2 * h) - chi[i, j]) < 1e-32

    def test_eigenvalue(self):
        chi = precise.susceptibility(self.LOGITS, "0.9", digits=HIGH)
        critical = precise.critical_feedback_from_logits(self.LOGITS, "0.3", "0.9", digits=DIGITS)
        rate = precise.largest_safe_update_rate(chi, digits=DIGITS)
        top = mp.mpf("0.3") / critical
        near(2 / rate, top, DIGITS - 1)
        assert abs(mp.det(chi - top * mp.eye(3))) < 1e-38
        trace = chi[0, 0] + chi[1, 1] + chi[2, 2]
        assert top >= trace / 2  # the larger of the two that are not 0


class TestNoise:
    @pytest.mark.parametrize("point", [("1.3", "0.05"), ("0.4", "-2"), ("1.0001", 0), ("40", "3")])
    def test_variance_of_the_linear_chain(self, point: tuple[str, str]):
        gain, asymmetry = point
        roots = precise.equilibria(gain, asymmetry, digits=HIGH)
        found = precise.stationary_variance(gain, asymmetry, "0.1", 3, digits=DIGITS)
        memory = precise.lag1_autocorrelation(gain, asymmetry, "0.1", digits=DIGITS)
        assert [mp.isnan(v) for v in found] == ([False] if len(roots) == 1 else [False, True, False])
        with mp.workdps(120):
            for u, v, a in zip(roots, found, memory, strict=True):
                if not mp.isnan(v):
                    g, delta = mp.mpf(point[0]), mp.mpf("0.1")
                    near(a, 1 + delta * (g * mp.sech(u) ** 2 - 1))
                    exact = 1 + delta * (g * mp.sech(u) ** 2 - 1)
                    near(v * (1 - exact**2), (delta * g * mp.sech(u)) ** 2 / 3, DIGITS - 1)

    def test_density_carries_no_flux_and_integrates_to_one(self):
        g, eta, delta, b = mp.mpf("1.3"), mp.mpf("0.05"), mp.mpf("0.2"), 2
        h = mp.mpf(10) ** -15
        for u in ("-0.7", "0.2", "1.5"):
            x = mp.mpf(u)
            up, down = (precise.log_stationary_density(x + s * h, g, eta, delta, b, digits=45) for s in (1, -1))
            drift = g * mp.tanh(x) - x + eta
            expected = 2 * drift * b / (delta * g**2 * mp.sech(x) ** 2) + 2 * mp.tanh(x)  # (D rho)' = 2 F rho
            assert abs((up - down) / (2 * h) - expected) < 1e-26
        step = mp.mpf(1) / 32  # the trapezoidal rule on a smooth density
        mass = sum(precise.stationary_density(step * i, g, eta, delta, b, digits=15) for i in range(-80, 96, 2))
        assert abs(mass * 2 * step - 1) < 1e-12

    def test_airy(self):
        delay = precise.ramp_delay("0.001", "1.3", digits=DIGITS)
        scale = mp.cbrt(mp.mpf("0.001") ** 2) / mp.root(1 - 1 / mp.mpf("1.3"), 6)
        assert abs(mp.airyai(-delay / scale)) < 1e-38
        assert 2 < delay / scale < 3


class TestEscape:
    @pytest.mark.parametrize(("gain", "asymmetry"), [("1.5", "0"), ("1.5", "0.05"), ("2", "-0.1")])
    def test_barrier_is_the_integral_of_the_slope(self, gain, asymmetry):
        found = precise.escape_barrier(gain, asymmetry, digits=20)
        with mp.workdps(25):
            g = mp.mpf(gain)
            for side, barrier in zip((-1, 1), found, strict=True):
                eta = side * mp.mpf(asymmetry)
                _, low, high = precise.equilibria(gain, eta, digits=40)

                def slope(u, g=g, eta=eta):
                    def excess(p, u=u):
                        return (mp.log(mp.cosh(p * g + u) / mp.cosh(u)) - p * (u - eta)) / p

                    force = g * mp.tanh(u) - u + eta
                    guess = -2 * force / (g * mp.sech(u)) ** 2
                    lower = -(2 * abs(u) + 2) / (g * (1 + (u - eta) / g))
                    with mp.workdps(80):
                        return mp.findroot(excess, (max(2 * guess, lower), guess / 4), solver="anderson", tol=1e-50)

                middle = [low + (high - low) * x for x in (mp.mpf(1) / 8, mp.mpf(1) / 2, mp.mpf(7) / 8)]
                area = mp.quad(slope, [low + (high - low) / 2**10, *middle, high - (high - low) / 2**10])
                ends = [low, low + (high - low) / 2**10], [high - (high - low) / 2**10, high]
                area += sum(mp.quad(slope, e, method="gauss-legendre", maxdegree=3) for e in ends)
                near(barrier, -area, 17)

    @pytest.mark.parametrize("u", ["0.3", "-0.1"])
    def test_diffusion_barrier(self, u):
        for gain, asymmetry in (("1.5", "0"), ("1.5", u), ("3", u)):
            if abs(mp.mpf(asymmetry)) >= precise.fold_asymmetry(gain):
                continue
            low, middle, high = precise.equilibria(gain, asymmetry, digits=HIGH)
            g, eta = mp.mpf(gain), mp.mpf(asymmetry)

            def work(x, g=g, eta=eta):
                return 2 * (g * mp.tanh(x) - x + eta) * mp.cosh(x) ** 2 / g**2

            found = precise.diffusion_barrier(gain, asymmetry, digits=DIGITS)
            near(found[0], -mp.quad(work, [low, middle]), DIGITS - 2)
            near(found[1], mp.quad(work, [middle, high]), DIGITS - 2)


@given(st.fractions(Fraction(1, 1000), 1000), st.fractions(Fraction(1, 1000), 1000), st.integers(2, 99))
@examples(20)
def test_reduced_variables_are_exact_fractions(kappa: Fraction, mu: Fraction, k: int) -> None:
    beta = Fraction(3, 7)
    with mp.workdps(HIGH):
        for found, exact in (
            (precise.gain(kappa, mu, beta, k, digits=DIGITS), kappa * beta / (k * mu)),
            (precise.critical_feedback(mu, beta, k, digits=DIGITS), k * mu / beta),
            (precise.reduced_asymmetry(-kappa, mu, beta, digits=DIGITS), -beta * kappa / (2 * mu)),
            (precise.flip_step(-kappa, digits=DIGITS), 2 / (1 + kappa)),
            (precise.jump_curvature(kappa, mu, digits=DIGITS), 2 * mu / kappa),
            (precise.ecology_parameter(kappa, mu, beta, 1, digits=DIGITS), kappa * mu / (beta + 1)),
            (precise.mean_field_competitor(kappa, mu, beta, digits=DIGITS), (kappa + beta) / mu),
            (precise.cusp_normal_form(kappa, mu, digits=DIGITS).cubic, -kappa / 3),
        ):
            near(found, mp.mpf(exact.numerator) / exact.denominator)


def test_empirical_response_is_the_mean_over_tokens():
    margins, z = [-1.0, 0.25, 0.75, 2.0], 0.5
    soft, hard = precise.EmpiricalResponse(margins, 2), precise.EmpiricalResponse(margins, jitter=0.5)
    near(soft.value(z, digits=DIGITS), mp.fsum(mp.tanh(z + m) for m in margins) / 4)
    near(soft.slope(z, digits=DIGITS), mp.fsum(mp.sech(z + m) ** 2 for m in margins) / 4)
    near(hard.value(z, digits=DIGITS), mp.fsum(mp.erf((z + m) * mp.sqrt(2)) for m in margins) / 4)
    near(hard.slope(z, digits=DIGITS), mp.fsum(2 * mp.npdf(z + m, 0, 0.5) for m in margins) / 4)
    assert precise.EmpiricalResponse(margins).value(z) == 0.5
    assert precise.EmpiricalResponse([-1, 1], 3).value(0) == 0
