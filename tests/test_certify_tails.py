"""What certify adds for what it leaves out: tails, remainders, ends. Each is made to matter, and must reach the truth.

At the precision of the public functions these bounds are far below rounding. So the accuracy asked for is lowered here,
or the starts are coarsened, while the quadrature stays exact: what is left out then stands alone.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import pytest
from flint import acb, arb, ctx

from moecusp import certify
from moecusp.certify import balls, escape, escape_means, integrals, noise, responses, softhard
from moecusp.certify.equilibria import Enclosures, states
from moecusp.certify.escape_path import Path

EXACT = integrals.integral
COARSE = 1  # bits asked for: integrals are cut sqrt(2 bits + 20) = 4.7 deviations from their peak


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut integrals where the tails matter; what is inside is integrated to 200 bits."""
    for module in (integrals, responses):
        monkeypatch.setattr(module, "integral", lambda f, points, bits: EXACT(f, points, 200))
    monkeypatch.setattr(responses, "_goal", lambda: COARSE)


def closes(ball: Any, truth: Any, slack: float) -> None:
    """Assert that a ball holds a number, near its upper end where the tails are, and is no wider than they explain."""
    exact = truth if isinstance(truth, arb) else arb(mp.nstr(truth, 60))
    assert ball.contains(exact.mid()), (ball, exact)
    assert ball.rad() < slack * abs(exact)
    assert ball.rad() > 1e-12 * abs(exact), "nothing is left out: the test is empty"


class TestTail:
    @pytest.mark.parametrize("r", [0.5, 2.0, 5.0])
    @pytest.mark.parametrize("d", [-1.5, -0.25, 0.0, 0.25, 1.5])
    def test_it_bounds_the_integral(self, r: float, d: float) -> None:
        """By quadrature; and with d > 0 it is the integral itself."""
        with mp.workdps(40):
            truth = arb(mp.nstr(mp.quad(lambda y: mp.exp(d * y - y * y / 2), [r, r + 4, r + 20, mp.inf]), 35))
        bound = integrals._tail(arb(r), arb(d))
        assert bound > truth * (1 - arb(10) ** -25)
        if d >= 0:
            assert abs(bound / truth - 1) < 1e-20
        assert integrals._tail(arb(r), arb(0, abs(d))) > truth * (1 - arb(10) ** -25)

    @pytest.mark.parametrize("x", [0.0, 1.0, 4.7])
    def test_upper_normal(self, x: float) -> None:
        with mp.workdps(40):
            truth = mp.quad(mp.npdf, [x, x + 3, mp.inf])
            assert abs(integrals.upper_normal(arb(x)) - arb(mp.nstr(truth, 35))) < 1e-20


