"""Paths around the flow, fluctuations about its stable state, and long-run loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from moecusp import simulate
from moecusp.transfer import TransferOperator
from validation.mean_field.measure.running import EXACT, Array, grouped, opposed, reduced, there, ticking
from validation.mean_field.profiles import Attractors, Paths
from validation.streams import Stream
from validation.studies import Part, Plan, Tick

Values = Mapping[str, Array]


def parts(p: Paths, plan: Plan) -> Iterator[Part]:
    """Return the parts: sample paths, errors over steps and over batches, the bias of the mean, fluctuations."""
    for case, exponent in enumerate(p.sample_exponents):
        size = (p.horizon << exponent) * p.sample_routers
        yield Part(f"samples/{case}", size, partial(sample_paths, p, exponent))
    errors = [("steps", case, exponent, p.batch_size) for case, exponent in enumerate(p.exponents)]
    errors += [("batches", case, p.batch_exponent, batch) for case, batch in enumerate(p.batches)]
    for claim, case, exponent, batch in errors:
        size = (p.horizon << exponent) * p.seeds * p.routers
        expected = plan["paths.flow"][:: round(2.0**-exponent / plan.number("paths.flow_step"))]
        yield Part(f"{claim}/{case}", size, partial(path_errors, p, exponent, batch, expected))
    yield Part("bias/0", EXACT, partial(means, p))
    size = p.variance_steps * p.seeds * p.variance_routers
    yield Part("variance/0", size, partial(fluctuations, p, plan.number("paths.rest")))


def sample_paths(p: Paths, exponent: int, stream: Stream, tick: Tick) -> Values:
    """Return some paths u at the step 2^-exponent, shape (routers, times)."""
    run = simulate(
        reduced(p.gain, p.asymmetry), increment=2.0**-exponent, steps=p.horizon << exponent, routers=p.sample_routers,
        batch_size=p.batch_size, initial=opposed(p.start), every=1, trajectory=True, seed=stream.integer(),
        progress=ticking(tick, p.sample_routers),
    )  # fmt: skip
    return {"paths": 0.5 * there(run.trajectory).T}


def path_errors(p: Paths, exponent: int, batch_size: int, expected: Array, stream: Stream, tick: Tick) -> Values:
    """Return the root mean square over routers of a path's largest distance from the flow, shape (seeds,).

    The step is 2^-exponent, and `expected` the flow at its multiples.
    """
    worst = np.zeros(p.seeds * p.routers)

    def watch(done: int, scores: Array) -> None:
        np.maximum(worst, np.abs(0.5 * scores - expected[done]), out=worst)

    simulate(
        reduced(p.gain, p.asymmetry), increment=2.0**-exponent, steps=p.horizon << exponent, routers=worst.size,
        batch_size=batch_size, initial=opposed(p.start), every=1, observer=watch, seed=stream.integer(),
        progress=ticking(tick, worst.size),
    )  # fmt: skip
    return {"errors": np.sqrt(grouped(worst**2, p.seeds).mean(axis=1))}


def means(p: Paths, stream: Stream, tick: Tick) -> Values:
    """Return E u at the horizon for each step of `bias_exponents`, without chance, from the transfer operator."""
    del stream
    found = []
    for exponent in p.bias_exponents:
        operator = TransferOperator(p.gain, 2.0**-exponent, p.asymmetry, batch_size=p.batch_size)
        found.append(float(operator.evolve(operator.at(p.start), p.horizon << exponent) @ operator.grid))
    tick(EXACT)
    return {"means": np.array(found)}


def fluctuations(p: Paths, rest: float, stream: Stream, tick: Tick) -> Values:
    """Return the stationary variance of u about the stable state `rest`, shape (seeds,)."""
    routers = p.seeds * p.variance_routers
    run = simulate(
        reduced(p.gain, p.asymmetry), increment=p.variance_step, steps=p.variance_steps, burn_in=p.variance_burn_in,
        batch_size=p.batch_size, routers=routers, initial=opposed(rest), moments=True, seed=stream.integer(),
        progress=ticking(tick, routers),
    )  # fmt: skip
    return {"variance": 0.25 * grouped(there(run.variance), p.seeds).mean(axis=1)}


def attractor_parts(p: Attractors, plan: Plan) -> Iterator[Part]:
    """Return one part: all points of the grid run side by side."""
    points = plan["attractors.points"]
    yield Part("attractors/0", _steps(p) * len(points) * p.starts * p.seeds, partial(long_run_loads, p, points))


def long_run_loads(p: Attractors, points: Array, stream: Stream, tick: Tick) -> Values:
    """Return the long-run load of expert 1, shape (points, starts, seeds), from starts between the extremes."""
    starts, steps = np.linspace(-1.0, 1.0, p.starts), _steps(p)
    gains, fields = (np.repeat(points[:, i], p.starts * p.seeds) for i in (0, 1))
    u = np.tile(np.repeat(starts, p.seeds), len(points)) * (gains + np.abs(fields))
    run = simulate(
        reduced(gains, fields), increment=p.step, steps=steps, routers=gains.size, batch_size=p.batch_size,
        initial=opposed(u), burn_in=steps - round(p.long_run * steps), seed=stream.integer(),
        progress=ticking(tick, gains.size),
    )  # fmt: skip
    return {"loads": run.load[:, 0].reshape(len(points), p.starts, p.seeds)}


def _steps(p: Attractors) -> int:
    return round(p.time / p.step)
