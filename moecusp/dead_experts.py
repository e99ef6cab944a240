"""The share of an expert without a class of its own: the derived rule (docs/ecology.md; docs/theory.md, section 8).

Routing probabilities are free. Each of C classes of equal share has one expert of its own as its target; the loss is
-O log p of the target, plus B (sum p' log(K p') + K sum (f - 1/K) p') of the mean probabilities p', minus H times the
entropy. The counts f are held fixed at the shares of the slots: 1/(k C) for a target, and of the other k - 1 choices,
which fall to the K - C experts without a class, (k - 1)/(k (K - C)) each. K times the difference is the gap D.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from moecusp._arguments import NON_NEGATIVE, ParameterError, Range, count, integer, reals
from moecusp._numerics.monomials import quotient, total
from moecusp._numerics.operations import namespace

PROBABILITY = Range(0.0, 1.0, open_low=True, open_high=True)


def log_dead_expert_probability(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Any:
    """Logarithm of the mean probability r of an expert without a class: -(O + B (log C - D))/(H + B).

    Parameters
    ----------
    entropy_weight, oracle_weight, balance_weight : array_like
        Weights H, O, B >= 0 of the loss terms, H + B > 0. All broadcast.
    experts : int
        K >= 2.
    classes : int
        C, 1 <= C < K: experts that are targets. Where there are more classes than experts, those that have one.
    choices : int
        k, 1 <= k <= K - C + 1: slots of a token that the balance term counts.

    Returns
    -------
    float or ndarray
        log r, of the broadcast shape; the temperature does not occur.

    Raises
    ------
    ParameterError
        If an argument is out of range, the shapes do not broadcast, or H + B = 0.

    Notes
    -----
    D = (K/k) (1/C - (k - 1)/(K - C)), which is K/C for top-1. The rule is the leading order where little probability
    leaks away from the targets. It is never below the logarithm of the probability at the only minimum of the loss, so
    an expert that it calls dead is dead there; that minimum is what `critical_oracle_weight` solves without
    approximation. From log(1/K) on the rule says nothing: the expert is not dead. Error below 1e-15 of
    (O + B abs(log C - D))/(H + B).

    References
    ----------
    Statement ``ecology.dead_expert``; docs/theory.md, section 8.

    Examples
    --------
    >>> from moecusp import log_dead_expert_probability
    >>> round(float(log_dead_expert_probability(0.01, 2.0, 0.1, experts=16, classes=10)), 6)
    -18.820532
    """
    (h, o, b), restore = _weights(entropy_weight, oracle_weight, balance_weight)
    lever = _lever(*counted(experts, classes, choices)[1:])
    decay = total(h, b)
    with np.errstate(all="ignore"):
        return restore(-(quotient((o,), decay) + lever * quotient((b,), decay)))


def dead_expert_probability(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Any:
    """Mean probability r of an expert without a class by the derived rule: (H + B) log r = -(O + B (log C - D)).

    Parameters
    ----------
    entropy_weight, oracle_weight, balance_weight : array_like
        Weights H, O, B >= 0 of the loss terms, H + B > 0. All broadcast.
    experts, classes, choices : int
        K, C and k, as for `log_dead_expert_probability`.

    Returns
    -------
    float or ndarray
        r, of the broadcast shape. From 1/K on, even above 1, it says no more than that the expert is not dead.

    Raises
    ------
    ParameterError
        As for `log_dead_expert_probability`.

    Notes
    -----
    See `log_dead_expert_probability`, which does not underflow. Relative error below 1e-15 (1 + (O + B
    abs(log C - D))/(H + B)).

    References
    ----------
    Statement ``ecology.dead_expert``; docs/theory.md, section 8.

    Examples
    --------
    >>> from moecusp import dead_expert_probability
    >>> round(float(dead_expert_probability(0.4, 2.0, 0.0, experts=16, classes=10)), 9)  # exp(-O/H) without balance
    0.006737947
    """
    found = log_dead_expert_probability(entropy_weight, oracle_weight, balance_weight, experts, classes, choices)
    with np.errstate(all="ignore"):
        return namespace(found).exp(found)


def critical_ratio(threshold: Any, balance_over_oracle: Any, experts: int, classes: int, choices: int = 1) -> Any:
    """(H + B)/O below which the derived rule has an expert without a class below a threshold q.

    It is (1 + (B/O) (log C - D))/log(1/q); for B << O, 1/log(1/q).

    Parameters
    ----------
    threshold : array_like
        q, 0 < q < 1: the mean probability below which an expert is dead.
    balance_over_oracle : array_like
        B/O >= 0. The two broadcast.
    experts, classes, choices : int
        K, C and k, as for `log_dead_expert_probability`.

    Returns
    -------
    float or ndarray
        Critical (H + B)/O, of the broadcast shape; up to 0 where no entropy weight lets the expert die.

    Raises
    ------
    ParameterError
        If an argument is out of range or the shapes do not broadcast.

    Notes
    -----
    `critical_oracle_weight` has the exact value, (H + B)/O_c, which is larger: at q = 1 % with K = 16, C = 10 and
    B = 0 it is 0.265 against 0.217. Error below 1e-15 of (1 + (B/O) abs(log C - D))/log(1/q).

    References
    ----------
    Statement ``ecology.critical_ratio``; docs/theory.md, section 8.

    Examples
    --------
    >>> from moecusp import critical_ratio
    >>> round(float(critical_ratio(0.01, 0.0, experts=16, classes=10)), 6)
    0.217147
    """
    (q, x), restore = reals(threshold=(threshold, PROBABILITY), balance_over_oracle=(balance_over_oracle, NON_NEGATIVE))
    lever = _lever(*counted(experts, classes, choices)[1:])
    with np.errstate(all="ignore"):
        return restore((1.0 + lever * x) / -namespace(q).log(q))


def _weights(entropy_weight: Any, oracle_weight: Any, balance_weight: Any) -> Any:
    (h, o, b), restore = reals(
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )
    decays(h, b)
    return (h, o, b), restore


def decays(h: Any, b: Any) -> None:
    """Raise ParameterError where H + B = 0."""
    if ((h == 0.0) & (b == 0.0)).any():
        wanted = "> 0: with neither entropy nor balance nothing keeps an expert alive that is nobody's target"
        raise ParameterError("entropy_weight + balance_weight", 0.0, wanted)


def counted(experts: object, classes: object, choices: object) -> tuple[int, int, Fraction]:
    """Return K, C and the gap D, or raise ParameterError."""
    many = count("experts", experts, 2)
    taught = integer("classes", classes, 1, many - 1)
    slots = integer("choices", choices, 1, many - taught + 1)
    return many, taught, Fraction(many, slots) * (Fraction(1, taught) - Fraction(slots - 1, many - taught))


@lru_cache
def _lever(classes: int, gap: Fraction) -> float:
    """Return log C - D, rounded once."""
    with localcontext(prec=60):
        return float(Decimal(classes).ln() - Decimal(gap.numerator) / Decimal(gap.denominator))
