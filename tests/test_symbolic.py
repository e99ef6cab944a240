"""The symbolic forms are the numerical functions of the same names, and there is one for each."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import moecusp as mc
from moecusp import symbolic
from moecusp.symbolic import FORMULAS, IMPLICIT, LEFT_OUT, eta, g, u
from tests.examples import examples
from tests.symbolic_points import POINTS, SLOW, evaluate, near

OF_EQUILIBRIA = {"load", "imbalance"}
OF_LARGEST_EIGENVALUE = {"largest_safe_update_rate"}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking an integral takes too long
FUNCTIONS = {n for n in mc.__all__ if n[0].islower()}


class TestNames:
    def test_every_public_function_is_there_or_left_out_with_a_reason(self) -> None:
        there = {name for name in FUNCTIONS if hasattr(symbolic, name)}
        assert there | set(LEFT_OUT) == FUNCTIONS
        assert not there & set(LEFT_OUT)
        assert all(len(reason) > 20 for reason in LEFT_OUT.values())

    def test_no_name_is_new_but_the_parts_of_others(self) -> None:
        assert {*FORMULAS, *IMPLICIT} - FUNCTIONS == {*OF_EQUILIBRIA, "escape_slope", "expert_scores"}
        assert set(POINTS) == set(FORMULAS) - OF_EQUILIBRIA - OF_LARGEST_EIGENVALUE

    def test_arguments_are_those_of_the_numerical_functions(self) -> None:
        import inspect

        forms: dict[str, Any] = {**FORMULAS, **IMPLICIT}
        for name, form in forms.items():
            if name in FUNCTIONS - {"expert_equilibria"}:
                wanted = tuple(inspect.signature(getattr(mc, name)).parameters)
                assert tuple(symbolic.ARGUMENTS[v] for v in form.variables) == wanted, name


@pytest.mark.parametrize("name", sorted(POINTS))
def test_is_the_numerical_function_of_the_same_name(name: str) -> None:
    formula, (strategy, units, scale) = FORMULAS[name], POINTS[name]

    @settings(examples(4 if name in SLOW else 40), suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
    @given(strategy)
    def check(values: tuple[Any, ...]) -> None:
        exact = evaluate(formula.variables, formula.expression, *values)
        found = getattr(mc, name)(*values)
        size = scale(*values) if scale else 0.0
        parts = zip(found, exact, strict=True) if isinstance(exact, tuple) else [(found, exact)]
        for one, other in parts:
            assert near(one, other, units, size), (values, float(one), mp.nstr(other, 20))

    check()


def test_density_with_strong_noise() -> None:
    values = (-0.985, 1.43, 0.1875, 0.734, 2.0)
    form = symbolic.log_stationary_density
    assert near(mc.log_stationary_density(*values), evaluate(form.variables, form.expression, *values), 500, 10.0)


@given(st.floats(-30.0, 30.0))
def test_load_and_imbalance_are_those_of_equilibria(x: float) -> None:
    found = mc.Equilibria(np.array([x]), np.array([1]))
    for name in OF_EQUILIBRIA:
        exact = evaluate((u,), FORMULAS[name].expression, x)
        assert near(getattr(found, name)[0], exact, 3)


def test_regime_is_a_fold_exactly() -> None:
    """No float asymmetry lies on a fold; an expression can."""
    fold = symbolic.fold_asymmetry(2)
    assert symbolic.regime(2, fold) == symbolic.regime(2, -fold) == mc.Regime.FOLD
    assert symbolic.regime(1, 0) == mc.Regime.CUSP
    assert symbolic.regime(2, fold * (1 - sp.Rational(1, 10**30))) == mc.Regime.BISTABLE
    assert symbolic.regime(2, fold * (1 + sp.Rational(1, 10**30))) == mc.Regime.MONOSTABLE


class TestSusceptibility:
    @given(
        st.lists(st.lists(st.floats(-4.0, 4.0), min_size=3, max_size=3), min_size=1, max_size=4), st.floats(0.1, 3.0)
    )
    @examples(25)
    def test_is_the_numerical_function(self, logits: list[list[float]], rate: float) -> None:
        exact = [[sp.Rational(a) for a in row] for row in logits]
        with mp.workdps(30):
            found = symbolic.susceptibility(exact, sp.Rational(rate)).evalf(30)
        expected = mc.susceptibility(np.array(logits), rate)
        np.testing.assert_allclose(expected, np.array(found, dtype=float), rtol=1e-13, atol=1e-15)

    def test_largest_rate(self) -> None:
        """For two experts the largest eigenvalue is the trace."""
        chi = symbolic.susceptibility([[0, sp.Rational(3, 10)], [0, -1]], 2)
        exact = symbolic.largest_safe_update_rate(chi.trace())
        assert near(mc.largest_safe_update_rate(mc.susceptibility([[0.0, 0.3], [0.0, -1.0]], 2.0)), exact.evalf(30), 10)

    def test_of_symbols(self) -> None:
        a1, a2 = sp.symbols("a1 a2", real=True)
        chi = symbolic.susceptibility([[a1, a2]])
        assert sp.simplify(chi * sp.ones(2, 1)) == sp.zeros(2, 1)
        p = sp.exp(symbolic.beta * a1) / (sp.exp(symbolic.beta * a1) + sp.exp(symbolic.beta * a2))
        assert sp.simplify(chi[0, 0] - sp.diff(p, a1)) == 0

    @pytest.mark.parametrize(
        "wrong", [[[1]], [], [[1, sp.nan]], [[1, sp.I]], [[1, 2], [3]], 3, "ab", [[-sp.oo, -sp.oo]]]
    )
    def test_wrong_logits(self, wrong: Any) -> None:
        with pytest.raises(mc.ParameterError, match=r"^logits"):
            symbolic.susceptibility(wrong)

    def test_wrong_temperature(self) -> None:
        with pytest.raises(mc.ParameterError, match=r"^inverse_temperature"):
            symbolic.susceptibility([[1, 2]], -1)


class TestAiryZero:
    def test_is_a_zero_to_any_number_of_digits(self) -> None:
        with mp.workdps(80):
            root = mp.mpf(str(symbolic.airy_zero.evalf(80)))
            assert abs(mp.airyai(-root)) < mp.mpf(10) ** -78
            assert all(mp.airyai(-x) > 0 for x in mp.linspace(0, 2.3, 24))

    def test_is_exact_and_ordered(self) -> None:
        assert symbolic.airy_zero > sp.Rational(23381, 10000)
        assert symbolic.airy_zero < sp.Rational(23382, 10000)
        assert sp.diff(symbolic.ramp_delay.expression, symbolic.rho).has(symbolic.airy_zero)
        low, high = symbolic.airy_zero.approximation_interval(sp.Rational)
        assert low < symbolic.airy_zero < high
        assert "a_1" in sp.latex(symbolic.airy_zero)


def test_forms_hang_together() -> None:
    drift = symbolic.drift.expression
    assert sp.simplify(sp.diff(drift, u) - symbolic.slope.expression.rewrite(sp.tanh)).rewrite(sp.exp).simplify() == 0
    assert sp.simplify(sp.diff(symbolic.potential.expression, u) + drift).rewrite(sp.exp).simplify() == 0
    gain, asymmetry = symbolic.fold_curve.expression
    on_curve = drift.subs({g: gain, eta: asymmetry}).rewrite(sp.exp)
    assert sp.simplify(on_curve) == 0


def test_expressions_can_be_substituted() -> None:
    d = sp.Symbol("d", positive=True)
    assert symbolic.fold_imbalance(1 + d) == sp.sqrt(1 - 1 / (1 + d))


def test_sums_with_known_limits_are_added_up() -> None:
    """The next term of the expansion is the next coefficient; a symbolic number of terms stays a sum."""
    T, b, sigma = symbolic.T, symbolic.b, symbolic.sigma
    density = sp.exp(-(b**2) / (2 * sigma**2)) / (sigma * sp.sqrt(2 * sp.pi))
    two = symbolic.soft_hard_expansion(T, b, sigma, 2)
    leading = 2 * sp.log(2) * T * density
    second = 2 * T**3 * sp.dirichlet_eta(3) * sp.diff(density, b, 2)
    assert sp.simplify(two - leading - second) == 0
    assert symbolic.soft_hard_expansion.expression.has(sp.Sum)
    assert symbolic.soft_hard_expansion(T, b, sigma, symbolic.N).has(sp.Sum)


def test_values_are_exact_where_they_can_be() -> None:
    assert symbolic.equal_depth_gain(3) == 4 * sp.log(2) / 3
    assert symbolic.equal_depth_gain(2) == 1
    assert symbolic.ramp_delay(1, 2) == symbolic.airy_zero * 2 ** sp.Rational(1, 6)
    assert math.isclose(symbolic.soft_hard_gap(1, 0, 1).evalf(), mc.soft_hard_gap(1.0), rel_tol=1e-13)
