"""When an expert is dead: four definitions side by side, at several thresholds; how it was used; whether it came back.

Arrays have the axes (..., experts); `train` gives (models, checkpoints, layers, experts).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp import ParameterError
from moecusp.metrics.definitions import relative
from validation.training.moe import Tiers

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

ABSOLUTE = (0.001, 0.005, 0.01, 0.02, 0.05)
"""Shares below which an expert is dead."""
OF_FAIR = (0.05, 0.1, 0.16, 0.25, 0.5)
"""The same in units of the fair share 1/K; .16 is 1 % at K = 16."""
STREAKS = (10, 30, 100, 300)
"""Batches in a row without a slot beyond which an expert is dead."""
FAIR_SLOTS = (100, 1000, 10000)
"""The same in slots that a fair expert would have had meanwhile."""


class Definition(StrEnum):
    """What is looked at; the value is its name in what `train` returns."""

    FIRST = "first"
    """Share of the test tokens whose first choice it is."""
    SLOTS = "slots"
    """Share of the slots of the test tokens."""
    PROBABILITY = "probability"
    """Mean probability over the test tokens."""
    STREAK = "streak"
    """Last training batches in a row without a slot."""


def dead(values: Floats, definition: Definition, threshold: float, fair: float | None = None) -> Bools:
    """Return which experts are dead, (..., experts).

    Parameters
    ----------
    values : ndarray, shape (..., experts)
        Shares, mean probabilities or streaks.
    definition : Definition
        Which of them.
    threshold : float
        Below which a share, or beyond which a streak, is death.
    fair : float, optional
        If given the threshold is relative. For shares: in units of the fair share, whose size follows from the values;
        fair must be 1. For streaks: in slots, fair being the slots of a fair expert in a batch (k times tokens / K).

    Raises
    ------
    ParameterError
        If the threshold or fair is not positive and finite, or fair is not 1 for shares.
    """
    for name, value in (("threshold", threshold), ("fair", 1.0 if fair is None else fair)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(name, value, "finite and > 0")
    if definition is Definition.STREAK:
        return np.asarray(values * (1.0 if fair is None else fair) > threshold)
    if fair not in (None, 1.0):
        raise ParameterError("fair", fair, "1 or None for shares: their sum says what is fair")
    return np.asarray((values if fair is None else relative(values.astype(np.float64))) < threshold)


def counts(found: Mapping[str, Floats], fair_slots: float) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of dead experts (...) by every definition and threshold, under names that say which.

    Parameters
    ----------
    found : mapping
        What `train` returns.
    fair_slots : float
        Slots of a fair expert in a batch, k times tokens / K.

    Examples
    --------
    >>> import numpy as np
    >>> from validation.training.deadness import counts
    >>> share = np.array([0.6, 0.39, 0.008, 0.002])
    >>> found = {"first": share, "slots": share, "probability": share, "streak": np.array([0, 0, 3, 120])}
    >>> table = counts(found, fair_slots=16.0)
    >>> [int(table[name]) for name in ("first < 0.01", "first < 0.05 fair", "streak > 100", "streak > 1000 fair")]
    [2, 2, 1, 1]
    """
    table = {}
    for definition in Definition:
        streak = definition is Definition.STREAK
        sign = ">" if streak else "<"
        for threshold in STREAKS if streak else ABSOLUTE:
            table[f"{definition} {sign} {threshold:g}"] = dead(found[definition], definition, threshold)
        fair = fair_slots if streak else 1.0
        for threshold in FAIR_SLOTS if streak else OF_FAIR:
            table[f"{definition} {sign} {threshold:g} fair"] = dead(found[definition], definition, threshold, fair)
    return {name: each.sum(-1) for name, each in table.items()}


@dataclass(frozen=True)
class Life:
    """What became of experts.

    Attributes
    ----------
    dead : ndarray of bool, shape (..., times, experts)
        Which are dead at what time.
    deaths, revivals : ndarray of int, shape (..., experts)
        How often an expert died after the first time, and how often it came back.
    """

    dead: Bools
    deaths: NDArray[np.int64]
    revivals: NDArray[np.int64]


def life(share: Floats, low: float = 0.01, high: float = 0.02) -> Life:
    """Follow shares (..., times, experts): below `low` an expert dies, and only from `high` on it lives again.

    Noise about one threshold would count as death and revival in turn.

    Raises
    ------
    ParameterError
        If the thresholds are not 0 < low <= high.
    """
    if not 0 < low <= high < math.inf:
        raise ParameterError("high", high, f"finite and >= low, {low}, which must be > 0")
    state = share < low
    for t in range(1, share.shape[-2]):
        state[..., t, :] |= state[..., t - 1, :] & (share[..., t, :] < high)
    before, after = state[..., :-1, :], state[..., 1:, :]
    return Life(state, (~before & after).sum(-2), (before & ~after).sum(-2))


class ExpertClass(IntEnum):
    """Classes of experts by usage (top-1 share) and accuracy; arXiv:2605.06415."""

    DEAD = 0
    """Usage below 1 %."""
    NOISE = 1
    """1 to 3 %, accuracy below 25 %."""
    EDGE = 2
    """1 to 3 %, from 25 % on."""
    WEAK_CORE = 3
    """From 3 % on, accuracy below 30 %."""
    BROAD_CORE = 4
    """From 3 % on, 30 to 50 %."""
    PURE_CORE = 5
    """From 3 % on, from 50 % on."""


def classes(usage: Floats, accuracy: Floats) -> NDArray[np.int64]:
    """Return the class of every expert (..., experts), as numbers of `ExpertClass`.

    Accuracy is the share of right answers of the whole model among the tokens whose first choice the expert is (`right`
    of `train`); NaN where there are none.

    Raises
    ------
    ParameterError
        If an expert of 1 % or more has no accuracy.
    """
    if np.isnan(accuracy[usage >= 0.01]).any():
        raise ParameterError("accuracy", float("nan"), "known for every expert of usage 0.01 or more")
    edge = np.where(accuracy >= 0.25, ExpertClass.EDGE, ExpertClass.NOISE)
    core = ExpertClass.WEAK_CORE + (accuracy >= 0.3).astype(np.int64) + (accuracy >= 0.5)
    return np.where(usage < 0.01, ExpertClass.DEAD, np.where(usage < 0.03, edge, core))


def tier_usage(share: Floats, tiers: Tiers) -> Floats:
    """Return the share of each tier, over what its experts would have if all were equal, (..., tiers).

    Raises
    ------
    ParameterError
        If there are not as many shares as experts.
    """
    if share.shape[-1] != tiers.experts:
        raise ParameterError("share", share.shape, f"an array with a last axis of {tiers.experts} experts")
    starts = np.cumsum((0, *tiers.counts[:-1]))
    return np.asarray(np.add.reduceat(share, starts, axis=-1) * tiers.experts / np.array(tiers.counts))
