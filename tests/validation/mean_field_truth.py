"""Planted data of the mean-field study, by formulas written out here (docs/theory.md, sections 5 and 7)."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import ai_zeros

from validation.mean_field import effects
from validation.mean_field.profiles import Attractors, Collapse, Escapes, Paths, Profile, Ramps, Warnings

PROFILE = Profile(
    "smoke",
    paths=Paths(gain=1.45, asymmetry=0.06, start=0.35, horizon=2, exponents=(5, 7, 9), batch_size=1, batches=(1, 16),
                batch_exponent=6, bias_exponents=(4, 5), sample_exponents=(4, 6), sample_routers=3, seeds=9, routers=21,
                variance_step=0.015),
    attractors=Attractors(gains=(1.3,), fold_shares=(0.0, 0.5), pitchfork_gains=(0.98,), batch_size=4097, step=0.24,
                          time=1400.0, seeds=4),
    escapes=Escapes(gain=1.52, steps=(0.11, 0.08, 0.06), exact_steps=(0.05, 0.04), seeds=5, routers=99),
    warnings=Warnings(gain=1.6, shares=(0.0, 0.6), step=0.003, batch_size=12, seeds=6, routers=17),
    ramps=Ramps(gain=1.7, rates=(1e-4, 3e-5, 1e-5), step=0.12, batch_size=999_999, seeds=7),
    collapse=Collapse(experts=(2, 8), step=0.022, batch_size=63, time=110.0, points=33, seeds=24),
)  # fmt: skip


def rest(gain, eta):
    """Return the upper stable state, u = g tanh u + eta, and the slope of the drift there."""
    u = brentq(lambda u: gain * math.tanh(u) + eta - u, 0.3, 10)
    return u, gain / math.cosh(u) ** 2 - 1


def fold(gain):
    """Return the fold's asymmetry and the delay of a ramp through it at unit rate."""
    u = math.acosh(math.sqrt(gain))
    bend = gain * math.tanh(u) / math.cosh(u) ** 2
    return gain * math.tanh(u) - u, -ai_zeros(1)[0][0] * bend ** (-1 / 3)


def released(k):
    """Return the gain of the fold of k experts: least g of a state with one favoured expert, x ahead of the others."""
    x = np.linspace(0.01, 20, 200_001)
    return float(np.min(x * (np.exp(x) + k - 1) / (k * (np.exp(x) - 1))))


def planted(
    plan, *, slope=0.5, batch_slope=-0.5, size=0.3, far=0.0, variance=1.0, relaxation=1.0, barrier=1.0, ramp=2 / 3,
    constant=1.0, onset=1.0, release=1.0, one=1, seeds=None, batch=None,
):  # fmt: skip
    """Return what the runs would measure, with noise."""
    p, rng = PROFILE, np.random.default_rng(3)

    def noisy(value, n, scatter=0.002):
        return value * (1 + scatter * rng.normal(size=n))

    found, n = {}, seeds or p.paths.seeds
    for claim, values, power in (
        ("steps", effects.steps_of(p.paths.exponents), slope),
        ("batches", np.array(p.paths.batches), batch_slope),
    ):
        for case, value in enumerate(values):
            found[f"{claim}/{case}"] = {"errors": noisy(size * float(value) ** power, n)}
    for case, exponent in enumerate(p.paths.sample_exponents):
        found[f"samples/{case}"] = {"paths": rng.normal(size=(3, (2 << exponent) + 1))}
    found["bias/0"] = {"means": plan["paths.flow"][-1] + 0.4 * effects.steps_of(p.paths.bias_exponents)}
    u, drift = rest(p.paths.gain, p.paths.asymmetry)
    linear = p.paths.gain**2 / math.cosh(u) ** 2 / (2 * abs(drift)) * p.paths.variance_step
    found["variance/0"] = {"variance": noisy(variance * linear, n)}

    loads = np.empty((3, 5, 4))
    for row, (gain, eta) in zip(loads, plan["attractors.points"], strict=True):
        above = 0.5 if gain < 1 else 0.5 + 0.5 * math.tanh(rest(gain, eta)[0])
        row[:] = above + 1e-4 * rng.normal(size=(5, 4))
    loads[2, 3] += far
    found["attractors/0"] = {"loads": loads}

    for case, step in enumerate(p.escapes.steps):
        time = 7.0 * math.exp(barrier * plan["escapes.barrier"][0] / step)
        left = np.full(p.escapes.seeds, 60)
        found[f"escapes/{case}"] = {"time": noisy(60 * time, p.escapes.seeds), "left": left}
    found["exact/0"] = {"time": 7.0 * np.exp(plan["escapes.barrier"][0] / np.array(p.escapes.exact_steps))}

    w = p.warnings
    states = [rest(w.gain, -share * fold(w.gain)[0]) for share in w.shares]
    spread = [w.gain**2 / math.cosh(u) ** 2 / (2 * abs(f)) * w.step / (batch or w.batch_size) for u, f in states]
    found["warnings/0"] = {
        "variance": noisy(variance * np.array(spread)[:, None], (2, 6)),
        "autocorrelation": 1 - noisy(relaxation * w.step * np.abs([f for _, f in states])[:, None], (2, 6)),
    }

    edge, delay = fold(p.ramps.gain)
    scale = constant * delay * min(p.ramps.rates) ** (2 / 3 - ramp)
    for case, rate in enumerate(p.ramps.rates):
        found[f"ramps/{case}"] = {"jumps": edge + noisy(scale * rate**ramp, p.ramps.seeds)}

    for case, k in enumerate(p.collapse.experts):
        up, down = plan["collapse.gains"][case]
        low = (release if k > 2 else 1.0) * released(k)
        flags = np.stack([up >= (onset if k > 2 else 1.0), down >= low])[..., None] & np.ones(
            p.collapse.seeds, dtype=bool
        )
        balanced = 1 / k
        found[f"collapse/{case}"] = {
            "largest": np.where(flags, 0.9, balanced + 0.01),
            "favoured": np.where(flags, one, k),
        }
    return found
