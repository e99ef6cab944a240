"""K3: two experts lose balance at the critical feedback of their gate's margins, in a supercritical pitchfork."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import EmpiricalResponse
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, ORANGE, RED, SOFT, canvas, legend, style
from moecusp.routing import ReinforcedRouter
from validation.captions import fixed
from validation.intervals import over
from validation.routers import profiles
from validation.routers.expected import difference, loads, place, reinforced, step
from validation.routers.gates import arrays, drawn, restored
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream, stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.training.tokens import load_tokens

Array = NDArray[np.float64]
SYMBOLS = ("feedback", "decay", "inverse_temperature", "increment", "imbalance", "critical_feedback", "spread")
NOTES = (
    "onset.*: the tokens are images about their mean together with their negatives, and gates are odd, so that balance "
    "is a state at every feedback: without that, real margins unfold the pitchfork (see cusp.*).",
)


def tokens(p: profiles.Onset) -> Tensor:
    """Return the first images and their negatives, shape (2 tokens, pixels)."""
    images = load_tokens().train[: p.tokens].double()
    return torch.cat([images, -images])


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the theory says of the margins of each kind of gate, the first axis that of the gates.

    onset.kind.0, onset.kind.1
        Weights of the gates.
    onset.kind.critical, onset.kind.states
        Critical feedback mu/G'(0); stable imbalance at the distances beyond it.
    """
    p = profile.onset
    found: dict[str, Array] = {}
    features = tokens(p)
    for kind in p.kinds:
        source = stream("routers", "onset.gates", kind, seed).torch()
        made = drawn(kind, p.routers, (features.shape[1], p.hidden, 2), features, p.spread, source)
        logits = made(features).numpy()
        responses = [EmpiricalResponse(each[:, 0] - each[:, 1], p.inverse_temperature) for each in logits]
        critical = np.array([float(each.critical_feedback(p.decay)) for each in responses])
        states = [
            [each.equilibria(float(kappa) * (1.0 + d), p.decay).imbalance[-1] for d in p.distances]
            for each, kappa in zip(responses, critical, strict=True)
        ]
        found |= {**arrays(made, f"onset.{kind}"), f"onset.{kind}.critical": critical,
                  f"onset.{kind}.states": np.array(states)}  # fmt: skip
    return found


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each kind of gate in each type."""
    p = profile.onset
    runs = len(p.growth_feedbacks) * p.growth_steps + (len(p.distances) + 1) * _steps(p)
    size = runs * p.routers * 2 * p.tokens
    return [
        Part(f"onset/{kind}-{name}", size, partial(measure, p, plan, kind, name))
        for kind in p.kinds
        for name in p.types
    ]


def measure(p: profiles.Onset, plan: Plan, kind: str, name: str, _stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Run the expected rule.

    rates : shape (gates, feedbacks)
        Growth rate (1/time) of a small imbalance.
    imbalance, below : shape (gates, distances) and (gates,)
        Where a collapsed start ends, beyond the onset and below it.
    """
    torch.set_num_threads(1)
    dtype: torch.dtype = getattr(torch, name)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    logits = restored(plan, f"onset.{kind}", dtype)(tokens(p))[:, None].mT.contiguous()
    critical = plan[f"onset.{kind}.critical"][:, None]

    def routers(factors: Array, start: float) -> ReinforcedRouter:
        router = reinforced(critical * factors, p.decay, p.inverse_temperature, 2, p.increment, wide)
        place(router, torch.full_like(router.feedback, start))
        return router

    router = routers(np.array(p.growth_feedbacks), p.kick)
    step(router, logits, p.growth_steps)
    tick(p.growth_steps * router.feedback.numel() * logits.shape[-1])
    growth = (difference(router).double() / p.kick).numpy()
    router = routers(np.array([p.below, *(1.0 + d for d in p.distances)]), 1.0 / p.inverse_temperature)
    for _ in range(_steps(p)):
        step(router, logits, 1)
        tick(router.feedback.numel() * logits.shape[-1])
    share = loads(router, logits).double().numpy()
    m = share[..., 0] - share[..., 1]
    rates = (growth ** (1.0 / p.growth_steps) - 1.0) / p.increment
    return {"rates": rates, "below": m[:, 0], "imbalance": m[:, 1:]}


def _steps(p: profiles.Onset) -> int:
    return round(p.time / p.decay / p.increment)


def onsets(p: profiles.Onset, plan: Plan, measured: Measured, kind: str, name: str) -> Array:
    """Return the measured over the predicted critical feedback: where the line through a gate's rates passes 0."""
    rates = measured[f"onset/{kind}-{name}"]["rates"]
    line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), rates.T, 1)
    return np.asarray(-line[0] / line[1])


