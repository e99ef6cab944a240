"""Margins of two experts, balanced."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from moecusp import EmpiricalResponse


def balance(margins: NDArray[np.float64], jitter: float) -> float:
    """Return the margin at which to cut for an even load of hard routing, the margins blurred by Gaussian jitter."""
    reach = float(np.abs(margins).max())
    return float(brentq(lambda b: EmpiricalResponse(margins - b, jitter=jitter).value(0.0), -reach, reach, xtol=1e-15))
