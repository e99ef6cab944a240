"""The mean-field limit and the attractors of the discrete rule (claims K1 and K2), as data and findings.

Everything is in reduced variables: u the score difference, g the gain, eta the asymmetry, delta = mu eps the step. The
bound is proved in docs/mean-field.md. `predict` is computed before `measure`, and `findings` judges one by the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moecusp import RouterParameters, equilibria, fold_asymmetry, simulate, stationary_variance
from moecusp.report import Finding, Verdict, exact, judge, student
from moecusp.transfer import TransferOperator
from validation.discrete_rule.limit import Bound, bound, flow

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Size of the study.

    Attributes
    ----------
    gain, asymmetry, start, horizon : float
        g, eta, u at the start and the time tau up to which paths are compared.
    exponents : tuple of int
        delta = 2^-k.
    batches : tuple of int
        Batch sizes at the step 2^-batch_exponent.
    seeds, routers : int
        Independent repetitions, and routers in each.
    """

    gain: float = 1.5
    asymmetry: float = 0.05
    start: float = 0.3
    horizon: float = 3.0
    exponents: tuple[int, ...] = tuple(range(8, 14))
    batches: tuple[int, ...] = (1, 4, 16, 64, 256, 1024)
    batch_exponent: int = 9
    bias_exponents: tuple[int, ...] = (6, 7, 8, 9)
    seeds: int = 10
    routers: int = 200
    confidence: float = 0.99
    slope_band: tuple[float, float] = (0.46, 0.54)
    attractor_gains: tuple[float, ...] = (0.5, 0.9, 1.2, 1.5, 2.5)
    fold_shares: tuple[float, ...] = (0.0, 0.5, 0.99, 1.01, 1.5)
    pitchfork_gains: tuple[float, ...] = (0.99, 1.01)
    attractor_batch: int = 65536
    attractor_increment: float = 0.25
    attractor_time: float = 1500.0


SMOKE = Profile(
    exponents=(6, 8, 10), batches=(1, 16), routers=100, seeds=8, bias_exponents=(6, 7), attractor_gains=(1.2,),
    fold_shares=(0.0, 0.5), pitchfork_gains=(), attractor_time=200.0,
)  # fmt: skip
QUICK = Profile()
FULL = Profile(exponents=tuple(range(4, 15)), seeds=20, routers=1000)


@dataclass(frozen=True)
class Predictions:
    """What the theory says before anything is run."""

    bound: Bound
    noise_slope: float = 0.5
    batch_slope: float = -0.5
    bias_slope: float = 1.0
    stationary_ratio: float = 1.0
    points: tuple[tuple[float, float], ...] = field(default=())
    loads: tuple[tuple[float, ...], ...] = field(default=())


def predict(profile: Profile) -> Predictions:
    """Return the predictions: constants, slopes, and the stable loads at each point of the attractor grid."""
    points, loads = [], []
    for gain in (*profile.pitchfork_gains, *profile.attractor_gains):
        fold = float(fold_asymmetry(gain)) if gain > 1.0 else 0.1
        for share in (0.0,) if gain in profile.pitchfork_gains else profile.fold_shares:
            found = equilibria(gain, share * fold)
            points.append((gain, share * fold))
            loads.append(tuple(float(load) for load in found.load[found.stability == 1]))
    constants = bound(profile.gain, profile.asymmetry, profile.start, profile.horizon)
    return Predictions(constants, points=tuple(points), loads=tuple(loads))


@dataclass(frozen=True)
class Paths:
    """Root mean square of sup |u - flow| per seed, shape (cases, seeds), over steps or batch sizes."""

    values: Array
    errors: Array

    def slopes(self) -> Array:
        """Return the log-log slope of each seed."""
        return np.asarray(np.polyfit(np.log(self.values), np.log(self.errors), 1)[0])


