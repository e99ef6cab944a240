"""P6: bias rules inside training: how far biases and loads stray, and by how much they lag behind logits that drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq

from moecusp import effective_update_rate, proportional_covariance, sign_covariance, sign_tracking_lag
from moecusp.balance import BalanceVariance
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, INK, ORANGE, RED, canvas, legend, style
from moecusp.routing import record
from validation.captions import fixed
from validation.intervals import over
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.trained.detrended import detrended, traces
from validation.trained.loop import Rule, restored, run, stored
from validation.trained.profiles import Profile
from validation.trained.warm import answer, warmed

Array = NDArray[np.float64]
SYMBOLS = ("update_rate", "bias_step", "susceptibility", "batch_size", "learning_rate")
NOTES = (
    "rules.*: small transformers trained on while their bias rule is at work, each recorded by moecusp.routing.record. "
    "Predicted from χ and the covariance of a window's loads, both of held-out text before the run. "
    "Fluctuations are taken about straight lines within stretches of the run, and so is the prediction.",
)


def cases(profile: Profile) -> list[tuple[str, str, float, bool]]:
    """Return the name of each case, its rule, its r lambda or r_eff lambda, and whether logits drift."""
    p = profile.rules
    kinds = (("proportional", p.proportional, p.lagging[0]), ("sign", p.sign, p.lagging[1]))
    return [
        *((f"{kind}.{share:g}", kind, share, False) for kind, shares, _ in kinds for share in shares),
        *((f"{kind}.drift", kind, share, True) for kind, _, share in kinds),
    ]


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what held-out text says; arrays are (layers, models) if not said otherwise.

    rules.model.*
        The models as they stand when the rules begin, the first axis that of the models.
    rules.case.step, rules.case.drift
        r or u (score), and the drift v (score/step).
    rules.case.bias, rules.case.load
        Mean square of biases and of observed loads, summed over experts, about straight lines within a stretch.
    rules.case.lag
        Excess load of the drifting expert.
    rules.case.independent, rules.case.sampling
        The bias if all tokens were independent; the load if it were sampling noise alone.
    rules.error
        Of the logarithm of lambda_max, by halves of the text.
    """
    p, warm = profile.rules, profile.warm
    state = warmed(warm, seed)
    chi, window, error = answer(state, warm.temperature, seed)
    unit = 1.0 / np.linalg.eigvalsh(chi)[..., -1]
    noise = window / warm.windows
    spread = np.sqrt(np.diagonal(noise, axis1=-2, axis2=-1).mean(axis=-1))
    length, experts = p.steps // p.stretches, chi.shape[-1]
    spacing = 1.0 / (warm.windows * warm.make.context)
    single = spacing / experts * (np.eye(experts) - 1.0 / experts) + 0.0 * noise
    found: dict[str, Any] = {f"rules.model.{name}": each for name, each in stored(state).items()} | {
        "rules.error": error
    }
    for name, kind, share, drifting in cases(profile):
        scale = 1.0 if kind == "proportional" else np.asarray(effective_update_rate(1.0, spread))
        step = share * unit / scale
        drift = p.lag * step * experts / (experts - 1) if kind == "proportional" else p.drift_share * step
        if kind == "proportional":
            closed = proportional_covariance(step, chi, noise)
            pull = step[..., None, None] * np.eye(experts)
            alone = proportional_covariance(step, chi, single)
            lag = drift * (experts - 1) / experts / step
        else:
            closed = closure(step, chi, noise, spacing)
            deviation = np.sqrt(np.diagonal(closed.observed, axis1=-2, axis2=-1))
            deviation = np.where(np.isnan(deviation), 1.0, deviation)  # no prediction where an expert never answers
            pull = np.asarray(effective_update_rate(step[..., None], deviation))[..., None] * np.eye(experts)
            alone = closure(step, chi, single, spacing)
            lag = np.vectorize(_sign_lag, signature="(),(),(k)->()")(drift, step, deviation)
        bias, load = (detrended(each, length) for each in traces(chi, closed.bias, noise, pull, length))
        still = np.zeros((*step.shape, length))
        still[..., 0] = np.trace(noise, axis1=-2, axis2=-1)
        found |= {
            f"rules.{name}.step": step,
            f"rules.{name}.drift": drift * drifting,
            f"rules.{name}.bias": bias,
            f"rules.{name}.load": load,
            f"rules.{name}.lag": lag,
            f"rules.{name}.independent": bias
            * np.trace(alone.bias, axis1=-2, axis2=-1)
            / np.trace(closed.bias, axis1=-2, axis2=-1),
            f"rules.{name}.sampling": detrended(still, length),
        }
    return {name: np.asarray(value) for name, value in found.items()}


