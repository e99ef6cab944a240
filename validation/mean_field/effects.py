"""From what was measured to the effects that are judged, one value per seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validation.mean_field.profiles import Attractors, Collapse, Escapes, Paths, Ramps
from validation.studies import Measured, Plan, cases

Array = NDArray[np.float64]


def errors(measured: Measured, claim: str) -> Array:
    """Return the errors of paths, shape (cases, seeds), over "steps" or "batches"."""
    return np.stack([part["errors"] for part in cases(measured, claim)])


def powers(x: ArrayLike, y: Array) -> Array:
    """Return the log-log slope of y (cases, ...) in x (cases,); NaN where a y is none or not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return slopes(np.log(np.asarray(x)), np.where(y > 0.0, np.log(y), np.nan))


def slopes(x: Array, y: Array) -> Array:
    """Return the slope of the line through y (cases, ...) over x (cases,) by least squares."""
    centred = x - x.mean()
    return np.asarray(np.tensordot(centred, y, axes=1) / np.sum(centred**2))


def steps_of(exponents: Sequence[int]) -> Array:
    """Return 2^-k."""
    return np.asarray(2.0 ** -np.array(exponents, dtype=np.float64))


def bias(plan: Plan, measured: Measured) -> Array:
    """Return |E u - flow| at the horizon, for each step."""
    return np.asarray(np.abs(measured["bias/0"]["means"] - plan["paths.flow"][-1]))


def proved(plan: Plan, p: Paths, batch_size: int = 1) -> Array:
    """Return the proved bound of the error at each step."""
    noise, drift = plan["paths.bound"]
    step = steps_of(p.exponents)
    return np.asarray(np.sqrt(2.0 * noise * step / batch_size + 2.0 * (drift * step) ** 2))


def distances(plan: Plan, loads: Array) -> Array:
    """Return the largest distance over starts of loads (points, starts, seeds) from the nearest predicted one."""
    expected = plan["attractors.loads"][:, None, None, :]
    return np.asarray(np.nanmin(np.abs(loads[..., None] - expected), axis=-1).max(axis=1))


def critical_gains(plan: Plan, p: Attractors, loads: Array) -> Array:
    """Return the critical gain that the collapsed routers without asymmetry imply, per seed: m = tanh(m g/g_c)."""
    found = []
    for (gain, asymmetry), seen in zip(plan["attractors.points"], loads, strict=True):
        if gain > p.critical_above and asymmetry == 0.0:
            m = 2.0 * seen - 1.0
            found.append(gain * m / np.arctanh(np.clip(m, -1 + 1e-12, 1 - 1e-12)))
    return np.asarray(np.mean(np.stack(found), axis=(0, 1)))


def escape_times(measured: Measured) -> Array:
    """Return the mean time of escape (steps, seeds): all time spent over the number that left, NaN if none did.

    That is right for the exponential tail that the horizon cuts off.
    """
    parts = cases(measured, "escapes")
    time, left = (np.stack([part[name] for part in parts]).astype(np.float64) for name in ("time", "left"))
    return np.asarray(np.divide(time, left, out=np.full_like(time, np.nan), where=left > 0))


def barriers(p: Escapes, measured: Measured) -> Array:
    """Return the slope of the logarithm of escape times in 1/delta, per seed."""
    return slopes(1.0 / np.array(p.steps, dtype=np.float64), np.log(escape_times(measured)))


def exact_barrier(p: Escapes, measured: Measured) -> float:
    """Return the same slope of the exact times."""
    return float(slopes(1.0 / np.array(p.exact_steps), np.log(measured["exact/0"]["time"])))


def delays(plan: Plan, measured: Measured) -> Array:
    """Return how far past the fold the load jumped, shape (rates, seeds)."""
    return np.asarray(np.stack([part["jumps"] for part in cases(measured, "ramps")]) - plan["ramps.fold"])


def ramp_constants(plan: Plan, p: Ramps, measured: Measured) -> Array:
    """Return measured over predicted delay at the slowest rate, per seed."""
    slowest = int(np.argmin(p.rates))
    return np.asarray(delays(plan, measured)[slowest] / plan["ramps.delays"][slowest])


def collapsed(p: Collapse, experts: int, largest: Array) -> NDArray[np.bool_]:
    """Return where the largest load is well above the balanced one."""
    balanced = 1.0 / experts
    return np.asarray(largest > balanced + p.collapsed_share * (1.0 - balanced))


def first_gain(gains: Array, collapsed: NDArray[np.bool_]) -> Array:
    """Return the least gain (points,) from which on all of collapsed (points, seeds) is, per seed; NaN where none."""
    always = np.logical_and.accumulate(collapsed[::-1], axis=0)[::-1]
    return np.where(always.any(axis=0), gains[always.argmax(axis=0)], np.nan)


def onset_and_release(plan: Plan, p: Collapse, measured: Measured, case: int) -> tuple[Array, Array]:
    """Return the gains from which on a balanced router collapses, and a collapsed one stays so, per seed."""
    flags = collapsed(p, p.experts[case], measured[f"collapse/{case}"]["largest"])
    gains = plan["collapse.gains"][case]
    return first_gain(gains[0], flags[0]), first_gain(gains[1], flags[1])


def alone(p: Collapse, measured: Measured, case: int) -> tuple[int, int]:
    """Return how many collapsed routers have exactly one favoured expert, and how many have collapsed."""
    part = measured[f"collapse/{case}"]
    flags = collapsed(p, p.experts[case], part["largest"])
    return int((flags & (part["favoured"] == 1)).sum()), int(flags.sum())
