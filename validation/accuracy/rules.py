"""Points, formulas as written and Arb definitions of the rules for dead experts and of balancing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

import moecusp as mc
from validation.accuracy.members import COUNT, Named, wide

EXPERTS, CLASSES = 16, 10
GAP = EXPERTS / CLASSES


def rules() -> Named:
    """Return (function, as written, definition, points by region) by name."""
    return dead() | balancing()


def log_share(h: float, o: float, b: float) -> arb:
    """Return log r of (H + B) log r = -(O + B (log C - D)), D = K/C."""
    return -(arb(o) + arb(b) * (arb(CLASSES).log() - arb(EXPERTS) / CLASSES)) / (arb(h) + arb(b))


def oracle_weight(q: float, h: float, b: float) -> arb:
    """Return the oracle weight at which the three values of the only minimum have q for an expert without a class."""
    rest, threshold = 1 - (EXPERTS - CLASSES) * arb(q), arb(q)
    gain = (rest / (CLASSES * threshold)).log() + arb(EXPERTS) / CLASSES
    own = rest - (CLASSES - 1) * threshold * (-arb(b) * gain / arb(h)).exp()
    return own * (arb(h) * (own / threshold).log() + arb(b) * gain)


def dead() -> Named:
    """Return those of an expert without a class, of 16 experts and 10 classes."""
    rng = np.random.default_rng(20240604)

    def powers(low: float, high: float) -> Any:
        return 10 ** rng.uniform(low, high, COUNT)

    lever = np.log(CLASSES) - GAP

    def written(h: Any, o: Any, b: Any) -> Any:
        return -(o + b * lever) / (h + b)

    def weight(q: Any, h: Any, b: Any) -> Any:
        rest = 1 - (EXPERTS - CLASSES) * q
        gain = np.log(rest / (CLASSES * q)) + GAP
        own = rest - (CLASSES - 1) * q * np.exp(-b * gain / h)
        return own * (h * np.log(own / q) + b * gain)

    def sized(low: float, high: float) -> tuple[Any, ...]:  # log r about -x
        h, b = powers(-3, 1), powers(-3, 1)
        return h, rng.uniform(low, high, COUNT) * (h + b), b

    known: dict[str, Any] = {"experts": EXPERTS, "classes": CLASSES}
    return {
        "log_dead_expert_probability": (
            lambda h, o, b: mc.log_dead_expert_probability(h, o, b, **known),
            written,
            wide(log_share),
            {
                "weights from 1e-3 to 10": (powers(-3, 1), powers(-3, 1), powers(-3, 1)),
                "weights from 1e-150 to 1e150": (powers(-150, 150), powers(-150, 150), powers(-150, 150)),
                "without balance": (powers(-3, 1), powers(-3, 1), np.zeros(COUNT)),
            },
        ),
        "dead_expert_probability": (
            lambda h, o, b: mc.dead_expert_probability(h, o, b, **known),
            lambda h, o, b: np.exp(written(h, o, b)),
            wide(lambda h, o, b: log_share(h, o, b).exp()),
            {"O/(H + B) to 5": sized(0.0, 5.0), "O/(H + B) from 5 to 600": sized(5.0, 600.0)},
        ),
        "critical_ratio": (
            lambda q, x: mc.critical_ratio(q, x, **known),
            lambda q, x: (1 + x * lever) / np.log(1 / q),
            wide(lambda q, x: (1 + arb(x) * (arb(CLASSES).log() - arb(EXPERTS) / CLASSES)) / (1 / arb(q)).log()),
            {
                "q from 1e-300 to 1e-2": (powers(-300, -2), powers(-3, 3)),
                "q from 0.01 to 0.99": (rng.uniform(0.01, 0.99, COUNT), powers(-3, 3)),
                "1 - q from 1e-15 to 1e-2": (1 - powers(-15, -2), powers(-3, 3)),
            },
        ),
        "critical_oracle_weight": (
            lambda q, h, b: mc.critical_oracle_weight(q, h, b, **known),
            weight,
            wide(oracle_weight),
            {
                "q from 1e-300 to 1e-3": (powers(-300, -3), powers(-3, 1), powers(-3, 1)),
                "q from 1e-3 to 0.06": (rng.uniform(1e-3, 0.06, COUNT), powers(-3, 1), powers(-3, 1)),
                "1 - K q from 1e-14 to 1e-2": ((1 - powers(-14, -2)) / EXPERTS, powers(-3, 1), powers(-3, 1)),
            },
        ),
    }


def best_rate(v: float, lam: float, q: float, batch: float) -> arb:
    """Return r at which (v/r)^2 + r lambda q/(B (2 - r lambda)) is least, by bisection of its derivative."""
    share = arb(q) / (arb(batch) * arb(lam) ** 2)
    low, high = arb(0), arb(2)  # of x = r lambda: x^3 share rises, v^2 (2 - x)^2 falls
    for _ in range(400):
        middle = ((low + high) / 2).mid()
        low, high = (middle, high) if middle**3 * share < (arb(v) * (2 - middle)) ** 2 else (low, middle)
    return low / arb(lam)


def sign_rule(u: float, lam: float, s: float) -> arb:
    """Return the bias variance of the closure for 8 experts: sqrt(pi/8) u (1 + a) S/lambda, S^2 = s^2 + c (1 + a) S."""
    half = (arb.pi() / 8).sqrt() * arb(u)
    opposed = 1 + 2 / arb.pi() * (arb(1) / 7).asin()
    c = half * arb(lam) * opposed * 7 / 8
    return half * opposed * (c + (c**2 + 4 * arb(s) ** 2).sqrt()) / 2 / arb(lam)


def balancing() -> Named:
    """Return those of bias rules."""
    rng = np.random.default_rng(20240605)

    def powers(low: float, high: float) -> Any:
        return 10 ** rng.uniform(low, high, COUNT)

    def rates(share: Callable[[], Any]) -> tuple[Any, ...]:
        lam = powers(-3, 1)
        return share() / lam, lam, powers(-4, 0), powers(1, 6)

    def signs(u: Any, lam: Any, s: Any) -> Any:
        half, opposed = np.sqrt(np.pi / 8) * u, 1 + 2 / np.pi * np.arcsin(1 / 7)
        c = half * lam * opposed * 7 / 8
        return half * opposed * (c + np.sqrt(c**2 + 4 * s**2)) / 2 / lam

    tracked = {
        "drifts from 1e-6 to 0.1": (powers(-6, -1), powers(-3, 1), powers(-4, 0), powers(1, 6)),
        "drifts from 1e-60 to 1e60": (powers(-60, 60), powers(-3, 1), powers(-4, 0), powers(1, 6)),
    }
    return {
        "proportional_variance of the bias": (
            lambda r, lam, q, batch: mc.proportional_variance(r, lam, q, batch).bias,
            lambda r, lam, q, batch: r * q / (batch * lam * (2 - r * lam)),
            wide(lambda r, lam, q, b: arb(r) * arb(q) / (arb(b) * arb(lam) * (2 - arb(r) * arb(lam)))),
            {
                "r lambda from 1e-6 to 1.9": rates(lambda: rng.uniform(1e-6, 1.9, COUNT)),
                "2 - r lambda from 1e-14 to 0.1": rates(lambda: 2 - powers(-14, -1)),
            },
        ),
        "best_update_rate": (
            mc.best_update_rate,
            lambda v, lam, q, batch: (4 * batch * v**2 / (lam * q)) ** (1 / 3),  # of slow drifts
            wide(best_rate),
            tracked,
        ),
        "best_update_rate_leading": (
            mc.best_update_rate_leading,
            lambda v, lam, q, batch: (4 * batch * v**2 / (lam * q)) ** (1 / 3),
            wide(lambda v, lam, q, batch: (4 * arb(batch) * arb(v) ** 2 / (arb(lam) * arb(q))).root(3)),
            tracked,
        ),
        "effective_update_rate": (
            mc.effective_update_rate,
            lambda u, s: u * np.sqrt(2 / np.pi) / s,
            wide(lambda u, s: arb(u) * (2 / arb.pi()).sqrt() / arb(s)),
            {"u and S from 1e-150 to 1e150": (powers(-150, 150), powers(-150, 150))},
        ),
        "sign_variance of the bias": (
            lambda u, lam, s: mc.sign_variance(u, lam, s, 8).bias,
            signs,
            wide(sign_rule),
            {"u, lambda and s from 1e-4 to 10": (powers(-4, 1), powers(-4, 1), powers(-4, 1))},
        ),
    }
