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

    def rounded(self, x: Any) -> NDArray[Any]:
        """Return the nearest numbers of this format, ties to even, cut at its largest; -inf stays.

        On the bits of float32 or float64, whichever the numbers have, so that nothing is divided.
        """
        given = np.asarray(x)
        single = given.dtype.kind == "f" and given.dtype.itemsize < 8
        values: NDArray[Any] = given.astype(np.float32 if single else np.float64)
        word: Any = np.uint32 if single else np.uint64
        drop, one = word((24 if single else 53) - self.digits), word(1)
        bits = values.view(word)
        found = (bits >> drop) & one
        found += bits
        found += word((1 << int(drop) - 1) - 1)
        found >>= drop
        found <<= drop
        result: NDArray[Any] = found.view(values.dtype)
        small = np.abs(values) < 2.0**self.least
        if small.any():
            unit = 2.0 ** (self.least - self.digits + 1)
            result[small] = np.rint(values[small].astype(np.float64) / unit) * unit
        ruled_out = values == -np.inf
        np.clip(result, -self.most, self.most, out=result)
        result[ruled_out] = -np.inf
        return result


FORMATS = (
    Format("float16", 11, -14, 65504.0),
    Format("bfloat16", 8, -126, float(2.0**127 * (2.0 - 2.0**-7))),
    Format("float8 e4m3", 4, -6, 448.0),
    Format("float8 e5m2", 3, -14, 57344.0),
)
