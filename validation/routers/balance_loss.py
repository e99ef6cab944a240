"""P7: a balance loss holds reinforced routers balanced from a critical weight on, and alternates beyond a largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import critical_loss_weight, largest_safe_loss_weight
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, GREEN, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.intervals import over
from validation.routers.modes import Loads, Rule, crossing, jacobian, mode, multipliers
from validation.routers.profiles import Profile
from validation.routers.recorded import arrays, balanced, batches, case, second
from validation.routers.responses import band, first, top, widths
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick

Array = NDArray[np.float64]
SYMBOLS = ("feedback", "decay", "inverse_temperature", "increment", "loss_weight", "loss_rate", "susceptibility")
NOTES = (
    "balance_loss.*: the loss αK Σ f_i P_i with the loads f held fixed, its gradient by automatic differentiation on "
    "the scores beside the reinforcement; routers, halves of their tokens and accepted bands as in prediction.*.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the first half says of each case, the first axis that of the routers.

    balance_loss.case.router.*
        The routers, and the tokens of the second half.
    balance_loss.case.feedback
        Feedback in force, so many times the critical one.
    balance_loss.case.critical, .safe, .error
        Critical weight at that feedback; largest weight that does not alternate without it and without decay; see
        `Response.error`.
    """
    p, t, found = profile.balance_loss, profile.trained, dict[str, Any]()
    for name in p.cases:
        each, at = case(name), f"balance_loss.{name}"
        seen = first(t, each, seed, p.routers)
        feedback = p.excess * p.decay / top(seen.load)
        found |= {
            **arrays(t, each.kind, seed, p.routers, f"{at}.router"),
            f"{at}.feedback": feedback,
            f"{at}.critical": critical_loss_weight(feedback, p.decay, p.loss_rate, seen.soft, seen.load),
            f"{at}.safe": largest_safe_loss_weight(p.loss_rate, seen.soft, seen.load),
            f"{at}.error": seen.error,
        }
    return {name: np.asarray(value) for name, value in found.items()}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p = profile.balance_loss
    onset, flip = len(p.weights) * p.steps * p.batch_size, len(p.unsafe) * p.unsafe_steps * p.tokens
    pairs = 2 * p.routers
    return [
        Part(f"balance_loss/{name}", pairs * (onset + flip * (name in p.alternating)),
             partial(measure, profile, plan, name))
        for name in p.cases
    ]  # fmt: skip


def held(
    loads: Loads,
    weights: Array,
    *,
    inverse_temperature: float,
    feedback: Tensor,
    decay: float,
    rate: float,
    increment: float,
) -> Rule:
    """Return the rule of reinforcement and balance loss, at weights (routers, settings) and feedback (routers, 1)."""
    alpha = torch.tensor(weights, dtype=torch.float32)
    mean = Loads(inverse_temperature=inverse_temperature)

    def rule(scores: Tensor, logits: Tensor) -> Tensor:
        at = scores.detach().requires_grad_()
        load = loads(logits, scores)
        loss = (alpha * scores.shape[-1] * (load.detach() * mean(logits, at)).sum(dim=-1)).sum()
        (slope,) = torch.autograd.grad(loss, at)
        return scores + increment * (feedback[..., None] * load - decay * scores - rate * slope)

    return rule


