"""Z3: whether orthogonal prototypes kill experts, and whether that depends on the data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from moecusp.report import Finding, Table, cluster_bootstrap, judge
from validation.ecology.concordance import unknown
from validation.ecology.design import STRATA
from validation.ecology.outcomes import HEADLINE, Array, Runs
from validation.ecology.profiles import Profile
from validation.intervals import over
from validation.streams import stream


def shares(profile: Profile, runs: Runs, definition: str) -> Array:
    """Return the share of experts that are dead, (settings, weights of orthogonality); settings all of which count."""
    at = runs.columns["stratum"] == STRATA.index("ortho")
    seen = np.where(runs.counted, runs.dead(definition) / runs.experts, np.nan)[at]
    found = seen.reshape(-1, len(profile.ortho.weights))
    return np.asarray(found[~np.isnan(found).any(-1)])


def harm(profile: Profile, runs: Runs, definition: str) -> Array:
    """Return, for every setting, the share of experts that the largest weight kills beyond those dead without it."""
    found = shares(profile, runs, definition)
    return np.asarray(found[:, -1] - found[:, 0])


def apart(samples: Array) -> float:
    """Return how far the means of two sets lie apart, from samples of (set, value); 0 where one set has none.

    Examples
    --------
    >>> import numpy as np
    >>> from validation.ecology.orthogonality import apart
    >>> apart(np.array([[0.0, 0.1], [0.0, 0.3], [1.0, 0.7]])).__round__(9)
    0.5
    """
    means = [samples[samples[:, 0] == each, 1] for each in (0.0, 1.0)]
    return abs(float(means[0].mean() - means[1].mean())) if all(each.size for each in means) else 0.0


def findings(profile: Profile, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge the harm for every kind of models, and how far digits lie apart from other data."""
    o, level, largest = profile.ortho, profile.confidence, profile.ortho.weights[-1]
    kinds = {runs.kind: runs for runs in every}
    for name in HEADLINE:
        found = {kind: harm(profile, runs, name) for kind, runs in kinds.items()}
        for kind, each in found.items():
            varies = each.size and np.ptp(each) > 0  # equal changes say nothing of how far others may lie
            seen = over(each, level, "settings") if varies else unknown(level, each.size, "settings")
            claim = f"A weight of orthogonality of {largest:g} kills experts of {kind} by {name}."
            effect = "share of the experts dead with it, less the share dead without"
            yield judge(f"ortho.harm.{kind}.{name}", claim, effect, seen, o.harm_band)
        for other in (kind for kind in ("fashion", "text") if kind in found):
            pair = [found["digits"], found[other]]
            samples = np.column_stack([np.repeat([0.0, 1.0], [len(each) for each in pair]), np.concatenate(pair)])
            source = stream("ecology", "bootstrap", f"ortho.{other}.{name}", 0).numpy()
            seen = (
                cluster_bootstrap(samples, np.arange(len(samples)), apart, source=source, confidence=level,
                                  resamples=o.resamples, unit="settings")
                if min(map(len, pair)) > 2 else unknown(level, len(samples), "settings")
            )  # fmt: skip
            claim = f"How many experts orthogonality kills by {name} depends on the data set."
            effect = f"distance between digits and {other} of the share killed"
            yield judge(f"ortho.sets.{other}.{name}", claim, effect, seen, o.sets_band)


def table(profile: Profile, every: Sequence[Runs]) -> Table:
    """Tabulate the share of dead experts by weight of orthogonality."""
    weights = profile.ortho.weights
    rows = tuple(
        (runs.kind, name, *(f"{mean:.1%}" for mean in shares(profile, runs, name).mean(0)))
        for runs in every
        for name in HEADLINE
    )
    caption = (
        f"Share of the experts, means over {profile.ortho.settings} settings of T, H, O and B, each with one start and "
        "one order of batches at all weights; half of the settings are near the derived rule's threshold."
    )
    columns = ("models", "death by", *(f"W = {w:g}" for w in weights))
    return Table("ortho", "Dead experts by weight of orthogonality", columns, rows, caption)
