"""P6: the update rate between lag and noise at which a bias rule inside training keeps loads nearest to balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq

from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, INK, SOFT, canvas, legend, style
from moecusp.routing import record
from validation.captions import fixed
from validation.intervals import over
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.trained.loop import Rule, restored, run, stored
from validation.trained.profiles import Profile
from validation.trained.warm import answer, warmed

Array = NDArray[np.float64]
SYMBOLS = ("update_rate", "susceptibility", "batch_size", "learning_rate")
NOTES = (
    "best_rate.*: the logit of one expert drifts while the proportional rule is at work in training, at several update "
    "rates. Imbalance is the mean of the summed squares of observed loads less 1/K; its least rate is that of a "
    "parabola in the logarithm of the rate, for the predicted curve and for the measured one alike.",
)


def least(squares: Array, answers: Array, noises: Array) -> Array:
    """Return the update rate r (score) of least v^2 (1 - 1/K)/r^2 + sum of r lambda q/(2 - r lambda) over modes.

    Parameters
    ----------
    squares : ndarray, shape (...)
        Squared drift about the mean of the experts, v^2 (1 - 1/K).
    answers, noises : ndarray, shape (..., K)
        Eigenvalues lambda of chi, and the variance q of a batch's loads in each mode.
    """

    def one(square: float, answer: Array, noise: Array) -> float:
        end = 2.0 / float(answer.max())
        return float(brentq(lambda r: r**3 * slope(r, answer, noise) - square, 1e-9 * end, (1.0 - 1e-9) * end))

    return np.asarray(np.vectorize(one, signature="(),(k),(k)->()")(squares, answers, noises))


def slope(rate: Any, answers: Array, noises: Array) -> Any:
    """Return sum of lambda q/(2 - r lambda)^2, half the slope of the noise over r."""
    return (answers * noises / (2.0 - np.asarray(rate)[..., None] * answers) ** 2).sum(axis=-1)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what held-out text says; arrays are (layers, models) if not said otherwise.

    best_rate.model.*
        The models as they stand when the rule begins, the first axis that of the models.
    best_rate.drift, best_rate.best
        v (score/step), such that the best rate r is `share`/lambda_max (score).
    best_rate.factor.rate, best_rate.factor.imbalance
        r (score), and the expected imbalance at it, with the noise of the batch itself.
    best_rate.thrice
        Logarithm of the best rate of three times the drift over that of the drift.
    """
    p, warm = profile.best_rate, profile.warm
    state = warmed(warm, seed)
    chi, window, _ = answer(state, warm.temperature, seed)
    answers, modes = np.linalg.eigh(chi)
    noises = np.einsum("...ik,...ij,...jk->...k", modes, window / warm.windows, modes)
    experts = chi.shape[-1]
    best = p.share / answers[..., -1]
    square = best**3 * slope(best, answers, noises)
    found: dict[str, Any] = {f"best_rate.model.{name}": each for name, each in stored(state).items()} | {
        "best_rate.drift": np.sqrt(square * experts / (experts - 1)),
        "best_rate.best": best,
        "best_rate.thrice": np.log(least(9.0 * square, answers, noises) / best),
    }
    for factor in p.factors:
        rate = factor * best
        share = rate[..., None] * answers
        swing = (share * noises / (2.0 - share)).sum(axis=-1)
        found |= {
            f"best_rate.{factor:g}.rate": rate,
            f"best_rate.{factor:g}.imbalance": square / rate**2 + swing + noises.sum(axis=-1),
        }
    return {name: np.asarray(value) for name, value in found.items()}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each rate."""
    p, warm = profile.best_rate, profile.warm
    size = warm.models * (p.burn + p.steps) * warm.windows * warm.make.context
    return [Part(f"best_rate/{factor:g}", size, partial(measure, profile, plan, factor)) for factor in p.factors]


def measure(profile: Profile, plan: Plan, factor: float, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Train on at a rate, recorded.

    imbalance : shape (layers, models)
        As predicted.
    """
    torch.set_num_threads(1)
    p, warm = profile.best_rate, profile.warm
    state = restored(warm.make, lambda each: plan[f"best_rate.model.{each}"], range(warm.models))
    rule = Rule(
        warm.models,
        rate=plan[f"best_rate.{factor:g}.rate"],
        drift=plan["best_rate.drift"],
        temperature=warm.temperature,
    )
    tokens = warm.models * warm.windows * warm.make.context
    with record(state.model, sample=0, batches=p.burn + p.steps) as recorder:
        run(state, rule, p.burn + p.steps, rate=p.learning_rate, batch=warm.windows, chance=stream.torch(),
            watch=lambda *_: tick(tokens))  # fmt: skip
    trace, found = recorder.trace(), []
    for layer in range(warm.make.layers):
        records = [trace[f"blocks.{layer}.models.{model}.experts"] for model in range(warm.models)]
        excess = [each.counts[p.burn :] / each.tokens[p.burn :, None] - 1.0 / warm.make.experts for each in records]
        found.append([float((each**2).sum(axis=1).mean()) for each in excess])
    return {"imbalance": np.array(found)}


