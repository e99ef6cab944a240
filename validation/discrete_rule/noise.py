"""Escape, early warning and delayed jumps of the discrete rule (claims P3 and P4), as data and findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp import (
    RouterParameters,
    diffusion_barrier,
    equilibria,
    escape_barrier,
    fold_asymmetry,
    lag1_autocorrelation,
    ramp_delay,
    simulate,
    stationary_variance,
)
from moecusp.report import Finding, Verdict, exact, judge, student
from moecusp.transfer import TransferOperator, mean_passage_time

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Size of the study: steps delta for escapes, shares of the fold for early warning, ramp rates for delays."""

    gain: float = 1.5
    escape_steps: tuple[float, ...] = (0.1, 0.07, 0.05, 0.04)
    escape_horizon: float = 1.0
    exact_steps: tuple[float, ...] = (0.0125, 0.01)
    warning_shares: tuple[float, ...] = (0.0, 0.5, 0.8, 0.9)
    warning_increment: float = 0.002
    ramp_rates: tuple[float, ...] = (1e-4, 3e-5, 1e-5, 3e-6)
    ramp_increment: float = 0.1
    ramp_batch: int = 10**6
    seeds: int = 8
    routers: int = 256
    confidence: float = 0.99


SMOKE = Profile(escape_steps=(0.1, 0.06, 0.05), routers=200, ramp_rates=(1e-4, 3e-5), warning_shares=(0.0, 0.5))
QUICK = Profile()
FULL = Profile(escape_steps=(0.1, 0.07, 0.05, 0.04, 0.035, 0.03), routers=1024, seeds=16)


@dataclass(frozen=True)
class Predictions:
    """What the theory says before anything is run."""

    exact_barrier: float
    diffusion_barrier: float
    ramp_exponent: float
    ramp_constant: float


def predict(profile: Profile) -> Predictions:
    """Return both barriers at eta = 0 and the law of the ramp delay."""
    g = profile.gain
    return Predictions(
        float(escape_barrier(g)[1]), float(diffusion_barrier(g)[1]), 2.0 / 3.0, float(ramp_delay(1.0, g))
    )


def escape_logs(profile: Profile, seed: int, tick: Callable[[int], object] = lambda _: None) -> Array:
    """Return log(delta x mean escape time in steps), shape (steps, seeds).

    The mean is total time over number of escapes, which is right for the exponential tail that the horizon cuts off.
    """
    well = float(np.nanmax(equilibria(profile.gain).u))
    logs = []
    for case, delta in enumerate(profile.escape_steps):
        expected = mean_passage_time(TransferOperator(profile.gain, delta, resolution=4), -well, high=0.5 * well).value
        steps = int(profile.escape_horizon * expected) + 1
        run = simulate(
            RouterParameters(feedback=2.0 * profile.gain), increment=delta, steps=steps, seed=seed + case,
            routers=profile.seeds * profile.routers, initial=[-well, well], first_passage=(None, well),
        )  # fmt: skip
        assert run.first_passage is not None
        passed = run.first_passage.reshape(profile.seeds, -1)
        time = np.where(passed < 0, steps, passed).sum(axis=1) / (passed >= 0).sum(axis=1)
        logs.append(np.log(delta * time))
        tick(1)
    return np.stack(logs)


def exact_slope(profile: Profile) -> float:
    """Return the same slope from the transfer operator, at steps where no simulation reaches."""
    well = float(np.nanmax(equilibria(profile.gain).u))
    deltas = np.array(profile.exact_steps)
    times = [
        mean_passage_time(TransferOperator(profile.gain, d, resolution=4), -well, high=0.5 * well).value for d in deltas
    ]
    return float(np.polyfit(1.0 / deltas, np.log(deltas * np.array(times)), 1)[0])


def warnings(profile: Profile, seed: int) -> tuple[Array, Array]:
    """Return measured over predicted variance, and over predicted 1 - autocorrelation, shape (shares, seeds) each."""
    delta, fold = profile.warning_increment, float(fold_asymmetry(profile.gain))
    eta = -np.array(profile.warning_shares) * fold  # the upper state weakens
    u = np.nanmax(equilibria(profile.gain, eta).u, axis=-1)
    variance = stationary_variance(profile.gain, eta, delta, batch_size=16)[:, 2]
    ratio = lag1_autocorrelation(profile.gain, eta, delta)[:, 2]
    each = profile.seeds * 16
    start = np.repeat(u, each)
    run = simulate(
        RouterParameters(feedback=2.0 * profile.gain, asymmetry=2.0 * np.repeat(eta, each)), increment=delta,
        steps=60_000, burn_in=10_000, routers=start.size, initial=np.stack([start, -start], axis=1), moments=True,
        batch_size=16, seed=seed,
    )  # fmt: skip
    assert run.mean is not None
    assert run.variance is not None
    assert run.autocorrelation is not None
    shape = (len(eta), profile.seeds, -1)
    mean, spread, correlation = (x.reshape(shape) for x in (run.mean, run.variance, run.autocorrelation))
    # about the mean of all routers, for that of one wanders with its slow fluctuations and hides them
    drift = (mean - mean.mean(axis=(1, 2), keepdims=True)) ** 2
    total, neighbours = (spread + drift).mean(axis=2), (spread * correlation + drift).mean(axis=2)
    seen = 0.25 * total / variance[:, None]
    return np.asarray(seen), np.asarray((1.0 - neighbours / total) / (1.0 - ratio)[:, None])