def path_errors(
    profile: Profile,
    exponents: tuple[int, ...],
    batches: tuple[int, ...],
    seed: int,
    tick: Callable[[int], object] = lambda _: None,
) -> Array:
    """Return the errors of each (exponent, batch) pair, shape (pairs, seeds)."""
    rows = []
    for case, (exponent, batch) in enumerate(zip(exponents, batches, strict=True)):
        delta = 2.0**-exponent
        steps = round(profile.horizon / delta)
        expected = flow(profile.gain, profile.asymmetry, profile.start, delta * np.arange(steps + 1))
        worst = np.zeros(profile.seeds * profile.routers)

        def watch(done: int, scores: Array, worst: Array = worst, expected: Array = expected) -> None:
            np.maximum(worst, np.abs(0.5 * scores - expected[done]), out=worst)

        simulate(
            _parameters(profile.gain, profile.asymmetry), increment=delta, steps=steps, routers=worst.size,
            batch_size=batch, initial=[profile.start, -profile.start], every=1, observer=watch, seed=seed + 1000 * case,
        )  # fmt: skip
        rows.append(np.sqrt((worst**2).reshape(profile.seeds, -1).mean(axis=1)))
        tick(1)
    return np.stack(rows)


def bias(profile: Profile) -> Paths:
    """Return |E u - flow| at the horizon for each step of `bias_exponents`, exactly, from the transfer operator."""
    errors = []
    for exponent in profile.bias_exponents:
        delta = 2.0**-exponent
        steps = round(profile.horizon / delta)
        operator = TransferOperator(profile.gain, delta, profile.asymmetry)
        mean = operator.evolve(operator.at(profile.start), steps) @ operator.grid
        end = flow(profile.gain, profile.asymmetry, profile.start, np.array([0.0, steps * delta]))[-1]
        errors.append(abs(float(mean) - float(end)))
    return Paths(2.0 ** -np.array(profile.bias_exponents, dtype=float), np.array(errors)[:, None])


def long_run_loads(profile: Profile, predictions: Predictions, seed: int) -> Array:
    """Return the long-run load of expert 1, shape (points, starts, seeds).

    Routers start from five scores between the extremes. The batch is large, for the limit is that of delta/B -> 0:
    noise must not blur the points that hug the pitchfork and the folds. The step need not be small: a fixed point of
    the mean step is an equilibrium of the flow whatever its size.
    """
    delta, starts = profile.attractor_increment, np.linspace(-1.0, 1.0, 5)
    gains, fields = (np.repeat([p[i] for p in predictions.points], 5 * profile.seeds) for i in (0, 1))
    u = np.tile(np.repeat(starts, profile.seeds), len(predictions.points)) * (gains + np.abs(fields))
    steps = round(profile.attractor_time / delta)
    parameters = RouterParameters(feedback=2.0 * gains, asymmetry=2.0 * fields)
    run = simulate(
        parameters, increment=delta, steps=steps, routers=gains.size,
        batch_size=profile.attractor_batch, initial=np.stack([u, -u], axis=1), burn_in=steps * 4 // 5, seed=seed,
    )  # fmt: skip
    return run.load[:, 0].reshape(len(predictions.points), 5, profile.seeds)


def distances(predictions: Predictions, loads: Array) -> Array:
    """Return the distance of the loads from the nearest predicted one, the largest of the starts: (points, seeds)."""
    each = [
        np.min(np.abs(seen[:, :, None] - np.array(expected)), axis=2)
        for seen, expected in zip(loads, predictions.loads, strict=True)
    ]
    return np.asarray(np.max(np.stack(each), axis=1))


def critical_gains(predictions: Predictions, loads: Array) -> Array:
    """Return the critical gain that the collapsed balanced routers imply, per seed: m = tanh(m g/g_c)."""
    found = []
    for (gain, asymmetry), seen in zip(predictions.points, loads, strict=True):
        if gain > 1.1 and asymmetry == 0.0:
            m = 2.0 * seen - 1.0
            found.append(gain * m / np.arctanh(np.clip(m, -1 + 1e-12, 1 - 1e-12)))
    return np.asarray(np.mean(np.stack(found), axis=(0, 1)))


