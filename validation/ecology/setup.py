"""What is trained: kinds of models, each with its data, its experts and its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch

from validation.ecology.profiles import Profile, Training
from validation.training.fashion import load_fashion
from validation.training.language import Language
from validation.training.moe import Forced, Tiers
from validation.training.sources import Images, Text
from validation.training.sweep import Make, Schedule
from validation.training.text import load_text
from validation.training.tokens import TRAIN_SHARE, load_tokens
from validation.training.vision import Vision

PIXELS = {"digits": 64, "fashion": 196}
CLASSES = {"digits": 10, "fashion": 10, "text": 256}


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes
    ----------
    set : str
        Its data: digits, fashion or text.
    counts : tuple of int
        Experts in each tier; () for the layout that the kind's name has a number of.
    unequal : bool
        Whether tiers differ in width.
    router : int, optional
        Hidden units of the router, which prototypes have as dimensions; by default as the profile has it.
    forced : {"bias", "weights"}, optional
        How some experts start dead.
    """

    set: str = "digits"
    counts: tuple[int, ...] = (8, 4, 4)
    unequal: bool = False
    router: int | None = None
    forced: Literal["bias", "weights"] | None = None


KINDS = {
    "digits": Kind(),
    "few": Kind(counts=(4, 2, 2)),
    "fashion": Kind("fashion"),
    "text": Kind("text", (4, 2, 2)),
    "long": Kind(),
    "narrow": Kind(router=8),
    "dead-bias": Kind(forced="bias"),
    "dead-weights": Kind(forced="weights"),
    **{
        f"tiers-{n}-{'unequal' if wide else 'equal'}": Kind(counts=(), unequal=wide)
        for n in range(3)
        for wide in (False, True)
    },
}
"""By name: digits with 16 and 8 experts, held-out data, long training, narrow routers, dead starts, tiers."""


def kinds(profile: Profile) -> tuple[str, ...]:
    """Return those of a profile."""
    layouts = len(profile.tiers.layouts)
    return tuple(name for name in KINDS if not name.startswith("tiers") or int(name.split("-")[1]) < layouts)


def tiers(profile: Profile, name: str) -> Tiers:
    """Return the experts of a kind."""
    kind = KINDS[name]
    counts = kind.counts or profile.tiers.layouts[int(name.split("-")[1])]
    if kind.unequal:
        return Tiers(counts, profile.tiers.unequal[: len(counts)])
    return Tiers.even(counts, profile.training.width if kind.counts else profile.tiers.equal)


def experts(profile: Profile, name: str) -> int:
    """Return how many experts a kind has; of those of another profile, as many as digits."""
    return tiers(profile, name).experts if name in kinds(profile) else tiers(profile, "digits").experts


def classes(name: str, experts: int) -> int:
    """Return the classes that the derived rule is told of: those with an expert of their own, one being spare."""
    return min(CLASSES[KINDS[name].set], experts - 1)


def make(profile: Profile, name: str) -> Make:
    """Return what models of a kind are made of."""
    kind, t = KINDS[name], profile.training
    if kind.set == "text":
        return Language(tiers(profile, name), t.context, layers=1, width=t.features, router=t.router, k=t.k)
    r = profile.revival
    size = {"bias": r.bias, "weights": r.weights}
    forced = Forced(r.experts, kind.forced, size[kind.forced]) if kind.forced else None
    return Vision(
        PIXELS[kind.set],
        CLASSES[kind.set],
        tiers(profile, name),
        t.features,
        kind.router or t.router,
        t.k,
        forced=forced,
    )


def schedule(profile: Profile, name: str) -> Schedule:
    """Return how long and how fast a kind is trained."""
    t = profile.training
    steps = {"text": t.text_steps, "long": t.long_steps}.get(name, t.steps)
    marks = profile.revival.checkpoints if KINDS[name].forced else t.checkpoints
    return Schedule(steps, t.windows if KINDS[name].set == "text" else t.batch, t.rate, t.encoder_rate, t.decay, marks)


@cache
def source(name: str, training: Training) -> Images | Text:
    """Return the data of a set."""
    if name == "digits":
        tokens = load_tokens()
        return Images(tokens.train, tokens.train_labels, tokens.test, tokens.test_labels)
    if name == "fashion":
        pixels, labels = load_fashion()
        cut = int(TRAIN_SHARE * len(labels))
        last = cut + 2000
        return Images(pixels[:cut], labels[:cut], pixels[cut:last], labels[cut:last])
    text = torch.tensor(load_text().copy(), dtype=torch.int64)
    cut = int(TRAIN_SHARE * len(text))
    return Text(text[:cut], text[cut : cut + training.test_bytes], training.context)


def baseline(name: str, training: Training) -> float:
    """Return what a model has to beat: the majority's test accuracy, or the unigrams' loss (nats a byte)."""
    data = source(KINDS[name].set, training)
    return data.unigram if isinstance(data, Text) else data.majority
