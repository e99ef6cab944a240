"""Z2: whether experts that start dead come back, and whether it is the balance loss that brings them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from moecusp.report import Finding, Table, judge
from validation.ecology.outcomes import Array, Runs
from validation.ecology.profiles import Profile
from validation.intervals import bounded, over
from validation.training.deadness import life

KINDS = ("dead-bias", "dead-weights")
ON = tuple("".join(name for name, bit in (("H", 4), ("O", 2), ("B", 1)) if number & bit) for number in range(8))
"""Which weights each combination has on."""


def came_back(profile: Profile, runs: Runs) -> Array:
    """Return the share of the experts that started dead and came back, (combinations, seeds).

    By share of first choices: dead below 1 %, back from 2 % on, at any checkpoint. All were dead at the start.
    """
    r = profile.revival
    share = runs.found["first"][:, :, 0][..., list(r.experts)].astype(np.float64)
    begun = np.concatenate([np.zeros_like(share[:, :1]), share], 1)
    back = (life(begun, r.low, r.high).revivals > 0).mean(-1)
    number = runs.columns["combination"]
    return np.stack([back[number == each] for each in range(len(ON))])


def timeline(profile: Profile, runs: Runs) -> Array:
    """Return the mean share of first choices of the experts that started dead, (combinations, checkpoints)."""
    share = runs.found["first"][:, :, 0][..., list(profile.revival.experts)].astype(np.float64).mean(-1)
    return np.stack([share[runs.columns["combination"] == each].mean(0) for each in range(len(ON))])


def effects(back: Array) -> dict[str, Array]:
    """Return, for each seed, the mean with each weight on less that with it off."""
    return {
        name: np.asarray(back[[name in on for on in ON]].mean(0) - back[[name not in on for on in ON]].mean(0))
        for name in "HOB"
    }


def findings(profile: Profile, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge revivals with B on, what B adds, and revivals without B."""
    r, level = profile.revival, profile.confidence
    for runs in every:
        back, how = came_back(profile, runs), runs.kind.removeprefix("dead-")
        with_b = back[["B" in on for on in ON]].mean(0)
        without = back[["B" not in on for on in ON]].mean(0)
        yield judge(
            f"revival.can.{how}",
            f"Experts kept out by {how} come back when the balance loss is on.",
            "share that came back",
            bounded(with_b, level),
            r.can_band,
        )
        yield judge(
            f"revival.balance.{how}",
            f"The balance loss brings experts back that are kept out by {how}.",
            "share that came back with B on, less with B off",
            over(effects(back)["B"], level),
            r.effect_band,
        )
        yield judge(
            f"revival.without.{how}",
            f"Without the balance loss experts kept out by {how} stay dead.",
            "share that came back with B off",
            bounded(without, level),
            r.without_band,
        )


def table(profile: Profile, every: Sequence[Runs]) -> Table:
    """Tabulate the share that came back for every combination of weights."""
    rows = [
        (on or "none", *(f"{came_back(profile, runs)[number].mean():.0%}" for runs in every))
        for number, on in enumerate(ON)
    ]
    rows += [
        (f"effect of {name}", *(f"{effects(came_back(profile, runs))[name].mean():+.0%}" for runs in every))
        for name in "HOB"
    ]
    r = profile.revival
    return Table(
        "revival",
        "Experts that started dead and came back",
        ("weights on", *(runs.kind for runs in every)),
        tuple(rows),
        f"{len(r.experts)} of 16 experts start dead; they are back from a share of first choices of "
        f"{r.high:.0%} on at any checkpoint. H = {r.entropy:g}, O = {r.oracle:g}, B = {r.balance:g} where on, "
        f"T = {r.temperature:g}.",
    )
