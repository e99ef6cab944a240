"""K5: the pitchfork of two experts in what a router of sampled batches shows: the moving average of its load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import roots_hermitenorm
from torch import Tensor

from moecusp import EmpiricalResponse, RouterParameters
from moecusp.report import Finding, Verdict, judge
from moecusp.routing import ReinforcedRouter
from validation.intervals import over
from validation.routers import profiles
from validation.routers.expected import place
from validation.routers.gates import arrays, drawn, restored
from validation.routers.load_pictures import pictures, tables
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream, stream
from validation.studies import Measured, Part, Plan, Tick
from validation.training.tokens import load_tokens

__all__ = ["NOTES", "SYMBOLS", "findings", "parts", "pictures", "predict", "tables"]

Array = NDArray[np.float64]
SYMBOLS = ("batch_size", "margin_jitter", "imbalance", "critical_feedback")
NOTES = (
    "load.*: experts are sampled, or chosen, token by token, and the load is counted; each token's noise is drawn "
    "anew in every batch. Tokens are images and their negatives, as in onset.*. Noise blurs the response: that of "
    "noisy gates is the soft one's convolution with the Gaussian of the margins' noise.",
)
NODES = 24
"""Of the Gaussian quadrature over the noise: exact to 1e-8 for a noise of one over the inverse temperature."""


class Response(NamedTuple):
    """The load response of a gate's margins under noise: responses at shifted differences, weighted."""

    bare: EmpiricalResponse
    shifts: Array
    weights: Array

    def value(self, z: float) -> float:
        """Return the imbalance of the load at a score difference."""
        return float(self.weights @ self.bare.value(z + self.shifts))

    def critical(self, decay: float) -> float:
        """Return the critical feedback mu/G'(0)."""
        return decay / float(self.weights @ self.bare.slope(self.shifts))

    def state(self, feedback: float, decay: float) -> float:
        """Return the imbalance on the upper branch at a feedback beyond the critical one."""
        top = feedback / decay
        return self.value(brentq(lambda z: feedback * self.value(z) - decay * z, 1e-3 * top, top, xtol=1e-13))


def response(p: profiles.Load, margins: Array, gating: str) -> Response:
    """Return the response of margins under a gating."""
    if gating == "top1":
        return Response(EmpiricalResponse(margins, jitter=_jitter(p)), np.zeros(1), np.ones(1))
    soft = EmpiricalResponse(margins, p.inverse_temperature)
    if gating == "soft":
        return Response(soft, np.zeros(1), np.ones(1))
    nodes, weights = roots_hermitenorm(NODES)
    return Response(soft, _jitter(p) * nodes, weights / weights.sum())


def _jitter(p: profiles.Load) -> float:
    return float(p.noise * 2**0.5)  # of the difference of two noisy logits


class Case(NamedTuple):
    """A kind of gates, how they choose, and the type in which they compute."""

    kind: str
    gating: str
    type: str = "float32"


def split(case: str) -> Case:
    """Return the case of a name such as "mlp.soft" or "mlp.soft.bfloat16"."""
    return Case(*case.split("."))


def tokens(p: profiles.Load) -> Tensor:
    """Return the first images and their negatives, shape (2 tokens, pixels)."""
    images = load_tokens().train[: p.tokens].double()
    return torch.cat([images, -images])


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the theory says of the margins of each case's gates, the first axis that of the gates.

    load.case.0, load.case.1
        Weights of the gates.
    load.case.critical, load.case.states
        Critical feedback mu/G'(0) of the response under the noise; imbalance of the branch at the distances beyond it.
    load.case.quiet
        Critical feedback without the noise, of noisy gates.
    """
    p, features, found = profile.load, tokens(profile.load), dict[str, Any]()
    for case in p.cases:
        kind, gating, _ = split(case)
        source = stream("routers", "load.gates", case, seed).torch()
        made = drawn(kind, p.gates, (features.shape[1], p.hidden, 2), features, p.spread, source)
        logits = made(features).numpy()
        margins = logits[..., 0] - logits[..., 1]
        responses = [response(p, each, gating) for each in margins]
        critical = np.array([each.critical(p.decay) for each in responses])
        states = [
            [each.state(float(kappa) * (1.0 + d), p.decay) for d in p.distances]
            for each, kappa in zip(responses, critical, strict=True)
        ]
        found |= {**arrays(made, f"load.{case}"), f"load.{case}.critical": critical,
                  f"load.{case}.states": np.array(states)}  # fmt: skip
        if gating == "noisy":
            found[f"load.{case}.quiet"] = np.array([response(p, each, "soft").critical(p.decay) for each in margins])
    return found


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts, one a case."""
    p = profile.load
    size = 2 * p.gates * len(feedbacks(p)) * p.batch_size * steps(p)
    return [Part(f"load/{case}", size, partial(measure, p, plan, case)) for case in p.cases]


def feedbacks(p: profiles.Load) -> Array:
    """Return the feedbacks over the predicted critical one."""
    return np.array([*p.below, *(1.0 + d for d in p.distances)])


def steps(p: profiles.Load) -> int:
    """Return how many batches a run takes."""
    return round(p.time / p.decay / p.increment)


