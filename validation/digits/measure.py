"""The three experiments, each on many independent seeds at once. None of them knows a prediction but where to look."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import RouterParameters
from moecusp.routing import ReinforcedRouter, load
from validation.digits.profiles import Profile
from validation.digits.setup import linear
from validation.streams import Stream
from validation.studies import Part, Plan, Tick
from validation.training.mixtures import Experts
from validation.training.tokens import Tokens, load_tokens

Array = NDArray[np.float64]
STARTS = ("balanced", "collapsed onto expert 1", "collapsed onto expert 2")


def parts(profile: Profile, plan: Plan) -> Sequence[Part]:
    """Return the parts: the onset of each router; sweeps and training runs of the first, some seeds at a time."""
    p = profile
    onset = p.growth_steps() * p.growth_seeds * p.growth_batch_size * len(p.growth_feedbacks) * 2
    sweep = p.sweep_steps() * p.sweep_batch_size * len(p.sweep_feedbacks) * 2
    branch = p.branch_steps() * p.batch_size * len(p.branch_feedbacks) * len(STARTS)
    seeds = [min(p.seeds_per_part, p.seeds - first) for first in range(0, p.seeds, p.seeds_per_part)]
    recorded = plan["margins"], plan["jitter"], plan["growth.feedbacks"]
    swept = (plan["margins"][0], float(plan["jitter"][0]), plan["sweep.feedbacks"], plan.number("sweep.reach"))
    trained = (plan["weight"][0], plan["bias"][0], plan["branch.feedbacks"])
    return [
        *(
            Part(f"onset/{k}", onset, partial(measure_onset, p, margins, float(jitter), grid))
            for k, (margins, jitter, grid) in enumerate(zip(*recorded, strict=True))
        ),
        *(Part(f"sweeps/{k}", sweep * n, partial(measure_loops, p, *swept, n)) for k, n in enumerate(seeds)),
        *(Part(f"branches/{k}", branch * n, partial(measure_branches, p, *trained, n)) for k, n in enumerate(seeds)),
    ]


def logits(margins: Array, jitter: float, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Draw tokens with replacement and return the logits (*shape, 2) of their jittered images.

    Pixel jitter moves a margin by a Gaussian of standard deviation `jitter`, and routing sees margins only: the logits
    returned are (margin, 0).
    """
    recorded = torch.tensor(margins, dtype=torch.float32)
    drawn = recorded[torch.randint(recorded.numel(), shape, generator=source)]
    margin = drawn + jitter * torch.randn(shape, generator=source)
    return torch.stack([margin, torch.zeros_like(margin)], dim=-1)


def difference(router: ReinforcedRouter) -> Tensor:
    """Return z = s1 - s2."""
    return router.scores[..., 0] - router.scores[..., 1]


def place(router: ReinforcedRouter, z: Tensor) -> None:
    """Set the scores to +-z/2."""
    router.scores.copy_(torch.stack([z / 2, -z / 2], dim=-1))


def measure_onset(
    profile: Profile, margins: Array, jitter: float, feedbacks: Array, stream: Stream, tick: Tick
) -> Mapping[str, Array]:
    """Return the growth rates (1/time) of a small imbalance, shape (seeds, feedbacks).

    Pairs of routers start at z = +kick and -kick and see the same tokens; the rate is that of the logarithm of their
    distance, and the feedback at which it passes 0 is the critical one.
    """
    source = _source(stream)
    eps, steps = profile.growth_increment, profile.growth_steps()
    grid = np.broadcast_to(feedbacks, (2, profile.growth_seeds, feedbacks.size))
    router = ReinforcedRouter(RouterParameters(grid, profile.decay), increment=eps, selection="hard")
    side = torch.tensor([1.0, -1.0])[:, None, None]
    place(router, profile.kick * side.expand(grid.shape))
    for _ in range(steps):
        router(logits(margins, jitter, (1, profile.growth_seeds, 1, profile.growth_batch_size), source), source)
        tick(grid.size * profile.growth_batch_size)
    z = difference(router).double().numpy()
    growth = np.maximum((z[0] - z[1]) / (2.0 * profile.kick), 1e-12)
    return {"rates": np.asarray((growth ** (1.0 / steps) - 1.0) / eps)}


