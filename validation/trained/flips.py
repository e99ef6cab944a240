"""P8: how many tokens change experts under noise and rounding of the logits follows from the mass at the boundary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import binom
from torch import Tensor

from moecusp import flip_rate, hard_susceptibility, rounding_flip_rate
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.intervals import over
from validation.storage import Arrays
from validation.streams import Stream, stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.trained.flip_logits import Case, case, independent, model, recorded, text, tie_density, trained

Array = NDArray[np.float64]
Band = tuple[float, float]
NARROW = {"bf16": (torch.bfloat16, 7), "fp8": (torch.float8_e4m3fn, 3)}
"""Types to which logits are rounded, and the bits of their fraction."""
SYMBOLS: tuple[str, ...] = ()
NOTES = (
    "flips.*: routers are independent normal logits, or the last router of a small transformer trained on text. "
    "What predicts is recorded on other tokens than those counted: the density C of ties for the last place (of "
    "independent logits an integral), the spacing d of the grid there and, where the grid is coarse (fp8), how many "
    "logits share the cell of the last place. Noise is so strong that the same share of tokens is predicted to flip in "
    "every case. Bands are of the logarithm of counted over predicted: the leading order is off by some 1.6 times the "
    "share itself.",
)


@dataclass(frozen=True)
class Flips:
    """Top-k sets under noise and rounding: every fixed number of it.

    The noise is such that `share` of the tokens flip by the leading order. sigma (score) is that of independent logits.
    Of each of `routers` so many `logits` are drawn, of `most` tokens at most; by each of `transformers` (from 8 after a
    run of seed 2) so many `bytes` of text are read. A transformer
    has `layers` of `features`, experts of `units` and a router with a `hidden` layer; it learns from `windows` of
    `context` bytes a step.
    """

    cases: tuple[str, ...] = ("random-8-top1", "random-32-top2", "random-64-top8", "random-256-top1", "random-256-top8",
                              "text-8-top1", "text-32-top2", "text-64-top8")  # fmt: skip
    routers: int = 8
    transformers: int = 24
    logits: int = 16_000_000
    most: int = 200_000
    bytes: int = 90_000
    share: float = 0.01
    draws: int = 4
    sigma: float = 1.3
    near: float = 0.05
    context: int = 32
    layers: int = 2
    features: int = 32
    heads: int = 2
    units: int = 4
    hidden: int = 32
    steps: int = 300
    windows: int = 16
    learning_rate: float = 3e-3
    balance_weight: float = 0.01
    noise_band: Band = (-0.06, 0.06)
    bf16_band: Band = (-0.12, 0.12)
    fp8_band: Band = (-0.06, 0.06)

    def number(self, at: Case) -> int:
        """Return how many routers of a case there are."""
        return self.routers if at.source == "random" else self.transformers

    def tokens(self, at: Case) -> int:
        """Return how many tokens of each router are looked at, for a prediction or for a count."""
        if at.source == "random":
            return min(self.logits // at.experts, self.most)
        return self.bytes // self.context * self.context


SIZES = {
    "smoke": Flips(cases=("random-8-top1", "random-64-top8", "text-8-top1"), routers=6, transformers=6,
                   logits=1_280_000, bytes=45_000, steps=20, windows=4),
    "quick": Flips(cases=(*(name for name in Flips.cases if name.startswith("random")), "text-8-top1")),
    "full": Flips(routers=16, transformers=48, logits=64_000_000, most=800_000, steps=400),
}  # fmt: skip


class Profile(Protocol):
    """What of the study's profile is used here."""

    @property
    def flips(self) -> Flips:
        """The numbers of this subject."""

    @property
    def confidence(self) -> float:
        """Of every interval."""


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what is predicted of each case, the first axis that of the routers.

    flips.case.deviation
        Standard deviation of the noise on each logit (score).
    flips.case.noise, .bf16, .fp8
        Share of tokens that flip.
    flips.case.weights.*
        Of trained transformers, for the run.
    """
    p, found = profile.flips, dict[str, Any]()
    for name in p.cases:
        at = case(name)
        if at.source == "random":
            given: Iterable[Tensor] = independent(p, at, stream("trained", "flips-recorded", name, seed))
        else:
            made = trained(p, at, seed)
            found |= {f"flips.{name}.weights.{key}": value.numpy() for key, value in made.state_dict().items()}
            given = recorded(p, made, text()[1])
        rows = [_predicted(p, at, logits) for logits in given]
        found |= {f"flips.{name}.{key}": np.array([row[key] for row in rows]) for key in rows[0]}
    return found


def _predicted(p: Flips, at: Case, logits: Tensor) -> dict[str, float]:
    k = at.chosen
    if at.source == "random":
        density = tie_density(at.experts, k, p.sigma)
    else:
        chi = hard_susceptibility(logits.double().numpy(), top_k=k, block=p.context).susceptibility
        density = 0.5 * k * float(np.trace(chi))
    deviation = p.share * math.sqrt(math.pi) / (2.0 * density)
    return {
        "deviation": deviation,
        "noise": float(flip_rate(density, deviation)),
        "bf16": float(rounding_flip_rate(density, spacing(logits, k, NARROW["bf16"][1], p.near))),
        "fp8": crossed(logits.to(NARROW["fp8"][0]).float(), k),
    }


def spacing(logits: Tensor, k: int, bits: int, near: float) -> float:
    """Return the mean spacing of a floating-point grid at the last place of the tokens nearest to a tie."""
    top = logits.double().topk(k + 1, dim=1).values
    margin, middle = top[:, k - 1] - top[:, k], 0.5 * (top[:, k - 1] + top[:, k]).abs()
    close = middle[margin.argsort()[: max(1, round(near * len(margin)))]]
    return float(torch.exp2(torch.floor(torch.log2(close)) - bits).mean())


def crossed(rounded: Tensor, k: int) -> float:
    """Return the share of tokens that flip if rounded logits that are equal had any order before.

    If c logits are equal to that of the last place and r of them are chosen, the right r are with chance 1/binom(c, r).
    """
    last = rounded.topk(k, dim=1).values[:, -1:]
    cell, above = (rounded == last).sum(dim=1).numpy(), (rounded > last).sum(dim=1).numpy()
    return float(np.mean(1.0 - 1.0 / binom(cell, k - above)))


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p = profile.flips
    work = {name: p.number(case(name)) * p.tokens(case(name)) for name in p.cases}
    return [Part(f"flips/{name}", size, partial(measure, p, plan, name)) for name, size in work.items()]


def measure(p: Flips, plan: Plan, name: str, source: Stream, tick: Tick) -> Mapping[str, Array]:
    """Count the tokens whose set of experts changes; shares of shape (routers,)."""
    at, found = case(name), dict[str, list[float]]()
    generator = stream("trained", "flips-noise", name, source.seed).torch()
    given: Iterable[Tensor] = independent(p, at, source)
    if at.source != "random":
        made, start = model(p, at, [torch.Generator() for _ in range(p.transformers)]), f"flips.{name}.weights."
        stored = {key.removeprefix(start): np.array(plan[key]) for key in plan.arrays if key.startswith(start)}
        made.load_state_dict({key: torch.tensor(value) for key, value in stored.items()})
        given = recorded(p, made, text()[2])
    for number, logits in enumerate(given):
        deviation, before = float(plan[f"flips.{name}.deviation"][number]), chosen(logits, at.chosen)
        each = {
            "noise": [logits + deviation * torch.randn(logits.shape, generator=generator) for _ in range(p.draws)],
            **{kind: [logits.to(type).float()] for kind, (type, _) in NARROW.items()},
        }
        for kind, changed in each.items():
            moved = [(chosen(after, at.chosen) != before).any(dim=1).double().mean().item() for after in changed]
            found.setdefault(kind, []).append(float(np.mean(moved)))
        tick(p.tokens(at))
    return {kind: np.array(shares) for kind, shares in found.items()}


def chosen(logits: Tensor, k: int) -> Tensor:
    """Return the experts of each token, in the order of their numbers."""
    return logits.topk(k, dim=1).indices.sort(dim=1).values


def misses(plan: Plan, measured: Measured, name: str, kind: str) -> Array:
    """Return the logarithm of the counted over the predicted share of each router; NaN where nothing was counted."""
    counted = measured[f"flips/{name}"][kind]
    return np.asarray(np.log(np.where(counted > 0.0, counted, np.nan) / plan[f"flips.{name}.{kind}"]))


CLAIMS = {
    "noise": "Independent noise of deviation s on every logit flips 2 C s/√π of the tokens",
    "bf16": "Rounding logits to bfloat16 flips C d/2 of the tokens",
    "fp8": "Rounding logits to 8 bits (e4m3) flips tokens by the cells that logits share",
}
CONTROLS = {
    "half": ("noise", math.log(2.0), "half of that: C s/√π"),
    "independent": ("bf16", math.log(1.5), "what independent errors of that size would, C d/3"),
    "pairs": ("fp8", math.log(2.0), "every second one of those"),
}


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was counted by the stored predictions."""
    p, of = profile.flips, partial(over, confidence=profile.confidence, unit="routers")
    effect, found = "logarithm of the counted over the predicted share, mean", []
    for name in p.cases:
        for kind, says in CLAIMS.items():
            found.append(
                judge(f"flips.{kind}.{name}", f"{says} ({name}).", effect, of(misses(plan, measured, name, kind)),
                      getattr(p, f"{kind}_band"), explanation=f"Counted "
                      f"{measured[f'flips/{name}'][kind].mean():.3%}.")
            )  # fmt: skip
        for control, (kind, more, says) in CONTROLS.items():
            if control == "independent" and case(name).source != "random":
                continue  # a text has too few tokens that rounding flips, in the smallest runs
            found.append(
                judge(f"control.flips_{control}.{name}", f"Planted: it flips {says} ({name}).", effect,
                      of(misses(plan, measured, name, kind) + more), getattr(p, f"{kind}_band"),
                      expected=Verdict.REFUTED)
            )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw counted over predicted shares."""
    p = profile.flips
    with style():
        figure, axes = canvas()
        ends = np.array([min(float(plan[f"flips.{n}.{k}"].min()) for n in p.cases for k in CLAIMS), 1.0])
        axes.loglog(ends, ends, color=INK, label="predicted")
        axes.loglog(ends, 2.0 * ends, color=SOFT, ls="--", label="twice that: the noise law with half its constant")
        for (kind, mark), colour in zip(
            {"noise": "o", "bf16": "s", "fp8": "^"}.items(), (BLUE, ORANGE, RED), strict=True
        ):
            shares = [(plan[f"flips.{n}.{kind}"].mean(), measured[f"flips/{n}"][kind].mean()) for n in p.cases]
            axes.loglog(*np.array(shares).T, mark, color=colour, mfc="none", label=kind)
        axes.set(xlabel="predicted share of tokens that change experts", ylabel="counted share")
        legend(figure)
    caption = (
        "Tokens whose set of experts changes, by case and by what was done to the logits; means over "
        f"{p.routers} independent routers or {p.transformers} transformers. Noise is such that {p.share:g} are "
        f"predicted to. Cases: {', '.join(p.cases)}."
    )
    return (Picture("flips", "Tokens that change experts under noise and rounding", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of flips."""
    rows = []
    for name in profile.flips.cases:
        cells = [
            f"{plan[f'flips.{name}.{kind}'].mean():.3%} / {measured[f'flips/{name}'][kind].mean():.3%}"
            for kind in CLAIMS
        ]
        rows.append((name, f"{plan[f'flips.{name}.deviation'].mean():.4f}", *cells))
    columns = ("case", "s (score)", "noise", "bfloat16", "8 bits")
    return (Table("flips", "Tokens that change experts, predicted / counted", columns, tuple(rows)),)
