"""The three experiments, each on many independent seeds at once. None of them knows a prediction."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moecusp import RouterParameters
from moecusp.routing import ReinforcedRouter, load
from validation.digits.experts import Experts
from validation.digits.profiles import Profile
from validation.digits.setup import Setup, Tokens

Array = NDArray[np.float64]
Tick = Callable[[int], object]


def generator(seed: int, experiment: int) -> torch.Generator:
    """Return a generator whose stream is independent of every other (seed, experiment)."""
    state = np.random.SeedSequence([seed, experiment]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def logits(setup: Setup, shape: tuple[int, ...], source: torch.Generator) -> Tensor:
    """Draw tokens with replacement and return the logits (*shape, 2) of their jittered images.

    Pixel jitter moves a margin by a Gaussian of standard deviation `setup.jitter`, and routing sees margins only: the
    logits returned are (margin, 0).
    """
    recorded = torch.as_tensor(setup.margins, dtype=torch.float32)
    drawn = recorded[torch.randint(recorded.numel(), shape, generator=source)]
    margin = drawn + setup.jitter * torch.randn(shape, generator=source)
    return torch.stack([margin, torch.zeros_like(margin)], dim=-1)


def difference(router: ReinforcedRouter) -> Tensor:
    """Return z = s1 - s2."""
    return router.scores[..., 0] - router.scores[..., 1]


def place(router: ReinforcedRouter, z: Tensor) -> None:
    """Set the scores to +-z/2."""
    router.scores.copy_(torch.stack([z / 2, -z / 2], dim=-1))


def measure_onset(setup: Setup, feedbacks: Array, profile: Profile, source: torch.Generator, tick: Tick) -> Array:
    """Return the growth rate (1/time) of a small imbalance, shape (seeds, feedbacks).

    Pairs of routers start at z = +kick and -kick and see the same tokens; the rate is that of the logarithm of their
    distance, and the feedback at which it passes 0 is the critical one.
    """
    eps = profile.growth_increment
    steps = round(profile.growth_time / profile.decay / eps)
    grid = np.broadcast_to(feedbacks, (2, profile.growth_seeds, feedbacks.size))
    router = ReinforcedRouter(RouterParameters(grid, profile.decay), increment=eps, selection="hard")
    side = torch.tensor([1.0, -1.0])[:, None, None]
    place(router, profile.kick * side.expand(grid.shape))
    for _ in range(steps):
        router(logits(setup, (1, profile.growth_seeds, 1, profile.growth_batch_size), source), source)
        tick(1)
    z = difference(router).double().numpy()
    growth = np.maximum((z[0] - z[1]) / (2.0 * profile.kick), 1e-12)
    return np.asarray((growth ** (1.0 / steps) - 1.0) / eps)


def onset_of(feedbacks: Array, rates: Array) -> Array:
    """Return per seed the feedback at which the straight line through its growth rates passes 0."""
    line = np.polynomial.polynomial.polyfit(feedbacks, rates.T, 1)
    return np.asarray(-line[0] / line[1])


@dataclass(frozen=True)
class Branches:
    """Outcome of the training runs; axes are (seeds, starts, feedbacks), starts being balanced, up and down.

    Attributes
    ----------
    imbalance : ndarray
        p1 - p2 averaged over the last quarter of the batches.
    accuracy : ndarray
        Test accuracy of the mixture as routed.
    alone : ndarray, last axis experts
        Test accuracy of each expert on all test tokens.
    history : ndarray, shape (seeds, starts, feedbacks, blocks)
        Imbalance averaged over consecutive blocks of batches.
    """

    imbalance: Array
    accuracy: Array
    alone: Array
    history: Array


BLOCKS = 60
STARTS = ("balanced", "collapsed onto expert 1", "collapsed onto expert 2")


def measure_branches(
    setup: Setup, tokens: Tokens, feedbacks: Array, profile: Profile, source: torch.Generator, tick: Tick
) -> Branches:
    """Train mixtures at every feedback from three starts, and record their long-run load and accuracy.

    Every batch is routed and reinforces the scores; every `batches_per_update`-th one also trains the experts.
    """
    steps = round(profile.branch_time / profile.decay / profile.increment)
    shape = (profile.seeds, len(STARTS), feedbacks.size)
    models = len(STARTS) * feedbacks.size
    router = ReinforcedRouter(
        RouterParameters(np.broadcast_to(feedbacks, shape), profile.decay),
        increment=profile.increment,
        selection="hard",
    )
    start = profile.collapsed_start * torch.tensor([0.0, 1.0, -1.0])[None, :, None]
    place(router, start.expand(shape))
    pixels, classes = tokens.train.shape[1], int(tokens.train_labels.max()) + 1
    experts = Experts(profile.seeds, models, 2, (pixels, profile.hidden, classes), source)
    optimizer = torch.optim.SGD(experts.parameters(), lr=profile.learning_rate, momentum=0.9)
    shares = torch.zeros(steps, *shape, dtype=torch.float64)
    for step in range(steps):
        drawn = torch.randint(len(tokens.train), (profile.seeds, profile.batch_size), generator=source)
        clean = tokens.train[drawn]
        images = clean + profile.pixel_jitter * torch.randn(clean.shape, generator=source)
        chosen = router(setup.router(images)[:, None, None], source)
        shares[step] = load(chosen, 2)[..., 0]
        tick(1)
        if step % profile.batches_per_update:
            continue
        scores = experts.of_chosen(experts(images), chosen.reshape(profile.seeds, models, -1))
        labels = tokens.train_labels[drawn][:, None].expand(-1, models, -1)
        # a sum over models: each model's gradient is its own
        loss = torch.nn.functional.cross_entropy(
            scores.transpose(2, 3).flatten(0, 2), labels.flatten(), reduction="sum"
        )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss / profile.batch_size)
        optimizer.step()

    router.eval()
    with torch.no_grad():
        images = tokens.test.expand(profile.seeds, -1, -1)
        chosen = router(setup.router(images)[:, None, None], source).reshape(profile.seeds, models, -1)
        scores = experts(images)
        right = scores.argmax(dim=3) == tokens.test_labels
        routed = experts.of_chosen(scores, chosen).argmax(dim=2) == tokens.test_labels
    imbalance = (2.0 * shares - 1.0).numpy()
    edges = np.linspace(0, steps, min(BLOCKS, steps) + 1).astype(int)
    history = [imbalance[a:b].mean(axis=0) for a, b in itertools.pairwise(edges)]
    return Branches(
        imbalance=imbalance[-max(1, steps // 4) :].mean(axis=0),
        accuracy=routed.double().mean(dim=-1).reshape(shape).numpy(),
        alone=right.double().mean(dim=-1).reshape(*shape, 2).numpy(),
        history=np.stack(history, axis=-1),
    )


@dataclass(frozen=True)
class Loops:
    """Outcome of the asymmetry sweeps.

    Attributes
    ----------
    jumps : ndarray, shape (2, seeds, feedbacks)
        Asymmetry (score/time) at which the load changed sides, sweeping up and down; NaN if it never did.
    asymmetry : ndarray, shape (bins,)
        Centres of the bins of the asymmetry.
    imbalance : ndarray, shape (2, feedbacks, bins)
        Imbalance p1 - p2 in each bin, over the seeds.
    """

    jumps: Array
    asymmetry: Array
    imbalance: Array


BINS = 160


def measure_loops(
    setup: Setup, feedbacks: Array, reach: float, profile: Profile, source: torch.Generator, tick: Tick
) -> Loops:
    """Sweep the asymmetry from -reach to reach and back at each feedback, slowly and linearly in time."""
    steps = round(profile.sweep_time / profile.decay / profile.sweep_increment)
    shape = (2, profile.seeds, feedbacks.size)
    router = ReinforcedRouter(
        RouterParameters(np.broadcast_to(feedbacks, shape), profile.decay),
        increment=profile.sweep_increment,
        selection="hard",
    )
    direction = torch.tensor([1.0, -1.0])[:, None, None]
    ramp = np.linspace(-reach, reach, steps)
    place(router, (-(torch.as_tensor(feedbacks) + reach) / profile.decay * direction).float().expand(shape))
    changed = torch.full(shape, torch.nan, dtype=torch.float64)
    sums = torch.zeros(2, feedbacks.size, BINS, dtype=torch.float64)
    bins = (np.arange(steps) * BINS) // steps
    for step in range(steps):
        router.drive[..., 0] = direction * ramp[step]
        chosen = router(logits(setup, (1, profile.seeds, 1, profile.sweep_batch_size), source), source)
        sums[:, :, bins[step]] += (1.0 - 2.0 * chosen.double().mean(dim=-1)).mean(dim=1)
        crossed = (difference(router) * direction > 0) & changed.isnan()
        changed = torch.where(crossed, direction.double() * ramp[step], changed)
        tick(1)
    mean = (sums / torch.as_tensor(np.bincount(bins, minlength=BINS).clip(1))).numpy()
    mean[1] = mean[1, :, ::-1]  # the downward sweep met the bins from above
    centres = (np.arange(BINS) + 0.5) / BINS * 2.0 * reach - reach
    return Loops(changed.numpy(), centres, mean)
