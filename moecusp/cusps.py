"""The cusp at gain 1 and its cubic normal form (docs/theory.md, section 3)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, of_router, reals
from moecusp._numerics import roots
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.operations import sqrt
from moecusp.folds import fold_imbalance


class NormalForm(NamedTuple):
    """Coefficients of the cubic du/dtau = eta + mu u + cubic u^3.

    Attributes
    ----------
    mu : float or ndarray
        Linear coefficient g - 1.
    cubic : float or ndarray
        Cubic coefficient -g/3: negative, so the pitchfork is supercritical.
    eta : float or ndarray
        Constant term, the reduced asymmetry.
    """

    mu: Any
    cubic: Any
    eta: Any


@of_router
def cusp_normal_form(gain: Any, asymmetry: Any = 0.0) -> NormalForm:
    """Cubic Taylor form of the drift at u = 0: eta + (g - 1) u - (g/3) u^3.

    It differs from the drift by at most (2/15) g |u|^5 for every u.

    Parameters
    ----------
    gain : array_like or RouterParameters
        Gain g >= 0 (dimensionless).
        A `RouterParameters` takes the place of gain and asymmetry both.
    asymmetry : array_like
        Reduced asymmetry eta = beta h/(2 mu) (dimensionless), any real; not the drive h.

    Returns
    -------
    NormalForm
        (mu, cubic, eta), each of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is not finite and real, gain < 0, or the shapes do not broadcast.

    References
    ----------
    Statement ``cusp.normal_form``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import cusp_normal_form
    >>> cubic = cusp_normal_form(1.5, 0.25)
    >>> float(cubic.mu), float(cubic.cubic), float(cubic.eta)
    (0.5, -0.5, 0.25)
    """
    (g, eta), restore = reals(gain=(gain, NON_NEGATIVE), asymmetry=(asymmetry, REAL))
    with np.errstate(under="ignore"):
        return NormalForm(restore(g - 1.0), restore(-g / 3.0), restore(eta))


@differentiable(lambda gain, _: (fold_imbalance(gain) * (1.0 - fold_imbalance(gain) ** 2 / 3.0),))
def cusp_set(gain: Any) -> Any:
    """Folds of the cubic normal form, eta = (2/3) sqrt((g - 1)^3/g): an inner bound of the exact fold curve.

    The exact `fold_asymmetry` is (2/3) d^(3/2) - (1/5) d^(5/2) + ..., d = g - 1; this set has -(1/3) d^(5/2), so it
    lies inside: three roots of the cubic here imply three equilibria of the router. The semicubical parabola
    4 d^3 = 9 eta^2 of the truncated normal form lies outside.

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless).

    Returns
    -------
    float or ndarray
        eta >= 0, of the shape of gain; NaN where gain < 1.

    Raises
    ------
    ParameterError
        If gain is not finite and real, is negative or empty.

    References
    ----------
    Statement ``cusp.set``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import cusp_set, fold_asymmetry
    >>> bool(cusp_set(1.5) < fold_asymmetry(1.5))
    True
    """
    (g,), restore = reals(gain=(gain, NON_NEGATIVE))
    return restore(roots.blockwise(lambda g: (2.0 / 3.0) * (g - 1.0) * sqrt((g - 1.0) / g), g))  # below 1 a root of < 0