def lowest(factors: Sequence[float], curves: Array) -> Array:
    """Return the logarithm of the factor where parabolas through log curves (factors, layers, models) are lowest.

    Of each model, by the mean over its layers; NaN where a parabola has no lowest point.
    """
    at = np.log(np.asarray(factors))
    bend, tilt, _ = np.polyfit(at, np.log(curves).mean(axis=1), 2)
    return np.asarray(np.where(bend > 0.0, -tilt / (2.0 * np.where(bend > 0.0, bend, 1.0)), np.nan))


def curves(profile: Profile, plan: Plan, measured: Measured) -> tuple[Array, Array]:
    """Return the predicted and the measured imbalance (factors, layers, models)."""
    names = [f"{factor:g}" for factor in profile.best_rate.factors]
    return (
        np.stack([plan[f"best_rate.{name}.imbalance"] for name in names]),
        np.stack([measured[f"best_rate/{name}"]["imbalance"] for name in names]),
    )


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p = profile.best_rate
    predicted, seen = (lowest(p.factors, each) for each in curves(profile, plan, measured))
    of = partial(over, confidence=profile.confidence, unit="models")
    effect = "logarithm of the measured over the predicted best rate, mean"
    return (
        judge("best_rate.rate", "Inside training, loads stray least at the update rate between lag and noise that χ "
              "and Σ of held-out text foretell.", effect, of(seen - predicted), p.rate_band),
        judge("control.best_rate_thrice", "Planted: they do at the best rate of three times the drift.", effect,
              of(seen - predicted - plan["best_rate.thrice"].mean(axis=0)), p.rate_band, expected=Verdict.REFUTED),
    )  # fmt: skip


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the imbalance by the update rate, predicted and measured."""
    p, warm = profile.best_rate, profile.warm
    predicted, seen = (np.exp(np.log(each).mean(axis=1)) for each in curves(profile, plan, measured))
    with style():
        figure, axes = canvas(height=4.4)
        for model, each in enumerate(seen.T):
            axes.loglog(p.factors, each, color=SOFT, lw=0.8, label="each model" if model == 0 else None)
        axes.loglog(p.factors, seen.mean(axis=1), "o", color=BLUE, mfc="none", label="measured, mean")
        axes.loglog(p.factors, predicted.mean(axis=1), color=INK, label="predicted, mean")
        axes.axvline(1.0, color=INK, lw=1, ls=":")
        axes.set(xlabel="update rate over the predicted best", ylabel="imbalance of observed loads")
        legend(figure)
    caption = (
        "Summed squares of observed loads less 1/K while the logit of one expert drifts, by the update rate: too slow "
        "a rate lags behind, too fast a one follows the noise. Means over the layers of a model. "
        + fixed(p, {"learning_rate": "learning_rate"}, experts=warm.make.experts,
                batch_size=warm.windows * warm.make.context, seeds=warm.models)
    )  # fmt: skip
    return (Picture("best_rate", "The update rate between lag and noise", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of rates."""
    predicted, seen = (each.mean(axis=(1, 2)) for each in curves(profile, plan, measured))
    rows = tuple(
        (f"{factor:g}", f"{plan[f'best_rate.{factor:g}.rate'].mean():.4g}", f"{a:.5f}", f"{b:.5f}")
        for factor, a, b in zip(profile.best_rate.factors, predicted, seen, strict=True)
    )
    columns = ("rate over the best", "r, mean (score)", "imbalance, predicted", "imbalance, measured")
    return (Table("best_rate", "Imbalance by the update rate", columns, rows),)
