"""K4: an asymmetry unfolds the pitchfork to two folds that meet in a cusp, with hysteresis between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from moecusp import EmpiricalResponse, fold_asymmetry
from moecusp.report import Finding, Verdict, judge
from validation.intervals import over
from validation.routers import profiles
from validation.routers.cusp_pictures import pictures, tables
from validation.routers.expected import bracket, difference, loads, place, reinforced, step
from validation.routers.gates import arrays, drawn, restored
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream
from validation.streams import stream as named
from validation.studies import Measured, Part, Plan, Tick
from validation.training.tokens import load_tokens

__all__ = ["NOTES", "SYMBOLS", "findings", "parts", "pictures", "predict", "tables"]

Array = NDArray[np.float64]
SYMBOLS = ("asymmetry", "fold", "difference", "response")
NOTES = (
    "cusp.*: the margins of real tokens are not symmetric, so the cusp lies off the line without asymmetry; where, is "
    "predicted too.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the theory says of the margins of each kind of gate, the first axis that of the gates.

    cusp.kind.0, cusp.kind.1
        Weights of the gates.
    cusp.kind.point
        (feedback, asymmetry, difference) of the cusp: where the slope of the response is largest.
    cusp.kind.folds : shape (gates, distances, 2)
        Asymmetries of the folds, the one that a sweep upwards meets first.
    cusp.kind.area
        Area of the loop, imbalance times asymmetry, at the largest feedback.
    cusp.kind.curve
        (difference, imbalance, slope) along the response of the first gate, to draw it.
    """
    p = profile.cusp
    features, found = _tokens(p), dict[str, Any]()
    for kind in p.kinds:
        source = named("routers", "cusp.gates", kind, seed).torch()
        made = drawn(kind, p.routers, (features.shape[1], p.hidden, 2), features, p.spread, source)
        margins = np.diff(made(features).numpy()[..., ::-1])[..., 0]
        margins = margins - margins.mean(axis=1, keepdims=True)
        responses = [EmpiricalResponse(each, p.inverse_temperature) for each in margins]
        points = np.array([tip(each, p.decay) for each in responses])
        folds = [
            [_folds(each, float(kappa) * (1.0 + d), p.decay)[1] for d in p.distances]
            for each, kappa in zip(responses, points[:, 0], strict=True)
        ]
        most = 1.0 + max(p.distances)
        areas = [area(each, float(kappa) * most, p.decay) for each, kappa in zip(responses, points[:, 0], strict=True)]
        found |= {**arrays(made, f"cusp.{kind}"), f"cusp.{kind}.point": points, f"cusp.{kind}.folds": np.array(folds),
                  f"cusp.{kind}.area": np.array(areas), f"cusp.{kind}.curve": _curve(responses[0])}  # fmt: skip
    return found


def _curve(response: EmpiricalResponse) -> Array:
    z = np.linspace(-4.0, 4.0, 400) / response.inverse_temperature
    return np.array([z, response.value(z), response.slope(z)])


def _tokens(p: profiles.Cusp) -> Tensor:
    return load_tokens().train[: p.tokens].double()


def tip(response: EmpiricalResponse, decay: float) -> tuple[float, float, float]:
    """Return (feedback, asymmetry, difference) of the cusp next to balance."""
    reach = 1.0 / response.inverse_temperature
    z = float(minimize_scalar(lambda z: -float(response.slope(z)), bounds=(-reach, reach), method="bounded",
                              options={"xatol": 1e-10}).x)  # fmt: skip
    feedback, asymmetry = response.fold_curve(z, decay)
    return float(feedback), float(asymmetry), z


def _folds(response: EmpiricalResponse, feedback: float, decay: float) -> tuple[Array, Array]:
    z, h = response.folds(feedback, decay)
    return z[[0, -1]], h[[0, -1]]


