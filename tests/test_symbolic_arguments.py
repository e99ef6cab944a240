"""Wrong input of every symbolic form is a ParameterError with the argument's name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

from moecusp import ParameterError, symbolic
from moecusp.symbolic import ARGUMENTS, FORMULAS, IMPLICIT
from tests.symbolic_points import inside

RESPONSES = {
    "softmax": symbolic.SoftmaxResponse(),
    "hard": symbolic.HardGaussianResponse(),
    "logistic_normal": symbolic.LogisticNormalResponse(),
}
PARTS = ("value", "slope", "critical_feedback", "fold_curve", "equilibria", "folds", "feedback_folds")
FORMS: dict[str, Any] = {**FORMULAS, **IMPLICIT}
FORMS |= {f"{name}.{part}": getattr(response, part) for name, response in RESPONSES.items() for part in PARTS}
PLACES = [(name, place) for name, form in FORMS.items() for place in range(len(form.variables))]
NEVER = {
    "nan": math.nan, "sympy's nan": sp.nan, "infinite": math.inf, "minus infinite": -sp.oo, "zoo": sp.zoo,
    "complex": 1 + 2j, "imaginary": sp.I, "complex symbol": sp.Symbol("c", imaginary=True), "text": "1", "none": None,
    "object": object(), "list": [1.0], "array": np.ones(2), "matrix": sp.Matrix([[1]]),
    "matrix symbol": sp.MatrixSymbol("A", 1, 1), "truth": True, "relation": sp.Symbol("a") > 0, "class": sp.sin,
    "infinite symbol": sp.Symbol("c", extended_real=True, finite=False),
}  # fmt: skip

# how to break each condition: the values of the variables in it, and the name in the message
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "K >= 2": ({"K": 1}, "experts"),
    "K >= 3": ({"K": 2}, "experts"),
    "m < K": ({"m": 5, "K": 5}, "favoured and experts|experts and favoured"),
    "g >= 1": ({"g": sp.Rational(999, 1000)}, "gain"),
    "g > 1": ({"g": 1}, "gain"),
    "g > 0": ({"g": 0}, "gain"),
    "g < 1": ({"g": 1.0}, "gain"),
    "delta <= 1": ({"delta": 1.0001}, "step"),
    "B >= 1": ({"B": 0.5}, "batch_size"),
    "B + O > 0": ({"B": 0, "O": 0.0}, "oracle_weight and balance_weight"),
    "O > 0": ({"O": 0}, "oracle_weight"),
    "lam*rate < 2": ({"lam": 2, "rate": 1}, "(update_rate|eigenvalue) and (eigenvalue|update_rate)"),
    "v < u": ({"v": 1, "u": 1}, "(drift|bias_step) and (bias_step|drift)"),
    "v > -u": ({"v": -1, "u": 1}, "(drift|bias_step) and (bias_step|drift)"),
    "Ne(h, 0)": ({"h": 0}, "asymmetry"),
    "C < K": ({"C": 5, "K": 5, "k": 1}, "(classes|experts) and (experts|classes)"),
    "theta < 1": ({"theta": 1}, "threshold"),
    "K*theta < 1": ({"K": 5, "C": 2, "k": 1, "theta": sp.Rational(1, 5)}, "threshold and experts"),
    "k <= -C + K + 1": ({"K": 5, "C": 4, "k": 3}, "experts and classes and choices"),
    "B + H > 0": ({"B": 0, "H": 0.0}, "entropy_weight and balance_weight"),
    "H > 0": ({"H": 0}, "entropy_weight"),
    "K*(-(k - 1)/(-C + K) + 1/C)/k + log((-theta*(-C + K) + 1)/(C*theta)) >= 0": (
        {"K": 16, "C": 10, "k": 2, "theta": sp.Rational(6, 100)},
        "threshold and experts and classes and choices",
    ),
}
CONDITIONS = [
    (n, r) for n, form in FORMS.items() for r in sorted(sp.And.make_args(form.condition), key=str) if r != sp.true
]


@pytest.mark.parametrize("name", FORMS)
def test_the_point_inside_is_accepted(name: str) -> None:
    """Else the tests below would prove nothing."""
    assert FORMS[name](*inside(FORMS[name])) is not None


@pytest.mark.parametrize("what", NEVER)
@pytest.mark.parametrize(("name", "place"), PLACES)
def test_what_is_never_a_finite_real_expression(name: str, place: int, what: str) -> None:
    form = FORMS[name]
    values = inside(form)
    values[place] = NEVER[what]
    with pytest.raises(ParameterError, match=f"^{ARGUMENTS[form.variables[place]]} = "):
        form(*values)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_the_wrong_sign_and_kind(name: str, place: int) -> None:
    form = FORMS[name]
    variable = form.variables[place]
    wrong: list[Any] = []
    if variable.is_positive or variable.is_nonnegative:
        wrong += [-1, -1e-300, -sp.sqrt(2), sp.Symbol("n", negative=True)]
    if variable.is_positive:
        wrong += [0, 0.0]
    if variable.is_integer:
        wrong += [2.5, 3.0, sp.Rational(5, 2), sp.Symbol("q", integer=False)]
    for value in wrong:
        values = inside(form)
        values[place] = value
        with pytest.raises(ParameterError, match=f"^{ARGUMENTS[variable]} = "):
            form(*values)


@pytest.mark.parametrize(("name", "relation"), CONDITIONS, ids=str)
def test_a_condition_that_does_not_hold(name: str, relation: Any) -> None:
    broken, message = BROKEN[str(relation)]
    form = FORMS[name]
    values = [broken.get(v.name, value) for v, value in zip(form.variables, inside(form), strict=True)]
    with pytest.raises(ParameterError, match=f"^({message}) = .*such that"):
        form(*values)


@pytest.mark.parametrize("name", FORMS)
def test_the_wrong_number_of_arguments(name: str) -> None:
    values = inside(FORMS[name])
    for wrong in ([*values, 1], values[:-1]):
        with pytest.raises(ParameterError, match=r"^arguments = "):
            FORMS[name](*wrong)


class TestSolutions:
    @pytest.mark.parametrize("wrong", [math.nan, 1j, "1", None, [1.0, 2.0]])
    def test_a_solution_is_a_number(self, wrong: Any) -> None:
        for call in (symbolic.equilibria.residual, symbolic.equilibria.at):
            with pytest.raises(ParameterError, match=r"^(u|arguments) = "):
                call(wrong, 1.5, 0.0)

    def test_a_residual_needs_numbers(self) -> None:
        with pytest.raises(ParameterError, match=r"^gain = "):
            symbolic.equilibria.residual(0.5, symbolic.g, 0.0)

    def test_as_many_solutions_as_unknowns(self) -> None:
        with pytest.raises(ParameterError, match=r"^arguments = "):
            symbolic.escape_barrier.at(1.0, 1.5, 0.0)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, "1", sp.I])
def test_parameters_of_the_responses(wrong: Any) -> None:
    for build, name in (
        (symbolic.SoftmaxResponse, "inverse_temperature"),
        (symbolic.HardGaussianResponse, "sigma"),
        (symbolic.LogisticNormalResponse, "sigma"),
        (lambda value: symbolic.LogisticNormalResponse(1, value), "inverse_temperature"),
    ):
        with pytest.raises(ParameterError, match=f"^{name} = "):
            build(wrong)


def test_unknown_signs_are_not_refused() -> None:
    a = sp.Symbol("a")
    assert symbolic.fold_imbalance(a) == sp.sqrt(1 - 1 / a)
