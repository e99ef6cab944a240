"""What an interval is, and those for a mean over repetitions and for an exact number; p-values of several claims."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp._arguments import ParameterError, Range, integer, number, real

Array = NDArray[np.float64]

POWER = 0.9
"""Probability with which a departure as large as `Interval.detectable` is placed outside the band."""

CONFIDENCE = Range(0.0, 1.0, open_low=True, open_high=True)


@dataclass(frozen=True)
class Interval:
    """What data say of one number; each end is wrong with probability at most ``(1 - confidence)/2``.

    Attributes
    ----------
    estimate : float
        Of the effect.
    low, high : float
        Ends of the interval; infinite where the data were too few to give any.
    confidence : float
        Probability with which such an interval holds the true value; 1 for a number computed without chance.
    n : int
        Independent repetitions behind it.
    unit : str
        What `n` counts: "seeds", "routers", "configurations".
    method : str
        How it was made, in words.
    detectable : float
        Departure from the edge of a band that such data would place outside the band with probability `POWER` = 0.9.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    n: int
    unit: str
    method: str
    detectable: float

    def __post_init__(self) -> None:
        """Refuse what is no interval."""
        if not self.low <= self.high:
            raise ParameterError("low and high", (self.low, self.high), "numbers with low <= high")
        if not 0.0 < self.confidence <= 1.0:
            raise ParameterError("confidence", self.confidence, "> 0 and <= 1")
        if not self.detectable >= 0.0:
            raise ParameterError("detectable", self.detectable, ">= 0")
        integer("n", self.n, 1)


def student(samples: Any, confidence: float = 0.99, unit: str = "seeds") -> Interval:
    """Return Student's interval for the mean of independent repetitions.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Effect measured in each repetition; NaN where one gave none. Fewer than 3, or any NaN (what is missing is seldom
        missing by chance), leave the interval unbounded.
    confidence : float
        In (0, 1).
    unit : str
        What the repetitions are.

    Returns
    -------
    Interval

    Raises
    ------
    ParameterError
        If the samples are not a vector of finite numbers with at least one there, or the confidence is out of range.

    Notes
    -----
    Exact for normal samples. `Interval.detectable` is exact for them too, by the noncentral t distribution, where their
    standard deviation is the one seen. Equal samples give an interval without width: a share of few trials belongs
    to `clopper_pearson`.

    Examples
    --------
    >>> from moecusp.report import student
    >>> found = student([0.99, 1.0, 1.01, 1.0])
    >>> print(f"{found.low:.4f} {found.high:.4f}")
    0.9762 1.0238
    """
    level = number("confidence", confidence, CONFIDENCE)
    values = np.asarray(samples, dtype=np.float64)
    missing = np.isnan(values)
    if values.ndim != 1 or missing.all():
        raise ParameterError("samples", samples, f"a vector with one value for each of the {unit}, not all missing")
    real("samples", values[~missing])
    mean, n, method = float(np.nanmean(values)), values.size, "Student"
    if n < 3 or missing.any():
        return Interval(mean, -np.inf, np.inf, level, n, unit, method, np.inf)
    error = float(values.std(ddof=1)) / n**0.5
    reach, detectable = (each * error for each in in_errors(level, n - 1))
    return Interval(mean, mean - reach, mean + reach, level, n, unit, method, detectable)


def equivalence(samples: Any, level: float = 0.005, unit: str = "seeds") -> Interval:
    """Return the interval of two one-sided t tests: inside a band exactly where both reject at `level`.

    Parameters
    ----------
    samples : array_like, shape (n,)
        As in `student`.
    level : float
        Probability, in (0, 1/2), with which a true effect outside the band is called equal. The interval has
        the confidence 1 - 2 `level`.
    unit : str
        What the repetitions are.

    Returns
    -------
    Interval

    Raises
    ------
    ParameterError
        As in `student`.

    References
    ----------
    .. [1] D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987) 657-680.

    Examples
    --------
    >>> from moecusp.report import equivalence
    >>> equivalence([0.99, 1.0, 1.01, 1.0], level=0.05).confidence
    0.9
    """
    each = number("level", level, Range(0.0, 0.5, open_low=True, open_high=True))
    return replace(student(samples, 1.0 - 2.0 * each, unit), method="two one-sided t tests")


def exact(value: float, unit: str = "computation") -> Interval:
    """Return the interval of a number computed without chance: that number alone.

    Raises
    ------
    ParameterError
        If the value is not one finite number.

    Examples
    --------
    >>> from moecusp.report import exact
    >>> exact(0.5).high
    0.5
    """
    point = number("value", value)
    return Interval(point, point, point, 1.0, 1, unit, "exact", 0.0)


def holm(p_values: Any) -> Array:
    """Return p-values adjusted by Holm's method: called false below α, they are so with probability at most α in all.

    Parameters
    ----------
    p_values : array_like, shape (claims,)
        In [0, 1]; they may depend on each other in any way.

    Returns
    -------
    ndarray, shape (claims,)
        Adjusted, in the order given.

    Raises
    ------
    ParameterError
        If a p-value is out of range.

    References
    ----------
    .. [1] S. Holm, Scand. J. Stat. 6 (1979) 65-70.

    Examples
    --------
    >>> from moecusp.report import holm
    >>> print(holm([0.01, 0.04, 0.03]))
    [0.03 0.06 0.06]
    """
    p = np.asarray(real("p_values", p_values, Range(0.0, 1.0)))
    if p.ndim != 1:
        raise ParameterError("p_values", p_values, "a vector")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


@lru_cache(maxsize=256)
def in_errors(confidence: float, freedom: int) -> tuple[float, float]:
    """Return, in standard errors, the half-width of a t interval, and the departure that `detectable` is.

    The departure is the noncentrality whose interval lies wholly beyond the edge with probability `POWER`.
    """
    from scipy.special import nctdtrinc
    from scipy.stats import t

    reach = float(t.ppf(0.5 + confidence / 2, freedom))
    return reach, float(nctdtrinc(freedom, 1.0 - POWER, reach))
