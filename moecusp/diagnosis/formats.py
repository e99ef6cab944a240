"""Number formats of routers: how far apart their numbers are, and rounding to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BIAS = 1023  # of the exponent in the bits of a float64


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Attributes
    ----------
    name : str
        What it is called.
    digits : int
        Bits of the significand, the leading one included.
    least : int
        Exponent e of its smallest normal number 2^e.
    most : float
        Its largest finite number, to which larger ones are cut.
    """

    name: str
    digits: int
    least: int
    most: float

    def spacing(self, x: Any) -> Floats:
        """Return the distance of this format's numbers where x lies, of the shape of x."""
        size = np.minimum(np.abs(np.asarray(x, dtype=np.float64)), self.most)
        exponent = np.maximum(
            size.view(np.int64) >> 52, self.least + _BIAS
        )  # its own bits: frexp takes ten times as long
        return np.asarray((exponent - (self.digits - 1) << 52).view(np.float64))

    def rounded(self, x: Any) -> Floats:
        """Return the nearest numbers of this format, ties to even, cut at its largest; -inf stays."""
        values = np.asarray(x, dtype=np.float64)
        finite = np.clip(values, -self.most, self.most)
        d = self.spacing(finite)
        return np.where(np.isinf(values), values, np.clip(np.rint(finite / d) * d, -self.most, self.most))


FORMATS = (
    Format("float16", 11, -14, 65504.0),
    Format("bfloat16", 8, -126, float(2.0**127 * (2.0 - 2.0**-7))),
    Format("float8 e4m3", 4, -6, 448.0),
    Format("float8 e5m2", 3, -14, 57344.0),
)
