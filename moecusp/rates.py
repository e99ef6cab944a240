"""How fast a router may be driven: ramps past a fold, and update rates that do not oscillate (docs/theory.md, 7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, POSITIVE, REAL, ParameterError, reals
from moecusp._numerics.gradients import differentiable
from moecusp._numerics.kernels import cube_root
from moecusp._numerics.operations import namespace, sqrt, where
from moecusp.susceptibility import largest_eigenvalue

AIRY_ZERO = 2.338107410459767  # minus the first zero of Ai; a test recomputes it


def _ramp_partials(rate: Any, gain: Any, delay: Any) -> tuple[Any, Any]:
    safe = where(gain > 1.0, gain, 2.0)
    return delay / (1.5 * rate), -delay / (6.0 * safe * (safe - 1.0))


@differentiable(_ramp_partials)
def ramp_delay(rate: Any, gain: Any) -> Any:
    """How far past the fold a ramped asymmetry gets before the load jumps: 2.338 rho^(2/3) (1 - 1/g)^(-1/6).

    Parameters
    ----------
    rate : array_like
        Speed rho > 0 of the ramp eta = eta_f + rho tau, per unit of decay time (dimensionless).
    gain : array_like
        Gain g >= 0 (dimensionless).

    Returns
    -------
    float or ndarray
        Delay in eta, of the broadcast shape; NaN where gain <= 1, for there is no jump.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    Leading order for slow ramps; relative corrections are of order rho^(1/3). 2.338... is minus the first zero of Ai.
    For any load response, in its own units: `LoadResponse.ramp_delay`.

    References
    ----------
    Statement ``ramp.delay``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import ramp_delay
    >>> round(float(ramp_delay(1e-3, 2.0)), 9)
    0.026244368
    """
    (rho, g), restore = reals(rate=(rate, POSITIVE), gain=(gain, NON_NEGATIVE))
    safe = where(g > 1.0, g, 2.0)
    bend = sqrt((safe - 1.0) / safe)
    return restore(where(g > 1.0, AIRY_ZERO * (cube_root(rho) ** 2 / cube_root(bend)), np.nan))


def flip_step(gain: Any) -> Any:
    """Largest stable delta = decay * increment at balance, 2/(1 - g): beyond it the load flips at every step.

    Parameters
    ----------
    gain : array_like
        Gain g < 1 (dimensionless); negative for feedback that balances the load.

    Returns
    -------
    float or ndarray
        2/(1 - g), of the shape of gain; NaN where gain >= 1, for there the balanced state is not stable anyway.

    Raises
    ------
    ParameterError
        If gain is not finite and real, or is empty.

    References
    ----------
    Statement ``update.flip``; docs/theory.md, section 7.

    Examples
    --------
    >>> from moecusp import flip_step
    >>> float(flip_step(-3.0))
    0.5
    """
    (g,), restore = reals(gain=(gain, REAL))
    return restore(where(g < 1.0, 2.0 / (1.0 - where(g < 1.0, g, 0.0)), np.nan))


def largest_safe_update_rate(susceptibility: Any) -> Any:
    """Largest stable rate of the bias rule b <- b + r (mean load - load): r = 2/lambda_max(chi).

    Parameters
    ----------
    susceptibility : array_like, shape (..., K, K)
        chi, as from `susceptibility` or `hard_susceptibility` (1/score): symmetric.

    Returns
    -------
    float or ndarray, shape (...)
        r (score); inf where chi is 0.

    Raises
    ------
    ParameterError
        If susceptibility is not finite and real, not square or not symmetric.

    References
    ----------
    Statement ``update.rate``; docs/theory.md, section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp import largest_safe_update_rate, susceptibility
    >>> round(float(largest_safe_update_rate(susceptibility(np.zeros((1, 8))))), 9)
    16.0
    """
    (chi,), restore = reals(susceptibility=(susceptibility, REAL))
    if chi.ndim < 2 or chi.shape[-1] != chi.shape[-2] or chi.shape[-1] < 2:
        raise ParameterError("susceptibility", tuple(chi.shape), "of shape (..., K, K) with K >= 2")
    with np.errstate(all="ignore"):
        size, skew = abs(chi), abs(chi - chi.swapaxes(-1, -2))
        if (skew > 1e-6 * namespace(chi).amax(size, (-2, -1))[..., None, None]).any():
            raise ParameterError("susceptibility", susceptibility, "symmetric")
        top = largest_eigenvalue(0.5 * chi + 0.5 * chi.swapaxes(-1, -2))
        return restore(where(top > 0.0, 2.0 / where(top > 0.0, top, 1.0), np.inf))
