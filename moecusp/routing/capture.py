"""What is recorded of a router, as NumPy arrays for the closed formulas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from moecusp._arguments import ParameterError


def margins(logits: Tensor) -> NDArray[np.float64]:
    """Margins a1 - a2 of a two-expert router's logits, for `EmpiricalResponse`.

    Parameters
    ----------
    logits : Tensor, shape (..., 2)
        Logits (score), on any device.

    Returns
    -------
    ndarray, shape (...)
        Margins in float64.

    Raises
    ------
    ParameterError
        If the last axis does not hold two experts.

    Examples
    --------
    >>> import torch
    >>> from moecusp.routing import margins
    >>> margins(torch.tensor([[1.0, 0.5], [0.0, 2.0]])).tolist()
    [0.5, -2.0]
    """
    if logits.ndim < 1 or logits.shape[-1] != 2:
        raise ParameterError("logits", tuple(logits.shape), "of shape (..., 2 experts)")
    wide = logits.detach().double().cpu().numpy()
    return np.asarray(wide[..., 0] - wide[..., 1])
