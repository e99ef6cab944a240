"""Arbitrary precision: residuals of the defining equations, cancellation, cost, and agreement of the two backends."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given

import moecusp as mc
from moecusp import ParameterError, Regime, precise
from moecusp.precise import multiprecision
from tests.examples import examples
from tests.strategies import Point, routers
from validation import reference as defining

BACKENDS = ["flint", "mpmath"]


@pytest.mark.parametrize("backend", BACKENDS)
class TestRoots:
    @pytest.mark.parametrize(
        ("gain", "asymmetry"),
        [("1.3", "0.05"), ("1.3", 0), ("0.7", -2), (1, "1e-20"), ("1.000000000001", "-1e-19"), ("1e30", "9e29")],
    )
    @pytest.mark.parametrize("digits", [20, 1000])
    def test_drift_vanishes(self, backend: str, gain: Any, asymmetry: Any, digits: int) -> None:
        roots = precise.equilibria(gain, asymmetry, digits=digits, backend=backend)
        with mpmath.workdps(4 * digits + 100):
            g, eta = mpmath.mpf(gain), mpmath.mpf(asymmetry)
            for u in roots:
                slope = g * mpmath.sech(u) ** 2 - 1
                error = (g * mpmath.tanh(u) - u + eta) / slope
                assert abs(error) <= abs(u) * mpmath.mpf(10) ** (-digits)

    @pytest.mark.parametrize("gain", ["1.0101", "1.3", "2", "9", "99"])
    @pytest.mark.parametrize("share", ["1e-3", "0.3", "0.9998", "1.0002", "3"])
    def test_drift_vanishes_where_floats_find_the_start(self, backend: str, gain: str, share: str) -> None:
        asymmetry = precise.fold_asymmetry(gain, digits=20) * mpmath.mpf(share)
        g, eta = Fraction(gain), mpmath.mpf(asymmetry)
        for digits in (*range(20, 160, 3), 400):
            roots = precise.equilibria(g, eta, digits=digits, backend=backend)
            assert len(roots) == (3 if float(share) < 1 else 1)
            with mpmath.workdps(2 * digits + 50):
                gain_ = mpmath.mpf(gain)
                for u in roots:
                    slope = gain_ * mpmath.sech(u) ** 2 - 1
                    error = (gain_ * mpmath.tanh(u) - u + eta) / slope
                    assert abs(error) <= abs(u) * mpmath.mpf(10) ** (-digits)

    def test_one_full_evaluation_of_tanh_a_root(self, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
        number = multiprecision.arithmetic(backend)
        costs: list[int] = []
        plain = type(number).tanh

        def counted(self: Any, x: Any) -> Any:
            costs.append(self.ctx.prec)
            return plain(self, x)

        monkeypatch.setattr(type(number), "tanh", counted)
        precise.equilibria("1.3", "0.05", digits=1000, backend=backend)
        bits = 3322
        assert sum(cost > 0.9 * bits for cost in costs) == 3
        assert sum(cost / bits for cost in costs) < 3 * 5

    def test_beside_a_fold_by_1e_minus_300(self, backend: str) -> None:
        fold = precise.fold_asymmetry(2, digits=300, backend=backend)
        with mpmath.workdps(400):
            inside, outside = fold * (1 - mpmath.mpf(10) ** -295), fold * (1 + mpmath.mpf(10) ** -295)
        assert precise.regime(2, inside, backend=backend) is Regime.BISTABLE
        assert precise.regime(2, outside, backend=backend) is Regime.MONOSTABLE
        left, middle, _ = precise.equilibria(2, inside, digits=30, backend=backend)
        assert left <= middle < 0

    def test_next_to_the_cusp(self, backend: str) -> None:
        gain = Fraction(1) + Fraction(1, 10**200)
        outer = precise.equilibria(gain, digits=40, backend=backend)[2]
        with mpmath.workdps(45):
            assert mpmath.almosteq(outer, mpmath.sqrt(3) * mpmath.mpf(10) ** -100, rel_eps=mpmath.mpf(10) ** -39)


@pytest.mark.parametrize("backend", BACKENDS)
class TestFolds:
    @pytest.mark.parametrize("gain", [1.0000000001, 1.5, 1e10])
    def test_solves_the_defining_equations(self, backend: str, gain: float) -> None:
        value = precise.fold_asymmetry(gain, digits=80, backend=backend)
        reference = defining.fold_asymmetry(gain)
        with mpmath.workdps(90):
            assert abs(value / mpmath.mpf(reference.mid().str(85, radius=False)) - 1) < mpmath.mpf(10) ** -79

    def test_digits_survive_the_cusp(self, backend: str) -> None:
        d = Fraction(1, 10**300)
        with mpmath.workdps(60):
            value = precise.fold_asymmetry(1 + d, digits=50, backend=backend)
            assert abs(value / (mpmath.mpf(10) ** -450 * 2 / 3) - 1) < mpmath.mpf(10) ** -50

    @pytest.mark.parametrize("asymmetry", ["1e-30", "0.7", "5", "1e300"])
    def test_gain_inverts_asymmetry(self, backend: str, asymmetry: str) -> None:
        gain = precise.fold_gain(asymmetry, digits=1000, backend=backend)
        with mpmath.workdps(1000):
            back = precise.fold_asymmetry(gain, digits=900, backend=backend)
            assert abs(back / mpmath.mpf(asymmetry) - 1) < mpmath.mpf(10) ** -850

    @pytest.mark.parametrize("u", ["1e-40", "0.5", "-3"])
    def test_curve_and_asymmetry_agree(self, backend: str, u: str) -> None:
        gain, asymmetry = precise.fold_curve(u, digits=200, backend=backend)
        with mpmath.workdps(200):
            assert abs(precise.fold_asymmetry(gain, digits=60) / abs(asymmetry) - 1) < mpmath.mpf(10) ** -60


@given(routers())
@examples(40)
def test_float64_is_the_rounding_of_it(point: Point) -> None:
    if mc.regime(*point) is Regime.FOLD or sum(map(abs, point)) > 1.7e308:
        return
    found, exact = mc.equilibria(*point), precise.equilibria(*point, digits=20)
    assert precise.regime(*point) is mc.regime(*point)
    np.testing.assert_allclose(found.u[: found.count], [float(u) for u in exact], rtol=6e-16, atol=1e-323)


@pytest.mark.parametrize("name", ["drift", "slope", "potential"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_small_differences_keep_their_digits(name: str, backend: str) -> None:
    arguments = ("1e-30", 1) if name != "potential" else ("1e-30", 1, 0)
    leading = {"drift": (-3, 90), "slope": (-1, 60), "potential": (12, 120)}[name]
    value = getattr(precise, name)(*arguments, digits=30, backend=backend)
    with mpmath.workdps(40):
        expected = mpmath.mpf(10) ** -leading[1] / leading[0]
        assert abs(value / expected - 1) < 1e-29


@pytest.mark.parametrize("digits", [0, -1, 10_001, 2.5, "50"])
def test_wrong_digits(digits: Any) -> None:
    with pytest.raises(ParameterError, match="digits"):
        precise.fold_asymmetry(2, digits=digits)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "two", 1j, None, 0.5, mpmath.nan])
def test_wrong_gain(value: Any) -> None:
    with pytest.raises(ParameterError, match="gain"):
        precise.fold_asymmetry(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0012.50", "25/2"),
        ("3.", "3"),
        (".5", "1/2"),
        ("-1.5", "-3/2"),
        ("1/3", "1/3"),
        ("2.5e-3", "1/400"),
        (" 7 ", 7),
    ],
)
def test_strings_are_exact(text: str, value: Any) -> None:
    assert multiprecision.exact("gain", text) == Fraction(value)


@pytest.mark.parametrize("text", ["", ".", "1.2.3", "1.-2", "²", "1.²", "0x1", "1,5"])
def test_strings_that_are_no_numbers(text: str) -> None:
    with pytest.raises(ParameterError, match="gain"):
        multiprecision.exact("gain", text)


def test_wrong_backend() -> None:
    with pytest.raises(ParameterError, match="backend"):
        precise.fold_asymmetry(2, backend="gmp")
