"""Trained routers of the tests: a few, hardly trained, on few tokens."""

from __future__ import annotations

from validation.routers.profiles import Trained

TRAINED = Trained(
    routers=6, steps=3, batch_size=9, learning_rate=0.03, balance_weight=0.2, jitter=0.17, copies=(3, 2), routed=(2, 1),
    soft_copies=1, text_tokens=1200, inverse_temperature=1.7, width=0.35, near=0.3, parted=5,
)  # fmt: skip


def near(rng, value, scatter):
    """Return a value of each router (first axis) with scatter."""
    return value * (1 + scatter * rng.normal(size=(len(value), *(1,) * (value.ndim - 1))))
