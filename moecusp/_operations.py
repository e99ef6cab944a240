"""The operations beyond arithmetic that the kernels are written in, for NumPy arrays.

`_backends` puts their counterparts for torch tensors and numba scalars in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

where: Any = np.where
sqrt: Any = np.sqrt


def as_bits(x: Any) -> Any:
    """Return the 64 bits of a float as an integer."""
    return x.view(np.int64)


def as_float(bits: Any) -> Any:
    """Return the float of 64 bits."""
    return bits.view(np.float64)


def take(table: Sequence[float], index: Any) -> Any:
    """Return the entries of a table of constants."""
    return np.asarray(table)[index]
