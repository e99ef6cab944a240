"""Z7: whether the structure of routing depends on the temperature, at evaluation and in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from moecusp.report import Finding, Table, equivalence, exact, judge
from validation.ecology.concordance import unknown
from validation.ecology.design import STRATA
from validation.ecology.outcomes import HEADLINE, Array, Counts, Runs
from validation.ecology.profiles import Profile


def paired(runs: Runs, values: Counts) -> Array:
    """Return values of the temperature stratum, (settings, temperatures); NaN where a model does not count."""
    at = runs.columns["stratum"] == STRATA.index("temperature")
    seen = np.where(runs.counted, values.astype(np.float64), np.nan)[at]
    return np.asarray(seen.reshape(len(np.unique(runs.columns["config"][at])), -1))


def findings(profile: Profile, digits: Runs, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge the identity at evaluation, and the difference that a factor of 50 in training makes."""
    t = profile.temperature
    moved = sum(float(runs.found["moved"][:, -1].sum()) for runs in every)
    models = sum(len(runs) for runs in every)
    yield judge(
        "temperature.evaluation",
        f"A temperature {t.factor:g} times higher or lower at evaluation leaves every token its experts.",
        "share of tokens whose experts change, summed over models",
        exact(moved),
        t.moved_band,
        explanation=f"{models} trained models, the tokens of the first test batch of each.",
    )
    for name in HEADLINE:
        dead = paired(digits, digits.dead(name))
        difference = dead[:, -1] - dead[:, 0]
        kept = difference[~np.isnan(difference)]
        varies = kept.size and np.ptp(kept) > 0  # equal differences say nothing of how far others may lie
        seen = (
            equivalence(kept, (1.0 - profile.confidence) / 2.0, "settings")
            if varies
            else unknown(profile.confidence, kept.size, "settings")
        )
        hot, cold = t.temperatures[-1], t.temperatures[0]
        yield judge(
            f"temperature.training.{name}",
            f"Trained at T = {hot:g}, as many experts are dead by {name} as at T = {cold:g}.",
            f"dead experts at T = {hot:g} less those at {cold:g}, of {digits.experts}",
            seen,
            t.difference_band,
        )


def table(profile: Profile, digits: Runs) -> Table:
    """Tabulate mean dead experts at each temperature of training."""
    t = profile.temperature
    rows = tuple(
        (name, *(f"{mean:.2f}" for mean in np.nanmean(paired(digits, digits.dead(name)), 0))) for name in HEADLINE
    )
    return Table(
        "temperature",
        "Dead experts by temperature of training",
        ("death by", *(f"T = {each:g}" for each in t.temperatures)),
        rows,
        f"Means over {t.settings} settings of H, O and B, each with one start and one order of batches at all "
        "temperatures.",
    )
