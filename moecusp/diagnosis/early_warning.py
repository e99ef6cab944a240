"""Early warning: fluctuations whose variance and memory rise more than those of a stationary run would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moecusp._arguments import Array, ParameterError, Range, constant, integer, number

_SHARE = Range(0.05, 0.9)
_LEVEL = Range(0.0, 1.0, open_low=True, open_high=True)
FEWEST = 100
_STARTS = ((1.0, 1.0), (3.0, 0.0), (4.0, 3.0))  # of the search for memory and its share, as logits


@dataclass(frozen=True)
class EarlyWarning:
    """Trends of fluctuations along a series.

    Attributes
    ----------
    variance, autocorrelation : ndarray, shape (windows,)
        Of the detrended series in a window that moves along it.
    ends : ndarray of int, shape (windows,)
        The record at which each window ends.
    variance_trend, autocorrelation_trend : float
        Kendall's tau of each with time, in [-1, 1].
    p_value : float
        Share of stationary surrogates whose two trends rise as much together.
    level : float
        False-alarm rate at which it warns.
    """

    variance: Array
    autocorrelation: Array
    ends: Any
    variance_trend: float
    autocorrelation_trend: float
    p_value: float
    level: float

    @property
    def warns(self) -> bool:
        """Whether the p-value is at or below the level."""
        return self.p_value <= self.level


def early_warning(
    series: Any, *, window: float = 0.5, level: float = 0.05, surrogates: int = 199, seed: int = 0
) -> EarlyWarning:
    """Test whether fluctuations grow and slow down towards the end of a series, as they do before a fold.

    Parameters
    ----------
    series : array_like, shape (records,) or (records, modes)
        Scores, biases or loads, or several that fluctuate alike: their variances are added.
    window : float
        Share of the records in a window, from .05 to .9.
    level : float
        False-alarm rate, in (0, 1).
    surrogates : int
        Stationary series drawn for comparison, at least 1/level.
    seed : int
        Of these draws.

    Returns
    -------
    EarlyWarning

    Raises
    ------
    ParameterError
        If there are fewer than 100 records or an argument is out of range.

    Notes
    -----
    Each mode is detrended by a straight line. The statistic is the mean of the two Kendall taus. Surrogates are
    first-order processes with noise of observation, of the same memory as the whole series (by Whittle's likelihood,
    corrected for its bias), and are treated as the series is: whatever overlapping windows and detrending do to the
    trends, they do to theirs. For such series the false-alarm rate is the level up to the error of the memory: at a
    level of 5 %, 3.5 to 6.3 % of 400 stationary series were called in each of five regimes (docs/trajectory.md). It
    says that fluctuations change, not why: a growing batch, or a rate that is lowered, changes them too.

    References
    ----------
    Statements ``noise.variance``, ``noise.autocorrelation``; V. Dakos et al., PLoS ONE 7 (2012) e41010.

    Examples
    --------
    >>> import numpy as np
    >>> from moecusp.diagnosis import early_warning
    >>> rng, x, path = np.random.default_rng(0), 0.0, []
    >>> for n in range(2000):
    ...     x = (0.5 + 0.49 * n / 2000) * x + rng.normal()
    ...     path.append(x)
    >>> early_warning(path).warns
    True
    """
    x = constant("series", series)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or len(x) < FEWEST:
        raise ParameterError("series", x.shape, f"of shape (records >= {FEWEST},) or (records, modes)")
    size = int(number("window", window, _SHARE) * len(x))
    alpha = number("level", level, _LEVEL)
    draws = integer("surrogates", surrogates, int(np.ceil(1.0 / alpha)) - 1)
    source = np.random.default_rng(integer("seed", seed, 0))
    x = _detrended(x)
    if not (x**2).sum() > 0.0:
        raise ParameterError("series", series, "one that fluctuates")
    variance, memory = _windows(x, size)
    seen = _taus(np.stack([variance, memory]))
    null = np.array([_taus(np.stack(_windows(each, size))).mean() for each in _surrogates(x, draws, source)])
    p = (1.0 + np.count_nonzero(null >= seen.mean())) / (1.0 + draws)
    ends = np.arange(size - 1, len(x))[:: _stride(len(x))]
    return EarlyWarning(variance, memory, ends, float(seen[0]), float(seen[1]), float(p), alpha)


def _stride(records: int) -> int:
    return max(records // 200, 1)


def _detrended(x: Array) -> Array:
    time = np.arange(len(x)) - 0.5 * (len(x) - 1)
    centred = x - x.mean(axis=0)
    return np.asarray(centred - np.outer(time, time @ centred) / (time @ time))


def _windows(x: Array, size: int) -> tuple[Array, Array]:
    """Return variance and lag-1 autocorrelation of x (records, modes) in windows, thinned to about 200."""

    def moving(values: Array, width: int) -> Array:
        total = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), values]), axis=0)
        return np.asarray((total[width:] - total[:-width]) / width)

    mean = moving(x, size)
    spread = (moving(x**2, size) - mean**2).sum(axis=1)
    both = (moving(x[1:] * x[:-1], size - 1) - mean**2).sum(axis=1)
    step = _stride(len(x))
    return spread[::step], (both / spread)[::step]


def _taus(paths: Array) -> Array:
    """Return Kendall's tau of each row with time."""
    later = np.sign(paths[:, None, :] - paths[:, :, None])
    pairs = paths.shape[1] * (paths.shape[1] - 1) / 2.0
    return np.asarray(np.triu(later, 1).sum(axis=(1, 2)) / pairs)


def _surrogates(x: Array, draws: int, source: np.random.Generator) -> Any:
    """Yield stationary series with the memory of x: a first-order process seen through white noise."""
    from scipy.signal import lfilter

    phi, share = _memory(x)
    phi = min(phi + (2.0 + 4.0 * phi) / len(x), 1.0 - 1.0 / len(x))  # the bias of a detrended series
    for _ in range(draws):
        kicks = source.normal(size=x.shape) * (share * (1.0 - phi * phi)) ** 0.5
        kicks[0] = source.normal(size=x.shape[1]) * share**0.5
        yield _detrended(
            lfilter([1.0], [1.0, -phi], kicks, axis=0) + source.normal(size=x.shape) * (1.0 - share) ** 0.5
        )


def _memory(x: Array) -> tuple[float, float]:
    """Return the memory of x from one record to the next, and the share of its variance that has it.

    By Whittle's likelihood of a first-order process with white noise beside it; the lowest two frequencies, which
    detrending has taken, are left out.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    power = (np.abs(np.fft.rfft(x, axis=0)) ** 2).sum(axis=1)[2:]
    cosine = np.cos(2.0 * np.pi * np.arange(2, len(power) + 2) / len(x))

    def unlikely(place: Array) -> float:
        phi, share = expit(place)
        density = share * (1.0 - phi * phi) / (1.0 - 2.0 * phi * cosine + phi * phi) + 1.0 - share
        return float(np.log((power / density).mean()) + np.log(density).mean())

    tried = (minimize(unlikely, start, method="Nelder-Mead", bounds=[(-9.0, 9.0)] * 2) for start in _STARTS)
    phi, share = expit(min(tried, key=lambda each: float(each.fun)).x)
    return float(phi), float(share)