@pytest.mark.usefixtures("coarse")
class TestGaussian:
    """h = exp(a x), for which the integral is exp(a c + a^2/2), or that times Q(-c - a) over x > 0."""

    @pytest.mark.parametrize("slope", [0.0, 0.5, -2.0])
    @pytest.mark.parametrize("centre", [0.0, 1.5, -3.0])
    def test_both_tails(self, slope: float, centre: float) -> None:
        a, c = arb(slope), arb(centre)
        whole = integrals.gaussian_integral(lambda x: (a * x).exp(), lambda x: a, c, COARSE)
        closes(whole, (a * c + a * a / 2).exp(), 2e-5)

    @pytest.mark.parametrize(("slope", "centre"), [(0.0, 0.0), (1.0, 1.0), (3.0, 3.0), (-1.0, -2.0), (-4.0, 1.0)])
    def test_half(self, slope: float, centre: float) -> None:
        a, c = arb(slope), arb(centre)
        half = integrals.gaussian_integral(lambda x: (a * x).exp(), lambda x: a, c, COARSE, half=True)
        closes(half, (a * c + a * a / 2).exp() * integrals.upper_normal(-c - a), 2e-5)

    def test_each_side(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the tail of one side taken away by hand, what is left does not hold the truth."""
        tail = integrals._tail

        def whole(lost: int) -> Any:
            calls = itertools.count()
            monkeypatch.setattr(integrals, "_tail", lambda r, d: tail(r, d) * (next(calls) != lost))
            return integrals.gaussian_integral(lambda x: arb(1), lambda x: arb(0), arb(0), COARSE)

        assert whole(2).contains(1)
        assert not whole(0).contains(1)
        assert not whole(1).contains(1)

    @pytest.mark.parametrize(("z", "sigma", "beta"), [(0.1, 0.01, 1.0), (0.5, 0.02, 2.0)])
    def test_lag_of_a_logistic_normal_response(self, z: float, sigma: float, beta: float) -> None:
        """Margins so narrow that the bound y^3/12 on the integrand is nearly reached out in the tail."""
        with mp.workdps(50):
            z_, s, b = mp.mpf(z), mp.mpf(sigma), mp.mpf(beta)
            points = [-14 * s, -7 * s, 0, 7 * s, 14 * s]
            value, slope = (
                mp.quad(lambda x, f=f: mp.npdf(x, 0, s) * f(b * (z_ + x) / 2), points)
                for f in (mp.tanh, lambda w: b / 2 * mp.sech(w) ** 2)
            )
            truth = arb(mp.nstr(z_ - value / slope, 40))
            exact = arb(mp.nstr(slope, 40))
        response = certify.LogisticNormalResponse(sigma, beta)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certify.LogisticNormalResponse, "_slope", lambda *_: exact)
            closes(response._lag(arb(z)), truth, 1e-4)

    def test_value_and_slope_of_a_logistic_normal_response(self) -> None:
        response, (z, s, b) = certify.LogisticNormalResponse(1.5, 0.5), map(mp.mpf, (0.75, 1.5, 0.5))
        with mp.workdps(40):
            points = mp.linspace(-20, 20, 41)
            value = mp.quad(lambda x: mp.npdf(x, 0, s) * mp.tanh(b * (z + x) / 2), points)
            slope = mp.quad(lambda x: mp.npdf(x, 0, s) * b / 2 * mp.sech(b * (z + x) / 2) ** 2, points)
        closes(response._value(arb(0.75)), value, 1e-4)
        closes(response._slope(arb(0.75)), slope, 1e-4)

    @pytest.mark.parametrize("b", [0.0, 1.5])
    def test_gap(self, b: float, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted = integrals.gaussian_integral
        monkeypatch.setattr(softhard, "gaussian_integral", lambda h, t, c, _, half: wanted(h, t, c, COARSE, half))
        with mp.workdps(40):
            points = mp.linspace(-20, 20, 41)
            truth = mp.quad(lambda x: mp.npdf(x, b, 1) / (1 + mp.exp(abs(x) / 8)), points)
        closes(softhard._gap(arb(8), arb(b), arb(1)), truth, 1e-4)


class TestDensity:
    """The normalising integral to 512 bits, where the tails beyond R, 1e-70 of it and less, do not vanish."""

    @pytest.mark.parametrize(("g", "eta"), [(1.0, 0.0), (1.0, 0.25), (1.0, -0.25)])
    def test_tails(self, g: float, eta: float) -> None:
        """By the trapezoidal rule, which errs by far less for an entire function that falls so fast."""
        with mp.workdps(200):
            stiff, step = mp.mpf(2) / (mp.mpf(g) ** 2), mp.mpf(1) / 128

            def weight(u: Any) -> Any:
                work = (g / 2 + mp.mpf(1) / 4) * mp.sinh(u) ** 2 - u * (u + mp.sinh(2 * u)) / 4
                return mp.cosh(u) ** 2 * mp.exp(stiff * (work + eta * (u / 2 + mp.sinh(2 * u) / 4)))

            total = step * mp.fsum(weight(step * i) for i in range(-640, 641))
            text = mp.nstr(-mp.log(total), 180)
        with ctx.workprec(1024):
            found = noise._log_density(0, g, eta, 1, 1, 1024)
            assert found.contains(arb(text).mid())
            assert 1e-140 < found.rad() < 1e-40


class TestEscape:
    @pytest.mark.parametrize("which", [1, 2])
    def test_what_is_left_out_next_to_an_end(self, which: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """The unstable or the upper state known to 0.02 only: the integral up to it is bounded, not lost."""
        truth = certify.escape_barrier(1.5, 0.0625).values[1]

        def rough(gain: Any, asymmetry: Any, bits: int) -> Any:
            found = states(gain, asymmetry, bits)
            u = [arb(v.mid(), 0.02) if i == which else v for i, v in enumerate(found.u)]
            return Enclosures(found.completeness, tuple(u), found.stability)

        monkeypatch.setattr(escape, "states", rough)
        with ctx.workprec(4 * balls.BITS):
            found = escape._action(arb(1.5), arb(0.0625))
        assert found.contains(truth.mid())
        assert 1e-6 < found.rad() < 0.02

    @pytest.mark.parametrize("x", [2.0**-20, -(2.0**-20), 1.9 * 2.0**-20])
    def test_series_of_artanh(self, x: float, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of one term, with 300 bits: what the bound adds holds the rest, and not much more."""
        truth = arb(x).atanh() / arb(x)
        monkeypatch.setattr(escape_means, "ctx", SimpleNamespace(prec=1))
        found = escape_means._artanh_ratio(arb(x))
        assert found.contains(truth.mid())
        assert found.rad() < 8 * abs(truth - 1)
        assert not escape_means._artanh_ratio(arb(2.0**-18)).is_finite()

    def test_kappa_over_a_ball_of_places(self) -> None:
        """One certain step gives a ball that holds the root at each of them, the balls of its terms wide."""
        path = Path(arb(1.5), arb(0), along_u=True)
        with ctx.workprec(160):
            ends = [path.at(arb(0.5 + s * 1e-6), 120) for s in (-1, 0, 1)]
            whole = path.at(arb(0.5, 1e-6), 120, ends[1])
        assert all(whole.contains(end.mid()) for end in ends)
        assert whole.rad() < 1e-4

    @pytest.mark.parametrize("along_u", [True, False])
    def test_kappa_over_a_box_of_asymmetries(self, along_u: bool) -> None:
        """Phi falls with eta at the rate 1: the roots at the ends of the box, by bisection, end the ball too."""
        with ctx.workprec(160):
            low, middle, high = (Path(arb(1.5), s * arb(1e-20), along_u).at(arb(0.5), 120) for s in (-1, 0, 1))
            whole = Path(arb(1.5), arb(0, 1e-20), along_u).at(arb(0.5), 120, middle)
        assert whole.contains(low)
        assert whole.contains(high)
        assert whole.rad() < 0.501 * (high - low)

    @pytest.mark.parametrize("along_u", [True, False])
    def test_the_most_that_kappa_can_be(self, along_u: bool) -> None:
        path = Path(arb(1.5), arb(0), along_u)
        with ctx.workprec(160):
            most = path.most(arb(0.4, 0.1))
            assert all(path.at(arb(x), 120) < most for x in (0.301, 0.4, 0.499))
            assert most < 1


class TestLogistic:
    @pytest.mark.parametrize("real", [2.0, -2.0, 30.0, -30.0])
    def test_bound_at_any_imaginary_part(self, real: float) -> None:
        """1/(1 + exp w) is farthest from 0 or 1 at Im w = pi, where q/(1 - q) is reached."""
        ball = integrals.logistic(acb(arb(real), arb(0, 10)))
        with mp.workdps(40):
            for angle in [*mp.linspace(-mp.mpf("9.9"), mp.mpf("9.9"), 41), mp.pi, -mp.pi]:
                w = 1 / (1 + mp.exp(mp.mpc(real, angle)))
                truth = acb(arb(mp.nstr(w.real, 38)), arb(mp.nstr(w.imag, 38)))
                assert ball.real.overlaps(truth.real)
                assert ball.imag.overlaps(truth.imag)
        q = arb(-abs(real)).exp()
        assert ball.real.rad() < 1.001 * q / (1 - q)


class TestRoots:
    @pytest.mark.parametrize("level", [0.5, 2.0, 10.0])
    def test_a_root_over_a_box(self, level: float) -> None:
        """The cell holds the roots for every parameter, not the middle one's alone."""
        box = arb(level, 0.01)
        found = balls.root(lambda v: v**3 - box, lambda v: 3 * v * v, arb(0), arb(20))
        for c in (level - 0.0099, level, level + 0.0099):
            assert found.contains(arb(c).root(3).mid())
        assert found.rad() < 0.05

    def test_a_fold_gain_holds_its_root(self) -> None:
        for eta, start in ((0.25, 1.5), (3.0, 5.0)):
            with mp.workdps(120):
                gain = mp.findroot(lambda g: mp.sqrt(g * (g - 1)) - mp.acosh(mp.sqrt(g)) - eta, start)  # noqa: B023
                text = mp.nstr(gain, 110)
            with ctx.workprec(400):
                assert certify.fold_gain(eta).contains(arb(text).mid())
