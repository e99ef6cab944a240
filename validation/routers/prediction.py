"""P2: mu/lambda_max of the susceptibility of recorded logits predicts when trained routers lose balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import RouterParameters, critical_feedback
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, INK, ORANGE, RED, SOFT, canvas, legend, style
from moecusp.routing import ReinforcedRouter
from validation.captions import fixed
from validation.intervals import over
from validation.routers import profiles
from validation.routers.modes import Loads, crossing, jacobian, mode, multipliers
from validation.routers.profiles import Profile
from validation.routers.recorded import arrays, batches, case, second
from validation.routers.responses import band, first, standard_error, widths
from validation.storage import Arrays
from validation.streams import Stream
from validation.studies import Measured, Part, Picture, Plan, Tick

Array = NDArray[np.float64]
SYMBOLS = ("feedback", "decay", "inverse_temperature", "increment", "critical_feedback", "width", "kick")
NOTES = (
    "prediction.*: routers trained as the gates of soft mixtures of linear experts, each with its own split of the "
    "tokens. One half, balanced, gives the susceptibility; the other, balanced too, is routed under feedback. The "
    "accepted band is a floor and a share of the standard error of one router's prediction, which the first half gives "
    "when it is parted once more: √2 times the root mean square of half the logarithm of the two parts' ratio.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Return what the first half says of each case, the first axis that of the routers.

    prediction.case.router.*
        The routers, and the tokens of the second half.
    prediction.case.critical, .uniform, .cold
        Critical feedback mu/lambda_max(chi); that of uniform probabilities; that of inverse temperature 1.
    prediction.case.error
        Half the logarithm of the ratio of the largest eigenvalues by two parts of the half.
    """
    p, t, found = profile.prediction, profile.trained, dict[str, Any]()
    for name in p.cases:
        each, at = case(name), f"prediction.{name}"
        seen = first(t, each, seed, p.routers)
        found |= {
            **arrays(t, each.kind, seed, p.routers, f"{at}.router"),
            f"{at}.critical": p.decay * seen.critical,
            f"{at}.uniform": critical_feedback(p.decay, t.inverse_temperature, each.kind.experts),
            f"{at}.cold": p.decay * seen.cold,
            f"{at}.error": seen.error,
        }
    return {name: np.asarray(value) for name, value in found.items()}


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: each case."""
    p = profile.prediction
    size = p.routers * len(p.feedbacks) * 2 * p.batch_size * p.steps
    return [Part(f"prediction/{name}", size, partial(measure, profile, plan, name)) for name in p.cases]


def measure(profile: Profile, plan: Plan, name: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Raise the feedback of the routers on the second half.

    feedbacks, rates : shape (routers, feedbacks)
        Growth rate (1/time) of a small imbalance in the mode to which the loads answer most.
    """
    torch.set_num_threads(1)
    p, t, each, source = profile.prediction, profile.trained, case(name), stream.torch()
    at = f"prediction.{name}"
    logits = second(t, each, plan, f"{at}.router", source)
    kick = widths(t, each, logits)
    answer = each.loads(t.inverse_temperature)
    still = torch.zeros(len(logits), 1, each.kind.experts)
    modes = mode(jacobian(lambda scores, x: answer(x, scores), still, logits, kick))
    feedbacks = plan[f"{at}.critical"][:, None] * np.array(p.feedbacks)
    rule = Reinforced(p, t, feedbacks, each.loads(t.inverse_temperature, source), each.kind.experts)
    found = multipliers(rule, rule.balanced, modes, kick, batches(logits, p.batch_size, p.steps, source))
    tick(2 * feedbacks.size * p.batch_size * p.steps)
    return {"feedbacks": feedbacks, "rates": (found - 1.0) / p.increment}


