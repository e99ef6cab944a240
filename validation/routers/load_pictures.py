"""The pictures and the table of the subject load."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Table
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.routers import profiles
from validation.routers.profiles import Profile
from validation.studies import Measured, Picture, Plan

Array = NDArray[np.float64]
MOST = 200
"""Points of a drawn trace."""


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the moving averages over time, and the last of them over the feedback."""
    p = profile.load
    with style():
        return branches(p, plan, measured), averages(p, plan, measured)


def _fixed(p: profiles.Load, **values: object) -> str:
    fields = {"decay": "decay", "inverse_temperature": "inverse_temperature", "increment": "increment",
              "batch_size": "batch_size", "time": "time", "spread": "spread", "hidden": "hidden",
              "routers": "gates"}  # fmt: skip
    return fixed(p, fields, experts=2, tokens=2 * p.tokens, margin_jitter=float(p.noise * 2**0.5), **values)


def _factors(p: profiles.Load) -> Array:
    return np.array([*p.below, *(1.0 + d for d in p.distances)])


def branches(p: profiles.Load, plan: Plan, measured: Measured) -> Picture:
    """Draw the last averages of all gates over the mean predicted branch."""
    figure, axes = canvas()
    factors = _factors(p)
    for k, (case, colour) in enumerate(zip(p.cases, (BLUE, ORANGE, GREEN, INK, RED, SOFT), strict=False)):
        at = factors + 0.012 * (k - 0.5 * (len(p.cases) - 1))  # beside each other
        states = plan[f"load.{case}.states"].mean(axis=0)
        for sign, label in ((1.0, f"predicted, {case}"), (-1.0, None)):
            axes.plot(at, sign * np.concatenate([np.zeros(len(p.below)), states]), "_", ms=14, mew=1.6, color=colour,
                      label=label)  # fmt: skip
        for side, label in ((0, f"moving average, {case}"), (1, None)):
            seen = measured[f"load/{case}"]["imbalance"][side]
            axes.plot(np.broadcast_to(at, seen.shape).ravel(), seen.ravel(), "o", ms=3, mfc="none", mew=0.7,
                      color=colour, label=label)  # fmt: skip
    axes.axvline(1.0, color=RED, lw=1, ls=":", label="predicted onset")
    axes.set(xlabel="feedback over the predicted critical one", ylabel="imbalance of the load m = p₁ − p₂")
    legend(figure)
    caption = (
        f"Average load over the last {p.window} batches of each router, from starts on either side (cases moved "
        "sideways to tell them apart); bars: predicted, mean over routers. Noise is that of noisy and top1. "
    )
    return Picture("load", "The pitchfork in the empirical load", figure, caption + _fixed(p))


def averages(p: profiles.Load, plan: Plan, measured: Measured) -> Picture:
    """Draw the moving averages of the first gate."""
    case = p.cases[0]
    trace, states = measured[f"load/{case}"]["trace"], plan[f"load.{case}.states"][0]
    figure, axes = canvas()
    shown = np.unique(np.linspace(0, trace.shape[-1] - 1, MOST).round().astype(int))
    colours = (SOFT, GREEN, BLUE, ORANGE, INK)
    for k, (factor, colour) in enumerate(zip(_factors(p), colours, strict=False)):
        for side, label in ((0, f"{factor:g} of the critical feedback"), (1, None)):
            axes.plot(p.window + shown, trace[side, k, shown], color=colour, lw=1.1, label=label)
        if factor > 1.0:
            for sign in (1.0, -1.0):
                axes.axhline(sign * states[k - len(p.below)], color=colour, lw=1, ls="--")
    axes.set(xlabel="batch", ylabel=f"imbalance, average over {p.window} batches", ylim=(-1.0, 1.0))
    legend(figure)
    caption = f"Moving average of the load of one router ({case}) from both sides; dashed: predicted branches. "
    return Picture("load_time", "The empirical load over time", figure, caption + _fixed(p))


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of averages, means over gates."""
    p, rows = profile.load, []
    for case in p.cases:
        up, down = measured[f"load/{case}"]["imbalance"]
        mean = 0.5 * (up - down).mean(axis=0)
        states = [0.0] * len(p.below) + [*plan[f"load.{case}.states"].mean(axis=0)]
        rows += [
            (case, f"{factor:g}", f"{state:.4f}", f"{seen:.4f}")
            for factor, state, seen in zip(_factors(p), states, mean, strict=True)
        ]
    columns = ("case", "κ/κ_c", "predicted imbalance", "moving average")
    return (Table("load", "The empirical load", columns, tuple(rows)),)
