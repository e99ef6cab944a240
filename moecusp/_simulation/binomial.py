"""Exact binomial counts by inversion, one per router, from one uniform number each.

The outcomes are visited outwards from a start m at the mode or just below it, in the order m, m + 1, m - 1, m + 2,
and so on, and the uniform number is reduced by each probability until it is used up (Devroye 1986, section X.4): exact
up to the rounding of the probabilities, at O(sqrt(n p q)) cost. The probability of the start comes from Loader's
saddle-point form, which does not lose digits for large n. `compiled_scalar` holds the same algorithm as a scalar loop.
"""

from __future__ import annotations

from typing import Any

STIRLING = (1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0)
OFF_MODE = 0.381966
"""The start is floor((n + 1)p - this): no simple fraction, so that rounding of p never decides it for equal experts."""
FLIP = 0.5527
"""Failures are drawn instead above this probability; likewise no simple fraction."""
LOG_TWO_PI = 1.8378770664093453


def stirling_error(xp: Any, n: Any) -> Any:
    """Return log n! - (n + 1/2) log n + n - log(2 pi)/2 for n >= 1, shifting the series up to n + 8."""
    total = 0.0 * n
    for _ in range(8):  # error(n) = error(n + 1) + (n + 1/2) log(1 + 1/n) - 1
        total = total + (n + 0.5) * xp.log1p(1.0 / n) - 1.0
        n = n + 1.0
    square = 1.0 / (n * n)
    series = 0.0 * n
    for coefficient in reversed(STIRLING):
        series = series * square + coefficient
    return total + series / n


def mode_probability(xp: Any, n: Any, p: Any, mode: Any) -> Any:
    """Return the binomial probability of the mode, for n >= 1 and p at most a little over 1/2."""
    q = 1.0 - p
    none = xp.exp(n * xp.log1p(-p))
    k = xp.where(mode >= 1.0, mode, 0.0 * mode + 1.0)
    rest = xp.where(n - k >= 1.0, n - k, 0.0 * n + 1.0)
    safe = xp.where(mode >= 1.0, p, 0.0 * p + 0.5)
    a, b = k / (n * safe) - 1.0, rest / (n * q) - 1.0
    deviance = n * safe * ((1.0 + a) * xp.log1p(a) - a) + n * q * ((1.0 + b) * xp.log1p(b) - b)
    stirling = stirling_error(xp, n) - stirling_error(xp, k) - stirling_error(xp, rest)
    inside = xp.exp(stirling - deviance + 0.5 * (xp.log(n / (k * rest)) - LOG_TWO_PI))
    return xp.where(mode >= 1.0, inside, none)


def binomial(xp: Any, n: Any, p: Any, uniform: Any) -> Any:
    """Return counts of successes.

    Parameters
    ----------
    xp : module
        numpy or torch.
    n, p, uniform : float arrays of one shape
        Number of trials >= 0, probability in [0, 1], uniform number in (0, 1).

    Returns
    -------
    float array
        Counts in 0..n.
    """
    flip = p > FLIP
    p = xp.where(flip, 1.0 - p, p)
    trials = xp.where(n >= 1.0, n, 0.0 * n + 1.0)
    mode = xp.floor((trials + 1.0) * p + (1.0 - OFF_MODE))
    mode = xp.where(mode >= 1.0, mode - 1.0, 0.0 * mode)
    odds = xp.where(p > 0.0, p / (1.0 - p), 0.0 * p + 1.0)  # at p = 0 the mode already has all the probability
    high = low = mode_probability(xp, trials, p, mode)
    left = uniform - high
    up = down = count = mode
    busy = left > 0.0
    while bool(busy.any()):
        high = xp.where(up < trials, high * (trials - up) / (up + 1.0) * odds, 0.0 * high)
        up = up + 1.0
        left = left - high
        done = busy & (left <= 0.0)
        count = xp.where(done, up, count)
        busy = busy & ~done
        low = xp.where(down > 0.0, low * down / ((trials - down + 1.0) * odds), 0.0 * low)
        down = down - 1.0
        left = left - low
        done = busy & (left <= 0.0)
        count = xp.where(done, down, count)
        busy = busy & ~done & ((up < trials) | (down > 0.0)) & (high + low > 0.0)
    count = xp.where(flip, trials - count, count)
    return xp.where(n >= 1.0, count, 0.0 * n)
