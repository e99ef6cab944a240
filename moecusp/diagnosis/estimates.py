"""What a trajectory says of one number: how sure it is, or that it cannot be told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from moecusp._arguments import ParameterError

ROUNDING = 1e-9
"""Of loads; and of what follows by an identity, in shares of the largest coefficient."""


class Identification(StrEnum):
    """How a number was obtained."""

    EXACT = "EXACT"
    """It follows from the records by an identity, to their rounding."""
    ESTIMATED = "ESTIMATED"
    """It was estimated, with an interval."""
    NOT_IDENTIFIABLE = "NOT_IDENTIFIABLE"
    """No record of this kind, or of this length, determines it."""


@dataclass(frozen=True)
class Estimate:
    """A number estimated from a trajectory.

    Attributes
    ----------
    value, low, high : float
        The number and its interval; NaN, and infinite ends, where it is not identifiable.
    status : Identification
    reason : str
        Why it is not identifiable, and what would make it so; empty otherwise.
    """

    value: float
    low: float
    high: float
    status: Identification
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing."""
        if self.status is Identification.NOT_IDENTIFIABLE and not self.reason:
            raise ParameterError("reason", self.reason, "given where a number is not identifiable")
        if not self.low <= self.high:
            raise ParameterError("low and high", (self.low, self.high), "numbers with low <= high")

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.status is not Identification.NOT_IDENTIFIABLE

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the interval."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """Return the number with its interval, or why there is none."""
        if not self.known:
            return f"not identifiable: {self.reason}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def unknown(reason: str) -> Estimate:
    """Return the estimate of a number that cannot be told."""
    return Estimate(math.nan, -math.inf, math.inf, Identification.NOT_IDENTIFIABLE, reason)


def normal(value: float, error: float, reach: float, *, exact: bool = False) -> Estimate:
    """Return an estimate with a symmetric interval of `reach` standard errors."""
    half = reach * error
    return Estimate(value, value - half, value + half, Identification.EXACT if exact else Identification.ESTIMATED)


def ratio(
    numerator: float,
    denominator: float,
    variances: tuple[float, float, float],
    reach: float,
    reason: str,
    *,
    exact: bool = False,
) -> Estimate:
    """Return a/b with the interval of Fieller: all t for which a - t b lies within `reach` errors of 0.

    Parameters
    ----------
    numerator, denominator : float
        a and b, jointly normal.
    variances : (float, float, float)
        Var a, Cov(a, b), Var b.
    reach : float
        Half-width in standard errors.
    reason : str
        What to say where b is not told apart from 0, for then no interval is bounded.
    exact : bool
        Whether a and b follow from an identity.

    References
    ----------
    E. C. Fieller, J. R. Stat. Soc. B 16 (1954) 175-185.

    Examples
    --------
    >>> from moecusp.diagnosis.estimates import ratio
    >>> print(ratio(2.0, 1.0, (0.01, 0.0, 0.0), 2.0, ""))
    2 [1.8, 2.2]
    """
    aa, ab, bb = variances
    squared = reach * reach
    lead = denominator * denominator - squared * bb
    if not lead > 0.0:
        return unknown(reason)
    middle = numerator * denominator - squared * ab
    spread = aa * denominator**2 - 2.0 * ab * numerator * denominator + bb * numerator**2  # without cancellation
    half = reach * math.sqrt(max(spread - squared * (aa * bb - ab * ab), 0.0)) / lead
    status = Identification.EXACT if exact else Identification.ESTIMATED
    value = numerator / denominator
    low, high = middle / lead - half, middle / lead + half
    return Estimate(value, min(low, value), max(high, value), status)
