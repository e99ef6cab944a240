"""What is trained: kinds of models, each with its data, its experts and its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch

from validation.ecology.profiles import Profile, Training
from validation.training.data.resolve import resolve
from validation.training.data.sets import Pictures
from validation.training.language import Language
from validation.training.moe import Forced, Tiers
from validation.training.sources import Images, Text
from validation.training.sweep import Make, Schedule
from validation.training.text import load_text
from validation.training.tokens import TRAIN_SHARE, load_tokens
from validation.training.vision import Vision

PIXELS = {"digits": 64, "fashion": 196, "generated": 256}
CLASSES = {"digits": 10, "fashion": 10, "text": 256}
NUMBERS = (2, 4, 8, 12, 50, 200)
DIFFICULTY = {"fixed": "-at-.99", "natural": ""}
"""Of generated classes: the best possible classifier is right in 99 %, or all classes are equally far apart."""


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes
    ----------
    set : str
        Its data: digits, fashion, text or a generated set's name (`validation.training.data.resolve`).
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
    **{f"{name}-{n}": Kind(f"generated-{n}{suffix}") for name, suffix in DIFFICULTY.items() for n in NUMBERS},
}
"""By name: digits with 16 and 8 experts, held-out data, long training, narrow routers, dead starts, tiers, classes."""


def kinds(profile: Profile) -> tuple[str, ...]:
    """Return those of a profile."""
    layouts = {f"tiers-{n}-{width}" for n in range(len(profile.tiers.layouts)) for width in ("equal", "unequal")}
    numbers = {f"{name}-{n}" for name in DIFFICULTY for n in profile.complexity.classes}
    some = ("tiers", *DIFFICULTY)
    return tuple(name for name in KINDS if name.split("-")[0] not in some or name in layouts | numbers)


def generated(name: str) -> bool:
    """Return whether a kind's classes are made up."""
    return KINDS[name].set.startswith("generated")


def labels(name: str) -> int:
    """Return how many classes the data of a kind have."""
    data = KINDS[name].set
    return int(data.split("-")[1]) if generated(name) else CLASSES[data]


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
    return min(labels(name), experts - 1)


def make(profile: Profile, name: str) -> Make:
    """Return what models of a kind are made of."""
    kind, t = KINDS[name], profile.training
    if kind.set == "text":
        return Language(tiers(profile, name), t.context, layers=1, width=t.features, router=t.router, k=t.k)
    r = profile.revival
    size = {"bias": r.bias, "weights": r.weights}
    forced = Forced(r.experts, kind.forced, size[kind.forced]) if kind.forced else None
    return Vision(
        PIXELS[kind.set.split("-")[0]],
        labels(name),
        tiers(profile, name),
        t.features,
        kind.router or t.router,
        t.k,
        forced=forced,
    )


def schedule(profile: Profile, name: str) -> Schedule:
    """Return how long and how fast a kind is trained."""
    t, c = profile.training, profile.complexity
    if generated(name):
        return Schedule(c.steps, c.batch, t.rate, t.encoder_rate, t.decay, c.checkpoints)
    steps = {"text": t.text_steps, "long": t.long_steps}.get(name, t.steps)
    marks = profile.revival.checkpoints if KINDS[name].forced else t.checkpoints
    return Schedule(steps, t.windows if KINDS[name].set == "text" else t.batch, t.rate, t.encoder_rate, t.decay, marks)


@cache
def source(name: str, training: Training) -> Images | Text:
    """Return the data of a set."""
    if name == "digits":
        tokens = load_tokens()
        return Images(tokens.train, tokens.train_labels, tokens.test, tokens.test_labels)
    if name != "text":
        found = resolve("fashion-mnist" if name == "fashion" else name)
        assert isinstance(found, Pictures)
        return found.some(len(found.train), training.test_images).images(2 if name == "fashion" else 1)
    text = torch.tensor(load_text().copy(), dtype=torch.int64)
    cut = int(TRAIN_SHARE * len(text))
    return Text(text[:cut], text[cut : cut + training.test_bytes], training.context)


def baseline(name: str, training: Training) -> float:
    """Return what a model has to beat: the majority's test accuracy, or the unigrams' loss (nats a byte)."""
    data = source(KINDS[name].set, training)
    return data.unigram if isinstance(data, Text) else data.majority
