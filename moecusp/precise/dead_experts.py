"""The derived rule for dead experts, and the oracle weight from which they are dead, to any number of digits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from moecusp._arguments import ParameterError
from moecusp.dead_experts import counted
from moecusp.precise.certainty import certain, evaluate
from moecusp.precise.multiprecision import exact, positive


def log_dead_expert_probability(
    entropy_weight: Any,
    oracle_weight: Any,
    balance_weight: Any,
    experts: int,
    classes: int,
    choices: int = 1,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return -(O + B (log C - D))/(H + B); see `moecusp.log_dead_expert_probability`."""
    rule = _rule(entropy_weight, oracle_weight, balance_weight, experts, classes, choices)
    return evaluate(_terms, digits, backend, *rule)


def dead_expert_probability(
    entropy_weight: Any,
    oracle_weight: Any,
    balance_weight: Any,
    experts: int,
    classes: int,
    choices: int = 1,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return the exponential of `log_dead_expert_probability`; see `moecusp.dead_expert_probability`."""
    rule = _rule(entropy_weight, oracle_weight, balance_weight, experts, classes, choices)
    return certain(lambda n, *terms: (n.exp(sum(_terms(n, *terms))),), digits, backend, *rule)[0]


def critical_ratio(
    threshold: Any,
    balance_over_oracle: Any,
    experts: int,
    classes: int,
    choices: int = 1,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return (1 + (B/O) (log C - D))/log(1/q); see `moecusp.critical_ratio`."""
    q, x = positive("threshold", threshold), exact("balance_over_oracle", balance_over_oracle, 0)
    if q >= 1:
        raise ParameterError("threshold", threshold, "> 0 and < 1")
    _, taught, gap = counted(experts, classes, choices)

    def ratio(n: Any, q: Any, fixed: Any, slope: Any, classes: Any) -> tuple[Any]:
        return ((fixed + slope * n.log(classes)) / -n.log(q),)

    return certain(ratio, digits, backend, q, 1 - x * gap, x, Fraction(taught))[0]


def critical_oracle_weight(
    threshold: Any,
    entropy_weight: Any,
    balance_weight: Any,
    experts: int,
    classes: int,
    choices: int = 1,
    *,
    digits: int = 50,
    backend: str = "auto",
) -> Any:
    """Return a (H log(a/q) + B G); see `moecusp.critical_oracle_weight`."""
    many, taught, gap = counted(experts, classes, choices)
    q, h, b = positive("threshold", threshold), *_decays(entropy_weight, balance_weight)
    if q * many >= 1:
        raise ParameterError("threshold", threshold, "> 0 and < 1/experts")
    targets, soft = 1 - (many - taught) * q, h > 0

    def weight(n: Any, q: Any, h: Any, b: Any, lead: Any, gap: Any, targets: Any, others: Any) -> tuple[Any, Any]:
        lean = n.log(lead) + gap
        own = targets - others * n.exp(-b * lean / h) if soft else targets
        return own * ((h * n.log(own / q) if soft else 0) + b * lean), lean

    found, lean = certain(
        weight, digits, backend, q, h, b, targets / (taught * q), gap, targets, (taught - 1) * q
    )  # G is not 0: its exponential would be rational
    if lean < 0:
        raise ParameterError("threshold", threshold, "so small that G >= 0")
    return found


def _terms(n: Any, fixed: Any, slope: Any, classes: Any) -> tuple[Any, Any]:
    return -fixed, -slope * n.log(classes)


def _rule(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int
) -> tuple[Fraction, Fraction, Fraction]:
    """Return (O - B D)/(H + B), B/(H + B) and C."""
    h, b = _decays(entropy_weight, balance_weight)
    o = exact("oracle_weight", oracle_weight, 0)
    _, taught, gap = counted(experts, classes, choices)
    return (o - b * gap) / (h + b), b / (h + b), Fraction(taught)


def _decays(entropy_weight: Any, balance_weight: Any) -> tuple[Fraction, Fraction]:
    h, b = exact("entropy_weight", entropy_weight, 0), exact("balance_weight", balance_weight, 0)
    if not h + b:
        raise ParameterError("entropy_weight + balance_weight", Fraction(0), "> 0")
    return h, b
