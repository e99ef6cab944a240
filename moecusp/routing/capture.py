"""What is recorded of a router, as NumPy arrays for the closed formulas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from moecusp._arguments import ParameterError, dense
from moecusp._logits import EXTENDED, finite_above, read


def margins(logits: Tensor) -> NDArray[np.float64]:
    """Margins a1 - a2 of a two-expert router's logits, for `EmpiricalResponse`.

    Parameters
    ----------
    logits : Tensor, shape (..., 2)
        Logits (score), on any device.

    Returns
    -------
    ndarray, shape (...)
        Margins in float64: +-inf where an expert cannot be chosen (-inf) or wins (+inf), 0 where both do.

    Raises
    ------
    ParameterError
        If logits are not a dense tensor of real numbers whose last axis holds two experts, are NaN, or -inf for both.

    Warns
    -----
    UserWarning
        If the logits look like probabilities.

    Examples
    --------
    >>> import torch
    >>> from moecusp.routing import margins
    >>> margins(torch.tensor([[1.0, 0.5], [0.0, 2.0]])).tolist()
    [0.5, -2.0]
    """
    if not isinstance(logits, Tensor):
        raise ParameterError("logits", logits, f"{EXTENDED}, in a torch tensor: torch.as_tensor(logits)")
    if logits.ndim < 1 or logits.shape[-1] != 2:
        raise ParameterError("logits", tuple(logits.shape), "of shape (..., 2 experts)")
    recorded = read(dense("logits", logits, EXTENDED).detach().reshape(-1, 2))
    wide = finite_above(recorded.values).cpu().numpy()
    with np.errstate(over="ignore"):
        return np.asarray(wide[:, 0] - wide[:, 1]).reshape(logits.shape[:-1])