def measure(profile: Profile, plan: Plan, name: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Raise the weight of the loss of routers on the second half.

    weights, rates : shape (routers, weights)
        Growth rate (1/time) of a small imbalance in its fastest mode, with reinforcement.
    unsafe, multipliers : shape (routers, weights)
        By what a step on all tokens multiplies it in the mode that alternates first, without reinforcement and decay.
    """
    torch.set_num_threads(1)
    p, t, each, source = profile.balance_loss, profile.trained, case(name), stream.torch()
    at, beta, experts = f"balance_loss.{name}", t.inverse_temperature, each.kind.experts
    logits = second(t, each, plan, f"{at}.router", source)
    kick = widths(t, each, logits)
    answer, sampled = (each.loads(beta, chance) for chance in (None, source))

    feedback = torch.tensor(plan[f"{at}.feedback"][:, None], dtype=torch.float32)
    weights = plan[f"{at}.critical"][:, None] * np.array(p.weights)
    held_by = partial(held, inverse_temperature=beta, feedback=feedback, decay=p.decay, rate=p.loss_rate,
                      increment=p.increment)  # fmt: skip
    even = (feedback / (experts * p.decay))[..., None].expand(*weights.shape, experts)
    modes = mode(jacobian(held_by(answer, weights), even, logits[..., ::2], kick), symmetric=False)
    drawn = batches(logits, p.batch_size, p.steps, source)
    growth = multipliers(held_by(sampled, weights), even, modes, kick, drawn)
    tick(2 * weights.size * p.batch_size * p.steps)
    found = {"weights": weights, "rates": (growth - 1.0) / p.increment}
    if name in p.alternating:
        few = balanced(logits[..., : p.tokens], answer)
        unsafe = plan[f"{at}.safe"][:, None] * np.array(p.unsafe)
        alone = partial(held, answer, inverse_temperature=beta, feedback=0.0 * feedback, decay=0.0, rate=p.loss_rate,
                        increment=1.0)  # fmt: skip
        still = torch.zeros(*unsafe.shape, experts)
        modes = mode(jacobian(alone(unsafe[:, :1]), still[:, :1], few, kick), lowest=True, symmetric=False)
        flips = multipliers(alone(unsafe), still, modes, kick, [few] * p.unsafe_steps)
        tick(2 * unsafe.size * p.tokens * p.unsafe_steps)
        found |= {"unsafe": unsafe, "multipliers": flips}
    return found


def bracketed(settings: Array, values: Array) -> Array:
    """Return per router where values (routers, settings), which fall, first pass 0, by the two settings beside it.

    NaN where none does. The rate of the fastest mode is convex in the weight: one line through all would miss.
    """
    fallen = (values <= 0.0) & (np.arange(values.shape[1]) > 0)
    place = np.where(fallen.any(axis=1), fallen.argmax(axis=1), 1)[:, None]
    (x0, y0), (x1, y1) = (
        [np.take_along_axis(each, at, 1)[:, 0] for each in (settings, values)] for at in (place - 1, place)
    )
    return np.where(fallen.any(axis=1) & (y0 > 0.0), x0 + (x1 - x0) * y0 / (y0 - y1), np.nan)


def onsets(plan: Plan, measured: Measured, name: str) -> Array:
    """Return the logarithm of the measured over the predicted critical weight of each router."""
    seen = measured[f"balance_loss/{name}"]
    return np.asarray(np.log(bracketed(seen["weights"], seen["rates"]) / plan[f"balance_loss.{name}.critical"]))


def largest(plan: Plan, measured: Measured, name: str) -> Array:
    """Return the logarithm of the measured over the predicted largest weight of each router."""
    seen = measured[f"balance_loss/{name}"]
    return np.asarray(np.log(crossing(seen["unsafe"], seen["multipliers"] + 1.0) / plan[f"balance_loss.{name}.safe"]))


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, beta, found = profile.balance_loss, profile.trained.inverse_temperature, []
    of = partial(over, confidence=profile.confidence, unit="routers")
    effect = "logarithm of the measured over the predicted weight, mean"
    for name in p.cases:
        accepted, experts = band(p, plan[f"balance_loss.{name}.error"]), case(name).kind.experts
        onset = onsets(plan, measured, name)
        found.append(
            judge(f"balance_loss.onset.{name}", "Reinforced routers stay balanced from the critical weight of χ of "
                  f"other tokens on ({name}).", effect, of(onset), accepted)
        )  # fmt: skip
        if name in p.alternating:
            found.append(
                judge(f"balance_loss.alternates.{name}", "Without reinforcement, loads alternate from 2/(ρKλ_max) on "
                      f"({name}).", effect, of(largest(plan, measured, name)), accepted)
            )  # fmt: skip
        for control, says, factor in (("beta", "without its 1/β", beta), ("experts", "of a loss without K", experts)):
            found.append(
                judge(f"control.balance_loss_{control}.{name}", f"Planted: the critical weight is that {says} "
                      f"({name}).", effect, of(onset - np.log(factor)), accepted, expected=Verdict.REFUTED)
            )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw growth rates over the weight."""
    p, t = profile.balance_loss, profile.trained
    with style():
        figure, axes = canvas(height=4.4)
        x = np.array(p.weights)
        for name, colour, mark in zip(p.cases, 2 * (BLUE, ORANGE, GREEN), "os^vDP", strict=False):
            rates = measured[f"balance_loss/{name}"]["rates"]
            error = rates.std(axis=0, ddof=1) / len(rates) ** 0.5
            axes.errorbar(x, rates.mean(axis=0), 2.6 * error, fmt=f"{mark}-", lw=0.8, ms=5, mfc="none", color=colour,
                          label=name)  # fmt: skip
        axes.axhline(0.0, color=SOFT, lw=1)
        axes.axvline(1.0, color=RED, lw=1, ls=":", label="predicted critical weight")
        axes.set(xlabel="weight of the loss over the critical one", ylabel="growth rate of an imbalance (1/time)")
        legend(figure)
    fields = {"decay": "decay", "increment": "increment", "batch_size": "batch_size", "loss_rate": "loss_rate"}
    caption = (
        f"Growth rate of a small imbalance at {p.excess:g} times the critical feedback, mean over routers with bars of "
        "2.6 standard errors, on tokens that did not predict. "
        + fixed(p, fields, inverse_temperature=t.inverse_temperature, routers=p.routers)
    )
    return (Picture("balance-loss", "How strong a balance loss must be", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of weights."""
    p, rows = profile.balance_loss, []
    for name in p.cases:
        at = f"balance_loss.{name}"
        rows.append((name, f"{plan[f'{at}.feedback'].mean():.3f}", f"{plan[f'{at}.critical'].mean():.3f}",
                     f"{np.exp(onsets(plan, measured, name).mean()):.4f}", f"{plan[f'{at}.safe'].mean():.3f}",
                     f"{np.exp(largest(plan, measured, name).mean()):.4f}" if name in p.alternating else "–",
                     ))  # fmt: skip
    columns = ("case", "κ, mean", "α_c, mean", "measured/predicted", "largest α, mean", "measured/predicted")
    return (Table("weights", "Weights of a balance loss", columns, tuple(rows)),)
