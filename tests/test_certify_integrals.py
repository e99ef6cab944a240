"""Enclosures of responses, gaps, densities and fluctuations against their defining integrals in mpmath."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import pytest
from flint import acb, arb, ctx
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import ParameterError, certify
from moecusp.certify import Completeness
from moecusp.certify.integrals import ellipse, gauss_error, gauss_legendre
from tests.examples import examples


def near(ball: arb, value: Any, digits: int) -> bool:
    """Whether a tight ball lies within so many digits of an mpmath value."""
    reference = arb(mp.nstr(value, 45))
    return bool(abs(ball - reference) <= abs(reference) * arb(10) ** -digits) and tight(ball)


def tight(ball: arb, bits: int = 60) -> bool:
    return bool(ball.rad() <= abs(ball.mid()) * arb(2) ** -bits)


def gaussian_mean(f: Any, sigma: Any, cuts: list[Any]) -> Any:
    """E f(xi) over xi ~ N(0, sigma^2), by quadrature cut at given points."""
    ends = sorted({-12 * sigma, 12 * sigma, *(mp.mpf(j) * sigma for j in range(-10, 11, 2)), *map(mp.mpf, cuts)})
    weight = mp.sqrt(2 * mp.pi) * sigma
    return mp.quad(lambda x: f(x) * mp.exp(-((x / sigma) ** 2) / 2), ends) / weight


class TestResponses:
    MEMBERS = (
        (certify.SoftmaxResponse, mc.SoftmaxResponse, ("0.7",)),
        (certify.HardGaussianResponse, mc.HardGaussianResponse, ("1.3",)),
        (certify.LogisticNormalResponse, mc.LogisticNormalResponse, ("1.3", "0.7")),
    )

    @pytest.mark.parametrize(("ours", "theirs", "arguments"), MEMBERS)
    @pytest.mark.parametrize("z", [1e-9, -0.25, 1.5, -6.0, 15.0])
    def test_float_function(self, ours: Any, theirs: Any, arguments: Any, z: float) -> None:
        floats = [float(a) for a in arguments]
        ball, member = ours(*floats), theirs(*floats)
        pairs = [(ball.value(z), member.value(z)), (ball.slope(z), member.slope(z))]
        pairs += [(ball.critical_feedback(0.3), member.critical_feedback(0.3))]
        pairs += zip(ball.fold_curve(z, 0.3), member.fold_curve(z, 0.3), strict=True)
        for certain, value in pairs:
            assert abs(certain - float(value)) <= 1e-13 * abs(certain)
            assert tight(certain)

    @pytest.mark.parametrize(("sigma", "beta", "z"), [(1.5, 0.5, 0.75), (0.25, 2.0, -3.0), (4.0, 3.0, 2.0)])
    def test_logistic_normal_by_its_definition(self, sigma: float, beta: float, z: float, digits: None) -> None:
        s, b, x = mp.mpf(sigma), mp.mpf(beta), mp.mpf(z)
        value = gaussian_mean(lambda xi: mp.tanh(b * (x + xi) / 2), s, [-x])
        slope = gaussian_mean(lambda xi: b / 2 * mp.sech(b * (x + xi) / 2) ** 2, s, [-x])
        response = certify.LogisticNormalResponse(sigma, beta)
        assert near(response.value(z), value, 25)
        assert near(response.slope(z), slope, 25)
        feedback, drive = response.fold_curve(z, 2)
        assert near(feedback, 2 / slope, 25)
        assert near(drive, 2 * (x - value / slope), 22)

    @pytest.mark.parametrize("z", [1e-30, 1e-3])
    def test_small_lag(self, z: float, digits: None) -> None:
        """Z - G/G' -> z^3 G'''(0)/(3 G'(0))."""
        response, b = certify.LogisticNormalResponse(1, 1), mp.mpf(1)
        first = gaussian_mean(lambda x: b / 2 * mp.sech(x / 2) ** 2, b, [])
        third = gaussian_mean(lambda x: mp.sech(x / 2) ** 2 * (3 * mp.tanh(x / 2) ** 2 - 1) / 4, b, [])
        leading = mp.mpf(z) ** 3 * third / 3 / first
        assert abs(float(response.fold_curve(z)[1]) / float(leading) - 1) < 1e-5
        assert tight(response.fold_curve(z)[1])

    @pytest.mark.parametrize(("ours", "_", "arguments"), MEMBERS)
    @given(data=st.data())
    @examples(12)
    def test_boxes(self, ours: Any, _: Any, arguments: Any, data: Any) -> None:
        def around(centre: float, radius: float) -> tuple[arb, float]:
            return arb(centre, radius), centre + 0.999 * radius * data.draw(st.floats(-1, 1))

        z, at = around(data.draw(st.floats(-3, 3)), 0.05)
        boxes, points = zip(*(around(float(a), 0.01) for a in arguments), strict=True)
        whole, one = ours(*boxes), ours(*points)
        assert whole.value(z).contains(one.value(at))
        assert whole.slope(z).contains(one.slope(at))
        assert all(a.contains(b) for a, b in zip(whole.fold_curve(z), one.fold_curve(at), strict=True))
        assert whole.value(z).rad() < 0.1
        assert whole.slope(z).rad() < 0.1

    @pytest.mark.parametrize("wrong", [0, -1, "x", float("nan"), None, arb(0, 1)])
    def test_wrong_arguments(self, wrong: Any) -> None:
        for make, name in ((certify.SoftmaxResponse, "inverse_temperature"), (certify.HardGaussianResponse, "sigma")):
            with pytest.raises(ParameterError, match=name):
                make(wrong)
        with pytest.raises(ParameterError, match="inverse_temperature"):
            certify.LogisticNormalResponse(1, wrong)
        with pytest.raises(ParameterError, match="decay"):
            certify.SoftmaxResponse().critical_feedback(wrong)


@pytest.mark.parametrize(("t", "b", "sigma"), [(0.1, 0.0, 1.0), (0.25, 1.5, 0.5), (3.0, -2.0, 1.0)])
def test_gap_by_its_definition(t: float, b: float, sigma: float, digits: None) -> None:
    expected = gaussian_mean(lambda xi: 1 / (1 + mp.exp(abs(b + xi) / mp.mpf(t))), mp.mpf(sigma), [-b])
    assert near(certify.soft_hard_gap(t, b, sigma), expected, 25)


@pytest.mark.parametrize(("t", "b", "sigma"), [(1e-8, 3.0, 1.0), (0.3, 20.0, 1.0), (1e5, 2.0, 3.0), (0.01, 1.0, 1e-3)])
def test_gap_with_layers_and_far_tails(t: float, b: float, sigma: float) -> None:
    ball = certify.soft_hard_gap(t, b, sigma)
    assert abs(ball - float(mc.soft_hard_gap(t, b, sigma))) <= 1e-13 * ball
    assert tight(ball)


@pytest.mark.parametrize(("g", "eta", "delta"), [(0.5, 0.25, 0.125), (1.5, 0.0, 0.25), (1.5, 0.125, 0.5)])
def test_density_by_its_equation(g: float, eta: float, delta: float, digits: None) -> None:
    """Zero flux: (D rho)'/2 = F rho with D = delta g^2 sech^2, and the whole is 1."""

    def weight(u: Any) -> Any:
        work = mp.quad(lambda x: (g * mp.tanh(x) - x + eta) * mp.cosh(x) ** 2, [0, u])
        return mp.cosh(u) ** 2 * mp.exp(2 * work / (mp.mpf(delta) * g * g))

    with mp.workdps(22):
        total = mp.quad(weight, [-4, -2, -1, 0, 1, 2, 4])
        for u in (-1.0, 0.25, 1.5):
            expected = weight(mp.mpf(u)) / total
            assert near(certify.stationary_density(u, g, eta, delta), expected, 15)
            assert abs(certify.log_stationary_density(u, g, eta, delta).exp() / expected_ball(expected) - 1) < 1e-15


def expected_ball(value: Any) -> arb:
    return arb(mp.nstr(value, 25))


class TestFluctuations:
    @pytest.mark.parametrize(("g", "eta"), [(0.5, 0.2), (1.5, 0.1), (2.0, -0.3), (2.0, 0.53283997535355)])
    def test_by_the_linear_recursion(self, g: float, eta: float, digits: None) -> None:
        """V = (1 + delta F')^2 V + (delta g)^2 (1 - m^2)/B at the roots of F."""
        delta, batch = 0.125, 4
        variance = certify.stationary_variance(g, eta, delta, batch)
        memory = certify.lag1_autocorrelation(g, eta, delta)
        floats = mc.equilibria(g, eta)
        assert len(variance.values) == len(memory.values) == floats.count
        for u, kind, v, r in zip(floats.u, floats.stability, variance.values, memory.values, strict=False):
            if kind != mc.Stability.STABLE:
                assert v is None
                assert r is None
                continue
            with mp.workdps(70):
                root = mp.findroot(lambda x: g * mp.tanh(x) - x + eta, float(u))
                m = mp.tanh(root)
                rho = 1 + delta * (g * (1 - m * m) - 1)
                expected = (delta * g) ** 2 * (1 - m * m) / batch / (1 - rho * rho)
                assert near(v, expected, 25)
                assert near(r, rho, 25)

    def test_boxes_and_folds(self) -> None:
        box = certify.stationary_variance(arb(1.5, 0.01), arb(0.05, 0.01), arb(0.1, 0.001))
        for g in (1.491, 1.509):
            for eta in (0.041, 0.059):
                point = certify.stationary_variance(g, eta, 0.1)
                assert all(
                    (a is None and b is None) or a.contains(b) for a, b in zip(box.values, point.values, strict=True)
                )
        assert certify.stationary_variance(2, certify.fold_asymmetry(2), 0.1).completeness is Completeness.UNDECIDED
        assert certify.stationary_variance(1, 0, 0.1).completeness is Completeness.UNDECIDED
        assert certify.lag1_autocorrelation(arb(1, 0.1), arb(0, 0.1), 0.1).completeness is Completeness.UNDECIDED


@given(st.integers(2, 30), st.floats(0, 6.28))
@examples(40)
def test_error_bound_of_the_rule(nodes: int, angle: float) -> None:
    """For the real part of 1/(z - x), z just outside the ellipse, its bound from the distance; and not far from it."""
    ctx_bits = 300
    with ctx.workprec(ctx_bits):
        z = acb(arb(angle).cos() * 1.9, arb(angle).sin() * 1.6)
        rule = sum((w / (z - x) for x, w in gauss_legendre(nodes, ctx_bits)), acb(0))
        error = abs(rule - ((z + 1) / (z - 1)).log())
        distance = (
            min(abs(z - acb((arb(t) / 50).cos() * 5 / 3, (arb(t) / 50).sin() * 4 / 3)).lower() for t in range(315))
            - arb(1) / 25
        )
        bound = gauss_error(1 / distance, nodes)
        assert error < bound
        assert error > bound * arb(2) ** -(8 + nodes)


def test_the_ball_holds_the_ellipse() -> None:
    """That of the rule's bound, with foci 1 and 4: its points are at 5 in all from the foci."""
    whole = ellipse(arb(2.5), arb(1.5))
    for t in range(63):
        point = acb(2.5 + (arb(t) / 10).cos() * 2.499999, (arb(t) / 10).sin() * 1.9999999)
        assert abs(abs(point - 1) + abs(point - 4) - 5) < 1e-5
        assert whole.contains(point.mid())