def exponents(p: profiles.Onset, plan: Plan, measured: Measured, kind: str, name: str) -> Array:
    """Return the exponent of the imbalance in the distance from the measured onset, extrapolated to distance 0.

    NaN where the imbalance shows below that onset.
    """
    m = np.abs(measured[f"onset/{kind}-{name}"]["imbalance"])
    away = 1.0 + np.array(p.distances) - onsets(p, plan, measured, kind, name)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        local = np.diff(np.log(m), axis=1) / np.diff(np.log(np.where(away > 0.0, away, np.nan)), axis=1)
    return np.asarray(2.0 * local[:, 0] - local[:, 1])


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, of_gates = profile.onset, partial(over, confidence=profile.confidence, unit="gates")
    effect, found = "measured over predicted critical feedback", []
    for kind in p.kinds:
        states = plan[f"onset.{kind}.states"]
        for name in p.types:
            seen = measured[f"onset/{kind}-{name}"]
            case = f"{kind}.{name}"
            found += [
                judge(f"onset.{case}", f"The balanced load loses stability at μ/G′(0) of the margins ({kind} gates in "
                      f"{name}).", effect, of_gates(onsets(p, plan, measured, kind, name)), p.onset_band),
                judge(f"onset.exponent.{case}", "Beyond it the imbalance grows as the square root of the distance "
                      f"({kind}, {name}).", "exponent, extrapolated to the onset",
                      of_gates(exponents(p, plan, measured, kind, name)), p.exponent_band),
                judge(f"onset.branch.{case}", f"It is that of the predicted branch ({kind}, {name}).",
                      "measured over predicted imbalance, mean", of_gates((seen["imbalance"] / states).mean(axis=1)),
                      p.branch_band),
                judge(f"onset.below.{case}", f"Below it, at {p.below:g} of it, a collapsed start returns to balance: "
                      f"the pitchfork is supercritical ({kind}, {name}).", "size of the imbalance left",
                      of_gates(np.abs(seen["below"])), p.below_band),
            ]  # fmt: skip
    kind, name = p.kinds[0], p.types[0]
    ratio = onsets(p, plan, measured, kind, name)
    bare = 2.0 * p.decay / p.inverse_temperature / plan[f"onset.{kind}.critical"]
    found += [
        judge("control.onset_doubled", "Planted: at twice that feedback.", effect, of_gates(ratio / 2.0), p.onset_band,
              expected=Verdict.REFUTED),
        judge("control.onset_without_margins", "Planted: at 2 μ/β, whatever the margins.", effect,
              of_gates(ratio / bare), p.onset_band, expected=Verdict.REFUTED),
    ]  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the pitchfork."""
    with style():
        return (_pitchfork(profile.onset, plan, measured),)


def _pitchfork(p: profiles.Onset, plan: Plan, measured: Measured) -> Picture:
    figure, axes = canvas()
    distances = np.array(p.distances)
    fine = np.linspace(0.0, 1.1 * distances.max(), 200)
    for kind, colour in zip(p.kinds, (BLUE, ORANGE), strict=False):
        states = plan[f"onset.{kind}.states"]
        amplitude = (states[:, 0] / distances[0] ** 0.5).mean()
        axes.plot(1.0 + fine, amplitude * fine**0.5, color=colour, lw=1.2, label=f"predicted square root, {kind}")
        for name, mark in zip(p.types, "osx", strict=False):
            seen = measured[f"onset/{kind}-{name}"]["imbalance"]
            x = np.broadcast_to(1.0 + distances, seen.shape)
            axes.plot(x.ravel(), seen.ravel(), mark, ms=4, mfc="none", color=colour, label=f"{kind}, {name}")
    axes.axvline(1.0, color=RED, lw=1, ls=":", label="predicted onset")
    axes.axhline(0.0, color=SOFT, lw=1)
    axes.set(xlabel="feedback over the predicted critical one", ylabel="imbalance of the load m = p₁ − p₂")
    legend(figure)
    fields = {"decay": "decay", "inverse_temperature": "inverse_temperature", "increment": "increment",
              "time": "time", "spread": "spread", "hidden": "hidden", "routers": "routers"}  # fmt: skip
    caption = "Long-run imbalance of two-expert routers in the expected rule, over the predicted square root. " + fixed(
        p, fields, experts=2, selection="soft", tokens=2 * p.tokens
    )
    return Picture("pitchfork", "The pitchfork", figure, caption)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of onsets."""
    p, rows = profile.onset, []
    for kind in p.kinds:
        for name in p.types:
            ratio, power = (f(p, plan, measured, kind, name) for f in (onsets, exponents))
            rows.append((kind, name, f"{plan[f'onset.{kind}.critical'].mean():.4f}", f"{ratio.mean():.5f}",
                         f"{np.abs(ratio - 1.0).max():.1e}", f"{power.mean():.4f}"))  # fmt: skip
    columns = ("gates", "type", "κ_c, mean", "measured/predicted", "largest miss", "exponent")
    return (Table("onset", "Onset of two experts", columns, tuple(rows)),)