def stationary_ratios(profile: Profile, seed: int, delta: float = 0.01) -> Array:
    """Return the measured over the linear-noise variance of u at the stable state, per seed."""
    u = float(np.nanmax(equilibria(profile.gain, profile.asymmetry).u))
    expected = float(stationary_variance(profile.gain, profile.asymmetry, delta)[2])
    run = simulate(
        _parameters(profile.gain, profile.asymmetry), increment=delta, steps=20_000, burn_in=2_000, seed=seed,
        routers=profile.seeds * 50, initial=[u, -u], moments=True,
    )  # fmt: skip
    assert run.variance is not None
    return np.asarray(0.25 * run.variance.reshape(profile.seeds, -1).mean(axis=1) / expected)


@dataclass(frozen=True)
class Measurements:
    """What was seen."""

    steps: Paths
    batches: Paths
    bias: Paths
    loads: Array
    variance: Array


def measure(
    profile: Profile, predictions: Predictions, seed: int = 0, tick: Callable[[int], object] = lambda _: None
) -> Measurements:
    """Run the study; tick is called with the number of parts done, `parts(profile)` in all."""
    ones = (1,) * len(profile.exponents)
    fixed = (profile.batch_exponent,) * len(profile.batches)
    steps = path_errors(profile, profile.exponents, ones, seed, tick)
    batches = path_errors(profile, fixed, profile.batches, seed + 100, tick)
    exact = bias(profile)
    tick(1)
    loads = long_run_loads(profile, predictions, seed + 200)
    tick(1)
    variance = stationary_ratios(profile, seed + 300)
    tick(1)
    return Measurements(
        Paths(2.0 ** -np.array(profile.exponents, dtype=float), steps),
        Paths(np.array(profile.batches, dtype=float), batches),
        exact,
        loads,
        variance,
    )


def parts(profile: Profile) -> int:
    """Return how many parts `measure` has."""
    return len(profile.exponents) + len(profile.batches) + 3


def findings(profile: Profile, predictions: Predictions, seen: Measurements) -> tuple[Finding, ...]:
    """Judge the measurements, and three planted controls."""
    low, high = profile.slope_band
    slopes = seen.steps.slopes()
    allowed = np.sqrt(
        2.0 * predictions.bound.noise * seen.steps.values + 2.0 * (predictions.bound.bias * seen.steps.values) ** 2
    )
    usage = (seen.steps.errors / allowed[:, None]).max(axis=0)
    level = profile.confidence
    critical = critical_gains(predictions, seen.loads)
    few = seen.steps.slopes()[:2]
    return (
        judge("mean_field.noise", "The error of a path falls as the square root of the step.",
              "log-log slope in the step", student(slopes, level), (low, high)),
        judge("mean_field.batch", "It falls as the square root of the batch size.",
              "log-log slope in the batch size", student(seen.batches.slopes(), level), (-high, -low)),
        judge("mean_field.bias", "The mean is off by a multiple of the step.",
              "log-log slope in the step", exact(seen.bias.slopes()[0]), (0.9, 1.1)),
        judge("mean_field.bound", "The proved bound holds.",
              "largest share of the bound used", student(usage, level), (0.0, 1.0)),
        judge("mean_field.attractors", "Long-run loads are the stable loads of the flow.",
              "largest distance of a load", student(distances(predictions, seen.loads).max(axis=0), level),
              (0.0, 0.02)),
        judge("mean_field.critical_gain", "The balanced load loses stability at gain 1.",
              "critical gain", student(critical, level), (0.98, 1.02)),
        judge("control.critical_gain", "Planted: it does so at gain 1.1.",
              "critical gain", student(critical, level), (1.08, 1.12), expected=Verdict.REFUTED),
        judge("mean_field.variance", "Stationary fluctuations have the linear-noise variance.",
              "measured over predicted variance", student(seen.variance, level), (0.95, 1.05)),
        judge("control.slope_quarter", "Planted: the error falls as the fourth root of the step.",
              "log-log slope in the step", student(slopes, level), (0.21, 0.29), expected=Verdict.REFUTED),
        judge("control.too_few", "Planted: two repetitions can tell the slope.",
              "log-log slope in the step", student(few, level), (low, high), expected=Verdict.INCONCLUSIVE),
    )  # fmt: skip


def _parameters(gain: float, asymmetry: float) -> RouterParameters:
    return RouterParameters(feedback=2.0 * gain, asymmetry=2.0 * asymmetry)
