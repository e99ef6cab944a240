"""A number of a diagnosis: with its interval, or with the reason why it cannot be told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from moecusp._arguments import ParameterError

CONFIDENCE = 0.95  # of every interval of a diagnosis


@dataclass(frozen=True)
class Quantity:
    """A number, what it is, and how sure it is.

    Parameters
    ----------
    definition : str
        What it is: a key of `moecusp.diagnosis.DEFINITIONS`.
    value : float or None
        The number; None where it cannot be told.
    low, high : float or None
        Ends of its interval; both None where there is none. An end may be infinite.
    reason : str
        Why there is no value, or no interval; not empty where the value is None.
    note : str
        What a reader of the number must know: how many tokens, what was assumed.
    confidence : float
        With which the interval holds the true value.

    Raises
    ------
    ParameterError
        If there is neither a value nor a reason, the value is NaN, or one end of the interval is missing or beyond the
        other.

    Examples
    --------
    >>> from moecusp.diagnosis import Quantity
    >>> found = Quantity("largest_response", 0.21, 0.19, 0.24)
    >>> found.known, f"{found}"
    (True, '0.21 [0.19, 0.24]')
    >>> f"{Quantity('largest_response', reason='no logits were recorded')}"
    'cannot tell: no logits were recorded'
    """

    definition: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""
    note: str = ""
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        """Refuse what says nothing."""
        if self.value is None and not self.reason:
            raise ParameterError("reason", self.reason, "given where there is no value")
        if self.value is not None and math.isnan(self.value):
            raise ParameterError("value", self.value, "a number, or None with a reason")
        if (self.low is None) != (self.high is None):
            raise ParameterError("low and high", (self.low, self.high), "both there, or both None")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ParameterError("low and high", (self.low, self.high), "numbers with low <= high")

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None

    @property
    def number(self) -> float:
        """The value; NaN where it cannot be told."""
        return math.nan if self.value is None else self.value

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval; infinite where there is none."""
        return (-math.inf, math.inf) if self.low is None or self.high is None else (self.low, self.high)

    def __str__(self) -> str:
        """Return the number with its interval, or why it cannot be told."""
        if self.value is None:
            return f"cannot tell: {self.reason}"
        if self.low is None or self.high is None:
            return f"{self.value:.4g}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"
