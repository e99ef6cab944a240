"""Models of the size of arXiv:2605.06415, from what it reports; what it does not report is ours and is said here."""

from __future__ import annotations

from dataclasses import dataclass

from validation.training.language import Language
from validation.training.moe import Tiers
from validation.training.sweep import Schedule
from validation.training.vision import Vision

EXPERT_WIDTH = 512
"""Hidden units of a vision expert: ours."""
FEED_FORWARD = 2048
"""Hidden units of a language expert: ours, four times the width."""
CONTEXT = 128
"""Bytes of a window: ours. The paper's tokens are words' parts, about 50,000 of them."""


@dataclass(frozen=True)
class Paper:
    """A model and how it is trained: AdamW, 1e-4 for the encoder and 1e-3 for experts and router."""

    make: Vision | Language
    schedule: Schedule


def _vision(counts: tuple[int, ...], side: int, classes: int, images: int) -> Paper:
    """80 epochs of so many images."""
    make = Vision(
        pixels=3 * side * side,
        classes=classes,
        tiers=Tiers.even(counts, EXPERT_WIDTH),
        features=256,
        router=128,
        front="wide",
        channels=3,
    )
    return Paper(make, Schedule(steps=80 * images // 128, batch=128, checkpoints=80))


def _language(counts: tuple[int, ...]) -> Paper:
    """The number of steps is ours."""
    make = Language(Tiers.even(counts, FEED_FORWARD), CONTEXT, layers=8, width=512, heads=8, router=128)
    return Paper(make, Schedule(steps=10_000, batch=64, checkpoints=20))


PAPERS = {
    "tiny-imagenet/8:4:4": _vision((8, 4, 4), 64, 200, 100_000),
    "tiny-imagenet/4:4:4:4": _vision((4, 4, 4, 4), 64, 200, 100_000),
    "tiny-imagenet/16:8:8": _vision((16, 8, 8), 64, 200, 100_000),
    "cifar-10/8:4:4": _vision((8, 4, 4), 32, 10, 50_000),
    "language/8:4:4": _language((8, 4, 4)),
    "language/16:8:8": _language((16, 8, 8)),
}
"""By data set and tiers."""
