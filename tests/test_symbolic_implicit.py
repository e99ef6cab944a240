"""What symbolic forms define by equations: the numerical functions solve them, and give their values."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import symbolic
from moecusp.symbolic import EscapeSlope, Implicit
from moecusp.symbolic.escape import solve_slope
from tests.examples import examples
from tests.strategies import above, log_uniform, routers
from tests.symbolic_points import evaluate, lambdified, near

NEAR_FOLDS = (
    "next_to_fold",
    "beside_fold",
    "inside",
    "beyond",
    "pitchfork",
    "beside_cusp",
    "below",
    "saturated",
    "huge",
)
SLOPES = [{"EscapeSlope": solve_slope}, "mpmath"]


def assert_solves(form: Implicit, solution: float, *values: Any, units: float) -> None:
    """A root lies within so many units of the last place: the residual changes sign between their ends."""
    width = units * math.ulp(solution)
    with mp.workdps(500):
        ends = [sp.Float(mp.mpf(solution) + side * width, 450) for side in (-1, 1)]
    low, high = (form.residual(end, *values, digits=400)[0] for end in ends)
    assert low * high <= 0, (solution, values)


def refined(form: Implicit, start: Any, *values: Any, digits: int = 60) -> Any:
    """Return the solution of one equation near a start to many digits."""
    with mp.workdps(digits):
        exact = [mp.mpf(v) for v in values]
        function = lambdified((*form.variables, *form.unknowns), form.equations)
        return mp.findroot(lambda x: function(*exact, x)[0], start, tol=mp.mpf(10) ** (-2 * digits + 20))


def holds(relation: Any, variables: tuple[Any, ...], values: tuple[Any, ...]) -> bool:
    """Whether a relation holds; the simplest parts first, for the others may not be real where those fail."""
    if isinstance(relation, sp.And | sp.Or):
        parts = (holds(part, variables, values) for part in sorted(relation.args, key=sp.count_ops))
        return all(parts) if isinstance(relation, sp.And) else any(parts)
    return bool(evaluate(variables, relation, *values))


def branches(form: Implicit, *values: Any) -> set[str]:
    """Return the names of the branches that exist."""
    return {name for name, b in form.branches.items() if holds(b.exists, form.variables, values)}


def homes(form: Implicit, solution: Any, *values: Any, among: set[str] | None = None) -> set[str]:
    """Return the names of the branches that have a solution in their range."""
    every = (*form.variables, *form.unknowns)
    numbers = (*values, *(solution if isinstance(solution, list | tuple) else [solution]))
    wanted = among or set(form.branches)
    return {name for name, b in form.branches.items() if name in wanted and holds(b.range, every, numbers)}


class TestEquilibria:
    @given(routers(*NEAR_FOLDS))
    def test_every_float_is_next_to_a_root_of_its_own_branch(self, point: tuple[float, float]) -> None:
        g, eta = point
        found = mc.equilibria(g, eta)
        assume(mc.regime(g, eta) not in (mc.Regime.FOLD, mc.Regime.CUSP))
        roots = [float(x) for x in found.u if not math.isnan(x)]
        assume(all(map(math.isfinite, roots)))
        for x in roots:
            assert_solves(symbolic.equilibria, x, g, eta, units=4)
        there = branches(symbolic.equilibria, g, eta)
        assert len(there) == len(roots)
        places = [homes(symbolic.equilibria, x, g, eta, among=there) for x in roots]
        assert all(len(place) == 1 for place in places)
        assert set.union(*places) == there

    def test_a_wrong_root_is_seen(self) -> None:
        x = float(mc.equilibria(2.0, 0.1).u[2])
        with pytest.raises(AssertionError):
            assert_solves(symbolic.equilibria, x * (1 + 1e-14), 2.0, 0.1, units=4)
        (left,) = symbolic.equilibria.residual(1.0, 2, sp.Rational(1, 10), digits=30)
        with mp.workdps(30):
            assert mp.almosteq(left, 2 * mp.tanh(1) - 1 + mp.mpf(1) / 10)

    def test_call_and_at(self) -> None:
        g, eta, u = symbolic.g, symbolic.eta, symbolic.u
        assert symbolic.equilibria(3, eta) == (3 * sp.tanh(u) - u + eta,)
        assert symbolic.lag1_autocorrelation.at(0, g, eta, sp.Rational(1, 2)) == (1 + g) / 2

    @given(log_uniform(-20.0, 100.0), st.booleans())
    def test_fold_gain(self, size: float, negative: bool) -> None:
        eta = -size if negative else size
        g = float(mc.fold_gain(eta))
        if g > 1.0:
            assert_solves(symbolic.fold_gain, g, eta, units=3)

    @examples(40)
    @given(routers("inside", "below", "pitchfork"), log_uniform(-4.0, 0.0), st.floats(1.0, 64.0))
    def test_fluctuations_about_stable_states(self, point: tuple[float, float], delta: float, batch: float) -> None:
        g, eta = point
        assume(g < 1e3 and abs(g - 1) > 1e-9)
        found = mc.equilibria(g, eta)
        variance, correlation = mc.stationary_variance(g, eta, delta, batch), mc.lag1_autocorrelation(g, eta, delta)
        stable = found.stability == mc.Stability.STABLE
        assert len(branches(symbolic.stationary_variance, g, eta, delta, batch)) == np.sum(stable)
        for x, v, r in zip(found.u[stable], variance[stable], correlation[stable], strict=True):
            assume(abs(x) < 5 and abs(x) > 1e-300)
            root = refined(symbolic.equilibria, mp.mpf(float(x)), g, eta)
            for form, values, value in (
                (symbolic.stationary_variance, (g, eta, delta, batch), v),
                (symbolic.lag1_autocorrelation, (g, eta, delta), r),
            ):
                # one less what may be nearly one: many digits cancel
                exact = evaluate((*form.variables, *form.unknowns), form.value, *values, root, digits=400)
                assert near(value, exact, 50)


class TestExperts:
    @pytest.mark.parametrize("k", [3, 4, 5, 8, 64, 1000, 10**6])
    def test_fold_gain(self, k: int) -> None:
        form = symbolic.expert_fold_gain
        with mp.workdps(60):
            ends = mp.log(k - 1), 3 * mp.log(k - 1) + 1  # residual falls before, rises after
            equation = sp.lambdify((symbolic.K, symbolic.x), form.equations[0], "mpmath")
            root = mp.findroot(lambda x: equation(k, x), ends, solver="bisect", maxsteps=300, tol=mp.mpf(10) ** -80)
        exact = evaluate((symbolic.K, symbolic.x), form.value, k, root)
        assert near(mc.expert_fold_gain(k), exact, 1)
        assert homes(form, root, k) == {"fold"}

    @examples(15)
    @given(st.integers(2, 8), st.one_of(st.floats(0.2, 0.999), above().filter(lambda g: 1.001 < g < 30)))
    def test_families(self, k: int, g: float) -> None:
        form, scores = symbolic.expert_equilibria, symbolic.expert_scores
        found = mc.expert_equilibria(g, k)
        for m in range(1, k):
            rows = [j for j in (0, 1) if not np.isnan(found.difference[m, j])]
            homes_found = []
            for j in rows:
                x = float(found.difference[m, j])
                assert_solves(form, x, g, k, m, units=5)
                root = refined(form, mp.mpf(x), g, k, m)
                home = homes(form, root, g, k, m)
                homes_found.append(home)
                assert home == ({"inner"} if len(rows) == 2 and j == 0 else {"outer"})
                for value, one in zip(
                    evaluate((*form.variables, *form.unknowns), form.value, g, k, m, root),
                    (found.difference, found.load_high, found.load_low),
                    strict=True,
                ):
                    assert near(one[m, j], value, 8)
                with mp.workdps(60):
                    low = root / mp.expm1(root)
                    c = low * mp.exp(-low)
                    assert abs(scores.residual(sp.Float(c, 60), g, k, m)[0]) < mp.mpf(10) ** -40
                    high, rest = evaluate((*scores.variables, *scores.unknowns), scores.value, g, k, m, c)
                    assert mp.almosteq(high - rest, root, rel_eps=mp.mpf(10) ** -40)
                    assert mp.almosteq(rest, low, rel_eps=mp.mpf(10) ** -40)


def wells(g: Any, eta: Any, side: int) -> list[Any]:
    """Return a stable state, lower (0) or upper (2), and the unstable one, to many digits."""
    u = mc.equilibria(float(g), float(eta)).u
    return [refined(symbolic.equilibria, mp.mpf(float(x)), g, eta) for x in (u[side], u[1])]


def integrated(form: Implicit, values: tuple[Any, ...], states: list[Any]) -> Any:
    """Evaluate a form with integrals along the path of an escape by Gauss-Legendre quadrature, to 25 digits."""
    with mp.workdps(40):
        numbers = [mp.mpf(v) for v in values]
        known = {}
        for integral in form.value.atoms(sp.Integral):
            ((x, start, end),) = integral.limits
            assert (start, end) == form.unknowns
            function = sp.lambdify((x, *form.variables, *form.unknowns), integral.function, SLOPES)
            points = mp.linspace(*states, 9)
            part = mp.quad(lambda v, f=function: f(v, *numbers, *states), points, method="gauss-legendre", maxdegree=3)
            known[integral] = sp.Float(part, 40)
        rest = form.value.xreplace(known)
        return sp.lambdify((*form.variables, *form.unknowns), rest, "mpmath")(*numbers, *states)


ESCAPES = [(1.5, 0.0), (1.5, 0.0625), (1.5, -0.125), (1.1, 0.01), (1.25, -0.03125)]


class TestEscape:
    @pytest.mark.parametrize(("g", "eta"), ESCAPES)
    @pytest.mark.parametrize("side", [0, 2])
    def test_barriers_and_times(self, g: float, eta: float, side: int) -> None:
        states, place = wells(g, eta, side), side // 2
        assert homes(symbolic.escape_barrier, states, g, eta) == {("lower", "upper")[place]}
        assert branches(symbolic.escape_barrier, g, eta) == {"lower", "upper"}
        for form, more, units in (
            (symbolic.escape_barrier, (), 40),
            (symbolic.diffusion_barrier, (), 40),
            (symbolic.log_escape_time, (0.015625, 2.0), 4000),
            (symbolic.escape_time, (0.0625, 1.0), 10000),
        ):
            name = next(n for n, f in symbolic.IMPLICIT.items() if f is form)
            exact = integrated(form, (g, eta, *more), states)
            assert near(getattr(mc, name)(g, eta, *more)[place], exact, units), (name, mp.nstr(exact, 20))
            left = form.residual([sp.Float(s, 50) for s in states], g, eta, *more)
            assert max(map(abs, left)) < mp.mpf(10) ** -45

    def test_no_branch_without_two_stable_states(self) -> None:
        for g, eta in ((0.9, 0.0), (1.5, 0.3), (1.0, 0.0)):
            assert branches(symbolic.escape_barrier, g, eta) == set()
            assert np.isnan(mc.escape_barrier(g, eta)).all()

    def test_sympy_evaluates_the_barrier(self) -> None:
        with mp.workdps(30):
            states = [sp.Float(s, 30) for s in wells(1.5, 0.0625, 2)]
        value = symbolic.escape_barrier.at(states, sp.Rational(3, 2), sp.Rational(1, 16))
        assert isinstance(value, sp.Integral)
        assert float(value.evalf(15)) == pytest.approx(mc.escape_barrier(1.5, 0.0625)[1], rel=1e-13)

    @examples(40)
    @given(st.floats(0.2, 4.0), st.floats(-1.0, 1.0), st.floats(-0.99, 0.99))
    def test_slope(self, g: float, eta: float, place: float) -> None:
        """The root is there to all digits, is not 0, and points against the drift."""
        u = eta + place * g
        drift = float(mc.drift(u, g, eta))
        assume(abs(drift) > 1e-9 and abs(u - eta) < 0.999 * g)
        with mp.workdps(50):
            p = solve_slope(mp.mpf(u), mp.mpf(g), mp.mpf(eta))
            (left,) = symbolic.escape_slope.residual(sp.Float(p, 50), u, g, eta, digits=50)
            slope = eta - u + g * mp.tanh(p * g + u)
            assert abs(left / slope) < abs(p) * mp.mpf(10) ** -30
            assert p * drift < 0
            assert mp.almosteq(solve_slope(-mp.mpf(u), mp.mpf(g), -mp.mpf(eta)), -p)
        assert homes(symbolic.escape_slope, p, u, g, eta) == branches(symbolic.escape_slope, u, g, eta) != set()
        found = EscapeSlope(sp.Float(u), sp.Float(g), sp.Float(eta)).evalf(30)
        assert abs(found - sp.Float(p, 50)) < abs(found) * 1e-12

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_slope_can_be_differentiated(self, place: int) -> None:
        point = [sp.Rational(3, 4), sp.Rational(3, 2), sp.Rational(1, 16)]
        symbols = symbolic.escape_slope.variables
        found = sp.diff(EscapeSlope(*symbols), symbols[place])
        exact = found.subs(dict(zip(symbols, point, strict=True))).evalf(20)
        with mp.workdps(50):
            numbers = [mp.mpf(v.p) / v.q for v in point]
            expected = mp.diff(
                lambda v: solve_slope(*[v if i == place else n for i, n in enumerate(numbers)]), numbers[place]
            )
            assert abs(mp.mpf(str(exact)) - expected) < mp.mpf(10) ** -15

    def test_slope_vanishes_at_equilibria(self) -> None:
        assert EscapeSlope(0, 2, 0) == 0
        assert solve_slope(mp.mpf(0), mp.mpf(2), mp.mpf(0)) == 0