def closure(step: Array, chi: Array, noise: Array, spacing: float) -> BalanceVariance:
    """Return the closure of the sign rule; NaN for a model with an expert whose load next to never varies."""
    still = np.diagonal(noise, axis1=-2, axis2=-1).min(axis=-1) < spacing**2 / (2.0 * np.pi)
    some = spacing * (np.eye(chi.shape[-1]) - 1.0 / chi.shape[-1])
    found = sign_covariance(step, chi, np.where(still[..., None, None], some, noise), 1, spacing)
    return BalanceVariance(*(np.where(still[..., None, None], np.nan, each) for each in found))


def _sign_lag(drift: float, step: float, deviation: Array) -> float:
    """Return the excess load of the first expert: all biases then move alike, and the excesses add up to 0."""
    moving = np.where(np.arange(len(deviation)) == 0, drift, 0.0)

    def total(common: float) -> float:
        return float(np.sum(sign_tracking_lag(moving - common, step, deviation)))

    common = brentq(total, 0.0, drift) if drift > 0.0 else 0.0
    return float(sign_tracking_lag(drift - common, step, deviation[0]))


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p, warm = profile.rules, profile.warm
    found = []
    for name, kind, *_ in cases(profile):
        long = p.burn + (p.lagging_steps if name == "sign.drift" else p.steps)
        size = warm.models * long * warm.windows * warm.make.context
        found.append(Part(f"rules/{name}", size, partial(measure, profile, plan, name, kind, long)))
    return found


def measure(
    profile: Profile, plan: Plan, name: str, kind: str, long: int, stream: Stream, tick: Tick
) -> Mapping[str, Array]:
    """Train on under a rule for so many steps, recorded.

    bias, load, lag : shape (layers, models)
        As predicted.
    """
    torch.set_num_threads(1)
    p, warm = profile.rules, profile.warm
    state = restored(warm.make, lambda each: plan[f"rules.model.{each}"], range(warm.models))
    step, drift = (plan[f"rules.{name}.{each}"] for each in ("step", "drift"))
    still = np.zeros(warm.models)
    rate, sign = (step, still) if kind == "proportional" else (still, step)
    rule = Rule(warm.models, rate=rate, sign=sign, drift=drift, temperature=warm.temperature)
    tokens = warm.models * warm.windows * warm.make.context
    with record(state.model, sample=0, batches=max(long, 2)) as recorder:
        run(state, rule, long, rate=p.learning_rate, batch=warm.windows, chance=stream.torch(),
            watch=lambda *_: tick(tokens))  # fmt: skip
    trace = recorder.trace()
    found: dict[str, list[list[float]]] = {each: [] for each in ("bias", "load", "lag")}
    for layer in range(warm.make.layers):
        records = [trace[f"blocks.{layer}.models.{model}.experts"] for model in range(warm.models)]
        shares = [np.asarray(each.counts[p.burn :], float) / each.tokens[p.burn :, None] for each in records]
        biases = [np.asarray(each.bias[p.burn :], float) for each in records]
        found["bias"].append([fluctuation(each - each.mean(axis=1, keepdims=True), p.stretches) for each in biases])
        found["load"].append([fluctuation(each, p.stretches) for each in shares])
        found["lag"].append([float(each[:, 0].mean() - 1.0 / warm.make.experts) for each in shares])
    return {each: np.array(value) for each, value in found.items()}


def fluctuation(path: Array, stretches: int) -> float:
    """Return the mean square of a path (steps, experts), summed over experts, about a line in each stretch."""
    length = len(path) // stretches
    pieces = path[: length * stretches].reshape(stretches, length, -1)
    time = np.arange(length) - 0.5 * (length - 1)
    flat = pieces - pieces.mean(axis=1, keepdims=True)
    slope = np.einsum("n,snk->sk", time, flat) / (time @ time)
    return float(((flat - time[:, None] * slope[:, None]) ** 2).sum(axis=2).mean())


