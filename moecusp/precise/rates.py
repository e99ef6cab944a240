"""How far a ramped router gets past the fold, to any number of digits."""

from __future__ import annotations

from typing import Any

from moecusp._arguments import ParameterError
from moecusp.precise.certainty import evaluate
from moecusp.precise.multiprecision import exact, positive


def ramp_delay(rate: Any, gain: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return -a_1 rho^(2/3) (1 - 1/g)^(-1/6), g > 1, a_1 the first zero of Ai; see `moecusp.ramp_delay`.

    mpmath's zero of Ai takes seconds at 1,000 digits.

    >>> from moecusp import precise
    >>> print(precise.ramp_delay("0.001", 2, digits=15))
    0.0262443683311199
    """
    rho, g = positive("rate", rate), exact("gain", gain)
    if g <= 1:
        raise ParameterError("gain", gain, "finite and real and > 1: without a fold there is no jump")
    return evaluate(lambda n, x: (-n.airy_zero() * n.root(x, 6),), digits, backend, rho**4 * g / (g - 1))
