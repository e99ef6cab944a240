"""Discontinuous collapse with more than two experts (claim P1), as data and findings.

One router for each gain of a grid, in two copies: from the balanced state (feedback raised) and from the collapsed one
(feedback lowered). Where the first leaves balance is the onset, where the second returns to it the release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp import RouterParameters, expert_fold_gain, simulate
from moecusp.report import Finding, Verdict, judge, student

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Size of the study."""

    experts: tuple[int, ...] = (2, 3, 4, 8, 16, 64)
    increment: float = 0.02
    batch: int = 64
    time: float = 120.0
    points: int = 25
    margin: float = 0.12
    seeds: int = 5
    confidence: float = 0.99


SMOKE = Profile(experts=(2, 8), points=9, time=40.0, seeds=3)
QUICK = Profile()
FULL = Profile(batch=1024, time=300.0, points=49, margin=0.08, seeds=8)


@dataclass(frozen=True)
class Predictions:
    """Gain of the fold by number of experts; the onset is at gain 1 for all."""

    fold_gain: tuple[float, ...]
    onset: float = 1.0


def predict(profile: Profile) -> Predictions:
    """Return the predictions."""
    return Predictions(tuple(float(expert_fold_gain(k)) for k in profile.experts))


@dataclass(frozen=True)
class Sweep:
    """Largest load and number of favoured experts, shape (directions, points, seeds), at gains (directions, points).

    Direction 0 starts balanced, 1 collapsed; a favoured expert has more than half of the largest load.
    """

    experts: int
    gains: Array
    largest: Array
    favoured: Array

    def onset(self) -> Array:
        """Return the least gain at which a balanced router collapses, per seed; NaN where none does."""
        return self._first(0)

    def release(self) -> Array:
        """Return the least gain above which a collapsed router stays so, per seed."""
        return self._first(1)

    def alone(self) -> Array:
        """Return the share of collapsed routers with exactly one favoured expert, per seed."""
        collapsed = self._collapsed()
        return np.asarray((collapsed & (self.favoured == 1)).sum(axis=(0, 1)) / collapsed.sum(axis=(0, 1)))

    def _collapsed(self) -> NDArray[np.bool_]:
        balanced = 1.0 / self.experts
        return np.asarray(self.largest > balanced + 0.3 * (1.0 - balanced))

    def _first(self, direction: int) -> Array:
        collapsed = self._collapsed()[direction]
        always = np.logical_and.accumulate(collapsed[::-1], axis=0)[::-1]
        return np.where(always.any(axis=0), self.gains[direction, always.argmax(axis=0)], np.nan)


def sweep(profile: Profile, experts: int, seed: int) -> Sweep:
    """Run upwards over a grid of gains that ends beyond 1, and downwards over one around the fold."""
    low = float(expert_fold_gain(experts))
    up = np.linspace(0.5 * (low + 1.0) - profile.margin, 1.0 + profile.margin, profile.points)
    gains = np.stack([up, low * np.linspace(1.0 - profile.margin, 1.0 + profile.margin, profile.points)])
    each = np.repeat(gains.ravel(), profile.seeds)
    start = np.zeros((each.size, experts))
    start[each.size // 2 :, 0] = experts * each[each.size // 2 :]
    steps = round(profile.time / profile.increment)
    run = simulate(
        RouterParameters(feedback=experts * each, experts=experts), increment=profile.increment, steps=steps,
        routers=each.size, batch_size=profile.batch, initial=start, burn_in=steps * 3 // 4, seed=seed,
    )  # fmt: skip
    shape = (2, profile.points, profile.seeds)
    largest = run.load.max(axis=1)
    favoured = (run.load > 0.5 * largest[:, None]).sum(axis=1)
    return Sweep(experts, gains, largest.reshape(shape), favoured.reshape(shape).astype(np.float64))


def measure(profile: Profile, seed: int = 0, tick: Callable[[int], object] = lambda _: None) -> tuple[Sweep, ...]:
    """Run the study; tick is called with the number of parts done, `parts(profile)` in all."""
    sweeps = []
    for k in profile.experts:
        sweeps.append(sweep(profile, k, seed + k))
        tick(1)
    return tuple(sweeps)


def parts(profile: Profile) -> int:
    """Return how many parts `measure` has."""
    return len(profile.experts)


def findings(profile: Profile, predicted: Predictions, seen: tuple[Sweep, ...]) -> tuple[Finding, ...]:
    """Judge the measurements; onset and release are read off a grid, whose spacing the bands allow for."""
    found: list[Finding] = []
    level = profile.confidence
    for each, gain in zip(seen, predicted.fold_gain, strict=True):
        k, width = each.experts, float(each.gains[1, 1] - each.gains[1, 0])
        if k > 2:
            found.append(
                judge(f"collapse.release.{k}", f"{k} collapsed experts are released at the fold.",
                      "release over g_fold", student(each.release() / gain, level), (0.97, 1.03 + width / gain))
            )  # fmt: skip
            found.append(
                judge(f"collapse.hysteresis.{k}", f"{k} experts show hysteresis without asymmetry.",
                      "width measured over 1 - g_fold", student((each.onset() - each.release()) / (1.0 - gain), level),
                      (0.5, 1.2))
            )  # fmt: skip
            found.append(
                judge(f"collapse.one.{k}", f"Exactly one of {k} experts is favoured.", "share of collapsed routers",
                      student(each.alone(), level), (0.99, 1.001))
            )  # fmt: skip
        else:
            found.append(
                judge("collapse.continuous.2", "Two experts collapse at gain 1, without hysteresis.",
                      "release less onset", student(each.release() - each.onset(), level), (-0.05, 0.05))
            )  # fmt: skip
    last = seen[-1]
    found.append(
        judge("control.release_at_one", "Planted: collapse is undone at gain 1.", "release gain",
              student(last.release(), level), (0.95, 1.05), expected=Verdict.REFUTED)
    )  # fmt: skip
    return tuple(found)
