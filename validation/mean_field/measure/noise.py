"""Escape, early warning and delayed jumps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from moecusp import simulate
from moecusp.transfer import TransferOperator, mean_passage_time
from validation.mean_field.measure.running import EXACT, Array, grouped, opposed, reduced, there, ticking
from validation.mean_field.profiles import Escapes, Ramps, Warnings
from validation.streams import Stream
from validation.studies import Part, Plan, Tick

Values = Mapping[str, Array]


def escape_parts(p: Escapes, plan: Plan) -> Iterator[Part]:
    """Return a part for each step, and one for the steps that only the transfer operator reaches."""
    well = plan.number("escapes.well")
    for case, (step, mean) in enumerate(zip(p.steps, plan["escapes.steps"], strict=True)):
        steps = int(p.horizon * mean) + 1
        yield Part(f"escapes/{case}", steps * p.seeds * p.routers, partial(escapes, p, step, steps, well))
    yield Part("exact/0", EXACT, partial(exact_escapes, p, well))


def escapes(p: Escapes, step: float, steps: int, well: float, stream: Stream, tick: Tick) -> Values:
    """Return the time (1/mu) that all routers spent until they left the lower state, and how many left: (seeds,) each.

    It is left where s1 - s2 = 2u reaches the well of u, half-way from the balanced state to the upper one. A router
    that the horizon of `steps` cuts off has spent its time too.
    """
    routers = p.seeds * p.routers
    run = simulate(
        reduced(p.gain), increment=step, steps=steps, seed=stream.integer(), routers=routers, batch_size=p.batch_size,
        initial=opposed(-well), first_passage=(None, well), progress=ticking(tick, routers),
    )  # fmt: skip
    passed = grouped(there(run.first_passage), p.seeds)
    spent = np.where(passed < 0, steps, passed).sum(axis=1)
    return {"time": step * spent, "left": (passed >= 0).sum(axis=1)}


def exact_escapes(p: Escapes, well: float, stream: Stream, tick: Tick) -> Values:
    """Return the mean time (1/mu) of escape at each of `exact_steps`, without chance."""
    del stream
    times = []
    for step in p.exact_steps:
        operator = TransferOperator(p.gain, step, batch_size=p.batch_size, resolution=p.resolution)
        times.append(step * mean_passage_time(operator, -well, high=0.5 * well).value)
    tick(EXACT)
    return {"time": np.array(times)}


def warning_parts(p: Warnings, plan: Plan) -> Iterator[Part]:
    """Return one part: all shares of the fold side by side."""
    eta, rest = plan["warnings.asymmetry"], plan["warnings.rest"]
    yield Part("warnings/0", p.steps * len(eta) * p.seeds * p.routers, partial(warnings, p, eta, rest))


def warnings(p: Warnings, eta: Array, rest: Array, stream: Stream, tick: Tick) -> Values:
    """Return variance of u and its lag-1 autocorrelation, shape (shares, seeds) each."""
    each = p.seeds * p.routers
    run = simulate(
        reduced(p.gain, np.repeat(eta, each)), increment=p.step, steps=p.steps, burn_in=p.burn_in,
        routers=len(eta) * each, initial=opposed(np.repeat(rest, each)), moments=True, batch_size=p.batch_size,
        seed=stream.integer(), progress=ticking(tick, len(eta) * each),
    )  # fmt: skip
    shape = (len(eta), p.seeds, -1)
    mean, spread, correlation = (there(x).reshape(shape) for x in (run.mean, run.variance, run.autocorrelation))
    # about the mean of all routers, for that of one wanders with its slow fluctuations and hides them
    drift = (mean - mean.mean(axis=(1, 2), keepdims=True)) ** 2
    total, neighbours = (spread + drift).mean(axis=2), (spread * correlation + drift).mean(axis=2)
    return {"variance": 0.25 * total, "autocorrelation": neighbours / total}


def ramp_parts(p: Ramps, plan: Plan) -> Iterator[Part]:
    """Return a part for each rate."""
    fold, start = plan.number("ramps.fold"), plan.number("ramps.start")
    for case, (rate, delay) in enumerate(zip(p.rates, plan["ramps.delays"], strict=True)):
        reach = p.before + p.beyond * float(delay)
        steps = int(reach / (rate * p.step))
        yield Part(f"ramps/{case}", steps * p.seeds, partial(ramps, p, fold, start, reach, steps))


def ramps(p: Ramps, fold: float, start: float, reach: float, steps: int, stream: Stream, tick: Tick) -> Values:
    """Return the asymmetry at which u changes sign, shape (seeds,), NaN where it does not.

    The asymmetry rises by `reach` in `steps` from a little before the fold, linearly.
    """
    low = fold - p.before
    run = simulate(
        reduced(p.gain), increment=p.step, steps=steps, routers=p.seeds, batch_size=p.batch_size,
        initial=opposed(start), first_passage=(None, 0.0), seed=stream.integer(), progress=ticking(tick, p.seeds),
        asymmetry_schedule=[(0, 2.0 * low), (steps, 2.0 * (low + reach))],
    )  # fmt: skip
    passed = there(run.first_passage)
    return {"jumps": np.where(passed < 0, np.nan, low + reach * passed / steps)}
