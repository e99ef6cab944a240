"""The fold curve of two experts, where two equilibria merge and the load jumps (docs/theory.md, section 3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, REAL, reals
from moecusp._numerics import roots
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.operations import is_tensor, sqrt, where


def fold_curve(u: Any) -> tuple[Any, Any]:
    """Fold curve in the (gain, asymmetry) plane: g = cosh^2 u, eta = u - sinh u cosh u.

    These are all solutions of F = F' = 0; u is the reduced score difference at which the two equilibria merge.

    Parameters
    ----------
    u : array_like
        Reduced score difference (dimensionless), any real.

    Returns
    -------
    (gain, asymmetry) : tuple of float or ndarray
        Of the shape of u; inf where cosh^2 u exceeds the range of a float (|u| > 355).

    Raises
    ------
    ParameterError
        If u is not finite and real, or is empty.

    Notes
    -----
    The error is within 0.75 units in the last place of the gain and 0.6 of the asymmetry.

    References
    ----------
    Statement ``fold.curve``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import fold_curve
    >>> gain, asymmetry = fold_curve(0.0)
    >>> float(gain), float(asymmetry)
    (1.0, 0.0)
    """
    if is_tensor(u):
        return _curve_gain(u), _curve_asymmetry(u)
    (x,), restore = reals(u=(u, REAL))
    gain, asymmetry = roots.fold_curve(x)
    return restore(gain), restore(asymmetry)


@differentiable(lambda u, _: ((2.0 * u).sinh(),))
def _curve_gain(u: Any) -> Any:
    (x,), restore = reals(u=(u, REAL))
    return restore(roots.fold_curve(x)[0])


@differentiable(lambda u, _: (-2.0 * u.sinh() ** 2,))
def _curve_asymmetry(u: Any) -> Any:
    (x,), restore = reals(u=(u, REAL))
    return restore(roots.fold_curve(x)[1])


def _fold_partials(gain: Any, _: Any) -> tuple[Any]:
    return (fold_imbalance(gain),)


@differentiable(_fold_partials)
def fold_asymmetry(gain: Any) -> Any:
    """Reduced asymmetry of the folds, eta_f(g) = sqrt(g (g - 1)) - arcosh sqrt(g).

    A router of gain g > 1 has two stable loads while |eta| < eta_f and jumps at eta = +-eta_f.

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless).

    Returns
    -------
    float or ndarray
        eta_f >= 0, of the shape of gain; NaN where gain < 1, for there is no fold.

    Raises
    ------
    ParameterError
        If gain is not finite and real, is negative or empty.

    Notes
    -----
    Computed to more than 80 bits and rounded: the nearest float, except perhaps within 1e-9 units of a tie. Near the
    cusp eta_f ~ (2/3)(g - 1)^(3/2).

    References
    ----------
    Statement ``fold.asymmetry``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import fold_asymmetry
    >>> round(float(fold_asymmetry(2.0)), 12)
    0.532839975354
    """
    (g,), restore = reals(gain=(gain, NON_NEGATIVE))
    return restore(where(g >= 1.0, roots.fold_asymmetry(g), np.nan))


def _gain_partials(asymmetry: Any, gain: Any) -> tuple[Any]:
    return (asymmetry.sign() / fold_imbalance(gain),)


@differentiable(_gain_partials)
def fold_gain(asymmetry: Any) -> Any:
    """Gain of the fold at a given reduced asymmetry: the inverse of `fold_asymmetry` for g >= 1.

    Raising the gain of a router past it makes a second stable load appear.

    Parameters
    ----------
    asymmetry : array_like
        Reduced asymmetry eta (dimensionless), any real; only |eta| matters.

    Returns
    -------
    float or ndarray
        g >= 1, of the shape of asymmetry.

    Raises
    ------
    ParameterError
        If asymmetry is not finite and real, or is empty.

    References
    ----------
    Statement ``fold.gain``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import fold_asymmetry, fold_gain
    >>> round(float(fold_gain(fold_asymmetry(1.5))), 12)
    1.5
    """
    (eta,), restore = reals(asymmetry=(asymmetry, REAL))
    return restore(roots.fold_gain(eta))


@differentiable(lambda gain, imbalance: (0.5 / (gain * gain * imbalance),))
def fold_imbalance(gain: Any) -> Any:
    """Size of the imbalance at the folds, |m| = sqrt(1 - 1/g).

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless).

    Returns
    -------
    float or ndarray
        |m| in [0, 1], of the shape of gain; NaN where gain < 1.

    Raises
    ------
    ParameterError
        If gain is not finite and real, is negative or empty.

    References
    ----------
    Statement ``fold.imbalance``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import fold_imbalance
    >>> round(float(fold_imbalance(4.0)), 12)
    0.866025403784
    """
    (g,), restore = reals(gain=(gain, NON_NEGATIVE))
    return restore(roots.blockwise(lambda g: sqrt((g - 1.0) / g), g))  # below 1 the root of a negative number


@differentiable(lambda gain, _: (2.0 * fold_imbalance(where(gain > 1.0, gain, 1.0)),))
def hysteresis_width(gain: Any) -> Any:
    """Width 2 eta_f(g) of the hysteresis loop in the reduced asymmetry.

    Parameters
    ----------
    gain : array_like
        Gain g >= 0 (dimensionless).

    Returns
    -------
    float or ndarray
        2 eta_f, of the shape of gain; 0 where gain <= 1, for there the load follows the sweep without a jump.

    Raises
    ------
    ParameterError
        If gain is not finite and real, is negative or empty.

    References
    ----------
    Statement ``fold.hysteresis``; docs/theory.md, section 3.

    Examples
    --------
    >>> from moecusp import hysteresis_width
    >>> float(hysteresis_width(0.5))
    0.0
    """
    (g,), restore = reals(gain=(gain, NON_NEGATIVE))
    with np.errstate(over="ignore"):
        return restore(2.0 * roots.fold_asymmetry(g))
