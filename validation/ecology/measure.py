"""The parts of the run: some models of a kind each, side by side; and planted ecologies. No part knows another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from validation.ecology import planted
from validation.ecology.profiles import Profile
from validation.ecology.setup import KINDS, baseline, kinds, make, schedule, source
from validation.streams import Stream
from validation.studies import Part, Plan, Tick
from validation.training.fashion import there
from validation.training.moe import Routing
from validation.training.objective import Output, Setting, Weights
from validation.training.sources import Source
from validation.training.sweep import train
from validation.training.usage import TOKENS, usage

Arrays = Mapping[str, NDArray[Any]]


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts; without Fashion-MNIST where it is not installed."""
    found, chunk = [], profile.training.chunk
    for kind in kinds(profile):
        rows = np.flatnonzero(plan["design.kind"] == tuple(KINDS).index(kind))
        if not rows.size or (KINDS[kind].set == "fashion" and not there()):
            continue
        steps = schedule(profile, kind).steps
        for number, some in enumerate(np.split(rows, range(chunk, len(rows), chunk))):
            settings = np.column_stack([plan["design.weights"][some], plan["design.ortho"][some]])
            seeds = plan["design.seed"][some]
            run = partial(measure, profile, kind, settings, seeds)
            found.append(Part(f"{kind}/{number}", len(some) * steps, run))
    p = profile.planted
    for number in range(p.repeats):
        found.append(Part(f"planted/{number}", p.models, partial(planted.measure, profile)))
    return found


def measure(
    profile: Profile, kind: str, weights: NDArray[np.float64], seeds: NDArray[np.int64], _stream: Stream, tick: Tick
) -> Arrays:
    """Train one model for each setting (models, 5) and return what became of its experts; `beats`: its baseline."""
    rows = zip(weights.tolist(), seeds.tolist(), strict=True)
    settings = [Setting(t, h, o, b, ortho, seed) for (t, h, o, b, ortho), seed in rows]
    plan, data = schedule(profile, kind), source(KINDS[kind].set, profile.training)
    with one_thread():
        watch = partial(watched, factor=profile.temperature.factor)
        found = train(make(profile, kind), data, settings, plan, study="ecology", watch=watch)
    tick(len(seeds) * plan.steps)
    least = baseline(kind, profile.training)
    beats = found["test_loss"][:, -1] < least if KINDS[kind].set == "text" else found["accuracy"][:, -1] > least
    return {**{name: values.astype(np.float32) for name, values in found.items()}, "beats": beats}


def watched(model: nn.Module, data: Source, weights: Weights, factor: float) -> dict[str, Tensor]:
    """Return the usage, and of the first mixture, on the first test tokens, (models,): moved, susceptibility.

    moved: the share of tokens that another temperature, times or over a factor, gives other experts. susceptibility:
    the largest eigenvalue of chi = mean over tokens of diag p - p p^T, how mean probabilities answer scores.
    """
    found = usage(model, data, weights)
    inputs, _ = next(iter(data.held_out(len(weights.temperature), TOKENS)))

    def routed(times: float) -> Routing:
        output: Output = model(inputs, weights.temperature * times)
        return output.layers[0]

    def chosen(routing: Routing) -> Tensor:
        return routing.selection.chosen.sort(-1).values

    with torch.no_grad():
        as_trained = routed(1.0)
        moved = [(chosen(routed(times)) != chosen(as_trained)).any(-1) for times in (factor, 1.0 / factor)]
        p = as_trained.logp.exp()
        chi = torch.diag_embed(p.mean(-2)) - p.transpose(-1, -2) @ p / p.shape[-2]
        answer = torch.linalg.eigvalsh(chi)[..., -1]
    share = torch.stack(moved).any(0).to(weights.temperature.dtype).mean(-1)
    return {**found, "moved": share, "susceptibility": answer}


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: parts run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