class Reinforced:
    """The rule of a reinforced router on pairs of scores (2, routers, settings, experts)."""

    def __init__(
        self, p: profiles.Prediction, t: profiles.Trained, feedbacks: Array, loads: Loads, experts: int
    ) -> None:
        grid = np.broadcast_to(feedbacks, (2, *feedbacks.shape))
        parameters = RouterParameters(grid, p.decay, t.inverse_temperature, experts=experts)
        self.router, self.loads = ReinforcedRouter(parameters, increment=p.increment), loads
        even = torch.tensor(feedbacks / (experts * p.decay), dtype=torch.float32)
        self.balanced = even[..., None].expand(*feedbacks.shape, experts)
        """Scores at which equal loads stay equal."""

    def __call__(self, scores: Tensor, logits: Tensor) -> Tensor:
        """Return the scores after a step."""
        self.router.scores.copy_(scores)
        self.router.reinforce(self.loads(logits, scores))
        return self.router.scores.clone()


def misses(plan: Plan, measured: Measured, name: str) -> Array:
    """Return the logarithm of the measured over the predicted critical feedback of each router."""
    seen = measured[f"prediction/{name}"]
    return np.asarray(np.log(crossing(seen["feedbacks"], seen["rates"]) / plan[f"prediction.{name}.critical"]))


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, found = profile.prediction, []
    of = partial(over, confidence=profile.confidence, unit="routers")
    effect = "logarithm of the measured over the predicted critical feedback, mean"
    for name in p.cases:
        miss, accepted = misses(plan, measured, name), band(p, plan[f"prediction.{name}.error"])
        found.append(
            judge(f"prediction.{name}", f"Balance is lost at μ/λ_max(χ) of logits recorded on other tokens ({name}).",
                  effect, of(miss), accepted, explanation=f"One router's prediction misses by {miss.std(ddof=1):.1%} "
                  "(standard deviation).")
        )  # fmt: skip
        for control, says in (("uniform", "K μ/β, whatever the logits"), ("cold", "that of inverse temperature 1")):
            away = np.log(plan[f"prediction.{name}.critical"] / plan[f"prediction.{name}.{control}"])
            if case(name).soft and abs(away.mean()) > p.apart * accepted[1]:  # else no run could tell
                found.append(
                    judge(f"control.prediction_{control}.{name}", f"Planted: it is lost at {says} ({name}).", effect,
                          of(miss + away), accepted, expected=Verdict.REFUTED)
                )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw growth rates over the gain."""
    p, t = profile.prediction, profile.trained
    with style():
        figure, axes = canvas()
        gains = np.array(p.feedbacks)
        axes.plot(gains, p.decay * (gains - 1.0), color=INK, label="predicted, μ(g − 1)")
        for name, colour, mark in zip(p.cases, 2 * (BLUE, ORANGE, RED, "#12704a"), "os^vDPX*", strict=False):
            rates = measured[f"prediction/{name}"]["rates"]
            error = rates.std(axis=0, ddof=1) / len(rates) ** 0.5
            axes.errorbar(gains, rates.mean(axis=0), 2.6 * error, fmt=mark, ms=5, mfc="none", color=colour, label=name)
        axes.axhline(0.0, color=SOFT, lw=1)
        axes.axvline(1.0, color=RED, lw=1, ls=":")
        axes.set(xlabel="feedback over the predicted critical one, g", ylabel="growth rate of an imbalance (1/time)")
        legend(figure)
    caption = (
        "Growth rate of a small imbalance of trained routers, mean over routers with bars of 2.6 standard errors, on "
        "tokens that did not predict. Names: tokens, router, experts, selection. "
        + fixed(p, {"decay": "decay", "increment": "increment", "batch_size": "batch_size"},
                inverse_temperature=t.inverse_temperature, routers=p.routers)
    )  # fmt: skip
    return (Picture("prediction", "When trained routers lose balance", figure, caption),)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of onsets."""
    rows = []
    for name in profile.prediction.cases:
        miss, at = misses(plan, measured, name), f"prediction.{name}"
        rows.append((name, f"{plan[f'{at}.critical'].mean():.3f}", f"{np.exp(miss.mean()):.4f}",
                     f"{miss.std(ddof=1):.3f}", f"{standard_error(plan[f'{at}.error']):.3f}",
                     f"{plan.number(f'{at}.uniform'):.3f}"))  # fmt: skip
    columns = ("case", "κ_c, mean", "measured/predicted", "scatter of its logarithm", "its standard error", "K μ/β")
    return (Table("prediction", "Onset predicted from recorded logits", columns, tuple(rows)),)
