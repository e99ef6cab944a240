"""The symbolic load responses are the numerical ones of the same names."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp import symbolic
from tests.examples import examples
from tests.strategies import log_uniform
from tests.symbolic_points import evaluate, near

MEMBERS: list[tuple[str, tuple[Any, ...], float]] = [
    ("SoftmaxResponse", (symbolic.beta,), 8),
    ("HardGaussianResponse", (symbolic.sigma,), 8),
    ("LogisticNormalResponse", (symbolic.sigma, symbolic.beta), 450),
]
STEPS = st.one_of(log_uniform(-5.0, 0.5), log_uniform(-5.0, 0.5).map(lambda v: -v))


@pytest.mark.parametrize(("name", "symbols", "units"), MEMBERS)
def test_is_the_numerical_response(name: str, symbols: tuple[Any, ...], units: float) -> None:
    form = getattr(symbolic, name)()

    @examples(5 if len(symbols) == 2 else 60)
    @given(STEPS, st.tuples(*[st.floats(0.3, 2.0)] * len(symbols)), st.floats(0.1, 4.0))
    def check(z: float, parameters: tuple[float, ...], mu: float) -> None:
        response = getattr(mc, name)(*parameters)
        z *= parameters[0] if name != "SoftmaxResponse" else 1 / parameters[0]
        for part, values in (
            ("value", (z,)), ("slope", (z,)), ("critical_feedback", (mu,)), ("fold_curve", (z, mu)),
        ):  # fmt: skip
            formula = getattr(form, part)
            exact = evaluate((*formula.variables, *symbols), formula.expression, *values, *parameters)
            found = getattr(response, part)(*values)
            for one, other in zip(found, exact, strict=True) if isinstance(exact, tuple) else [(found, exact)]:
                assert near(one, other, units), (part, z, parameters, mp.nstr(other, 20))

    check()


@pytest.mark.parametrize(("name", "parameter"), [("SoftmaxResponse", 1.25), ("HardGaussianResponse", 0.75)])
@pytest.mark.parametrize(("kappa", "h"), [(1.0, 0.1), (4.0, 0.05), (4.0, -0.05), (4.0, 3.0)])
def test_equilibria_and_folds_solve_their_equations(name: str, parameter: float, kappa: float, h: float) -> None:
    form, response = getattr(symbolic, name)(parameter), getattr(mc, name)(parameter)
    mu = 1.5

    def solves(implicit: Any, z: float, *values: Any) -> bool:
        width = 32 * math.ulp(z)
        low, high = (implicit.residual(sp.Float(mp.mpf(z) + side * width, 60), *values)[0] for side in (-1, 1))
        return bool(low * high <= 0)

    found = response.equilibria(kappa, mu, h)
    assert found.z.size in (1, 3)
    for z in found.z:
        assert solves(form.equilibria, float(z), kappa, mu, h)
        assert not solves(form.equilibria, float(z) * (1 + 1e-12), kappa, mu, h)
    folds, asymmetries = response.folds(kappa, mu)
    assert folds.size == (2 if kappa > response.critical_feedback(mu) else 0)
    for z, asymmetry in zip(folds, asymmetries, strict=True):
        assert solves(form.folds, float(z), kappa, mu)
        assert float(form.folds.at(float(z), kappa, mu)) == pytest.approx(float(asymmetry), rel=1e-12)
    for z, feedback in zip(*response.feedback_folds(50.0, mu, h), strict=True):
        assert solves(form.feedback_folds, float(z), mu, h)
        assert float(form.feedback_folds.at(float(z), mu, h)) == pytest.approx(float(feedback), rel=1e-12)


def test_any_response() -> None:
    """An empirical response is a sum over margins."""
    margins = [-1.2, 0.3, 0.8]
    jitter = sp.Rational(1, 2) * sp.sqrt(2)
    form = symbolic.LoadResponse(sum(sp.erf((symbolic.z + sp.Rational(a)) / jitter) for a in margins) / 3)
    response = mc.EmpiricalResponse(margins, jitter=0.5)
    assert float(form.value(sp.Rational(1, 4)).evalf(20)) == pytest.approx(response.value(0.25), rel=1e-14)
    assert float(form.critical_feedback(1).evalf(20)) == pytest.approx(response.critical_feedback(), rel=1e-14)
