"""Enclosures of barriers, and of the optimal path that they follow, against roots and quadrature in mpmath."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import pytest
from flint import acb, arb, ctx
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import certify, precise
from moecusp.certify import Completeness
from moecusp.certify.escape_area import area
from moecusp.certify.escape_path import Path
from tests.examples import examples
from tests.test_certify_integrals import near, tight
from tests.test_escape import diffusion, exact, path

CASES = [(1.5, 0.0), (1.5, 0.1), (1.5, -0.1), (1 + 1e-9, 0.0), (1.1, -0.02)]


class TestBarriers:
    @pytest.mark.parametrize(("g", "eta"), CASES)
    def test_escape_by_the_root(self, g: float, eta: float) -> None:
        found = certify.escape_barrier(g, eta)
        assert found.completeness is Completeness.PROVED
        assert near(found.values[1], path(g, eta, exact), 15)
        for ball, value in zip(found.values, mc.escape_barrier(g, eta), strict=True):
            assert abs(ball - float(value)) <= 5e-15 * ball
            assert tight(ball)

    def test_anchor(self) -> None:
        assert certify.escape_barrier("1.5").values[0].str(12, radius=False).startswith("0.22432")

    @pytest.mark.parametrize(("g", "eta"), [*CASES, (3.0, 1.0), (7.0, 3.0), (40.0, 1.0)])
    def test_diffusion_by_quadrature(self, g: float, eta: float) -> None:
        found = certify.diffusion_barrier(g, eta)
        if g < 10:
            assert near(found.values[1], path(g, eta, diffusion), 14)
        for ball, value in zip(found.values, mc.diffusion_barrier(g, eta), strict=True):
            assert abs(ball - float(value)) <= 1e-14 * ball
            assert tight(ball)

    @pytest.mark.parametrize("name", ["escape_barrier", "diffusion_barrier"])
    def test_boxes(self, name: str) -> None:
        function = getattr(certify, name)
        box = function(arb(1.5, 2.0**-12), arb(0.0625, 2.0**-12))
        assert box.completeness is Completeness.PROVED
        for g in (1.4999, 1.5001):
            for eta in (0.0623, 0.0627):
                for ball, value in zip(box.values, getattr(mc, name)(g, eta), strict=True):
                    assert ball.contains(float(value))
        assert all(ball.rad() < 0.02 for ball in box.values)

    @pytest.mark.parametrize("name", ["escape_barrier", "diffusion_barrier"])
    def test_where_there_is_none(self, name: str) -> None:
        function = getattr(certify, name)
        assert function(0.5) == certify.Barriers(Completeness.PROVED)
        assert function(1.5, 1) == certify.Barriers(Completeness.PROVED)
        assert function(1.5, certify.fold_asymmetry(1.5)) == certify.Barriers(Completeness.UNDECIDED)
        assert function(arb(1.5, 0.5), 0.1) == certify.Barriers(Completeness.UNDECIDED)

    @pytest.mark.parametrize(("g", "eta"), [("1.5", "0.1"), ("1.00001", "0"), ("4", "-1"), ("12", "3"), ("25", "0")])
    def test_escape_to_many_digits(self, g: str, eta: str) -> None:
        """Against a quadrature of p(u) throughout, without the coordinate m."""
        for ball, value in zip(
            certify.escape_barrier(g, eta).values, precise.escape_barrier(g, eta, digits=26), strict=True
        ):
            assert abs(ball - arb(mp.nstr(value, 30))) <= abs(ball) * arb(10) ** -25 + 2 * ball.rad()
            assert tight(ball, 75)

    @pytest.mark.parametrize("g", [50.0, 1000.0, 2.0**40, 1e30])
    @pytest.mark.parametrize("share", [0.0, 0.5, -0.999])
    def test_escape_at_large_gains(self, g: float, share: float) -> None:
        eta = share * float(mc.fold_asymmetry(g))
        for ball, value in zip(certify.escape_barrier(g, eta).values, mc.escape_barrier(g, eta), strict=True):
            assert abs(ball - float(value)) <= 5e-15 * ball
            assert tight(ball, 75)

    def test_a_wide_box(self) -> None:
        """Where kappa is hardly known over the box the enclosure is wide, but holds."""
        box = certify.escape_barrier(arb(3, 0.01), arb(1, 0.01))
        assert box.completeness is Completeness.PROVED
        for g in (2.9901, 3.0099):
            for eta in (0.9901, 1.0099):
                for ball, value in zip(box.values, mc.escape_barrier(g, eta), strict=True):
                    assert ball.contains(float(value))
        assert all(ball.rad() < 0.1 for ball in box.values)

    @pytest.mark.parametrize("error", [1e-3, 1e-6])
    def test_area_within_its_error(self, error: float) -> None:
        """A rule of few nodes is wrong by more than rounding, and says so."""
        with ctx.workprec(160):
            path = Path(arb(1.5), arb(0.125), along_u=True)
            low, high = arb(0.125), arb(0.75)
            loose, strict = (area(path, low, high, arb(e)) for e in (error, 1e-25))
            assert loose.contains(strict)
            assert error * 1e-4 < loose.rad() < 100 * error
            assert not arb(loose.mid(), 1e-16).contains(strict)

    @pytest.mark.parametrize("gain", [3.0, 10.0, 40.0])
    def test_no_tube_about_a_branch_point(self, gain: float) -> None:
        """Along m, where Phi and its derivative in kappa vanish together at a complex point."""

        def equations(m: Any, k: Any) -> Any:
            u, w = m + k, m - k
            value = 2 * k * u - gain * (mp.log(mp.cosh(u)) - mp.log(mp.cosh(w)))
            return value, 2 * u + 2 * k - gain * (mp.tanh(u) + mp.tanh(w))

        m, _ = mp.findroot(equations, (0.65j / mp.sqrt(gain * (gain - 1)), 0.9j))
        assert abs(m) > 0.01
        path = Path(arb(gain), arb(0), along_u=False)
        for middle in (0.3, 1.0, 3.0):
            x, size = middle * abs(m), abs(m - middle * abs(m))
            claims = [
                path.tube(acb(arb(x), 0) + acb(arb(0, size * r), arb(0, size * r))).rest is not None
                for r in (0.001, 1.001, 1.1, 1.5, 3)
            ]
            assert claims == [True, False, False, False, False]

    @pytest.mark.parametrize("along_u", [True, False])
    @pytest.mark.parametrize("gain", [1.5, 40.0])
    @given(st.floats(0.1, 1.1), st.floats(-4, 0.3), st.floats(-1, 1), st.floats(-1, 1))
    @examples(30)
    def test_kappa_on_complex_balls(
        self, along_u: bool, gain: float, x: float, power: float, a: float, b: float
    ) -> None:
        """Wherever a tube is claimed to hold kappa, it holds the root found by Newton's method at points of it."""
        radius = 10.0**power
        with ctx.workprec(160):
            ball = acb(arb(x, radius), arb(0, radius))
            tube = Path(arb(gain), arb(0), along_u).tube(ball)
            if tube.rest is None:
                return
            for share in (0.0, 0.5, 0.99):
                point = mp.mpc(x + 0.99 * share * a * radius, 0.99 * share * b * radius)
                line = tube.on(acb(float(point.real), float(point.imag)))
                start = line + tube.rest.mid()

                def phi(k: Any, point: Any = point) -> Any:
                    u, w = (point, point - 2 * k) if along_u else (point + k, point - k)
                    return (mp.log(mp.cosh(u)) - mp.log(mp.cosh(w))) / (2 * k) * gain - u

                with mp.workdps(30):
                    k = mp.findroot(phi, mp.mpc(float(start.real.mid()), float(start.imag.mid())))
                rest = acb(arb(mp.nstr(k.real, 25)), arb(mp.nstr(k.imag, 25))) - line
                assert tube.rest.contains(rest.mid())

    @pytest.mark.parametrize("along_u", [True, False])
    @pytest.mark.parametrize(
        ("x", "k", "radius"), [(0.7, 0.0, 0.02), (0.7, 0.05, 0.03), (0.7, 0.5, 1e-3), (2, 1.5, 1e-3)]
    )
    def test_derivatives_on_balls(self, along_u: bool, x: float, k: float, radius: float) -> None:
        """Those of Phi and of Psi = 2 k Phi, at points of the balls, by differences."""
        gain, eta = 1.75, 0.125
        path = Path(arb(gain), arb(eta), along_u)

        def phi(x: Any, k: Any) -> Any:
            m = x - k if along_u else x
            return m + k - eta - gain * mp.quad(lambda s: mp.tanh(m + s * k), [-1, 1]) / 2

        balls = [acb(arb(y, radius), arb(0, radius)) for y in (x, k)]
        found = {power: rates(*path.ends(*balls), balls[1]) for power, rates in ((0, path.hulls), (1, path.products))}
        for a, b in ((0.99, -0.99j), (-0.7 + 0.5j, 0.9), (0.5j, 0.2 - 0.9j)):
            at, half = mp.mpc(x + radius * a), mp.mpc(k + radius * b)
            for power, pair in found.items():
                expected = (
                    mp.diff(lambda y, half=half, power=power: (2 * half) ** power * phi(y, half), at),
                    mp.diff(lambda h, at=at, power=power: (2 * h) ** power * phi(at, h), half),
                )
                for whole, value in zip(pair, expected, strict=True):
                    assert (whole + acb(arb(0, 1e-12), arb(0, 1e-12))).contains(
                        acb(float(value.real), float(value.imag))
                    )
                    assert whole.real.rad() < 30 * radius or (power == 0 and k > 0.1)