def ramp_delays(profile: Profile, seed: int) -> Array:
    """Return how far past the fold the load jumps when eta is ramped, shape (rates, seeds)."""
    fold, delta, before, delays = float(fold_asymmetry(profile.gain)), profile.ramp_increment, 0.01, []
    for case, rate in enumerate(profile.ramp_rates):
        reach = fold + 4.0 * float(ramp_delay(rate, profile.gain))
        steps = int((reach - fold + before) / (rate * delta))
        lower = float(np.nanmin(equilibria(profile.gain, fold - before).u))
        run = simulate(
            RouterParameters(feedback=2.0 * profile.gain), increment=delta, steps=steps, routers=profile.seeds,
            batch_size=profile.ramp_batch, initial=[lower, -lower], first_passage=(None, 0.0), seed=seed + case,
            asymmetry_schedule=[(0, 2.0 * (fold - before)), (steps, 2.0 * reach)],
        )  # fmt: skip
        assert run.first_passage is not None
        passed = np.where(run.first_passage < 0, np.nan, run.first_passage)
        delays.append((reach - fold + before) * passed / steps - before)
    return np.stack(delays)


@dataclass(frozen=True)
class Measurements:
    """What was seen."""

    escape_logs: Array
    exact: float
    variance: Array
    relaxation: Array
    delays: Array


def measure(profile: Profile, seed: int = 0, tick: Callable[[int], object] = lambda _: None) -> Measurements:
    """Run the study; tick is called with the number of parts done, `parts(profile)` in all."""
    logs = escape_logs(profile, seed, tick)
    exact = exact_slope(profile)
    tick(1)
    variance, relaxation = warnings(profile, seed + 100)
    tick(1)
    delays = ramp_delays(profile, seed + 200)
    tick(1)
    return Measurements(logs, exact, variance, relaxation, delays)


def parts(profile: Profile) -> int:
    """Return how many parts `measure` has."""
    return len(profile.escape_steps) + 3


def findings(profile: Profile, predicted: Predictions, seen: Measurements) -> tuple[Finding, ...]:
    """Judge the measurements, and the diffusion barrier as a planted control."""
    rates = np.array(profile.ramp_rates)
    escape = np.polyfit(1.0 / np.array(profile.escape_steps), seen.escape_logs, 1)[0]
    exponents = np.polyfit(np.log(rates), np.log(seen.delays), 1)[0]
    constants = seen.delays[-1] / rates[-1] ** (2.0 / 3.0) / predicted.ramp_constant
    level = profile.confidence
    barrier, wrong = predicted.exact_barrier, predicted.diffusion_barrier
    return (
        judge("noise.barrier", "Escape times grow with the exact barrier.", "slope over exact barrier",
              student(escape / barrier, level), (0.96, 1.04)),
        judge("noise.barrier_exact", "So they do where only the transfer operator reaches.", "slope over exact barrier",
              exact(seen.exact / barrier), (0.99, 1.01)),
        judge("control.diffusion_barrier", "Planted: they grow with the barrier of the diffusion limit.",
              "slope over diffusion barrier", student(escape / wrong, level), (0.96, 1.04), expected=Verdict.REFUTED),
        judge("noise.variance", "Variance rises toward the fold as predicted.", "mean measured over predicted",
              student(seen.variance.mean(axis=0), level), (0.93, 1.07)),
        judge("noise.relaxation", "Autocorrelation rises with it.", "mean measured over predicted 1 - autocorrelation",
              student(seen.relaxation.mean(axis=0), level), (0.93, 1.07)),
        judge("noise.ramp_exponent", "The jump of a ramped router is delayed as the 2/3 power of the rate.", "exponent",
              student(exponents, level), (0.63, 0.70)),
        judge("noise.ramp_constant", "The constant is the first zero of the Airy function.", "measured over predicted",
              student(constants, level), (0.9, 1.1)),
    )  # fmt: skip
