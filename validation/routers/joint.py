"""K6: mixtures trained together with their router collapse at a feedback that held-out tokens predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import critical_feedback_from_logits, susceptibility
from moecusp.report import Finding, Table, Verdict, judge
from moecusp.report.figures import BLUE, GREEN, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.intervals import over
from validation.routers import profiles
from validation.routers.branches import balancing
from validation.routers.expected import reinforced
from validation.routers.gates import Gates, drawn
from validation.routers.mixture import Data, Mixtures, copies, load
from validation.routers.profiles import Profile
from validation.storage import Arrays
from validation.streams import Stream
from validation.streams import stream as named
from validation.studies import Measured, Part, Picture, Plan, Tick
from validation.training.mixtures import Experts

Array = NDArray[np.float64]
SYMBOLS = ("hidden", "learning_rate")
NOTES = (
    "joint.*: gate and experts are trained by gradient descent on the mixture's loss, the scores reinforced by "
    "mean probabilities. Training widens the margins, so that loads answer scores less and the critical "
    "feedback rises; by how much is read off tokens that no gradient saw, balanced by biases of their own.",
)


def predict(profile: Profile, seed: int) -> Arrays:
    """Train the mixtures under a weak feedback, and return what their held-out tokens say; the first axis is the seeds.

    joint.case.gates.layers.0 and so on
        Weights of the trained mixtures, and the biases that balance them on the tokens trained on.
    joint.case.untrained, joint.case.critical
        Critical feedback mu/lambda_max(chi) on held-out tokens before and after training.
    joint.case.accuracy, joint.case.majority
        On held-out tokens, of the mixtures and of the most frequent label.
    """
    p = profile.joint
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for case, steps, rate in zip(p.cases, p.steps, p.adam_rates, strict=False):
        found |= _trained(p, case, steps, rate, named("routers", "joint.training", case, seed).torch())
    return found


def _split(case: str) -> tuple[str, int]:
    name, experts = case.split(".")
    return name, int(experts)


def _trained(p: profiles.Joint, case: str, steps: int, rate: float, source: torch.Generator) -> dict[str, Any]:
    name, experts = _split(case)
    data = load(name, p.text_tokens, p.classes)
    pixels = data.train.shape[1]
    gates = drawn("mlp", p.seeds, (pixels, p.hidden, experts), data.train, p.spread, source)
    layers = [layer.detach().float()[:, None].numpy() for layer in gates.layers]
    model = Mixtures(Gates(layers), torch.zeros(p.seeds, 1, experts),
                     Experts(p.seeds, 1, experts, (pixels, p.units // experts, data.classes), source),
                     p.inverse_temperature)  # fmt: skip
    _balance(model, data)
    untrained, _ = exposed(p, model, data.held)
    router = reinforced(
        p.feedback * untrained[:, None], p.decay, p.inverse_temperature, experts, p.increment, torch.float32
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        tokens, labels = _batch(p.batch_size, p.seeds, data, source)
        optimizer.zero_grad(set_to_none=True)
        loss, share = model.loss(tokens, labels, router.scores)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        router.reinforce(share)
    _balance(model, data)
    critical, _ = exposed(p, model, data.held)
    with torch.no_grad():
        mixed, _ = model(data.held.expand(p.seeds, -1, -1), torch.zeros(p.seeds, 1, experts))
    right = (mixed[:, 0].argmax(dim=1) == data.held_labels).double().mean(dim=-1)
    key = f"joint.{case}"
    return {
        **model.stored(key),
        f"{key}.untrained": untrained,
        f"{key}.critical": critical,
        f"{key}.accuracy": right.numpy(),
        f"{key}.majority": (data.held_labels == data.train_labels.mode().values).double().mean().numpy(),
    }


def _batch(size: int, seeds: int, data: Data, source: torch.Generator) -> tuple[Tensor, Tensor]:
    drawn_ = torch.randint(len(data.train), (seeds, size), generator=source)
    return data.train[drawn_], data.train_labels[drawn_]


@torch.no_grad()
def _balance(model: Mixtures, data: Data) -> None:
    """Set the biases to those that make the loads of the tokens trained on even."""
    seeds = len(model.bias)
    logits = model.logits(data.train.expand(seeds, -1, -1)).double()
    model.bias += balancing(logits, model.beta).float()


@torch.no_grad()
def exposed(p: profiles.Joint, model: Mixtures, tokens: Tensor) -> tuple[Array, Array]:
    """Return the critical feedback of single models on tokens, balanced by biases of their own, and the mode."""
    raw = model.logits(tokens.expand(len(model.bias), -1, -1))[:, 0].double()
    logits = (raw + balancing(raw, p.inverse_temperature)[:, None]).numpy()
    chi = susceptibility(logits, p.inverse_temperature)
    return (
        np.asarray(critical_feedback_from_logits(logits, p.decay, p.inverse_temperature)),
        np.linalg.eigh(chi)[1][..., -1],
    )


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts, one a case."""
    p = profile.joint
    size = p.growth_steps * p.seeds * 2 * len(p.growth_feedbacks) * p.growth_batch_size
    return [Part(f"joint/{case}", size * _split(case)[1], partial(measure, p, plan, case)) for case in p.cases]


