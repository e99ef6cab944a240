"""Every fixed number of the digits study, the accepted bands among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Profile:
    """Every fixed number of the study. Times are in units of 1/decay; feedbacks in units of the predicted critical one.

    The accepted bands are part of it: they are fixed before any run.
    """

    name: str
    seeds: int
    routers: int
    branch_feedbacks: tuple[float, ...]
    branch_time: float
    sweep_time: float
    seeds_per_part: int = 8
    decay: float = 1.0
    pixel_jitter: float = 0.07
    increment: float = 0.02
    batch_size: int = 128
    batches_per_update: int = 5
    hidden: int = 16
    learning_rate: float = 0.1
    momentum: float = 0.9
    long_run: float = 0.25
    blocks: int = 60
    growth_feedbacks: tuple[float, ...] = tuple(np.linspace(0.5, 1.5, 11).tolist())
    growth_time: float = 2.0
    growth_increment: float = 0.02
    growth_batch_size: int = 256
    growth_seeds: int = 16
    kick: float = 0.1
    collapsed_start: float = 1.5
    sweep_feedbacks: tuple[float, ...] = (1.2, 1.35, 1.5)
    sweep_reach: float = 1.35
    sweep_increment: float = 0.05
    sweep_batch_size: int = 256
    bins: int = 160
    confidence: float = 0.99
    onset_band: tuple[float, float] = (0.97, 1.03)
    router_band: tuple[float, float] = (-0.03, 0.03)
    branch_band: tuple[float, float] = (-0.03, 0.03)
    fold_band: tuple[float, float] = (0.95, 1.05)
    jump_band: tuple[float, float] = (0.98, 1.02)

    def growth_steps(self) -> int:
        """Steps of an onset run."""
        return round(self.growth_time / self.decay / self.growth_increment)

    def sweep_steps(self) -> int:
        """Steps of a sweep of the asymmetry."""
        return round(self.sweep_time / self.decay / self.sweep_increment)

    def branch_steps(self) -> int:
        """Steps, that is batches, of a training run."""
        return round(self.branch_time / self.decay / self.increment)


# 5 % and more away from the critical point, where perturbations take at most 20/decay to grow or decay e-fold
_BRANCHES = (0.6, 0.75, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 1.7)

PROFILES = {
    "smoke": Profile("smoke", seeds=3, routers=3, branch_feedbacks=(0.7, 1.4), branch_time=10.0, sweep_time=200.0),
    "quick": Profile("quick", seeds=8, routers=64, branch_feedbacks=_BRANCHES, branch_time=150.0, sweep_time=5000.0),
    "full": Profile("full", seeds=32, routers=128, branch_feedbacks=_BRANCHES, branch_time=400.0, sweep_time=20000.0),
}
