"""What the barrier is enclosed from: means of tanh, the path of the half-length, balls about balls."""

from __future__ import annotations

import math

import pytest
from flint import acb, arb, ctx

from moecusp.certify import escape_means, escape_path
from moecusp.certify.escape_path import Path
from tests.enclosures import about


class TestMeans:
    @pytest.mark.parametrize(
        ("m", "k"), [(0.3, 0.7), (-2.0, 0.5), (3.0, 2.0), (0.4, 1e-9), (-0.4, 2.0**-20), (1.0, 0.0)]
    )
    def test_mean_of_tanh(self, m: float, k: float) -> None:
        found = escape_means.mean_tanh(arb(m), arb(k))
        wanted = (math.log(math.cosh(m + k)) - math.log(math.cosh(m - k))) / (2 * k) if k > 1e-3 else math.tanh(m)
        assert abs(float(found) - wanted) < 1e-10
        assert found.rad() < 1e-60

    def test_both_forms_agree_where_they_meet(self) -> None:
        low, high = (escape_means.mean_tanh(arb(0.4), arb(2.0**-20 * (1 + side * 1e-12))) for side in (-1, 1))
        assert abs(low - high) < 1e-17

    def test_log_cosh(self) -> None:
        for x in (-800.0, -1.0, 0.0, 0.5, 800.0):
            wanted = abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)
            assert abs(float(escape_means.log_cosh(arb(x))) - wanted) < 1e-12 * max(1, abs(x))
            assert abs(escape_means.float_log_cosh(x) - wanted - math.log(2)) < 1e-12 * max(1, abs(x))

    def test_the_series_of_artanh_holds_to_its_limit(self) -> None:
        assert not escape_means._artanh_ratio(arb(2.0**-19)).is_finite()
        x = arb(2.0**-19) * 0.99
        assert escape_means._artanh_ratio(x).overlaps(x.atanh() / x)
        assert escape_means._artanh_ratio(x).rad() < arb(2) ** -(int(ctx.prec) - 20)


PATHS = [Path(arb("1.6"), arb("0.1"), along_u=True), Path(arb("1.6"), arb("0.1"), along_u=False)]


def kappa(path: Path, x: float) -> float:
    """Solve for the half-length by bisection in floating point."""
    low, high = 0.0, 20.0
    for _ in range(200):
        k = (low + high) / 2
        u, w = (x, x - 2 * k) if path.along_u else (x + k, x - k)
        mean = (math.log(math.cosh(u)) - math.log(math.cosh(w))) / (u - w) if k > 1e-6 else math.tanh(u)
        low, high = (low, k) if u - 0.1 - 1.6 * mean > 0 else (k, high)
    return low


