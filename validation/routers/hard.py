"""K7, and P1 of hard routing: collapse of routers that choose the largest logits, in sampled batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import EmpiricalResponse, HardGaussianResponse, RouterParameters
from moecusp.report import Finding, Verdict, judge
from moecusp.routing import ReinforcedRouter, load
from validation.intervals import over
from validation.routers import profiles, ties
from validation.routers.gates import Gates, arrays, drawn, restored
from validation.routers.hard_pictures import pictures, tables
from validation.routers.modes import shares
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream
from validation.streams import stream as named
from validation.studies import Measured, Part, Plan, Tick
from validation.training.margins import balance
from validation.training.tokens import load_tokens

__all__ = ["NOTES", "SYMBOLS", "findings", "parts", "pictures", "predict", "tables"]

Array = NDArray[np.float64]
SYMBOLS = ("batch_size", "kick", "margin_jitter")
NOTES = (
    "hard.*: top-k loads are shares of the slots; the reinforcement of a token is shared evenly among its k experts. "
    "Noisy gates add a Gaussian to every logit before they choose.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what closed forms and recorded margins say.

    hard.gaussian.0, hard.gaussian.critical
        Weights of linear gates on Gaussian inputs, and mu sigma sqrt(pi/2) of each.
    hard.digits.0, hard.digits.1, hard.digits.margins, hard.digits.critical
        Perceptrons on the digits, their balanced margins, and mu/G'(0) of these under the noise of the logits.
    hard.chosen.critical : shape (len(chosen),)
        Of balanced routers of independent Gaussian logits that choose k of K.
    hard.top_1
        What the first of them that choose several would have if they chose one.
    hard.collapse : shape (len(experts), 4)
        For K such experts, top-1: least feedback that keeps one favoured, critical feedback of balance, a feedback
        midway, and the load of the favoured expert there.
    """
    p = profile.hard
    shape = (p.gates, 2, p.inputs)
    weight = (
        named("routers", "hard.gates", "gaussian", seed).numpy().normal(size=shape) * p.spread / (2 * p.inputs) ** 0.5
    )
    sigma = np.linalg.norm(weight[:, 0] - weight[:, 1], axis=-1)
    features = load_tokens().train.double()
    source = named("routers", "hard.gates", "digits", seed).torch()
    made = drawn("mlp", p.gates, (features.shape[1], p.hidden, 2), features, p.spread, source)
    logits = made(features).numpy()
    margins, jitter = logits[..., 0] - logits[..., 1], _jitter(p)
    margins = np.stack([each - balance(each, jitter) for each in margins])
    responses = [EmpiricalResponse(each, jitter=jitter) for each in margins]
    collapse = []
    for experts in p.experts:
        least, most = ties.fold(experts, _sigma(p), p.decay)[0], ties.critical(experts, 1, _sigma(p), p.decay)
        middle = (least * most) ** 0.5
        collapse.append((least, most, middle, ties.held(middle, experts, _sigma(p), p.decay)))
    return {
        "hard.gaussian.0": weight,
        "hard.gaussian.critical": np.array([float(HardGaussianResponse(s).critical_feedback(p.decay)) for s in sigma]),
        **arrays(made, "hard.digits"),
        "hard.digits.margins": margins,
        "hard.digits.critical": np.array([float(each.critical_feedback(p.decay)) for each in responses]),
        "hard.chosen.critical": np.array([ties.critical(n, k, _sigma(p), p.decay) for n, k in p.chosen]),
        "hard.top_1": np.array(ties.critical(p.chosen[_wide(p)][0], 1, _sigma(p), p.decay)),
        "hard.collapse": np.array(collapse),
    }


def _jitter(p: profiles.Hard) -> float:
    return float(p.noise * 2**0.5)  # of the difference of two noisy logits


def _wide(p: profiles.Hard) -> int:
    return next(index for index, (_, k) in enumerate(p.chosen) if k > 1)