def measure_loops(
    profile: Profile,
    margins: Array,
    jitter: float,
    feedbacks: Array,
    reach: float,
    seeds: int,
    stream: Stream,
    tick: Tick,
) -> Mapping[str, Array]:
    """Sweep the asymmetry from -reach to reach and back at each feedback, slowly and linearly in time.

    Returns
    -------
    jumps : ndarray, shape (seeds, 2, feedbacks)
        Asymmetry (score/time) at which the load changed sides, sweeping up and down; NaN if it never did.
    asymmetry : ndarray, shape (bins,)
        Centres of the bins of the asymmetry.
    imbalance : ndarray, shape (seeds, 2, feedbacks, bins)
        Imbalance p1 - p2 in each bin.
    """
    source = _source(stream)
    steps, bins = profile.sweep_steps(), profile.bins
    shape = (seeds, 2, feedbacks.size)
    router = ReinforcedRouter(
        RouterParameters(np.broadcast_to(feedbacks, shape), profile.decay),
        increment=profile.sweep_increment,
        selection="hard",
    )
    direction = torch.tensor([1.0, -1.0])[:, None]
    ramp = np.linspace(-reach, reach, steps)
    place(router, (-(torch.tensor(feedbacks) + reach) / profile.decay * direction).float().expand(shape))
    changed = torch.full(shape, torch.nan, dtype=torch.float64)
    sums = torch.zeros(*shape, bins, dtype=torch.float64)
    place_of = (np.arange(steps) * bins) // steps
    for step in range(steps):
        router.drive[..., 0] = direction * ramp[step]
        chosen = router(logits(margins, jitter, (seeds, 1, 1, profile.sweep_batch_size), source), source)
        sums[..., place_of[step]] += 1.0 - 2.0 * chosen.double().mean(dim=-1)
        crossed = (difference(router) * direction > 0) & changed.isnan()
        changed = torch.where(crossed, direction.double() * ramp[step], changed)
        tick(chosen.numel())
    mean = (sums / torch.as_tensor(np.bincount(place_of, minlength=bins).clip(1))).numpy()
    mean[:, 1] = mean[:, 1, :, ::-1].copy()  # the downward sweep met the bins from above
    centres = (np.arange(bins) + 0.5) / bins * 2.0 * reach - reach
    return {"jumps": changed.numpy(), "asymmetry": centres, "imbalance": mean}


def measure_branches(
    profile: Profile,
    weight: Array,
    bias: Array,
    feedbacks: Array,
    seeds: int,
    stream: Stream,
    tick: Tick,
    tokens: Tokens | None = None,
) -> Mapping[str, Array]:
    """Train mixtures at every feedback from three starts, and record their long-run load and accuracy.

    Every batch is routed and reinforces the scores; every `batches_per_update`-th one also trains the experts.

    Returns
    -------
    imbalance : ndarray, shape (seeds, starts, feedbacks)
        p1 - p2 averaged over the last share `long_run` of the batches; starts are `STARTS`.
    history : ndarray, shape (seeds, starts, feedbacks, blocks)
        Imbalance averaged over consecutive blocks of batches.
    accuracy, alone : ndarray, shape (seeds, starts, feedbacks) and (..., experts)
        On the test tokens: of the mixture as routed, and of each expert on all of them.
    """
    source, tokens = _source(stream), tokens or load_tokens()
    steps, shape = profile.branch_steps(), (seeds, len(STARTS), feedbacks.size)
    models = len(STARTS) * feedbacks.size
    linear_router = linear(weight, bias)
    router = ReinforcedRouter(
        RouterParameters(np.broadcast_to(feedbacks, shape), profile.decay),
        increment=profile.increment,
        selection="hard",
    )
    place(router, (profile.collapsed_start * torch.tensor([0.0, 1.0, -1.0])[None, :, None]).expand(shape))
    classes = 1 + int(max(tokens.train_labels.max(), tokens.test_labels.max()))
    experts = Experts(seeds, models, 2, (tokens.train.shape[1], profile.hidden, classes), source)
    optimizer = torch.optim.SGD(experts.parameters(), lr=profile.learning_rate, momentum=profile.momentum)
    shares = torch.zeros(steps, *shape, dtype=torch.float64)
    for step in range(steps):
        drawn = torch.randint(len(tokens.train), (seeds, profile.batch_size), generator=source)
        clean = tokens.train[drawn]
        images = clean + profile.pixel_jitter * torch.randn(clean.shape, generator=source)
        chosen = router(linear_router(images)[:, None, None], source)
        shares[step] = load(chosen, 2)[..., 0]
        tick(chosen.numel())
        if step % profile.batches_per_update:
            continue
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(experts.loss(images, chosen.flatten(1, 2), tokens.train_labels[drawn]))
        optimizer.step()

    router.eval()
    test = linear_router(tokens.test.expand(seeds, -1, -1))[:, None, None]
    accuracy, alone = experts.accuracy(tokens.test, router(test, source).flatten(1, 2), tokens.test_labels)
    imbalance = (2.0 * shares - 1.0).numpy()
    edges = np.linspace(0, steps, min(profile.blocks, steps) + 1).astype(int)
    return {
        "imbalance": imbalance[steps - max(1, round(profile.long_run * steps)) :].mean(axis=0),
        "history": np.stack([imbalance[a:b].mean(axis=0) for a, b in itertools.pairwise(edges)], axis=-1),
        "accuracy": accuracy.reshape(shape).numpy(),
        "alone": alone.reshape(*shape, 2).numpy(),
    }


def _source(stream: Stream) -> torch.Generator:
    torch.set_num_threads(1)  # small tensors: more threads are slower, and their number would change the last digits
    return stream.torch()