def measure(p: profiles.Joint, plan: Plan, case: str, stream: Stream, tick: Tick) -> Mapping[str, Array]:
    """Train on, pairs of copies on either side of balance at each feedback, on the same tokens.

    rates : shape (seeds, feedbacks)
        Rate (1/time) at which a pair's scores part in the mode to which the loads of these tokens answer most.
    """
    torch.set_num_threads(1)
    source, (name, experts) = stream.torch(), _split(case)
    data, count = load(name, p.text_tokens, p.classes), len(p.growth_feedbacks)
    model = copies(plan, f"joint.{case}", 2 * count, p.inverse_temperature)
    kappa = plan[f"joint.{case}.critical"][:, None] * np.tile(p.growth_feedbacks, 2)
    router = reinforced(kappa, p.decay, p.inverse_temperature, experts, p.increment, torch.float32)
    _, modes = exposed(p, copies(plan, f"joint.{case}", 1, p.inverse_temperature), data.train)
    direction = torch.tensor(modes).float()[:, None]
    sides = torch.tensor([1.0, -1.0]).repeat_interleave(count)[:, None]
    router.scores.copy_(p.kick * sides * direction)
    optimizer = torch.optim.SGD(model.parameters(), lr=p.learning_rate)
    for _ in range(p.growth_steps):
        tokens, labels = _batch(p.growth_batch_size, p.seeds, data, source)
        optimizer.zero_grad(set_to_none=True)
        loss, share = model.loss(tokens, labels, router.scores)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        router.reinforce(share)
        tick(router.scores.numel() * p.growth_batch_size)
    apart = 0.5 * (router.scores[:, :count] - router.scores[:, count:])
    along = ((apart * direction).sum(dim=-1) / p.kick).double().numpy()
    return {"rates": np.asarray((np.maximum(along, 1e-12) ** (1.0 / p.growth_steps) - 1.0) / p.increment)}


def onsets(p: profiles.Joint, measured: Measured, case: str) -> Array:
    """Return the measured critical feedback over the predicted one."""
    line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), measured[f"joint/{case}"]["rates"].T, 1)
    return np.asarray(-line[0] / line[1])


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, of_seeds = profile.joint, partial(over, confidence=profile.confidence)
    effect, found = "measured over predicted critical feedback", list[Finding]()
    for case in p.cases:
        name, experts = _split(case)
        ratio, predicted = onsets(p, measured, case), plan[f"joint.{case}.critical"]
        before = plan[f"joint.{case}.untrained"]
        shift = predicted / before - 1.0
        found += [
            judge(f"joint.critical.{case}", f"Mixtures of {experts} experts, trained together with their gate on the "
                  f"{name}, lose balance at μ/λ_max(χ) of held-out tokens while they are trained on.", effect,
                  of_seeds(ratio), p.critical_band),
            judge(f"control.joint_untrained.{case}", f"Planted: training leaves it where it was ({case}).",
                  "measured over the untrained critical feedback", of_seeds(ratio * predicted / before),
                  p.critical_band, expected=Verdict.REFUTED),
        ]  # fmt: skip
        if shift.mean() > p.told:  # else no run could tell
            more = (ratio - 1.0) * predicted / before / shift.mean()
            found.append(
                judge(f"joint.shift.{case}", f"Training has moved it by as much as they say ({case}).",
                      "measured over predicted shift, mean", of_seeds(1.0 + more), p.shift_band)
            )  # fmt: skip
    return tuple(found)


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw measured against predicted critical feedbacks of all mixtures."""
    p = profile.joint
    with style():
        figure, axes = canvas(height=5.0)
        ends = []
        for case, colour, mark in zip(p.cases, 2 * (BLUE, ORANGE, GREEN), "os^vDP", strict=False):
            predicted, before = plan[f"joint.{case}.critical"], plan[f"joint.{case}.untrained"]
            seen = onsets(p, measured, case) * predicted
            axes.plot(predicted, seen, mark, ms=4, mfc="none", color=colour, label=f"{case}, from held-out tokens")
            axes.plot(before, seen, "x", ms=4, color=RED, label="untrained" if case == p.cases[0] else None)
            ends += [before.min(), predicted.min(), predicted.max(), seen.max()]
        edge = np.array([0.95 * min(ends), 1.05 * max(ends)])
        axes.plot(edge, edge, color=SOFT, lw=1, label="equal")
        axes.set(xlabel="predicted critical feedback (score/time)", ylabel="measured (score/time)")
        legend(figure)
    fields = {"decay": "decay", "inverse_temperature": "inverse_temperature", "increment": "increment",
              "hidden": "hidden", "learning_rate": "learning_rate", "batch_size": "growth_batch_size",
              "seeds": "seeds", "kick": "kick"}  # fmt: skip
    caption = (
        "Critical feedback of trained mixtures, measured while they are trained on, against what their held-out tokens "
        "predict, and against that of the same mixtures untrained (crosses). "
    )
    picture = Picture("joint", "The shift that training causes", figure, caption + fixed(p, fields, selection="soft"))
    return (picture,)


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of mixtures, means over seeds."""
    p, rows = profile.joint, []
    for case in p.cases:
        before, predicted = plan[f"joint.{case}.untrained"], plan[f"joint.{case}.critical"]
        seen = onsets(p, measured, case) * predicted
        right, most = plan[f"joint.{case}.accuracy"].mean(), plan.number(f"joint.{case}.majority")
        means = (f"{each.mean():.3f}" for each in (before, predicted, seen))
        rows.append((case, *means, f"{right:.1%}", f"{most:.1%}"))
    columns = ("case", "κ_c untrained", "predicted", "measured", "held-out accuracy", "most frequent label")
    return (Table("joint", "Mixtures trained together with their gate", columns, tuple(rows)),)
