"""Collapse of many experts: onset from the balanced state, release from the collapsed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from moecusp import RouterParameters, simulate
from validation.mean_field.measure.running import Array, ticking
from validation.mean_field.profiles import Collapse
from validation.streams import Stream
from validation.studies import Part, Plan, Tick


def parts(p: Collapse, plan: Plan) -> Iterator[Part]:
    """Return a part for each number of experts; a step of K experts counts K times."""
    for case, (experts, gains) in enumerate(zip(p.experts, plan["collapse.gains"], strict=True)):
        size = round(p.time / p.step) * gains.size * p.seeds * experts
        yield Part(f"collapse/{case}", size, partial(collapse, p, experts, gains))


def collapse(p: Collapse, experts: int, gains: Array, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Return the largest long-run load and the number of favoured experts, shape (directions, points, seeds).

    One router for each gain (directions, points): direction 0 starts balanced, 1 collapsed. A favoured expert has more
    than `favoured_share` of the largest load.
    """
    each = np.repeat(gains.ravel(), p.seeds)
    start = np.zeros((each.size, experts))
    start[each.size // 2 :, 0] = experts * each[each.size // 2 :]
    steps = round(p.time / p.step)
    run = simulate(
        RouterParameters(feedback=experts * each, experts=experts), increment=p.step, steps=steps, routers=each.size,
        batch_size=p.batch_size, initial=start, burn_in=steps - round(p.long_run * steps), seed=stream.integer(),
        progress=ticking(tick, each.size * experts),
    )  # fmt: skip
    largest = run.load.max(axis=1)
    favoured = (run.load > p.favoured_share * largest[:, None]).sum(axis=1)
    shape = (*gains.shape, p.seeds)
    return {"largest": largest.reshape(shape), "favoured": favoured.reshape(shape)}
