"""Reduced quantities from quantities with units (docs/theory.md, section 2)."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import POSITIVE, REAL, count, reals
from moecusp._numerics.monomials import quotient


def critical_feedback(decay: Any, inverse_temperature: Any = 1.0, experts: int = 2) -> Any:
    """Feedback at which the balanced state of a softmax router loses stability, kappa_c = K mu/beta.

    Parameters
    ----------
    decay : array_like
        Decay rate mu > 0 (1/time).
    inverse_temperature : array_like
        Inverse temperature beta > 0 (1/score).
    experts : int
        Number of experts K >= 2.

    Returns
    -------
    float or ndarray
        kappa_c (score/time), of the broadcast shape. Gain 1.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``critical.feedback``; docs/theory.md, sections 2 and 3.

    Examples
    --------
    >>> from moecusp import critical_feedback
    >>> float(critical_feedback(decay=0.5, inverse_temperature=2.0))
    0.5
    """
    (mu, beta), restore = reals(decay=(decay, POSITIVE), inverse_temperature=(inverse_temperature, POSITIVE))
    return restore(quotient((count("experts", experts, 2), mu), (beta,)))


def gain(feedback: Any, decay: Any = 1.0, inverse_temperature: Any = 1.0, experts: int = 2) -> Any:
    """Gain g = kappa beta/(K mu): feedback over its critical value.

    Parameters
    ----------
    feedback : array_like
        Feedback kappa > 0 (score/time).
    decay : array_like
        Decay rate mu > 0 (1/time).
    inverse_temperature : array_like
        Inverse temperature beta > 0 (1/score).
    experts : int
        Number of experts K >= 2.

    Returns
    -------
    float or ndarray
        g (dimensionless), of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``reduced.gain``; docs/theory.md, section 2.

    Examples
    --------
    >>> from moecusp import gain
    >>> float(gain(feedback=3.0))
    1.5
    """
    (kappa, mu, beta), restore = reals(
        feedback=(feedback, POSITIVE), decay=(decay, POSITIVE), inverse_temperature=(inverse_temperature, POSITIVE)
    )
    return restore(quotient((kappa, beta), (count("experts", experts, 2), mu)))


def reduced_asymmetry(asymmetry: Any, decay: Any = 1.0, inverse_temperature: Any = 1.0) -> Any:
    """Reduced asymmetry of two experts, eta = beta h/(2 mu), with h = h1 - h2.

    Parameters
    ----------
    asymmetry : array_like
        Asymmetry h (score/time), any real.
    decay : array_like
        Decay rate mu > 0 (1/time).
    inverse_temperature : array_like
        Inverse temperature beta > 0 (1/score).

    Returns
    -------
    float or ndarray
        eta (dimensionless), of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    References
    ----------
    Statement ``reduced.asymmetry``; docs/theory.md, section 2.

    Examples
    --------
    >>> from moecusp import reduced_asymmetry
    >>> float(reduced_asymmetry(0.5))
    0.25
    """
    (h, mu, beta), restore = reals(
        asymmetry=(asymmetry, REAL), decay=(decay, POSITIVE), inverse_temperature=(inverse_temperature, POSITIVE)
    )
    return restore(quotient((beta, h), (2.0, mu)))