def ratios(plan: Plan, measured: Measured, name: str, what: str, against: str = "") -> Array:
    """Return the logarithm of measured over predicted, the mean over the layers of each model."""
    return np.asarray(np.log(measured[f"rules/{name}"][what] / plan[f"rules.{name}.{against or what}"]).mean(axis=0))


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, found = profile.rules, list[Finding]()
    of = partial(over, confidence=profile.confidence, unit="models")
    reach = p.floor + p.errors * float(np.sqrt(np.mean(plan["rules.error"] ** 2) / plan["rules.error"].shape[1]))
    accepted, effect = (-reach, reach), "logarithm of the measured over the predicted mean square, mean"
    for name, kind, share, drifting in cases(profile):
        if drifting:
            seen = measured[f"rules/{name}"]["lag"] / plan[f"rules.{name}.lag"]
            how = "v/r" if kind == "proportional" else "√2 S erfinv"
            found.append(
                judge(f"rules.lag.{kind}", f"Under the {kind} rule the load of an expert whose logit drifts lags as "
                      f"predicted ({how}).", "measured over predicted excess load", of(seen.mean(axis=0)), p.lag_band)
            )  # fmt: skip
            continue
        unit = "rλ_max" if kind == "proportional" else "r_eff λ_max"
        for what, noun in (("bias", "biases"), ("load", "observed loads")):
            found.append(
                judge(f"rules.{what}.{name}", f"Inside training, {noun} under the {kind} rule stray as χ and Σ of "
                      f"held-out text say ({unit} = {share:g}).", effect, of(ratios(plan, measured, name, what)),
                      accepted)
            )  # fmt: skip
    fast = f"proportional.{max(p.proportional):g}"
    found.append(
        judge("control.rules_sampling", "Planted: loads under the proportional rule are sampling noise alone "
              f"({fast}).", effect, of(ratios(plan, measured, fast, "load", "sampling")), accepted,
              expected=Verdict.REFUTED)
    )  # fmt: skip
    found.append(
        judge("control.rules_independent", "Planted: biases stray as if the tokens of a text were independent "
              f"({fast}).",
              effect, of(ratios(plan, measured, fast, "bias", "independent")), accepted,
              expected=Verdict.REFUTED)
    )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw measured over predicted mean squares of biases, loads, and what the planted theories say."""
    p, warm = profile.rules, profile.warm
    names = [name for name, *_, drifting in cases(profile) if not drifting]
    with style():
        figure, axes = canvas(height=4.4)
        for shift, what, colour, mark in ((-0.1, "bias", BLUE, "o"), (0.1, "load", ORANGE, "s")):
            every = [np.exp(ratios(plan, measured, name, what)) for name in names]
            for place, values in enumerate(every):
                axes.plot(np.full(len(values), place + shift), values, mark, ms=4, mfc="none", color=colour,
                          label={"bias": "biases", "load": "observed loads"}[what] if place == 0 else None)  # fmt: skip
        wrong = [
            np.exp(np.mean(np.log(plan[f"rules.{name}.{other}"] / plan[f"rules.{name}.{what}"])))
             for name in names for other, what in (("sampling", "load"), ("independent", "bias"))
        ]  # fmt: skip
        axes.plot(np.repeat(np.arange(len(names)), 2) + np.tile([0.1, -0.1], len(names)), wrong, "x", color=RED, ms=8,
                  label="planted theories")  # fmt: skip
        axes.axhline(1.0, color=INK, lw=1)
        axes.set(xticks=range(len(names)), xticklabels=names, ylabel="mean square, measured over predicted")
        legend(figure)
    caption = (
        "Fluctuations of biases and observed loads inside training, one mark a model, by rule and its rate in units of "
        "1/λ_max of held-out text. Crosses: sampling noise alone for the loads; independent tokens for the "
        "biases. "
        + fixed(p, {"learning_rate": "learning_rate"}, experts=warm.make.experts,
                batch_size=warm.windows * warm.make.context, seeds=warm.models)
    )  # fmt: skip
    return (Picture("rules", "What a bias rule holds, inside training", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of all cases."""
    rows = []
    for name, _, share, drifting in cases(profile):
        bias, load = (f"{np.exp(ratios(plan, measured, name, what).mean()):.3f}" for what in ("bias", "load"))
        lag = f"{(measured[f'rules/{name}']['lag'] / plan[f'rules.{name}.lag']).mean():.3f}" if drifting else "–"
        rows.append((name, f"{share:g}", f"{plan[f'rules.{name}.step'].mean():.4g}", bias, load, lag))
    columns = ("case", "rate times λ_max", "r or u, mean (score)", "bias, measured/predicted", "load", "lag")
    return (Table("rules", "Bias rules inside training", columns, tuple(rows)),)