def measure(p: profiles.Load, plan: Plan, case: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Route batches from starts on either side, and average the load counted over the last batches.

    imbalance : shape (2, gates, feedbacks)
        Of the load, the last moving average, from a start that favours the first expert and one that favours the other.
    trace : shape (2, feedbacks, batches - window + 1)
        All moving averages of the first gate.
    """
    torch.set_num_threads(1)
    source, (_, gating, name) = stream.torch(), split(case)
    logits = restored(plan, f"load.{case}", getattr(torch, name))(tokens(p))
    kappa = np.broadcast_to(plan[f"load.{case}.critical"][:, None] * feedbacks(p), (2, p.gates, len(feedbacks(p))))
    parameters = RouterParameters(kappa, p.decay, p.inverse_temperature)
    router = ReinforcedRouter(parameters, increment=p.increment, selection="hard" if gating == "top1" else "soft",
                              dtype=torch.float64 if name == "float64" else torch.float32)  # fmt: skip
    place(router, router.feedback / p.decay * torch.tensor([1.0, -1.0])[:, None, None])
    rows, seen = torch.arange(p.gates)[:, None], []
    for _ in range(steps(p)):
        batch = logits[rows, torch.randint(logits.shape[1], (p.gates, p.batch_size), generator=source)]
        if gating != "soft":
            batch = batch + p.noise * torch.randn(batch.shape, generator=source)
        chosen = router(batch[None, :, None], source)
        seen.append(1.0 - 2.0 * (chosen == 1).sum(dim=-1).double() / p.batch_size)
        tick(router.feedback.numel() * p.batch_size)
    every = torch.stack(seen, dim=-1).numpy()
    total = np.cumsum(every[:, 0], axis=-1)
    before = np.concatenate([np.zeros_like(total[..., :1]), total[..., : -p.window]], axis=-1)
    return {
        "imbalance": every[..., -p.window :].mean(axis=-1),
        "trace": (total[..., p.window - 1 :] - before) / p.window,
    }


def sizes(measured: Measured, case: str) -> Array:
    """Return half the distance of the loads from both starts, (gates, feedbacks)."""
    up, down = measured[f"load/{case}"]["imbalance"]
    return np.asarray(0.5 * (up - down))


def onsets(p: profiles.Load, measured: Measured, case: str) -> Array:
    """Return the feedback, over the predicted critical one, at which the imbalance vanishes, per gate.

    A state holds the score difference z = kappa m/mu, and the feedback is smooth in its square: the parabola through
    the states beyond the onset, at 0.
    """
    factors = 1.0 + np.array(p.distances)
    squares = (factors * sizes(measured, case)[:, len(p.below) :]) ** 2
    return np.array([np.polynomial.polynomial.polyfit(each, factors, 2)[0] for each in squares])


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, of_gates = profile.load, partial(over, confidence=profile.confidence, unit="gates")
    effect, found = "measured over predicted feedback where the average imbalance vanishes", list[Finding]()
    for case in p.cases:
        size, ratio = sizes(measured, case), onsets(p, measured, case)
        below, beyond = size[:, : len(p.below)], size[:, len(p.below) :]
        found += [
            judge(f"load.balanced.{case}", f"Below the critical feedback the average load is even ({case}).",
                  "imbalance of the moving average, half the distance of both starts", of_gates(below.mean(axis=1)),
                  p.balanced_band),
            judge(f"load.branch.{case}", f"Beyond it the average load lies on the predicted branch ({case}).",
                  "measured over predicted imbalance, mean over feedbacks",
                  of_gates((beyond / plan[f"load.{case}.states"]).mean(axis=1)), p.branch_band),
            judge(f"load.onset.{case}", f"The averages alone show the onset, at μ/G′(0) ({case}).", effect,
                  of_gates(ratio), p.onset_band),
        ]  # fmt: skip
        if f"load.{case}.quiet" in plan.arrays:
            quiet = plan[f"load.{case}.critical"] / plan[f"load.{case}.quiet"]
            found.append(
                judge(f"control.load_quiet.{case}", f"Planted: it is that of the margins without noise ({case}).",
                      effect, of_gates(ratio * quiet), p.onset_band, expected=Verdict.REFUTED)
            )  # fmt: skip
    case = p.cases[0]
    beyond = sizes(measured, case)[:, len(p.below) :]
    bare = 2.0 * p.decay / p.inverse_temperature / plan[f"load.{case}.critical"]
    straight = plan[f"load.{case}.states"][:, :1] * np.array(p.distances) / p.distances[0]
    found += [
        judge("control.load_without_margins", "Planted: the averages show it at 2 μ/β, whatever the margins.", effect,
              of_gates(onsets(p, measured, case) / bare), p.onset_band, expected=Verdict.REFUTED),
        judge("control.load_proportional", "Planted: the imbalance grows in proportion to the distance.",
              "measured over wrongly predicted imbalance, mean over feedbacks",
              of_gates((beyond / straight).mean(axis=1)), p.branch_band, expected=Verdict.REFUTED),
    ]  # fmt: skip
    return tuple(found)
