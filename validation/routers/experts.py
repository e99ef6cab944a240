"""K8: three and more experts collapse discontinuously onto one, between a fold and an onset that logits predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import critical_feedback_from_logits, expert_fold_gain, susceptibility
from moecusp.report import Finding, Verdict, clopper_pearson, judge
from moecusp.routing import ReinforcedRouter
from validation.intervals import over
from validation.routers import profiles
from validation.routers.branches import balancing, fold
from validation.routers.expected import bracket, loads, reinforced, step
from validation.routers.experts_pictures import pictures, tables
from validation.routers.gates import arrays, drawn, restored
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream
from validation.streams import stream as named
from validation.studies import Measured, Part, Plan, Tick
from validation.training.text import LONGEST, digest, features, load_text
from validation.training.tokens import load_tokens

__all__ = ["NOTES", "SYMBOLS", "findings", "parts", "pictures", "predict", "tables"]

Array = NDArray[np.float64]
SYMBOLS = ("experts", "gain")
NOTES = (
    "experts.*: gates are balanced by biases, as any load balancing would; then the even load is a state at every "
    "feedback. The text is the language reference that ships with Python; it differs between versions, and its SHA-256 "
    "is among the numbers of report.json (experts.text).",
)


def tokens(p: profiles.Experts, name: str) -> Tensor:
    """Return the features of the tokens, (tokens, features), about their mean."""
    if name == "digits":
        return load_tokens().train[: p.tokens].double()
    text = load_text()
    found = features(text, np.linspace(LONGEST, text.size - 1, p.tokens).astype(np.int64))
    return torch.tensor(found - found.mean(axis=0))


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the theory says of the logits of each case, the first axis that of the gates.

    experts.case.0, experts.case.1, experts.case.bias
        Weights of the gates, and the biases that balance them.
    experts.case.critical, experts.case.direction
        Critical feedback mu/lambda_max(chi) of the balanced state, and its eigenvector.
    experts.case.fold, experts.case.load
        Least feedback at which the first expert can be favoured, and its load there.
    experts.text
        SHA-256 of the text, 32 bytes.
    """
    p = profile.experts
    found: dict[str, Any] = {"experts.text": digest(load_text()).astype(np.float64)}
    for case in p.cases:
        name, kind, count = _split(case)
        features_, source = tokens(p, name), named("routers", "experts.gates", case, seed).torch()
        made = drawn(kind, p.routers, (features_.shape[1], p.hidden, count), features_, p.spread, source)
        bias = balancing(made(features_), p.inverse_temperature)
        logits = made(features_) + bias[:, None]
        chi = susceptibility(logits.numpy(), p.inverse_temperature)
        found |= {
            **arrays(made, f"experts.{case}"),
            f"experts.{case}.bias": bias.numpy(),
            f"experts.{case}.critical": critical_feedback_from_logits(logits.numpy(), p.decay, p.inverse_temperature),
            f"experts.{case}.direction": np.linalg.eigh(chi)[1][..., -1],
        }
        if count > 2:
            least, load = fold(logits, p.decay, p.inverse_temperature)
            found |= {f"experts.{case}.fold": least, f"experts.{case}.load": load}
    return found


