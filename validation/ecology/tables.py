"""The tables, and the numbers behind the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from moecusp.report import Interval, Table
from validation.ecology import complexity, guarantee, orthogonality, revival, rule, temperature, tiering
from validation.ecology import groups as governing
from validation.ecology.design import ORTHO, STRATA
from validation.ecology.judge import WHOLE, Everything
from validation.ecology.outcomes import HEADLINE, OF_FAIR, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import baseline, schedule, tiers
from validation.studies import Plan
from validation.training.deadness import ABSOLUTE, STREAKS, Definition, ExpertClass, classes


def tables(profile: Profile, every: Everything, seen: Mapping[tuple[str, str, str], Interval]) -> tuple[Table, ...]:
    """Return all tables."""
    whole, digits = every.some(*WHOLE), every.kinds["digits"]
    concordances = [governing.Concordances(profile, each) for each in whole]
    return (
        *guarantee.tables(profile, whole),
        guarantee.strata(profile.guarantee, digits),
        *governing.tables(profile, concordances, every.plants, seen),
        rule.table(profile, every.some(*rule.KINDS)),
        temperature.table(profile, digits),
        revival.table(profile, every.some(*revival.KINDS)),
        tiering.table(profile, every.tiers),
        orthogonality.table(profile, every.some(*ORTHO)),
        complexity.table(profile, every.kinds),
        definitions(digits),
        ladder(profile, digits),
        trained(profile, every),
    )


def definitions(runs: Runs) -> Table:
    """Tabulate mean dead experts by definition and threshold."""
    at = runs.within("sobol")
    rows = []
    for which in Definition:
        relative = OF_FAIR[which.value]
        for threshold in STREAKS if which is Definition.STREAK else ABSOLUTE:
            dead = runs.below(which, threshold)[at]
            rows.append((which.value, f"{threshold:g}", f"{dead.mean():.2f}", f"{(dead > 0).mean():.0%}"))
        dead = runs.dead(which.value, fair=True)[at]
        unit = "slots of a fair expert" if which is Definition.STREAK else "of the fair share"
        rows.append((which.value, f"{relative:g} {unit}", f"{dead.mean():.2f}", f"{(dead > 0).mean():.0%}"))
    return Table(
        "definitions",
        f"The same models by every definition of death ({runs.kind})",
        ("definition", "threshold", "dead experts", "models with any"),
        tuple(rows),
        f"Sobol models, of {runs.experts} experts each.",
    )


def ladder(profile: Profile, runs: Runs) -> Table:
    """Tabulate the classes of experts below and above the threshold of E."""
    threshold = profile.guarantee.threshold
    high = runs.columns["E"] >= threshold
    shares = [class_shares(runs.where(runs.within("sobol") & rows)) for rows in (~high, high)]
    rows = tuple((each.name, *(f"{share[each]:.1%}" for share in shares)) for each in reversed(ExpertClass))
    return Table(
        "ladder",
        f"Classes of experts ({runs.kind})",
        ("class", f"E below {threshold:g}", f"E from {threshold:g}"),
        rows,
        "Share of all experts of the Sobol models.",
    )


def class_shares(runs: Runs) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the share of experts in every class."""
    if not len(runs):
        return np.full(len(ExpertClass), np.nan)
    found = classes(runs.found["first"][:, -1].astype(np.float64), runs.found["right"][:, -1].astype(np.float64))
    return np.bincount(found.ravel(), minlength=len(ExpertClass)) / found.size


def trained(profile: Profile, every: Everything) -> Table:
    """Tabulate what was trained, and how many of them count."""
    rows = []
    for kind, runs in every.kinds.items():
        plan, made = schedule(profile, kind), tiers(profile, kind)
        loss = kind == "text"
        rows.append(
            (
                kind,
                ":".join(map(str, made.counts)),
                " ".join(map(str, made.widths)),
                str(plan.steps),
                str(len(runs)),
                str(int(runs.counted.sum())),
                f"{baseline(kind, profile.training):.3g} {'nats a byte' if loss else 'accuracy'}",
                f"{np.median(runs.found['test_loss' if loss else 'accuracy'][:, -1]):.3g}",
            )
        )
    return Table(
        "trained",
        "What was trained",
        (
            "models",
            "tiers",
            "hidden units",
            "steps",
            "how many",
            "beat the baseline",
            "baseline",
            "median of the models",
        ),
        tuple(rows),
        "Only models that beat their baseline count: the majority class, or the frequencies of single bytes.",
    )


def data(plan: Plan, every: Everything) -> dict[str, Any]:
    """Return every model's setting and dead experts."""
    return {
        kind: {
            "stratum": [STRATA[number] for number in runs.columns["stratum"]],
            "config": runs.columns["config"].tolist(),
            "seed": runs.columns["seed"].tolist(),
            "weights": runs.columns["weights"].tolist(),
            "counted": runs.counted.tolist(),
            "dead": {name: runs.dead(name).tolist() for name in HEADLINE},
            "log_r": rule.measured(runs).tolist() if kind in rule.KINDS else None,
        }
        for kind, runs in every.kinds.items()
    }
