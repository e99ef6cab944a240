"""Z1: whether E >= 0.5 alone guarantees that no expert is dead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Table, judge
from validation.ecology.outcomes import HEADLINE, Bools, Runs
from validation.ecology.profiles import Guarantee, Profile
from validation.intervals import share

MAIN = ("sobol", "core", "held_out", "line", "expected_dead", "expected_alive")
FRESH = 5


@dataclass(frozen=True)
class Tested:
    """Configurations with E from a threshold on.

    Attributes
    ----------
    violated : ndarray of bool, shape (configurations,)
        Whether the first seed of each had a dead expert.
    fresh : tuple of int
        (violations, seeds) among the other seeds of the configuration, of those that have any, whose first seed had the
        most dead experts; (0, 0) if none of them had one.
    """

    violated: Bools
    fresh: tuple[int, int]


def tested(runs: Runs, threshold: float, dead: NDArray[np.int64]) -> Tested:
    """Look at the configurations of the design with E >= threshold; models that did not beat their baseline are out."""
    rows = runs.within(*MAIN) & (runs.columns["E"] >= threshold)
    configs, dead = runs.columns["config"][rows], dead[rows]
    _, first = np.unique(configs, return_index=True)
    repeated = [k for k in first if (configs == configs[k]).sum() > FRESH and dead[k] > 0]
    if not repeated:
        return Tested(dead[first] > 0, (0, 0))
    worst = max(repeated, key=lambda k: (dead[k], -k))
    others = dead[np.flatnonzero(configs == configs[worst])[1:]]
    return Tested(dead[first] > 0, (int((others > 0).sum()), len(others)))


def findings(profile: Profile, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge the guarantee for every kind of models and definition of death, absolute and relative to the fair share."""
    for runs in every:
        for definition in HEADLINE:
            for fair in (False, True):
                yield _one(profile, runs, definition, fair)


def _one(profile: Profile, runs: Runs, definition: str, fair: bool) -> Finding:
    g = profile.guarantee
    seen = tested(runs, g.threshold, runs.dead(definition, fair=fair))
    id = f"guarantee.{runs.kind}.{definition}" + (".fair" if fair else "")
    claim = f"E >= {g.threshold:g} guarantees that no expert is dead by {definition}" + (
        ", relative to the fair share." if fair else "."
    )
    count = (
        f"{int(seen.violated.sum())} of {seen.violated.size} configurations had a dead expert with their first seed."
    )
    violations, seeds = seen.fresh
    if violations:
        return judge(
            id,
            claim,
            "share of fresh seeds with a dead expert, where the first seed had the most",
            share(violations, seeds, profile.confidence, "seeds"),
            g.fresh_band,
            explanation=count,
            able=seeds >= FRESH,
            remedy=f"A violation that {FRESH} fresh seeds reproduce at least 3 times, or "
            f"{g.needed} configurations without any.",
        )
    return judge(
        id,
        claim,
        "share of configurations with a dead expert",
        share(int(seen.violated.sum()), seen.violated.size, g.confidence, "configurations"),
        g.share_band,
        explanation=count,
        remedy=f"{g.needed} configurations without any violation, or one that 3 of {FRESH} fresh seeds reproduce.",
    )


def tables(profile: Profile, every: Sequence[Runs]) -> tuple[Table, ...]:
    """Tabulate configurations with dead experts by threshold of E, and models where E is not defined."""
    g = profile.guarantee
    rows = []
    for runs in every:
        for threshold in sorted({*g.sensitivity, g.threshold}):
            shown = []
            for definition in HEADLINE:
                seen = tested(runs, threshold, runs.dead(definition)).violated
                found = share(int(seen.sum()), seen.size, profile.confidence, "configurations")
                shown.append(f"{int(seen.sum())} ({found.low:.0%} to {found.high:.0%})" if seen.size else "–")
            rows.append((runs.kind, f"{threshold:g}", str(seen.size), *shown))
    columns = ("models", "E from", "configurations", *HEADLINE)
    caption = (
        f"Configurations (first seed) with a dead expert, by threshold of E; {profile.confidence:.0%} Clopper-Pearson "
        "intervals of their share."
    )
    tables = [Table("thresholds", "Dead experts above a threshold of E", columns, tuple(rows), caption)]
    nothing = [(runs, runs.within("undefined")) for runs in every if runs.within("undefined").any()]
    if nothing:
        rows = [
            (runs.kind, str(int(at.sum())), *(f"{runs.dead(name)[at].mean():.3g}" for name in HEADLINE))
            for runs, at in nothing
        ]
        tables.append(
            Table(
                "undefined",
                "O + B = 0: E is not defined",
                ("models", "how many", *HEADLINE),
                tuple(rows),
                "Mean number of dead experts; these models take no part in any verdict on E.",
            )
        )
    return tuple(tables)


def strata(g: Guarantee, runs: Runs) -> Table:
    """Tabulate the strata where E and the derived rule disagree."""
    rows = []
    for stratum, says in (("expected_dead", "dead in spite of E"), ("expected_alive", "alive in spite of E")):
        at = runs.within(stratum)
        if at.any():
            e = runs.columns["E"][at]
            shown = (f"{(runs.dead(name)[at] > 0).mean():.0%}" for name in HEADLINE)
            rows.append(
                (stratum.replace("_", " "), says, f"{e.min():.2f} to {e.max():.2f}", str(int(at.sum())), *shown)
            )
    caption = f"Share of models with a dead expert. Chosen before anything ran; E's threshold is {g.threshold:g}."
    columns = ("stratum", "the rule expects experts", "E", "models", *HEADLINE)
    return Table("strata", f"Where E and the derived rule disagree ({runs.kind})", columns, tuple(rows), caption)