def _split(case: str) -> tuple[str, str, int]:
    name, kind, experts = case.split(".")
    return name, kind, int(experts)


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts, one a case."""
    p, once = profile.experts, profile.experts.routers * profile.experts.tokens
    return [
        Part(f"experts/{case}", once * experts * (
            len(p.growth_feedbacks) * p.growth_steps + (p.rounds + 4) * _steps(p) * (experts > 2)
        ), partial(measure, p, plan, case))
        for case in p.cases
        for experts in [_split(case)[2]]
    ]  # fmt: skip


def measure(p: profiles.Experts, plan: Plan, case: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Run the expected rule.

    rates : shape (gates, feedbacks)
        Growth rate (1/time) of a small imbalance along the predicted direction.
    release : shape (gates,)
        Feedback at which the first expert, favoured at the start, is released while the feedback falls.
    window : shape (gates, 2, experts)
        Loads that a balanced and a collapsed start end on midway between fold and onset.
    beyond : shape (gates, experts)
        Loads that a balanced start ends on beyond the onset.
    """
    torch.set_num_threads(1)
    name, _, experts = _split(case)
    bias = torch.tensor(plan[f"experts.{case}.bias"])
    logits = restored(plan, f"experts.{case}", torch.float64)(tokens(p, name)) + bias[:, None]
    columns = logits.mT.float().contiguous()
    critical = plan[f"experts.{case}.critical"]
    direction = torch.tensor(plan[f"experts.{case}.direction"]).float()

    def run(feedback: Any, start: Tensor, steps: int) -> ReinforcedRouter:
        router = reinforced(np.asarray(feedback), p.decay, p.inverse_temperature, experts, p.increment, torch.float32)
        router.scores.copy_(start)
        each = columns[:, None] if router.feedback.ndim == 2 else columns
        for _ in range(steps):
            step(router, each, 1)
            tick(router.scores.numel() * columns.shape[-1])
        return router

    kick = p.kick * direction[:, None].expand(-1, len(p.growth_feedbacks), -1)
    # from both sides: on one the second order would push, on the other it would pull
    rates = 0.5 * sum(
        _rates(p, run(critical[:, None] * np.array(p.growth_feedbacks), sign * kick, p.growth_steps // 2), sign * kick)
        for sign in (1.0, -1.0)
    )
    if experts == 2:
        return {"rates": np.asarray(rates)}
    fold_, at_fold = plan[f"experts.{case}.fold"], torch.tensor(plan[f"experts.{case}.load"]).float()
    source = stream.torch()
    high = torch.tensor(critical * p.above)
    lead = torch.zeros(p.routers, experts)
    lead[:, 0] = torch.tensor(critical * p.above / p.decay)
    middle, shaken = np.sqrt(critical * fold_), p.kick * torch.randn(p.routers, experts, generator=source)

    def settle(state: Tensor, feedback: Tensor) -> tuple[Tensor, Tensor]:
        router = run(feedback.numpy(), state, _steps(p))
        return router.scores.clone(), loads(router, columns)[:, 0] < _limit(p, experts, at_fold)

    start = run(high.numpy(), lead, _steps(p)).scores.clone()
    low = torch.tensor(fold_) * (0.8 + 0.1 * torch.rand(p.routers, generator=source, dtype=torch.float64))
    release, _ = bracket(settle, start, (high, low), p.rounds)
    window = [loads(run(middle, each, _steps(p)), columns).double().numpy() for each in (shaken, start)]
    return {
        "rates": np.asarray(rates),
        "release": release.numpy(),
        "window": np.stack(window, axis=1),
        "beyond": loads(run(high.numpy(), shaken, _steps(p)), columns).double().numpy(),
    }


def _rates(p: profiles.Experts, router: ReinforcedRouter, kick: Tensor) -> Array:
    """Return the growth rates along the kick; the scores' mean decouples and is taken off."""
    moved = router.scores - router.scores.mean(dim=-1, keepdim=True)
    along = ((moved * kick).sum(dim=-1) / (kick * kick).sum(dim=-1)).double().numpy()
    return np.asarray((along ** (2.0 / p.growth_steps) - 1.0) / p.increment)


def _steps(p: profiles.Experts) -> int:
    return round(p.time / p.decay / p.increment)


def _limit(p: profiles.Experts, experts: int, at_fold: Any) -> Any:
    """Return the load below which the first expert is favoured no more: some way from its load at the fold to 1/K."""
    return 1.0 / experts + p.departed * (at_fold - 1.0 / experts)


def onsets(p: profiles.Experts, measured: Measured, case: str) -> Array:
    """Return the measured over the predicted critical feedback."""
    line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), measured[f"experts/{case}"]["rates"].T, 1)
    return np.asarray(-line[0] / line[1])


def both(p: profiles.Experts, plan: Plan, measured: Measured, case: str) -> NDArray[np.bool_]:
    """Return which gates keep both the balanced and the collapsed state midway."""
    window = measured[f"experts/{case}"]["window"]
    limit = _limit(p, window.shape[-1], plan[f"experts.{case}.load"])
    return np.asarray((window[:, 0].max(axis=-1) < limit) & (window[:, 1, 0] > limit))


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, level = profile.experts, profile.confidence
    of_gates = partial(over, confidence=level, unit="gates")
    found: list[Finding] = []
    effect = "measured over predicted feedback of release"
    for case in p.cases:
        name, kind, experts = _split(case)
        which, seen = f"({name}, {kind} gates)", measured[f"experts/{case}"]
        found.append(
            judge(f"experts.onset.{case}", f"The balanced load of {experts} experts loses stability at μ/λ_max(χ) "
                  f"{which}.", "measured over predicted critical feedback", of_gates(onsets(p, measured, case)),
                  p.onset_band)
        )  # fmt: skip
        if experts == 2:
            continue
        held, alone = both(p, plan, measured, case), (seen["beyond"] > 1.0 / experts).sum(axis=-1) == 1
        found += [
            judge(f"experts.release.{case}", f"A favoured one of {experts} is released at the predicted fold {which}.",
                  effect, of_gates(seen["release"] / plan[f"experts.{case}.fold"]), p.release_band),
            judge(f"experts.window.{case}", f"Midway between fold and onset, both the balanced and the collapsed load "
                  f"of {experts} experts are stable {which}.", "share of gates",
                  clopper_pearson(int(held.sum()), held.size, level, "gates"), p.share_band),
            judge(f"experts.one.{case}", f"Beyond the onset exactly one of {experts} experts is favoured {which}.",
                  "share of gates", clopper_pearson(int(alone.sum()), alone.size, level, "gates"), p.share_band),
        ]  # fmt: skip
    case = next(each for each in p.cases if _split(each)[2] > 2)
    release, experts = measured[f"experts/{case}"]["release"], _split(case)[2]
    bare = float(expert_fold_gain(experts)) * experts * p.decay / p.inverse_temperature
    found += [
        judge("control.experts_pitchfork", f"Planted: {experts} experts lose their collapsed state where the balanced "
              "one returns, as two do.", effect, of_gates(release / plan[f"experts.{case}.critical"]), p.release_band,
              expected=Verdict.REFUTED),
        judge("control.experts_without_margins", "Planted: the fold is that of gates without margins.", effect,
              of_gates(release / bare), p.release_band, expected=Verdict.REFUTED),
    ]  # fmt: skip
    return tuple(found)