def area(response: EmpiricalResponse, feedback: float, decay: float) -> float:
    """Return the area of the loop between its folds, the integral of m dh along the upper branch less the lower.

    Along a branch h = mu z - kappa G(z), so that m dh is the differential of mu S - kappa G^2/2, S' = G.
    """
    z, h = _folds(response, feedback, decay)
    lowest = response.equilibria(feedback, decay, float(h[1])).z.min()
    highest = response.equilibria(feedback, decay, float(h[0])).z.max()
    ends = np.array([lowest, z[0], z[1], highest])
    beta = response.inverse_temperature
    total = 0.5 * beta * (ends[:, None] + response.margins)
    primitive = 2.0 / beta * (np.logaddexp(total, -total) - np.log(2.0)).mean(axis=1)
    along = decay * primitive - 0.5 * feedback * np.tanh(total).mean(axis=1) ** 2
    return float(along[3] - along[2] - (along[1] - along[0]))


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: the jumps of each kind of gate, and its loop at the largest feedback."""
    p = profile.cusp
    jumps = p.rounds * _steps(p, p.time) * len(p.distances)
    size = (jumps + p.points * _steps(p, p.loop_time)) * p.routers * 2 * p.tokens
    return [Part(f"cusp/{kind}", size, partial(measure, p, plan, kind)) for kind in p.kinds]


def measure(p: profiles.Cusp, plan: Plan, kind: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Sweep the asymmetry up and down.

    jumps : shape (gates, distances, 2)
        Asymmetry at which the load jumps, sweeping up and down.
    asymmetry, imbalance : shape (gates, points) and (gates, 2, points)
        The loop at the largest feedback, in ascending order of the asymmetry, from a start drawn within one step, so
        that jumps fall anywhere between two points.
    """
    torch.set_num_threads(1)
    dtype: torch.dtype = getattr(torch, p.type)
    logits = restored(plan, f"cusp.{kind}", torch.float64)(_tokens(p)).mT.to(dtype)
    logits = (logits - logits.mean(dim=-1, keepdim=True)).contiguous()
    point, folds = plan[f"cusp.{kind}.point"], plan[f"cusp.{kind}.folds"]
    centre, half = folds.mean(axis=-1), 0.5 * (folds[..., 0] - folds[..., 1])
    sign = np.array([1.0, -1.0])
    feedbacks = np.broadcast_to(point[:, :1, None] * (1.0 + np.array(p.distances)[:, None]), folds.shape)
    router = reinforced(feedbacks, p.decay, p.inverse_temperature, 2, p.increment, dtype)
    middle = torch.tensor(point[:, 2, None, None], dtype=dtype)
    side = torch.tensor(sign, dtype=dtype)

    def settle(state: Tensor, drive: Tensor, time: float) -> tuple[Tensor, Tensor]:
        router.scores.copy_(state)
        router.drive[..., 0] = drive
        for _ in range(_steps(p, time)):
            step(router, logits[:, None, None], 1)
            tick(state[..., 0].numel() * logits.shape[-1])
        return router.scores.clone(), (difference(router) - middle) * side > 0.0

    source = stream.numpy()
    beyond = p.reach + source.uniform(size=(2, *folds.shape))  # so that no bracket is centred on what is predicted
    ends = [
        torch.tensor(centre[..., None] + k * far * half[..., None] * sign, dtype=dtype)
        for k, far in zip((-1.0, 1.0), beyond, strict=True)
    ]
    place(router, -side * router.feedback / p.decay)
    jumps, _ = bracket(partial(settle, time=p.time), router.scores.clone(), (ends[0], ends[1]), p.rounds)
    width = 2.0 * p.reach / (p.points - 1)
    swept = np.linspace(-p.reach, p.reach, p.points) + width * source.uniform(size=(p.routers, 1))
    asymmetry = centre[:, -1:] + half[:, -1:] * swept
    router = reinforced(feedbacks[:, -1:], p.decay, p.inverse_temperature, 2, p.increment, dtype)
    place(router, -side * router.feedback / p.decay)
    state, seen = router.scores.clone(), []
    for k in range(p.points):
        drive = np.stack([asymmetry[:, k], asymmetry[:, -1 - k]], axis=-1)[:, None]
        state, _ = settle(state, torch.tensor(drive, dtype=dtype), p.loop_time)
        share = loads(router, logits[:, None, None])[:, 0]
        seen.append((share[..., 0] - share[..., 1]).double().numpy())
    loop = np.stack(seen, axis=-1)
    loop[:, 1] = loop[:, 1, ::-1].copy()  # it came down
    return {
        "jumps": jumps.double().numpy(),
        "asymmetry": asymmetry,
        "imbalance": loop,
    }


def _steps(p: profiles.Cusp, time: float) -> int:
    return round(time / p.decay / p.increment)


def widths(measured: Measured, kind: str) -> Array:
    """Return the widths of the loops, (gates, distances)."""
    jumps = measured[f"cusp/{kind}"]["jumps"]
    return np.asarray(jumps[..., 0] - jumps[..., 1])


