"""P5: the sign rule b <- b + u sign(1/K - load) has no threshold: it fluctuates and rings, as its step is large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import effective_update_rate, proportional_covariance, sign_covariance
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, ORANGE, RED, canvas, legend, style
from validation.captions import fixed
from validation.intervals import over
from validation.routers.gaussian import anchors, measure_gaussian, spacing
from validation.routers.modes import Rule, proportional, signed
from validation.routers.profiles import Profile
from validation.routers.recorded import arrays, batches, case, second, spread
from validation.routers.responses import band, first, top
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick

Array = NDArray[np.float64]
SYMBOLS = ("update_rate", "bias_step", "susceptibility", "batch_size")
NOTES = (
    "sign_rule.*: the Gaussian closure is an approximation, checked for r_eff λ up to about 1; the steps beyond are "
    "there to show that no threshold follows. sign_rule.gaussian.*: independent Gaussian logits, whose χ is known.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the theory says.

    sign_rule.gaussian.proportional, sign_rule.gaussian.sign
        Of the two anchors: the update rate or the step (score), and the variance of a bias mode (score^2).
    sign_rule.gaussian.linear
        That of the sign rule if it were a proportional one, u^2/(1 - (1 - r_eff lambda)^2).
    sign_rule.router.*, sign_rule.error
        The trained routers, and the tokens of the second half; see `Response.error`.
    sign_rule.steps, sign_rule.total : shape (routers, steps)
        Steps u (score) of the trained routers, and the trace of the covariance of their biases by the closure.
    sign_rule.rates, sign_rule.floor : shape (routers, rates)
        Update rates r and the same trace under the proportional rule, NaN where it is not stable.
    """
    p, t, case_of = profile.sign_rule, profile.trained, case(profile.sign_rule.case)
    seen = first(t, case_of, seed, p.routers)
    noise = np.sqrt(np.diagonal(seen.covariance, axis1=1, axis2=2).mean(axis=1) / p.batch_size)
    unit = 1.0 / top(seen.load)[:, None]
    steps = unit * np.array(p.shares) / np.asarray(effective_update_rate(1.0, noise))[:, None]
    rates = unit * np.array(p.proportional)
    matrices = seen.load[:, None], seen.covariance[:, None], p.batch_size
    closed = sign_covariance(steps, *matrices, spacing(case_of.kind.experts, case_of.chosen, p.batch_size))
    found = {
        **anchors(p),
        **arrays(t, case_of.kind, seed, p.routers, "sign_rule.router"),
        "sign_rule.error": seen.error,
        "sign_rule.steps": steps,
        "sign_rule.total": np.trace(closed.bias, axis1=-2, axis2=-1),
        "sign_rule.rates": rates,
        "sign_rule.floor": np.trace(proportional_covariance(rates, *matrices).bias, axis1=-2, axis2=-1),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: both anchors, and the trained routers on batches and on all tokens at once."""
    p = profile.sign_rule
    routers, long = p.routers, p.burn + p.steps
    return [
        *(
            Part(f"sign_rule/gaussian-{name}", p.chains * batch * long, partial(measure_gaussian, p, plan, name))
            for name, (*_, batch) in (("sign", p.gaussian_sign), ("proportional", p.gaussian_proportional))
        ),
        Part("sign_rule/batches", routers * (len(p.shares) + len(p.proportional)) * p.batch_size * long,
             partial(measure_batches, profile, plan)),
        Part("sign_rule/whole", routers * len(p.ringing) * p.tokens * 2 * p.turns,
             partial(measure_whole, profile, plan)),
    ]  # fmt: skip


def measure_batches(profile: Profile, plan: Plan, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Run both rules with the trained routers on batches of the second half.

    sign, proportional : shape (2, routers, settings)
        Trace of the covariance of the biases over time (score^2), in the earlier and the later half of the run.
    """
    torch.set_num_threads(1)
    p, t, case_of, source = profile.sign_rule, profile.trained, case(profile.sign_rule.case), stream.torch()
    logits = second(t, case_of, plan, "sign_rule.router", source)
    loads = case_of.loads(t.inverse_temperature)
    found = {}
    for name, rule, settings in (
        ("sign", signed(loads, plan["sign_rule.steps"]), plan["sign_rule.steps"]),
        ("proportional", proportional(loads, plan["sign_rule.rates"]), plan["sign_rule.rates"]),
    ):
        drawn = batches(logits, p.batch_size, p.burn + p.steps, source)
        found[name] = covariance(rule, drawn, torch.zeros(*settings.shape, case_of.kind.experts), p.burn)
        tick(settings.size * p.batch_size * (p.burn + p.steps))
    return found


def measure_whole(profile: Profile, plan: Plan, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Run the sign rule on all tokens at once: steps and root mean squares of the biases (score), (routers, steps)."""
    torch.set_num_threads(1)
    p, t, case_of, source = profile.sign_rule, profile.trained, case(profile.sign_rule.case), stream.torch()
    logits = second(t, case_of, plan, "sign_rule.router", source)
    few = logits[..., : p.tokens]
    steps = spread(logits).double().numpy()[:, None] * np.array(p.ringing)
    rule = signed(case_of.loads(t.inverse_temperature), steps)
    still = torch.zeros(*steps.shape, case_of.kind.experts)
    found = covariance(rule, [few] * (2 * p.turns), still, p.turns)
    tick(steps.size * p.tokens * 2 * p.turns)
    return {"steps": steps, "amplitude": np.sqrt(found.mean(axis=0))}


def covariance(rule: Rule, drawn: Iterable[Tensor], bias: Tensor, burn: int) -> Array:
    """Return the trace of the covariance of the biases over time, in either half of what follows the burn-in."""
    seen = []
    for step, logits in enumerate(drawn):
        bias = rule(bias, logits)
        if step >= burn:
            seen.append((bias - bias.mean(dim=-1, keepdim=True)).double())
    half = len(seen) // 2
    mean = torch.stack(seen).mean(dim=0)
    return np.stack([
        torch.stack([((b - mean) ** 2).sum(dim=-1) for b in part]).mean(dim=0).numpy()
        for part in (seen[:half], seen[half:])
    ])  # fmt: skip


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p = profile.sign_rule
    chains = partial(over, confidence=profile.confidence, unit="chains")
    of = partial(over, confidence=profile.confidence, unit="routers")
    effect = "measured over predicted variance of a bias"
    seen = {name: measured[f"sign_rule/gaussian-{name}"]["variance"] for name in ("sign", "proportional")}
    closed, rated = plan["sign_rule.gaussian.sign"][1], plan["sign_rule.gaussian.proportional"][1]
    runs, whole = measured["sign_rule/batches"], measured["sign_rule/whole"]
    accepted = band(p, plan["sign_rule.error"])
    sign, floor = (np.log(runs[name].mean(axis=0) / plan[f"sign_rule.{kind}"]) for name, kind in
                   (("sign", "total"), ("proportional", "floor")))  # fmt: skip
    slope = [np.polyfit(np.log(u), np.log(a), 1)[0] for u, a in zip(whole["steps"], whole["amplitude"], strict=True)]
    growth = 0.5 * np.log(runs["sign"][1] / runs["sign"][0])
    return (
        judge("sign_rule.gaussian.proportional", "On Gaussian logits the proportional rule's biases have the variance "
              "rσ²/(Bλ(2 − rλ)).", effect, chains(seen["proportional"] / rated), p.proportional_band),
        judge("sign_rule.gaussian.sign", "On Gaussian logits the sign rule's have that of the Gaussian closure.",
              effect, chains(seen["sign"] / closed), p.closure_band),
        judge("control.sign_rule_linear", "Planted: they have that of a proportional rule of its effective rate.",
              effect, chains(seen["sign"] / plan.number("sign_rule.gaussian.linear")), p.closure_band,
              expected=Verdict.REFUTED),
        judge("sign_rule.trained.proportional", "So do trained routers under the proportional rule at "
              f"rλ_max = {p.proportional[0]:g}, by χ and Σ of other tokens.",
              "logarithm of measured over predicted total variance, mean", of(floor[:, 0]), accepted),
        *(judge(f"sign_rule.trained.{share:g}", f"And under the sign rule, at r_eff λ_max = {share:g}.",
                "logarithm of measured over predicted total variance, mean", of(sign[:, k]), accepted)
          for k, share in enumerate(p.shares) if share <= p.checked),
        judge("sign_rule.no_threshold", f"The sign rule has no threshold: up to r_eff λ_max = {max(p.shares):g}, where "
              "a proportional rule were unstable, fluctuations do not grow.",
              "logarithm of later over earlier amplitude, mean", of(growth.mean(axis=1)), p.growth_band),
        judge("sign_rule.ringing", "Without noise it rings with an amplitude in proportion to its step.",
              "exponent of the amplitude in the step", of(slope), p.ringing_band),
    )  # fmt: skip


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw amplitudes of both rules over the rate."""
    from matplotlib.ticker import NullLocator

    p, runs = profile.sign_rule, measured["sign_rule/batches"]
    with style():
        figure, axes = canvas()
        for name, x, predicted, colour, label in (
            ("proportional", p.proportional, plan["sign_rule.floor"], BLUE, "proportional rule"),
            ("sign", p.shares, plan["sign_rule.total"], ORANGE, "sign rule, at its effective rate"),
        ):
            at = 0.5 * np.array(x)
            axes.loglog(at, np.sqrt(predicted).mean(axis=0), color=colour, label=f"{label}, predicted")
            axes.loglog(at, np.sqrt(runs[name].mean(axis=0)).mean(axis=0), "o", ms=5, mfc="none", color=colour,
                        label=f"{label}, measured")  # fmt: skip
        axes.axvline(1.0, color=RED, lw=1, ls=":", label="threshold of the proportional rule")
        ticks = [0.5 * share for share in p.shares]
        axes.set(xlabel="rλ_max/2", ylabel="fluctuation of the biases (score)", xticks=ticks)
        axes.set_xticklabels([f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        legend(figure)
    caption = (
        f"Root of the total variance of the biases over time, mean over routers of the kind {p.case}, on tokens that "
        "did not predict. " + fixed(p, {"batch_size": "batch_size"}, routers=p.routers)
    )
    return (Picture("sign-rule", "One rule has a threshold, the other none", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of amplitudes."""
    p, rows = profile.sign_rule, []
    for name, kind, shares in (("sign", "total", p.shares), ("proportional", "floor", p.proportional)):
        early, late = measured["sign_rule/batches"][name]
        for k, share in enumerate(shares):
            ratio = 0.5 * (early + late)[:, k] / plan[f"sign_rule.{kind}"][:, k]
            grown = np.sqrt(late[:, k] / early[:, k]).mean()
            rows.append((name, f"{share:g}", "–" if np.isnan(ratio).any() else f"{np.exp(np.log(ratio).mean()):.3f}",
                         f"{grown:.3f}"))  # fmt: skip
    columns = ("rule", "rλ_max or r_eff λ_max", "total variance, measured/predicted", "later/earlier amplitude")
    return (Table("fluctuations", "Fluctuations under bias rules", columns, tuple(rows)),)
