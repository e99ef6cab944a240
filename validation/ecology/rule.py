"""Z9: the mean probability r of an expert that is nobody's target, predicted without any fit.

By the derived rule, and by the minimum of the loss over free probabilities, which the rule approximates from above.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Interval, Table, equivalence, judge
from moecusp.report.intervals import in_errors
from validation.ecology.concordance import unknown
from validation.ecology.outcomes import Array, Bools, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import classes
from validation.intervals import share

KINDS = ("digits", "long")
PREDICTORS = {"rule": "the derived rule", "minimum": "the minimum of the loss"}
STRATA = ("sobol", "core", "held_out", "line", "rule", "long", "expected_dead", "expected_alive")


def measured(runs: Runs) -> Array:
    """Return log r of every model: the mean over the K - C experts of least probability, the logarithm of each.

    With C classes and a target for each, at least so many are nobody's target.
    """
    idle = runs.experts - classes(runs.kind, runs.experts)
    least = np.sort(runs.found["probability"][:, -1, 0].astype(np.float64), -1)[:, :idle]
    return np.asarray(np.log(np.maximum(least, np.finfo(np.float32).tiny)).mean(-1))


def windowed(profile: Profile, runs: Runs, by: str) -> tuple[Array, Array, NDArray[np.int64]]:
    """Return predicted and measured log r and the configuration of the models whose r is predicted in the window."""
    low, high = np.log(profile.rule.window)
    expected = runs.columns[by]
    with np.errstate(invalid="ignore"):
        at = runs.within(*STRATA) & (expected >= low) & (expected <= high)
    return expected[at], measured(runs)[at], runs.columns["config"][at]


def findings(profile: Profile, every: Sequence[Runs]) -> Iterator[Finding]:
    """Judge the ratio and the slope of log r, and whether r falls below each threshold where it is predicted to."""
    r, level = profile.rule, profile.confidence
    for runs in every:
        when = "after long training" if runs.kind == "long" else "after short training"
        for by, name in PREDICTORS.items():
            expected, seen, configs = windowed(profile, runs, by)
            ratios = per_configuration(seen / expected, configs)
            ratio = equivalence(ratios, (1.0 - level) / 2.0, "configurations") if ratios.size else unknown(level, 0)
            yield judge(f"{by}.ratio.{runs.kind}", f"log r is that of {name}, {when}.",
                        "measured over predicted log r", ratio, r.ratio_band)  # fmt: skip
            yield judge(f"{by}.slope.{runs.kind}", f"log r follows {name} from model to model, {when}.",
                        "slope of measured in predicted log r", slope(expected, seen, configs, level),
                        r.slope_band)  # fmt: skip
            for q in r.thresholds:
                says, is_so = below(runs, by, q)
                claim = f"Whether r is below {q:g} is what {name} says, {when}."
                yield judge(f"{by}.threshold.{q:g}.{runs.kind}", claim,
                            "share of configurations where it is",
                            share(int((says == is_so).sum()), says.size, level, "configurations"),
                            r.agreement_band)  # fmt: skip


def below(runs: Runs, by: str, q: float) -> tuple[Bools, Bools]:
    """Return whether r is predicted to be below q, and whether it is, for the first model of every configuration."""
    rows = np.flatnonzero(runs.within(*STRATA))
    first = rows[np.unique(runs.columns["config"][rows], return_index=True)[1]]
    return runs.columns[by][first] < np.log(q), measured(runs)[first] < np.log(q)


def per_configuration(values: Array, configs: NDArray[np.int64]) -> Array:
    """Return the mean of the values of each configuration."""
    _, number = np.unique(configs, return_inverse=True)
    return np.asarray(np.bincount(number, values) / np.bincount(number))


def slope(x: Array, y: Array, configs: NDArray[np.int64], confidence: float) -> Interval:
    """Return the least-squares slope of y in x with a cluster-robust interval."""
    n = len(np.unique(configs))
    if n < 3 or np.ptp(x) == 0:
        return unknown(confidence, n)
    from statsmodels.regression.linear_model import OLS

    design = np.column_stack([np.ones(len(x)), x])
    groups = np.unique(configs, return_inverse=True)[1]
    fitted = OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    estimate, error = float(fitted.params[1]), float(fitted.bse[1])
    reach, detectable = (each * error for each in in_errors(confidence, n - 1))
    return Interval(
        estimate, estimate - reach, estimate + reach, confidence, n, "configurations", "Student", detectable
    )


def table(profile: Profile, every: Sequence[Runs]) -> Table:
    """Tabulate the agreement at every threshold."""
    rows = []
    for runs in every:
        for by, name in PREDICTORS.items():
            for q in profile.rule.thresholds:
                says, so = below(runs, by, q)
                counts = (says & so, says & ~so, ~says & so, ~says & ~so)
                rows.append((runs.kind, name, f"{q:g}", *(str(int(each.sum())) for each in counts)))
    columns = ("models", "by", "q", "predicted and so", "predicted, not so", "not predicted, but so", "neither")
    caption = (
        "Configurations (first seed). Predicted: r below q; so: over the K − C experts of least probability, the mean "
        "of the logarithm of each one's mean probability is below log q."
    )
    return Table("rule", "Whether the experts that are nobody's target fall below q", columns, tuple(rows), caption)
