"""The bias rules of `moecusp.balance*` against simulation of routers with independent Gaussian logits, hard top-k."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

import moecusp as mc


@dataclass(frozen=True)
class Router:
    """K independent logits N(0, sigma^2), of which the k largest are chosen, in batches of B tokens."""

    experts: int
    chosen: int
    tokens: int
    sigma: float = 1.0

    @property
    def eigenvalue(self) -> float:
        """The one eigenvalue of the slot shares' susceptibility at balance: K c/k, c the tie density of a pair."""
        x = np.linspace(-12.0, 12.0, 4001)  # the trapezoidal rule is exact to rounding
        density = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
        below = np.cumsum(density) - 0.5 * density
        below *= x[1] - x[0]
        k, others = self.chosen, self.experts - 2
        c = comb(others, k - 1) * np.trapezoid(density**2 * below ** (others - k + 1) * (1.0 - below) ** (k - 1), x)
        return float(self.experts * c / (k * self.sigma))

    @property
    def token_variance(self) -> float:
        """One token's variance in a mode, K/(K - 1) times that of a slot share."""
        return (1.0 / self.chosen - 1.0 / self.experts) / (self.experts - 1.0)

    @property
    def noise(self) -> float:
        """Standard deviation of an observed load at fixed biases."""
        return float(np.sqrt(self.token_variance * (1.0 - 1.0 / self.experts) / self.tokens))

    @property
    def spacing(self) -> float:
        """Lattice spacing of the observed loads if 1/K is on the lattice, else 0."""
        slots = self.chosen * self.tokens
        return 1.0 / slots if slots % self.experts == 0 else 0.0

    def load(self, bias: Any, rng: np.random.Generator) -> Any:
        """Return the slot shares of one batch."""
        logits = rng.standard_normal((self.tokens, self.experts), np.float32) * np.float32(self.sigma)
        logits += bias.astype(np.float32)
        if self.chosen == 1:
            winners = logits.argmax(1)
        else:
            winners = np.argpartition(logits, self.experts - self.chosen, 1)[:, self.experts - self.chosen :].ravel()
        return np.bincount(winners, minlength=self.experts) / (self.tokens * self.chosen)


def record(router: Router, rule: Any, steps: int, burn: int, seed: int, drift: Any = 0.0) -> tuple[Any, Any]:
    """Return biases, about their mean, and observed loads after burn-in: arrays (steps, experts).

    rule maps the missing load to the change of the bias; drift is added to the bias at every step.
    """
    rng, bias = np.random.default_rng(seed), np.zeros(router.experts)
    biases, loads = np.empty((steps, router.experts)), np.empty((steps, router.experts))
    for n in range(-burn, steps):
        load = router.load(bias, rng)
        if n >= 0:
            biases[n], loads[n] = bias - bias.mean(), load
        bias = bias + rule(1.0 / router.experts - load) + drift
    return biases, loads


def proportional(router: Router, rate: float, steps: int, seed: int = 0) -> tuple[Any, Any]:
    """Record the proportional rule, burn-in ten times its memory."""
    burn = int(10.0 / min(rate * router.eigenvalue, 2.0 - rate * router.eigenvalue)) + 10
    return record(router, lambda missing: rate * missing, steps, burn, seed)


def sign(router: Router, step: float, steps: int, seed: int = 0) -> tuple[Any, Any]:
    """Record the sign rule, burn-in ten times its memory."""
    rate = float(mc.effective_update_rate(step, router.noise))
    burn = int(10.0 / min(rate * router.eigenvalue, 1.0)) + 10
    return record(router, lambda missing: step * np.sign(missing), steps, burn, seed)


def ratio(values: Any, expected: float, blocks: int = 20) -> tuple[float, float]:
    """Return the mean square of values over the expected one, and its standard error by blocks of steps."""
    squares = (values**2).sum(1)[: len(values) // blocks * blocks].reshape(blocks, -1).mean(1) / expected
    return float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(blocks))


def rows(scale: float = 1.0) -> Iterator[str]:
    """Yield the lines of the tables, measured with so many times the steps that 1 % takes."""
    top1, top2, pair = Router(8, 1, 512), Router(16, 2, 1024, 2.0**0.5), Router(2, 1, 256)
    for router in (top1, top2):
        modes = router.experts - 1
        for x in (0.1, 0.4, 0.8, 1.2, 1.6):
            rate = x / router.eigenvalue
            steps = int(scale * 2e4 / (modes * min(x, 2.0 - x))) + 1000
            bias, load = proportional(router, rate, steps)
            exact = mc.proportional_variance(rate, router.eigenvalue, router.token_variance, router.tokens)
            measured = ratio(bias, modes * exact.bias), ratio(load - 1.0 / router.experts, modes * exact.observed)
            yield _row("proportional", router, x, *measured)
    for router in (top1, top2, pair):
        for x in (0.01, 0.03, 0.1, 0.3, 1.0):
            step = x / (float(mc.effective_update_rate(1.0, router.noise)) * router.eigenvalue)
            yield _signed(router, step, x, scale)
    yield _signed(top2, 0.1, 0.1 * float(mc.effective_update_rate(1.0, top2.noise)) * top2.eigenvalue, scale)


def _signed(router: Router, step: float, x: float, scale: float) -> str:
    experts = router.experts
    steps = int(scale * 2e4 / ((experts - 1) * min(x, 1.0))) + 1000
    bias, load = sign(router, step, steps)
    closure = mc.sign_variance(step, router.eigenvalue, router.noise, experts, router.spacing)
    linear = step**2 / (1.0 - (1.0 - x) ** 2)
    floor = float(mc.expected_max_violation(closure.observed**0.5, experts))
    seen = float((load.max(1) * experts - 1.0).mean())
    return (
        _row(
            "sign",
            router,
            x,
            ratio(bias, (experts - 1) * closure.bias),
            ratio(load - 1.0 / experts, experts * closure.observed),
        )
        + f" {(linear / closure.bias):.3f} | {seen / floor:.3f} |"
    )


def _row(rule: str, router: Router, x: float, *measured: tuple[float, float]) -> str:
    cells = " | ".join(f"{value:.3f} ± {error:.3f}" for value, error in measured)
    return f"| {rule} | {router.experts}, {router.chosen}, {router.tokens} | {x:.3g} | {cells} |"


if __name__ == "__main__":
    for line in rows():
        print(line, flush=True)