def _sigma(p: profiles.Hard) -> float:
    return float(p.spread / 2**0.5)  # of each of two logits whose difference has this spread


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts."""
    p = profile.hard
    pairs = 2 * p.gates * len(p.growth_feedbacks) * p.batch_size * p.growth_steps
    tokens = len(p.release_feedbacks) * p.release_batch_size + 2 * p.midway_batch_size
    release = tokens * p.release_seeds * _steps(p)
    return [
        *(Part(f"hard/gaussian-{name}", 2 * pairs, partial(_gaussian, p, plan, name)) for name in p.types),
        Part("hard/digits", 2 * pairs, partial(_digits, p, plan)),
        *(
            Part(f"hard/chosen-{n}-{k}", n * pairs, partial(_chosen, p, kappa, n, k))
            for (n, k), kappa in zip(p.chosen, plan["hard.chosen.critical"], strict=True)
        ),
        *(
            Part(f"hard/collapse-{n}", n * release, partial(_collapse, p, row, n))
            for n, row in zip(p.experts, plan["hard.collapse"], strict=True)
        ),
    ]


def _router(p: profiles.Hard, feedbacks: Any, experts: int) -> ReinforcedRouter:
    parameters = RouterParameters(np.asarray(feedbacks), p.decay, experts=experts)
    return ReinforcedRouter(parameters, increment=p.increment, selection="hard")


def reinforce(router: ReinforcedRouter, logits: Tensor, chosen: int, source: torch.Generator) -> None:
    """Route a batch to the best k experts and reinforce them by their shares of the slots."""
    if chosen == 1:
        router(logits, source)
        return
    total = logits.mT.contiguous() + router.scores.unsqueeze(-1)  # a quarter of the time of `topk`
    router.reinforce(shares(total, chosen))


def _growth(
    p: profiles.Hard, critical: Array, experts: int, chosen: int, batch: Callable[[], Tensor],
    source: torch.Generator, tick: Tick,
) -> Mapping[str, Array]:  # fmt: skip
    """Return rates (1/time), shape (gates, feedbacks), at which pairs of routers on either side of balance part."""
    torch.set_num_threads(1)
    shape = (2, p.gates, len(p.growth_feedbacks))
    router = _router(p, np.broadcast_to(critical[:, None] * np.array(p.growth_feedbacks), shape), experts)
    direction = torch.full((experts,), -1.0 / experts)
    direction[0] += 1.0
    kick = p.kick * p.spread * direction
    router.scores.copy_(torch.tensor([1.0, -1.0])[:, None, None, None] * kick)
    for _ in range(p.growth_steps):
        reinforce(router, batch()[None, :, None], chosen, source)
        tick(router.scores.numel() * p.batch_size)
    apart = 0.5 * (router.scores[0] - router.scores[1]).double()
    along = (apart @ direction.double() / (kick @ direction)).numpy()
    return {"rates": np.asarray((np.maximum(along, 1e-12) ** (1.0 / p.growth_steps) - 1.0) / p.increment)}


def _gaussian(p: profiles.Hard, plan: Plan, name: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    dtype: torch.dtype = getattr(torch, name)
    gates, source = restored(plan, "hard.gaussian", dtype), stream.torch()

    def batch() -> Tensor:
        logits: Tensor = gates(torch.randn(p.gates, p.batch_size, p.inputs, generator=source))
        return logits

    return _growth(p, plan["hard.gaussian.critical"], 2, 1, batch, source, tick)


def _digits(p: profiles.Hard, plan: Plan, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    tokens, source = load_tokens().train, stream.torch()
    gates: Gates = restored(plan, "hard.digits")
    logits = gates(tokens)
    margins = torch.tensor(plan["hard.digits.margins"]).float()
    bias = (margins - (logits[..., 0] - logits[..., 1])).mean(dim=1)  # the same for all tokens of a gate
    logits = logits + 0.5 * torch.stack([bias, -bias], dim=-1)[:, None]
    rows = torch.arange(p.gates)[:, None]

    def batch() -> Tensor:
        drawn_ = torch.randint(len(tokens), (p.gates, p.batch_size), generator=source)
        noisy: Tensor = logits[rows, drawn_] + p.noise * torch.randn(p.gates, p.batch_size, 2, generator=source)
        return noisy

    return _growth(p, plan["hard.digits.critical"], 2, 1, batch, source, tick)


def _chosen(
    p: profiles.Hard, critical: float, experts: int, chosen: int, stream: Stream, tick: Tick
) -> Mapping[str, Array]:
    source = stream.torch()

    def batch() -> Tensor:
        logits: Tensor = _sigma(p) * torch.randn(p.gates, p.batch_size, experts, generator=source)
        return logits

    return _growth(p, np.full(p.gates, critical), experts, chosen, batch, source, tick)


def _steps(p: profiles.Hard) -> int:
    return round(p.release_time / p.decay / p.increment)


def _collapse(p: profiles.Hard, predicted: Array, experts: int, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Return the long-run loads of the first expert.

    feedbacks, collapsed : shape (seeds, feedbacks)
        It favoured at the start, on a grid of feedbacks over the predicted fold that each seed shifts by a part of its
        spacing.
    midway : shape (seeds, 2)
        Midway between fold and onset, from collapse and from balance.
    """
    torch.set_num_threads(1)
    source, (least, _, middle, _) = stream.torch(), predicted
    spacing = p.release_feedbacks[1] - p.release_feedbacks[0]
    shift = spacing * (torch.rand(p.release_seeds, 1, generator=source, dtype=torch.float64).numpy() - 0.5)
    grid = np.array(p.release_feedbacks) + shift
    midway = np.full((p.release_seeds, 2), middle)

    def long_run(feedbacks: Array, lead: Array, batch_size: int) -> Array:
        router = _router(p, feedbacks, experts)
        router.scores[..., 0] = torch.tensor(lead).float()
        steps, total = _steps(p), torch.zeros(feedbacks.shape, dtype=torch.float64)
        last = max(1, round(p.long_run * steps))
        for k in range(steps):
            logits = _sigma(p) * torch.randn(p.release_seeds, 1, batch_size, experts, generator=source)
            total += load(router(logits, source), experts)[..., 0] * (k >= steps - last)
            tick(router.scores.numel() * batch_size)
        return np.asarray(total / last)

    return {
        "feedbacks": grid,
        "collapsed": long_run(least * grid, least * grid / p.decay, p.release_batch_size),
        "midway": long_run(midway, midway * [1.0, 0.0] / p.decay, p.midway_batch_size),
    }


