"""The oracle weight from which an expert without a class is dead, at the only minimum of the loss (docs/ecology.md).

The loss, its counts and the gap D are those of `moecusp.dead_experts`. Everything is a sum of positive terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, ParameterError, Range, reals
from moecusp._numerics.double import two_product
from moecusp._numerics.monomials import quotient
from moecusp._numerics.operations import namespace, where
from moecusp.dead_experts import counted, decays

_SMALL = 2.0**-500  # below it 1 + 1/q is 1/q, which may overflow
_GONE = 800.0  # exp(-800) is 0 beside 1


def critical_oracle_weight(
    threshold: Any, entropy_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Any:
    """Oracle weight O_c above which an expert without a class has a mean probability below q, without approximation.

    O_c = a (H log(a/q) + B G) with G = log((1 - (K - C) q)/(C q)) + D and a = 1 - (K - C) q - (C - 1) q exp(-B G/H),
    the probability of a target for its own class.

    Parameters
    ----------
    threshold : array_like
        q, 0 < q < 1/K: the mean probability below which an expert is dead.
    entropy_weight, balance_weight : array_like
        Weights H, B >= 0, H + B > 0. All three broadcast.
    experts, classes, choices : int
        K, C and k, as for `log_dead_expert_probability`.

    Returns
    -------
    float or ndarray
        O_c > 0, of the broadcast shape.

    Raises
    ------
    ParameterError
        If an argument is out of range, the shapes do not broadcast, H + B = 0, or G < 0: then the second choices do not
        all go to experts without a class. For top-1 that does not happen.

    Notes
    -----
    The loss is convex in the probabilities, and its only minimum has three values in a row: a, q exp(-B G/H) for the
    targets of other classes, and q. O_c falls strictly in q. Relative error below 2e-15 where D >= 0.

    References
    ----------
    Statements ``ecology.stationary`` and ``ecology.critical_oracle``; docs/theory.md, section 8.

    Examples
    --------
    >>> from moecusp import critical_oracle_weight
    >>> round(float(critical_oracle_weight(0.01, 0.4, 0.0, experts=16, classes=10)), 6)
    1.510501
    """
    many, taught, exactly = counted(experts, classes, choices)
    gap = float(exactly)
    below = Range(0.0, 1.0 / many, open_low=True, open_high=True)
    (q, h, b), restore = reals(
        threshold=(threshold, below),
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )
    decays(h, b)
    ns = namespace(q)
    with np.errstate(all="ignore"):
        share, error = two_product(float(many), q)
        spare = (1.0 - share) - error  # 1 - K q
        tiny = q < _SMALL
        safe = where(tiny, 0.5, q)
        lean = where(tiny, -ns.log(q) - np.log(taught), ns.log1p(spare / (taught * safe))) + gap
        if (lean < 0.0).any():
            raise ParameterError(
                "threshold",
                threshold,
                f"so small that log((1 - (K - C) q)/(C q)) >= {-gap:g}: else the second choices do not all go to "
                "experts without a class",
            )
        gone = (h == 0.0) | (quotient((b, lean), (where(h == 0.0, 1.0, h),)) > _GONE)
        other = where(gone, _GONE, quotient((b, lean), (where(gone, 1.0, h),)))  # log q less that of other targets
        more = spare - (taught - 1.0) * q * ns.expm1(-other)  # a - q, of positive terms
        own = q + more
        depth = where(tiny, ns.log(own) - ns.log(q), ns.log1p(more / safe))
        return restore(quotient((own, h, depth)) + quotient((own, b, lean)))
