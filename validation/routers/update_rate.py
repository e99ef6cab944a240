"""P5: the proportional bias rule b <- b + r (1/K - load) is stable up to r = 2/lambda_max; then loads alternate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import largest_safe_update_rate
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.intervals import over
from validation.routers import profiles
from validation.routers.modes import Rule, crossing, jacobian, mode, multipliers, proportional
from validation.routers.profiles import Profile
from validation.routers.recorded import arrays, balanced, batches, case, second
from validation.routers.responses import band, first, widths
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick

Array = NDArray[np.float64]
SYMBOLS = ("update_rate", "susceptibility", "batch_size")
NOTES = (
    "update_rate.*: routers, halves of their tokens and accepted bands as in prediction.*. On batches the threshold is "
    "where the line through the multipliers of a step passes −1; on all tokens at once it is bisected, for above it an "
    "alternation grows.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the first half says of each case, the first axis that of the routers.

    update_rate.case.router.*
        The routers, and the tokens of the second half.
    update_rate.case.rate, update_rate.case.error
        Largest stable update rate 2/lambda_max(chi) (score); see `Response.error`.
    """
    p, t, found = profile.update_rate, profile.trained, dict[str, Any]()
    for name in p.cases:
        seen, at = first(t, case(name), seed, p.routers), f"update_rate.{name}"
        rate = largest_safe_update_rate(seen.load)
        found |= {
            **arrays(t, case(name).kind, seed, p.routers, f"{at}.router"),
            f"{at}.rate": rate,
            f"{at}.error": seen.error,
        }
    return {name: np.asarray(value) for name, value in found.items()}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p = profile.update_rate
    size = p.routers * len(p.rates) * 2 * p.batch_size * p.steps
    return [Part(f"update_rate/{name}", size, partial(measure, profile, plan, name)) for name in p.cases]


def measure(profile: Profile, plan: Plan, name: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Raise the update rate of the routers on the second half.

    rates, multipliers : shape (routers, rates)
        By what a step on a batch multiplies a small imbalance in the mode to which the loads answer most.
    alternates : shape (routers,)
        Rate from which an alternation grows on all tokens at once.
    """
    torch.set_num_threads(1)
    p, t, each, source = profile.update_rate, profile.trained, case(name), stream.torch()
    at = f"update_rate.{name}"
    logits = second(t, each, plan, f"{at}.router", source)
    kick = widths(t, each, logits)
    answer, sampled = (each.loads(t.inverse_temperature, chance) for chance in (None, source))
    still = torch.zeros(len(logits), 1, each.kind.experts)
    modes = mode(jacobian(lambda scores, x: answer(x, scores), still, logits, kick))
    rates = plan[f"{at}.rate"][:, None] * np.array(p.rates)
    found = multipliers(
        proportional(sampled, rates), still, modes, kick, batches(logits, p.batch_size, p.steps, source)
    )
    tick(2 * rates.size * p.batch_size * p.steps)
    few = balanced(logits[..., : p.tokens], answer)
    low, high = (plan[f"{at}.rate"] * edge for edge in p.bisected)
    for _ in range(p.bisections):
        middle = np.sqrt(low * high)
        grows = alternates(p, proportional(answer, middle[:, None]), few, kick[:, None, None] * modes[0])
        low, high = np.where(grows, low, middle), np.where(grows, middle, high)
    return {"rates": rates, "multipliers": found, "alternates": np.sqrt(low * high)}


def alternates(p: profiles.UpdateRate, rule: Rule, logits: Tensor, bias: Tensor) -> NDArray[np.bool_]:
    """Return for which routers the change of the bias from step to step grows: late ones on average beyond early ones.

    Of all modes, for the first to alternate need not be the one that stays.
    """
    seen = []
    for _ in range(p.turns):
        new = rule(bias, logits)
        seen.append((new - bias).norm(dim=-1)[:, 0])
        bias = new
    half = p.turns // 2
    early, late = (torch.stack(part).mean(dim=0) for part in (seen[:half], seen[half:]))
    return np.asarray((late > early).numpy())


def thresholds(plan: Plan, measured: Measured, name: str) -> dict[str, Array]:
    """Return the logarithm of measured over predicted thresholds of each router, on batches and on all tokens."""
    seen, rate = measured[f"update_rate/{name}"], plan[f"update_rate.{name}.rate"]
    return {
        "batches": np.log(crossing(seen["rates"], seen["multipliers"] + 1.0) / rate),
        "whole": np.log(seen["alternates"] / rate),
    }


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, found = profile.update_rate, []
    of = partial(over, confidence=profile.confidence, unit="routers")
    effect = "logarithm of the measured threshold over 2/λ_max, mean"
    for name in p.cases:
        accepted = band(p, plan[f"update_rate.{name}.error"])
        for how, miss in thresholds(plan, measured, name).items():
            where = "on batches" if how == "batches" else "on all tokens at once"
            found.append(
                judge(f"update_rate.{how}.{name}", "Loads begin to alternate at the update rate 2/λ_max(χ) of other "
                      f"tokens ({name}, {where}).", effect, of(miss), accepted)
            )  # fmt: skip
        found.append(
            judge(f"control.update_rate_half.{name}", f"Planted: they do at 1/λ_max ({name}).",
                  "logarithm of the measured threshold over 1/λ_max, mean",
                  of(thresholds(plan, measured, name)["batches"] + np.log(2.0)), accepted, expected=Verdict.REFUTED)
        )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw multipliers over the rate."""
    p, t = profile.update_rate, profile.trained
    with style():
        figure, axes = canvas(height=4.4)
        x = np.array(p.rates)
        axes.plot(x, 1.0 - 2.0 * x, color=INK, label="predicted, 1 − rλ_max")
        for name, colour, mark in zip(p.cases, 2 * (BLUE, ORANGE, GREEN), "os^vDP", strict=False):
            seen = measured[f"update_rate/{name}"]["multipliers"]
            error = seen.std(axis=0, ddof=1) / len(seen) ** 0.5
            axes.errorbar(x, seen.mean(axis=0), 2.6 * error, fmt=mark, ms=5, mfc="none", color=colour, label=name)
        axes.axhline(-1.0, color=SOFT, lw=1)
        axes.axvline(1.0, color=RED, lw=1, ls=":")
        axes.set(xlabel="update rate over the largest stable one, rλ_max/2", ylabel="multiplier of a step")
        legend(figure)
    caption = (
        "By what a step of the proportional bias rule multiplies a small imbalance, mean over routers with bars of 2.6 "
        "standard errors; below −1 loads alternate ever more. "
        + fixed(p, {"batch_size": "batch_size"}, inverse_temperature=t.inverse_temperature, routers=p.routers)
    )
    return (Picture("update-rate", "The largest stable update rate", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of thresholds."""
    rows = []
    for name in profile.update_rate.cases:
        ratios = [np.exp(miss.mean()) for miss in thresholds(plan, measured, name).values()]
        rows.append((name, f"{plan[f'update_rate.{name}.rate'].mean():.3f}", *(f"{ratio:.4f}" for ratio in ratios)))
    columns = ("case", "2/λ_max, mean (score)", "measured/predicted on batches", "on all tokens")
    return (Table("rates", "Largest stable update rate", columns, tuple(rows)),)
