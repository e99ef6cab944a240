"""Enclosures of the derived rule for dead experts, and of the oracle weight from which they are dead."""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq

from moecusp._arguments import NON_NEGATIVE, ParameterError
from moecusp.certify.balls import Ball, between, sharp
from moecusp.dead_experts import PROBABILITY, counted


def log_dead_expert_probability(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Ball:
    """Enclose -(O + B (log C - D))/(H + B), H + B > 0: monotone in B by the sign of O - H (log C - D)."""
    _, taught, gap = counted(experts, classes, choices)

    def formula(h: Ball, o: Ball, b: Ball) -> Ball:
        _decays(h, b)
        lever = arb(taught).log() - arb(fmpq(gap.numerator, gap.denominator))

        def rule(h: Ball, o: Ball, b: Ball) -> Ball:
            return -(o + b * lever) / (h + b)

        pull, tilt = o + b * lever, o - h * lever
        return between(rule, (h, _sign(pull)), (o, -1), (b, _sign(tilt)))

    return sharp(
        formula,
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        oracle_weight=(oracle_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )


def dead_expert_probability(
    entropy_weight: Any, oracle_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Ball:
    """Enclose the exponential of `log_dead_expert_probability`."""
    found = log_dead_expert_probability(entropy_weight, oracle_weight, balance_weight, experts, classes, choices)
    return sharp(lambda x: between(lambda y: y.exp(), (x, 1)), logarithm=found)


def critical_ratio(threshold: Any, balance_over_oracle: Any, experts: int, classes: int, choices: int = 1) -> Ball:
    """Enclose (1 + (B/O) (log C - D))/log(1/q)."""
    _, taught, gap = counted(experts, classes, choices)

    def formula(q: Ball, x: Ball) -> Ball:
        lever = arb(taught).log() - arb(fmpq(gap.numerator, gap.denominator))
        above = 1 + x * lever
        return between(lambda q, x: -(1 + x * lever) / q.log(), (q, _sign(above)), (x, _sign(lever)))

    return sharp(formula, threshold=(threshold, PROBABILITY), balance_over_oracle=(balance_over_oracle, NON_NEGATIVE))


def critical_oracle_weight(
    threshold: Any, entropy_weight: Any, balance_weight: Any, experts: int, classes: int, choices: int = 1
) -> Ball:
    """Enclose a (H log(a/q) + B G), which falls in q and rises with B; in H it need not be monotone."""
    many, taught, gap = counted(experts, classes, choices)

    def formula(q: Ball, h: Ball, b: Ball) -> Ball:
        _decays(h, b)
        if not q * many < 1:
            raise ParameterError("threshold", q, f"> 0 and < 1/{many}")
        apart = arb(fmpq(gap.numerator, gap.denominator))

        def lean(q: Ball) -> Ball:
            return ((1 - (many - taught) * q) / (taught * q)).log() + apart

        if not between(lean, (q, -1)) >= 0:
            raise ParameterError("threshold", q, "so small that G >= 0")

        def weight(q: Ball, b: Ball) -> Ball:
            kept = between(lambda h: arb(0) if h == 0 else (-b * lean(q) / h).exp(), (h, 1))
            own = 1 - (many - taught) * q - (taught - 1) * q * kept
            return own * (h * (own / q).log() + b * lean(q))

        return between(weight, (q, -1), (b, 1))

    return sharp(
        formula,
        threshold=(threshold, PROBABILITY),
        entropy_weight=(entropy_weight, NON_NEGATIVE),
        balance_weight=(balance_weight, NON_NEGATIVE),
    )


def _sign(x: Ball) -> int:
    return 1 if x >= 0 else -1 if x <= 0 else 0


def _decays(h: Ball, b: Ball) -> None:
    if not h + b > 0:
        raise ParameterError("entropy_weight + balance_weight", h + b, "> 0: else nothing keeps such an expert alive")