@pytest.mark.parametrize("path", PATHS, ids=["u", "m"])
class TestPaths:
    X = 0.8

    def test_half_length(self, path: Path) -> None:
        wanted = kappa(path, self.X)
        for guess in (None, arb(wanted * 1.01), arb(wanted * 3), arb(-1), arb(1e-30)):
            found = path.at(arb(self.X), 200, guess)
            assert abs(float(found) - wanted) < 1e-9
            assert found.rad() < arb(2) ** -85
            assert path.value(arb(self.X), found).contains(0)

    def test_no_half_length_where_the_force_is_not_upward(self, path: Path) -> None:
        for x in (1.9, 9.0):
            assert not path.at(arb(x), 200).is_finite()
            assert not path.at(arb(x), 200, arb(0.3)).is_finite()

    def test_ends(self, path: Path) -> None:
        u, w = path.ends(arb(1), arb(0.25))
        assert (float(u), float(w)) == ((1, 0.5) if path.along_u else (1.25, 0.75))

    def test_value_and_slope(self, path: Path) -> None:
        """Phi by its definition, its slope by differences; near kappa = 0 the slope is a hull."""
        for k in (0.5, 0.01):
            value, slope = path._newton(arb(self.X), arb(k))
            step = 1e-5
            there = [float(path.value(arb(self.X), arb(k + side * step))) for side in (-1, 1)]
            u, w = (self.X, self.X - 2 * k) if path.along_u else (self.X + k, self.X - k)
            mean = (math.log(math.cosh(u)) - math.log(math.cosh(w))) / (2 * k)
            assert abs(float(value) - (u - 0.1 - 1.6 * mean)) < 1e-12
            assert abs(float(path.value(arb(self.X), arb(k))) - float(value)) < 1e-12
            assert abs(float(slope) - (there[1] - there[0]) / (2 * step)) < 1e-7
        _, slope = path._newton(arb(self.X), arb(2.0**-21))
        assert slope.contains(path._newton(arb(self.X), arb(2.0**-19))[1].mid()) or slope.rad() < 1e-5

    def test_floating_point_first(self, path: Path) -> None:
        wanted = kappa(path, self.X)
        assert abs(float(path._roughly(arb(self.X), arb(wanted * 1.3))) - wanted) < 1e-9
        tiny = arb(2.0**-11, 2.0**-60)
        assert path._roughly(arb(self.X), tiny) == tiny.mid()
        assert path._roughly(arb(self.X), arb(1e9)) == arb(1e9) or abs(float(path._roughly(arb(self.X), arb(1e9)))) < 9

    def test_derivatives_on_balls_hold_those_at_points(self, path: Path) -> None:
        x, k = self.X, 0.4
        u, w = path.ends(arb(x), arb(k))
        step = 1e-6

        def phi(x: float, k: float) -> float:
            return float(path.value(arb(x), arb(k)))

        along = (phi(x + step, k) - phi(x - step, k)) / (2 * step)
        across = (phi(x, k + step) - phi(x, k - step)) / (2 * step)
        for found, wanted in zip(path.hulls(u, w, arb(k)), (along, across), strict=True):
            assert float(found.lower()) - 1e-6 <= wanted <= float(found.upper()) + 1e-6
        psi = [2 * k * along, 2 * k * across + 2 * phi(x, k)]
        for found, wanted in zip(path.products(u, w, arb(k)), psi, strict=True):
            assert abs(float(found) - wanted) < 1e-6

    def test_a_bound_over_a_ball(self, path: Path) -> None:
        wide = arb(self.X, 0.05)
        most = float(path.most(wide))
        assert max(kappa(path, x) for x in (0.75, 0.8, 0.85)) <= most < 8
        over = path.over(wide, arb(kappa(path, self.X)))
        assert all(over.contains(kappa(path, x)) for x in (0.76, 0.8, 0.84))

    def test_tubes(self, path: Path) -> None:
        x = acb(arb(self.X, 0.003), arb(0, 0.003))
        for guess in (None, arb(kappa(path, self.X))):
            tube = path.tube(x, guess)
            assert tube.tight
            assert tube.rest is not None
            assert tube.middle == arb(self.X)
            for at in (0.7975, 0.8, 0.8025):
                off = arb(kappa(path, at)) - tube.on(arb(at))
                assert float(tube.rest.real.lower()) - 1e-9 <= float(off) <= float(tube.rest.real.upper()) + 1e-9
            step = 1e-4
            slope = (kappa(path, self.X + step) - kappa(path, self.X - step)) / (2 * step)
            assert abs(float(tube.slope) - slope) < 1e-5
            assert tube.rest.abs_upper() < 1e-3
        lost = path.tube(acb(arb(2.5), arb(0)))
        assert lost.rest is None
        assert not lost.tight
        assert lost.slope == 0


class TestBallsAboutBalls:
    def test_inside_is_strict_on_all_four_sides(self) -> None:
        outer = acb(arb(0, 1), arb(0, 2))
        assert escape_path._inside(acb(arb(0, 0.9), arb(0, 1.9)), outer)
        for real, imag in (
            ((0.2, 0.9), (0, 1)),
            ((-0.2, 0.9), (0, 1)),
            ((0, 0.5), (0.2, 1.9)),
            ((0, 0.5), (-0.2, 1.9)),
        ):
            assert not escape_path._inside(acb(arb(*real), arb(*imag)), outer)
        assert not escape_path._inside(outer, outer)
        assert not escape_path._inside(acb(arb.nan(), arb(0)), outer)

    def test_inflated_holds_both_with_room(self) -> None:
        found = escape_path._inflated(acb(arb(1, 0.5), arb(0.25, 0.5)), arb(-1, 0.25))
        assert about(found.real, -1.25 - 1.5 / 4, 1.5 + 1.5 / 4, 1e-6)
        assert about(found.imag, -(0.75 * 5 / 4 + 1.5 / 64), 0.75 * 5 / 4 + 1.5 / 64, 1e-6)
