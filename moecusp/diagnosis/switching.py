"""How many tokens change expert when the arithmetic changes: from the density of ties, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.diagnosis.coupling import WIDTH_BIAS, Deciding
from moecusp.diagnosis.formats import FORMATS, Format
from moecusp.diagnosis.means import mean
from moecusp.diagnosis.quantities import Quantity
from moecusp.diagnosis.tokens import Floats, Tokens, largest
from moecusp.flips import flip_rate, rounding_flip_rate

WIDTHS = (0.01, 0.03, 0.1)  # score
ON_GRID = 0.999  # share of numbers that a rounding leaves as they are, from which on they are on its grid already
_GLANCE = 1000  # tokens whose numbers say on which grid they lie
_FAR = 8.0  # in units of the noise: larger margins flip with probability below 1e-7 (5.6 deviations of a difference)


@dataclass(frozen=True)
class Flips:
    """Tokens whose set of experts changes in one change of the arithmetic."""

    change: str
    predicted: Quantity
    counted: Quantity


@dataclass(frozen=True)
class Switching:
    """Tokens near a tie.

    Attributes
    ----------
    tie_density : Quantity
        C (1/score): the share of tokens within w of a tie is 2 C w for small w.
    masses : tuple of (float, Quantity)
        Widths w (score) and the share of tokens whose two deciding scores are within w.
    flips : tuple of Flips
        For each format and the noise asked for.
    """

    tie_density: Quantity
    masses: tuple[tuple[float, Quantity], ...]
    flips: tuple[Flips, ...]


def switching(tokens: Tokens | str, deciding: Deciding | None, width: float | None, noise: float) -> Switching:
    """Return how many tokens switch, or why it cannot be told."""
    changes = [*(f.name for f in FORMATS), f"noise of {noise:g} on each logit"]
    if isinstance(tokens, str) or deciding is None:
        why = str(tokens)
        missing = tuple(
            Flips(change, Quantity("flips_predicted", reason=why), Quantity("flips_counted", reason=why))
            for change in changes
        )
        masses = tuple((w, Quantity("boundary_mass", reason=why)) for w in WIDTHS)
        return Switching(Quantity("tie_density", reason=why), masses, missing)
    near = np.zeros(tokens.size) if width is None else (deciding.margin <= width) / (2.0 * width)
    density = _share("tie_density", near, tokens, WIDTH_BIAS, f"ties within {width:.3g}" if width else "")
    if width is None:
        density = Quantity("tie_density", reason="the distances to a tie are not known")
    masses = tuple((w, _share("boundary_mass", deciding.margin <= w, tokens)) for w in WIDTHS)
    scores = tokens.scores(tokens.logits)
    before = largest(scores, tokens.k, _at(scores, deciding.last))
    flips = [_rounding(format, tokens, deciding, near, width, before) for format in FORMATS]
    return Switching(density, masses, (*flips, _noise(changes[-1], noise, tokens, deciding, near, density, before)))


def _rounding(
    format: Format, tokens: Tokens, deciding: Deciding, near: Floats, width: float | None, before: NDArray[np.bool_]
) -> Flips:
    """Return the flips by rounding the logits to a format."""
    some = tokens.logits[:_GLANCE]
    if float((format.rounded(some) == some).mean()) >= ON_GRID:
        why = f"the recorded logits are {format.name} numbers already"
        return Flips(format.name, Quantity("flips_predicted", reason=why), Quantity("flips_counted", reason=why))
    level, below = (_at(tokens.logits, place) for place in (deciding.last, deciding.next))
    flipped = np.zeros(tokens.size)
    if tokens.rule == "logits":
        top = format.rounded(level)
        rows = np.flatnonzero(top == format.rounded(below))
        flipped[rows] = _broken(format.rounded(tokens.logits[rows]) == top[rows, None], before[rows])
    else:
        after = tokens.scores(format.rounded(tokens.logits))
        flipped = (largest(after, tokens.k) != before).any(axis=1)
    counted = _share("flips_counted", flipped, tokens)
    if tokens.rule != "logits" or width is None:
        why = "the router does not compare the logits themselves" if width else "the distances to a tie are not known"
        return Flips(format.name, Quantity("flips_predicted", reason=why), counted)
    spacing = format.spacing(level)
    reach = float(spacing[near > 0].mean()) if near.any() else 0.0
    if reach > 2.0 * width:
        why = f"its numbers are {reach:.2g} apart; the density of ties is known over {2.0 * width:.2g}"
        return Flips(format.name, Quantity("flips_predicted", reason=why), counted)
    return Flips(format.name, _share("flips_predicted", rounding_flip_rate(near, spacing), tokens, WIDTH_BIAS), counted)


def _broken(tied: NDArray[np.bool_], before: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether a set changes where scores that are now equal to its last one are taken by their number.

    Rounding keeps the order of two numbers or makes them equal: so a set changes only if one of those that are tied
    now and were not in it has a lower number than one that was.
    """
    experts = tied.shape[1]
    outside, inside = tied & ~before, tied & before
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), experts)
    last = experts - 1 - inside[:, ::-1].argmax(axis=1)
    return np.asarray(first < last)


def _at(values: NDArray[Any], place: NDArray[np.int64]) -> NDArray[Any]:
    return np.asarray(np.take_along_axis(values, place[:, None], axis=1)[:, 0])


def _noise(
    change: str,
    noise: float,
    tokens: Tokens,
    deciding: Deciding,
    near: Floats,
    density: Quantity,
    before: NDArray[np.bool_],
) -> Flips:
    """Return the flips by independent Gaussian noise on every logit."""
    rows = np.arange(tokens.size) if tokens.rule != "logits" else np.flatnonzero(deciding.margin <= _FAR * noise)
    flipped = np.zeros(tokens.size)
    if rows.size:
        moved = tokens.logits[rows] + noise * np.random.default_rng(0).standard_normal((rows.size, before.shape[1]))
        flipped[rows] = (largest(tokens.scores(moved, rows), tokens.k) != before[rows]).any(axis=1)
    counted = _share("flips_counted", flipped, tokens)
    if tokens.rule != "logits" or not density.known:
        why = density.reason or "the router does not compare the logits themselves"
        return Flips(change, Quantity("flips_predicted", reason=why), counted)
    return Flips(change, _share("flips_predicted", flip_rate(near, noise), tokens, WIDTH_BIAS), counted)


def _share(name: str, values: Any, tokens: Tokens, widening: float = 1.0, more: str = "") -> Quantity:
    """Return the mean over tokens of something that is not negative, with its interval."""
    found = mean(np.asarray(values, dtype=float), tokens.batch)
    low, high = found.interval(widening)
    note = "; ".join(part for part in (tokens.words, more, found.note) if part)
    if found.value == 0.0:  # no token at all: the rule of three, as exact as 95 % of independent tokens are
        high = 3.0 / tokens.size
    return Quantity(name, found.value, max(low, 0.0), high, note=note)
