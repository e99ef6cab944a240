"""How many tokens change expert when the arithmetic changes: flips of a top-k set (docs/theory.md, section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, reals
from moecusp._numerics.monomials import quotient

_TWO_OVER_ROOT_PI = 2.0 / np.sqrt(np.pi)


def flip_rate(tie_density: Any, noise: Any) -> Any:
    """Share of tokens whose top-k set changes under independent Gaussian noise on every logit: 2 C s/sqrt(pi).

    The leading order for small noise: another engine, another order of summation, dropout in the router.

    Parameters
    ----------
    tie_density : array_like
        C >= 0 (1/score): the density of ties between the k-th and the (k+1)-th logit, summed over pairs of experts, so
        that the share of tokens whose two are within w is 2 C w. From recorded logits: k/2 times the trace of the
        matrix that `hard_susceptibility` estimates.
    noise : array_like
        Standard deviation s >= 0 of the noise on each logit (score).

    Returns
    -------
    float or ndarray
        The share, of the broadcast shape; the formula itself, which exceeds 1 for noise that is not small.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Accurate to 2 ulp. Corrections are of order s^2. The noise must be smaller than the distance over which the
    density of margins changes, and independent from expert to expert: what all logits share moves nothing.

    References
    ----------
    Statement ``boundary.flips``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import flip_rate
    >>> round(float(flip_rate(0.35, 0.01)), 6)
    0.003949
    """
    (c, s), restore = reals(tie_density=(tie_density, NON_NEGATIVE), noise=(noise, NON_NEGATIVE))
    return restore(quotient((c, s, _TWO_OVER_ROOT_PI)))


def rounding_flip_rate(tie_density: Any, spacing: Any) -> Any:
    """Share of tokens whose top-k set changes when the logits themselves are rounded to a grid: C d/2.

    Rounding keeps the order of two numbers or makes them equal. So no token flips but where a tie arises, which the
    routers of the frameworks break by the number of the expert: half of C d. Independent errors of the same size,
    uniform over one spacing, would flip C d/3.

    Parameters
    ----------
    tie_density : array_like
        C >= 0 (1/score), as for `flip_rate`.
    spacing : array_like
        Distance d >= 0 of the grid's points where the deciding logits lie (score): 2^-8 for bfloat16 between 1/2 and 1,
        2^-11 for float16.

    Returns
    -------
    float or ndarray
        The share, of the broadcast shape; the leading order for a small spacing.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Accurate to 1 ulp. The logits must fill the grid's cells evenly, and the ties that arise be broken without regard
    to which logit was larger.

    References
    ----------
    Statement ``boundary.flips``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import rounding_flip_rate
    >>> round(float(rounding_flip_rate(0.35, 2.0**-8)), 8)
    0.00068359
    """
    (c, d), restore = reals(tie_density=(tie_density, NON_NEGATIVE), spacing=(spacing, NON_NEGATIVE))
    return restore(quotient((c, d, 0.5)))
