"""Classes made up: as many as one likes, and exactly as hard.

Class c has the mean s e_c in C dimensions, turned at random into PIXELS of them, and normal noise of variance 1. The
best possible classifier names the class whose coordinate is largest, and is right with probability
integral phi(z - s) Phi(z)^(C - 1) dz, which the separation s is solved for.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from validation.streams import stream
from validation.training.data.sets import Pictures

SIDE = 16
PIXELS = SIDE * SIDE
MOST = 200
SEPARATION = 4.0
TRAIN, TEST = 20_000, 4_000


def accuracy(classes: int, separation: float) -> float:
    """Return how often the best possible classifier is right.

    Examples
    --------
    >>> from validation.training.data.generated import accuracy
    >>> round(accuracy(2, 2.0), 6), round(accuracy(10, 0.0), 6)  # Phi(s/sqrt 2); 1/C
    (0.92135, 0.1)
    """

    def right(z: float) -> float:
        return float(stats.norm.pdf(z - separation) * stats.norm.cdf(z) ** (classes - 1))

    return float(integrate.quad(right, separation - 12.0, separation + 12.0, limit=200)[0])


@cache
def separation(classes: int, right: float) -> float:
    """Return the separation at which the best possible classifier is right so often, 1/classes < right < 1."""
    return float(optimize.brentq(lambda s: accuracy(classes, s) - right, 0.0, 12.0, xtol=1e-12))


def generated(classes: int, right: float | None = None) -> Pictures:
    """Return a set of so many classes, 2 to 200, of equal shares.

    Without `right` all numbers of classes have the same separation, and get harder by their number (natural
    difficulty); with it they are as hard as that.

    Raises
    ------
    ValueError
        If classes is not from 2 to 200, or right not above 1/classes and at most .999.
    """
    if not 2 <= classes <= MOST:
        raise ValueError(f"classes = {classes}: it must be 2 to {MOST}")
    if right is not None and not 1 / classes < right <= 0.999:
        raise ValueError(f"right = {right}: it must be above 1/classes = {1 / classes:.3g} and at most .999")
    s = SEPARATION if right is None else separation(classes, right)
    named = f"generated-{classes}" + ("" if right is None else f"-at-{right:g}")
    rng = stream("data", "generated", named, 0).numpy()
    turn = np.linalg.qr(rng.standard_normal((PIXELS, classes)))[0].T
    (train, train_labels), (test, test_labels) = (_drawn(rng, s * turn, count) for count in (TRAIN, TEST))
    names = tuple(map(str, range(classes)))
    return Pictures(named, "generated", f"separation {s:.6g}", train, train_labels, test, test_labels, names, top=1.0)


def _drawn(
    rng: np.random.Generator, means: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = rng.permutation(np.arange(count) % len(means))
    pixels = means[labels] + rng.standard_normal((count, PIXELS))
    return pixels.astype(np.float32).reshape(count, 1, SIDE, SIDE), labels
