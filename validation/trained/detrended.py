"""Mean squares of a linear chain about a straight line: what slow drifts leave to see of its fluctuations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def traces(chi: Array, bias: Array, noise: Array, pull: Array, length: int) -> tuple[Array, Array]:
    """Return the traces of the autocovariances of biases and of observed loads at the lags 0, 1, ..., length - 1.

    b' = b - R (chi b + xi), f = chi b + xi: Cov(b_k, b) = M^k P and Cov(f_k, f) = chi M^(k-1) (M P chi - R Sigma),
    M = 1 - R chi.

    Parameters
    ----------
    chi, bias, noise, pull : ndarray, shape (..., K, K)
        chi, P, the covariance Sigma of a batch's loads, and R.
    length : int
        Of the path.
    """
    step = np.eye(chi.shape[-1]) - pull @ chi
    power, crossed = bias, step @ bias @ chi - pull @ noise
    of_bias, of_load = [np.trace(bias, axis1=-2, axis2=-1)], [np.trace(chi @ bias @ chi + noise, axis1=-2, axis2=-1)]
    for _ in range(length - 1):
        power = step @ power
        of_bias.append(np.trace(power, axis1=-2, axis2=-1))
        of_load.append(np.trace(chi @ crossed, axis1=-2, axis2=-1))
        crossed = step @ crossed
    return np.stack(of_bias, axis=-1), np.stack(of_load, axis=-1)


def detrended(autocovariance: Array, length: int) -> Array:
    """Return the expected mean square about a straight line of a stationary path, from its autocovariances.

    Parameters
    ----------
    autocovariance : ndarray, shape (..., length)
        At the lags 0, 1, ...
    length : int
        Of the path.

    Examples
    --------
    >>> import numpy as np
    >>> white = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    >>> round(float(detrended(white, 5)), 9)  # two of five degrees of freedom are the line's
    0.6
    """
    time = np.arange(length) - 0.5 * (length - 1)
    kept = np.eye(length) - 1.0 / length - np.outer(time, time) / (time @ time)
    sums = np.array([np.trace(kept, offset=lag) * (1.0 if lag == 0 else 2.0) for lag in range(length)])
    return np.asarray(autocovariance @ sums / length)
