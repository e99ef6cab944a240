"""Products over products, right wherever the result itself is a float: no step on the way overflows or underflows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import mul
from typing import Any

import numpy as np

from moecusp._numerics.gradients import evaluate
from moecusp._numerics.operations import is_tensor, parts, scaled, where


def quotient(above: Sequence[Any], below: Sequence[Any] = ()) -> Any:
    """Return the product of the factors above over that of the factors below, which are not 0.

    There are up to four of each, and at least one above.
    Mantissas are multiplied from left to right and powers of two added, so that each operation rounds as it would
    without any limit on the exponent, and the result once more where it is subnormal. Tensors can be differentiated to
    any order: the partial derivatives are such quotients again.
    """
    count = len(above)

    def value(*factors: Any) -> Any:
        if all(map(_tame, factors)):  # nothing can leave the range: the same bits for a tenth of the time
            return _product(factors[:count]) / _product(factors[count:])
        with np.errstate(all="ignore"):
            mantissas, powers = zip(*map(parts, factors), strict=True)
            top, bottom = _product(mantissas[:count]), _product(mantissas[count:])
            return scaled(top / bottom, sum(powers[:count]) - sum(powers[count:]))

    def partials(*factors: Any) -> tuple[Any, ...]:
        high, low = factors[:count], factors[count:-1]  # the last is the value
        one = (high[0] * 0.0 + 1.0,)
        return (
            *(quotient((*one, *high[:i], *high[i + 1 :]), low) for i in range(count)),
            *(-quotient(high, (*low, factor)) for factor in low),
        )

    return evaluate(value, partials, *above, *below)


def total(x: Any, y: Any) -> tuple[Any, Any]:
    """Return x + y >= 0 as a number and a power of two to multiply it by: it neither overflows nor underflows."""
    unit = where((x > 1e300) | (y > 1e300), 2.0**4, 1.0)
    with np.errstate(under="ignore"):
        return x / unit + y / unit, unit


def _product(factors: Sequence[Any]) -> Any:
    return reduce(mul, factors) if factors else 1.0


def _tame(factor: Any) -> bool:
    """Return whether a product of four such factors is far from the ends of the range."""
    if is_tensor(factor):
        return False
    if np.ndim(factor) == 0:
        return 2.0**-250 < abs(float(factor)) < 2.0**250
    size = np.abs(factor)
    return bool(np.max(size) < 2.0**250 and np.min(size) > 2.0**-250)
