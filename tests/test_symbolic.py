"""The symbolic forms: they are the numerical functions, and reject what those reject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import moecusp as mc
from moecusp import ParameterError, symbolic
from moecusp.symbolic import FORMULAS, Formula, eta, g, u

POINTS = {"u": 0.75, "g": 1.75, "eta": 0.125, "kappa": 1.5, "mu": 0.75, "beta": 1.25, "h": 0.3, "K": 2}


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"load", "imbalance"}))
def test_is_the_numerical_function_of_the_same_name(name: str) -> None:
    formula = FORMULAS[name]
    values = [POINTS[v.name] for v in formula.variables]
    found, expected = formula(*values), getattr(mc, name)(*values)
    for a, b in zip(np.ravel(found), np.ravel(expected), strict=True):
        assert float(a) == pytest.approx(float(b), rel=1e-14)


def test_load_and_imbalance_are_those_of_equilibria() -> None:
    found = mc.equilibria(1.5, 0.1)
    assert [float(symbolic.load(x)) for x in found.u] == pytest.approx(found.load.tolist())
    assert [float(symbolic.imbalance(x)) for x in found.u] == pytest.approx(found.imbalance.tolist())


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


def test_every_formula_names_its_statement_once() -> None:
    assert all("." in formula.statement for formula in FORMULAS.values())
    assert len({formula.statement for formula in FORMULAS.values()}) == len(FORMULAS)


@pytest.mark.parametrize(
    ("formula", "values", "name"),
    [
        (symbolic.fold_asymmetry, (sp.Rational(1, 2),), "gain"),
        (symbolic.fold_asymmetry, (sp.I,), "gain"),
        (symbolic.drift, (sp.nan, 1, 0), "u"),
        (symbolic.drift, (0, 1, sp.oo), "asymmetry"),
        (symbolic.drift, (0, -1, 0), "gain"),
        (symbolic.drift, (0, object(), 0), "gain"),
        (symbolic.drift, (0, 1), "arguments"),
    ],
)
def test_wrong_input_is_named(formula: Formula, values: tuple[Any, ...], name: str) -> None:
    with pytest.raises(ParameterError, match=name):
        formula(*values)