def tips(p: profiles.Cusp, measured: Measured, kind: str) -> tuple[Array, Array]:
    """Return the measured cusps: feedback over the predicted one, and asymmetry (score/time).

    Where the power 2/3 of the width vanishes, a parabola in the feedback through the three narrowest loops, and the
    middle of the loop there, by another.
    """
    x = 1.0 + np.array(p.distances[:3])
    with np.errstate(invalid="ignore"):
        wide = widths(measured, kind)[:, :3] ** (2.0 / 3.0)
    middle = measured[f"cusp/{kind}"]["jumps"][:, :3].mean(axis=-1)
    found = []
    for w, m in zip(wide, middle, strict=True):
        fit = np.polynomial.Polynomial.fit(x, w, 2) if np.isfinite(w).all() else None
        root = np.nan if fit is None else min(fit.roots(), key=lambda r: abs(r - x[0]))
        at = complex(root).real
        found.append((at, np.polynomial.Polynomial.fit(x, m, 2)(at)))
    feedback, asymmetry = np.array(found, dtype=np.float64).T
    return feedback, asymmetry


def exponents(p: profiles.Cusp, measured: Measured, kind: str) -> Array:
    """Return the exponent of the width in the distance from the predicted cusp, extrapolated to distance 0.

    From the predicted one, for the measured one takes the exponent for granted.
    """
    local = np.diff(np.log(widths(measured, kind)[:, :3])) / np.diff(np.log(p.distances[:3]))
    return np.asarray(2.0 * local[:, 0] - local[:, 1])


def areas(measured: Measured, kind: str) -> Array:
    """Return the areas of the loops, by trapezoids."""
    seen = measured[f"cusp/{kind}"]
    return np.asarray(np.trapezoid(seen["imbalance"][:, 1] - seen["imbalance"][:, 0], seen["asymmetry"]))


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, of_gates = profile.cusp, partial(over, confidence=profile.confidence, unit="gates")
    found: list[Finding] = []
    effect = "measured over predicted width of the loop, mean over feedbacks"
    for kind in p.kinds:
        folds, point = plan[f"cusp.{kind}.folds"], plan[f"cusp.{kind}.point"]
        predicted = folds[..., 0] - folds[..., 1]
        ratio = (widths(measured, kind) / predicted).mean(axis=1)
        miss = (np.abs(measured[f"cusp/{kind}"]["jumps"] - folds) / predicted[..., None]).mean(axis=(1, 2))
        feedback, asymmetry = tips(p, measured, kind)
        found += [
            judge(f"cusp.width.{kind}", f"Loops of the load in the asymmetry are as wide as the folds say ({kind} "
                  "gates).", effect, of_gates(ratio), p.width_band),
            judge(f"cusp.jumps.{kind}", f"Each jump lies at its fold ({kind}).",
                  "mean distance of a jump from its fold, in widths of the loop", of_gates(miss), p.jump_band),
            judge(f"cusp.feedback.{kind}", f"The loops close at the feedback of the cusp, μ/max G′ ({kind}).",
                  "measured over predicted feedback of the cusp", of_gates(feedback), p.cusp_band),
            judge(f"cusp.asymmetry.{kind}", f"They close at its asymmetry ({kind}).",
                  "measured less predicted asymmetry, in widths of the narrowest loop",
                  of_gates((asymmetry - point[:, 1]) / predicted[:, 0]), p.place_band),
            judge(f"cusp.exponent.{kind}", f"Their width grows as the power 3/2 of the distance from it ({kind}).",
                  "exponent, extrapolated to the cusp", of_gates(exponents(p, measured, kind)), p.exponent_band),
            judge(f"cusp.area.{kind}", f"The loop encloses the predicted area ({kind}).",
                  "measured over predicted area", of_gates(areas(measured, kind) / plan[f"cusp.{kind}.area"]),
                  p.area_band),
        ]  # fmt: skip
    kind = p.kinds[0]
    bare = 2.0 * p.decay / p.inverse_temperature
    gains = plan[f"cusp.{kind}.point"][:, :1] * (1.0 + np.array(p.distances)) / bare
    without = 2.0 * bare * np.nan_to_num(fold_asymmetry(gains))
    found += [
        judge("control.cusp_proportional", "Planted: the width grows in proportion to the distance.",
              "exponent, extrapolated to the cusp", of_gates(exponents(p, measured, kind)), p.proportional_band,
              expected=Verdict.REFUTED),
        judge("control.cusp_without_margins", "Planted: the loops are those of gates without margins.", effect,
              of_gates((widths(measured, kind) / without).mean(axis=1)), p.width_band, expected=Verdict.REFUTED),
    ]  # fmt: skip
    return tuple(found)
