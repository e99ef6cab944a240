"""The parts of the run: closed forms by quadrature, samples, trained networks. No part knows another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from validation.soft_hard import sampled
from validation.soft_hard.profiles import Profile
from validation.soft_hard.quadrature import everything
from validation.soft_hard.trained import measure
from validation.streams import Stream
from validation.studies import Part, Plan, Tick
from validation.training.fashion import there

Array = NDArray[np.float64]


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts; without Fashion-MNIST where it is not installed."""
    b, r, s, d, t = profile.boundary, profile.risks, profile.landscape, profile.detector, profile.trained
    at, once = (plan["quadric.form"], plan["quadric.shift"]), b.seeds * b.tokens
    chosen = [(name, count) for name, count in zip(t.sets, t.networks, strict=True) if name != "fashion" or there()]
    return [
        Part("quadrature/0", 1, partial(_deterministic, profile)),
        Part("linear/0", once, partial(sampled.linear, b)),
        *(Part(f"curved/{k}", once, partial(sampled.curved, b, name, *at)) for k, name in enumerate(sampled.CURVED)),
        *(Part(f"experts/{k}", once, partial(sampled.experts, b, count)) for k, count in enumerate(b.experts)),
        Part("saddle/0", once, partial(sampled.saddle, b)),
        *(Part(f"risk/{k}", r.seeds * r.tokens, partial(sampled.risk, r, a)) for k, a in enumerate(r.exponents)),
        Part("gates/0", s.gate_seeds * 256, partial(sampled.gates, s)),
        Part("growth/0", s.seeds * s.tokens, partial(sampled.growth, s)),
        Part("exponents/0", d.seeds * d.tokens, partial(sampled.exponents, d)),
        Part("alarms/0", d.trials * d.trial_tokens, partial(sampled.alarms, d)),
        *(Part(f"trained/{name}", n * t.steps * t.batch_size, partial(measure, t, name, n)) for name, n in chosen),
    ]


def _deterministic(profile: Profile, _stream: Stream, tick: Tick) -> Mapping[str, Array]:
    found = everything(profile)
    tick(1)
    return found
