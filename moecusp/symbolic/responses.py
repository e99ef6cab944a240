"""Load responses: dz/dt = kappa G(z) - mu z + h for any G, and its closed members (docs/theory.md, section 4)."""

from __future__ import annotations

from typing import Any

import sympy as sp

from moecusp.symbolic.formula import Branch, Formula, Implicit, argument, checked
from moecusp.symbolic.two_experts import beta, h, kappa, mu

z = argument("z", "z")
sigma = argument("sigma", "sigma", positive=True)


class LoadResponse:
    """An increasing, odd and bounded response G(z) with G'' < 0 on z > 0, and what follows from it.

    Parameters
    ----------
    expression : sympy.Expr
        G in the symbol `z`. Its properties are not checked. A G that is not odd has the same `fold_curve`, but the
        branches of its implicit forms need not be unique.

    Attributes
    ----------
    value, slope : Formula in z
        G and G'.
    critical_feedback : Formula in mu
        kappa_c = mu/G'(0).
    fold_curve : Formula in z, mu
        (kappa, h) of the fold at z.
    equilibria : Implicit in kappa, mu, h
        Where kappa G(z) - mu z + h vanishes.
    folds : Implicit in kappa, mu
        The folds z at one feedback, and their asymmetry h.
    feedback_folds : Implicit in mu, h
        The fold z at one asymmetry h other than 0, and its feedback.

    Examples
    --------
    >>> import sympy as sp
    >>> from moecusp.symbolic import LoadResponse, z
    >>> LoadResponse(2 * sp.atan(z) / sp.pi).critical_feedback(1)
    pi/2
    """

    statement = "response.fold_curve"

    def __init__(self, expression: Any) -> None:
        G0 = sp.sympify(expression)
        G1 = sp.diff(G0, z)
        folded = kappa * G1 - mu
        self.value = Formula(self.statement, (z,), G0)
        self.slope = Formula(self.statement, (z,), G1)
        self.critical_feedback = Formula("response.critical", (mu,), mu / G1.subs(z, 0))
        self.fold_curve = Formula("response.fold_curve", (z, mu), (mu / G1, mu * (z - G0 / G1)))
        many = kappa * G1.subs(z, 0) > mu
        self.equilibria = Implicit(
            "response.fold_curve",
            (kappa, mu, h),
            (z,),
            (kappa * G0 - mu * z + h,),
            z,
            {
                "single": Branch(sp.true, sp.Not(many)),
                "lower": Branch(sp.And(z < 0, folded <= 0), many),
                "middle": Branch(folded >= 0, many),
                "upper": Branch(sp.And(z > 0, folded <= 0), many),
            },
        )
        self.folds = Implicit(
            "response.fold_curve",
            (kappa, mu),
            (z,),
            (folded,),
            mu * z - kappa * G0,
            {
                "lower": Branch(z <= 0, sp.Not(folded.subs(z, 0) < 0)),
                "upper": Branch(z >= 0, sp.Not(folded.subs(z, 0) < 0)),
            },
        )
        self.feedback_folds = Implicit(
            "response.fold_curve",
            (mu, h),
            (z,),
            (mu * (z - G0 / G1) - h,),
            mu / G1,
            {"fold": Branch(z * h < 0)},
            sp.Ne(h, 0),
        )


class SoftmaxResponse(LoadResponse):
    """G(z) = tanh(beta z/2).

    Parameters
    ----------
    inverse_temperature : sympy.Expr or number, optional
        beta > 0; the symbol beta if not given.

    Raises
    ------
    ParameterError
        If inverse_temperature is out of range.

    Examples
    --------
    >>> from moecusp import symbolic
    >>> symbolic.SoftmaxResponse().critical_feedback.expression
    2*mu/beta
    >>> symbolic.SoftmaxResponse(2).value(1)
    tanh(1)
    """

    statement = "response.softmax"

    def __init__(self, inverse_temperature: Any = beta) -> None:
        ((_, rate),) = checked((beta,), (inverse_temperature,))
        super().__init__(sp.tanh(rate * z / 2))


class HardGaussianResponse(LoadResponse):
    """G(z) = erf(z/(sigma sqrt 2)): hard top-1 selection with margins N(0, sigma^2).

    Parameters
    ----------
    sigma : sympy.Expr or number, optional
        Standard deviation > 0; the symbol sigma if not given.

    Raises
    ------
    ParameterError
        If sigma is out of range.

    Examples
    --------
    >>> from moecusp import symbolic
    >>> symbolic.HardGaussianResponse().critical_feedback.expression
    sqrt(2)*sqrt(pi)*mu*sigma/2
    """

    statement = "response.hard_gaussian"

    def __init__(self, sigma: Any = sigma) -> None:
        ((_, spread),) = checked((_SIGMA,), (sigma,))
        super().__init__(sp.erf(z / (spread * sp.sqrt(2))))


class LogisticNormalResponse(LoadResponse):
    """G(z) = E tanh(beta (z + sigma x)/2), x ~ N(0, 1): softmax over Gaussian margins, an unevaluated integral.

    Parameters
    ----------
    sigma, inverse_temperature : sympy.Expr or number, optional
        Standard deviation and beta, both > 0; the symbols sigma and beta if not given.

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> from moecusp import symbolic
    >>> symbolic.LogisticNormalResponse(1, 1).value(1).evalf(15)
    0.393469340287367
    """

    statement = "response.logistic_normal"

    def __init__(self, sigma: Any = sigma, inverse_temperature: Any = beta) -> None:
        (_, spread), (_, rate) = checked((_SIGMA, beta), (sigma, inverse_temperature))
        x = sp.Dummy("x", real=True)
        normal = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
        super().__init__(sp.Integral(sp.tanh(rate * (z + spread * x) / 2) * normal, (x, -sp.oo, sp.oo)))


_SIGMA = sigma
