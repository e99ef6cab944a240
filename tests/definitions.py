"""What the statements speak of, by its definition, in mpmath: the tests of statements compare the claims with these."""

from __future__ import annotations

import random
from typing import Any

import mpmath as mp


def drift(u: Any, g: Any, eta: Any) -> Any:
    """The reduced flow F."""
    return g * mp.tanh(u) - u + eta


def softmax(scores: Any, beta: Any = 1) -> list[Any]:
    """Loads of experts with these scores."""
    weights = [mp.exp(beta * s) for s in scores]
    return [w / mp.fsum(weights) for w in weights]


def field(v: Any, g: Any, drives: Any) -> list[Any]:
    """The reduced flow of K experts."""
    return [len(v) * g * p - x + eta for p, x, eta in zip(softmax(v), v, drives, strict=True)]


def depth(v: Any, g: Any, drives: Any) -> Any:
    """The potential Phi of K experts."""
    tilt = mp.fsum(eta * x for eta, x in zip(drives, v, strict=True))
    return mp.fsum(x * x for x in v) / 2 - len(v) * g * mp.log(mp.fsum(map(mp.exp, v))) - tilt


def fold(g: Any) -> tuple[Any, Any]:
    """u < 0 and eta > 0 with F = F' = 0, u by Newton's method on F'."""
    u = mp.findroot(lambda x: g / mp.cosh(x) ** 2 - 1, (-mp.log(4 * g) / 2 - 1, mp.mpf("-1e-9")), solver="anderson")
    return u, u - g * mp.tanh(u)


def jacobian(v: Any, g: Any) -> Any:
    """Jacobian of `field`."""
    p, K = softmax(v), len(v)
    return mp.matrix(K, K) + mp.matrix(
        [[K * g * (p[i] * (i == j) - p[i] * p[j]) - (i == j) for j in range(K)] for i in range(K)]
    )


def numbers(low: float, high: float, count: int = 5, seed: int = 1) -> list[Any]:
    """Random numbers from a fixed seed."""
    draw = random.Random(f"{seed} {low} {high}")
    return [mp.mpf(draw.uniform(low, high)) for _ in range(count)]


def near(a: Any, b: Any, tolerance: float = 1e-15) -> bool:
    """Whether two numbers agree, relative to the larger of 1 and their size."""
    return bool(abs(a - b) <= tolerance * max(1, abs(b)))