def onsets(p: profiles.Hard, measured: Measured, case: str) -> Array:
    """Return the measured over the predicted critical feedback."""
    line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), measured[f"hard/{case}"]["rates"].T, 1)
    return np.asarray(-line[0] / line[1])


def releases(p: profiles.Hard, plan: Plan, measured: Measured, index: int) -> Array:
    """Return the feedback over the predicted fold below which no seed's first expert stays favoured, per seed.

    NaN where it always or never does.
    """
    experts = p.experts[index]
    limit = 0.5 * (1.0 / experts + plan["hard.collapse"][index, 3])
    seen = measured[f"hard/collapse-{experts}"]
    grid, lost = seen["feedbacks"], (seen["collapsed"] <= limit).sum(axis=1)
    spacing = grid[:, 1] - grid[:, 0]
    return np.where((lost > 0) & (lost < grid.shape[1]), grid[:, 0] + spacing * (lost - 0.5), np.nan)


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, level = profile.hard, profile.confidence
    of_gates, of_seeds = (partial(over, confidence=level, unit=unit) for unit in ("gates", "seeds"))
    effect, found = "measured over predicted critical feedback", list[Finding]()
    cases = [
        *((f"gaussian-{name}", f"Top-1 routing by linear gates on Gaussian inputs collapses at μσ√(π/2) ({name}).")
          for name in p.types),
        ("digits", "Noisy top-1 routing by perceptrons on the digits collapses at μ/G′(0) of their recorded margins."),
        *((f"chosen-{n}-{k}", f"Top-{k} routing of {n} experts collapses where the ties of the k-th best logit say.")
          for n, k in p.chosen),
    ]  # fmt: skip
    found += [
        judge(f"hard.{case.replace('-', '.')}", says, effect, of_gates(onsets(p, measured, case)), p.onset_band)
        for case, says in cases
    ]
    for index, n in enumerate(p.experts):
        midway = measured[f"hard/collapse-{n}"]["midway"]
        apart = (midway[:, 0] - midway[:, 1]) / (plan["hard.collapse"][index, 3] - 1.0 / n)
        found += [
            judge(f"hard.release.{n}", f"Top-1 routing of {n} experts keeps one favoured down to the predicted fold.",
                  "measured over predicted feedback of release", of_seeds(releases(p, plan, measured, index)),
                  p.release_band),
            judge(f"hard.window.{n}", f"Midway to its onset both the balanced and that collapsed load of {n} experts "
                  "are stable.", "distance of the two long-run loads over the predicted", of_seeds(apart), p.gap_band),
        ]  # fmt: skip
    ratio, wide = onsets(p, measured, f"gaussian-{p.types[0]}"), _wide(p)
    n, k = p.chosen[wide]
    several = onsets(p, measured, f"chosen-{n}-{k}") * plan["hard.chosen.critical"][wide]
    found += [
        judge("control.hard_doubled", "Planted: on Gaussian inputs at twice μσ√(π/2).", effect, of_gates(ratio / 2.0),
              p.onset_band, expected=Verdict.REFUTED),
        judge("control.hard_top_1", f"Planted: top-{k} routing of {n} experts collapses where top-1 routing does.",
              effect, of_gates(several / plan.number("hard.top_1")), p.onset_band, expected=Verdict.REFUTED),
    ]  # fmt: skip
    return tuple(found)
