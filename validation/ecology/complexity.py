"""Z4: whether the number of classes moves the critical E, and whether r moves with it as the derived rule has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Interval, Table, Verdict, cluster_bootstrap, equivalence, judge
from validation.ecology import rule
from validation.ecology.concordance import unknown
from validation.ecology.design import STRATA, extremes
from validation.ecology.outcomes import HEADLINE, Array, Bools, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import DIFFICULTY, labels
from validation.intervals import over
from validation.streams import stream

MOST = 20.0
"""Logarithms of a factor of E are cut here: beyond it E is without any influence."""


def critical(log_e: Array, dead: Bools) -> tuple[Array, float]:
    """Fit the log-odds a - b log E that a model has a dead expert; a is each column's own, b is common.

    Half a dead and half a living model at the mean of log E are added to each column, so that there is always a value.

    Parameters
    ----------
    log_e : ndarray, shape (settings,)
    dead : ndarray of bool, shape (settings, columns)
        Whether the model of each setting has a dead expert; a column is a number of classes.

    Returns
    -------
    ndarray, shape (columns,)
        Logarithms of the critical E, a/b, within `MOST`: there half of the models have a dead expert.
    float
        The slope b.

    Examples
    --------
    >>> import numpy as np
    >>> from validation.ecology.complexity import critical
    >>> log_e = np.linspace(-3.0, 3.0, 601)
    >>> found, slope = critical(log_e, np.column_stack([log_e < 0.0, log_e < 1.0]))
    >>> bool(slope > 10), found.round(1).tolist()
    (True, [0.0, 1.0])
    """
    columns = dead.shape[1]
    x = np.concatenate([log_e, [log_e.mean()]])
    y = np.concatenate([dead.astype(np.float64), np.full((1, columns), 0.5)])
    found = np.zeros(columns + 1)
    for _ in range(50):
        line = found[:columns] - found[columns] * x[:, None]
        chance = 1.0 / (1.0 + np.exp(-np.clip(line, -35.0, 35.0)))
        rest, weight = y - chance, chance * (1.0 - chance)
        gradient = np.append(rest.sum(0), -(x[:, None] * rest).sum())
        curved = np.zeros((columns + 1, columns + 1))
        curved[range(columns), range(columns)] = weight.sum(0)
        curved[columns, :columns] = curved[:columns, columns] = -(x[:, None] * weight).sum(0)
        curved[columns, columns] = (x[:, None] ** 2 * weight).sum()
        step = np.linalg.solve(curved + 1e-9 * np.eye(columns + 1), gradient)
        found += step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    slope = float(found[columns])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = found[:columns] / slope
    return np.clip(np.nan_to_num(at, nan=0.0, posinf=MOST, neginf=-MOST), -MOST, MOST), slope


def moved(samples: Array) -> float:
    """Return how far the critical E of two numbers of classes lie apart, as the logarithm of a factor.

    From samples (settings, 3): log E, and whether the model has a dead expert at either number.
    """
    (few, many), _ = critical(samples[:, 0], samples[:, 1:] > 0.5)
    return float(min(abs(many - few), MOST))


def interval(profile: Profile, samples: Array, name: str) -> Interval:
    """Return the bootstrap interval of `moved`; unbounded where dead and living models are too few."""
    both = samples[:, 1:].sum(0) if len(samples) else np.zeros(2)
    if len(samples) < 3 or both.sum() < profile.groups.least_shown or (both == len(samples)).all():
        return unknown(profile.confidence, len(samples), "settings")
    return cluster_bootstrap(
        samples,
        np.arange(len(samples)),
        moved,
        source=stream("ecology", "bootstrap", name, 0).numpy(),
        confidence=profile.confidence,
        resamples=profile.complexity.resamples,
        unit="settings",
    )


def pair(kinds: Mapping[str, Runs], stratum: str, difficulty: str, numbers: tuple[int, int]) -> tuple[Runs, Runs]:
    """Return the models of two numbers of classes, setting by setting, that both beat their baselines."""
    few, many = (kinds[f"{difficulty}-{number}"] for number in numbers)
    few, many = (each.where(each.columns["stratum"] == STRATA.index(stratum)) for each in (few, many))
    least = min(len(few), len(many))  # some numbers of classes have the first settings alone
    few, many = (each.where(np.arange(len(each)) < least) for each in (few, many))
    counted = few.counted & many.counted
    return few.where(counted), many.where(counted)


def first(profile: Profile, runs: Runs) -> Runs:
    """Return the models of the settings that every number of classes has, if they count."""
    at = np.flatnonzero(runs.columns["stratum"] == STRATA.index("complexity"))[: profile.complexity.others]
    return runs.where(np.isin(np.arange(len(runs)), at) & runs.counted)


def foretold(runs: Runs, by: str) -> NDArray[np.int64]:
    """Return the dead experts by mean probability that are predicted of every model, `by` rule or minimum.

    All that are nobody's target, if their r is below the threshold; with as many classes as experts there are none.
    """
    idle = max(runs.experts - labels(runs.kind), 0)
    return np.where(runs.columns[by] < np.log(HEADLINE["probability"][1]), idle, 0)


def findings(profile: Profile, kinds: Mapping[str, Runs]) -> Iterator[Finding]:
    """Judge whether the critical E moves, whether more classes kill more, and whether log r moves as the rule says."""
    c, level = profile.complexity, profile.confidence
    ends = (c.classes[0], c.classes[-1])
    for difficulty in DIFFICULTY:
        few, many = pair(kinds, "complexity", difficulty, extremes(profile))
        dead = np.column_stack([np.log(few.columns["E"]), few.dead("probability") > 0, many.dead("probability") > 0])
        yield judge(
            f"complexity.critical.{difficulty}",
            f"The critical E for death by mean probability is another at {labels(many.kind)} classes than at "
            f"{labels(few.kind)} ({difficulty} difficulty).",
            "log of the factor between the values of E at which half of the models have a dead expert",
            interval(profile, dead, f"complexity.{difficulty}"),
            c.critical_band,
            explanation=_said(few, many),
            remedy="More settings.",
        )
        few, many = pair(kinds, "complexity", difficulty, ends)
        for name in HEADLINE:
            more = (many.dead(name) - few.dead(name)) / many.experts
            varies = more.size and np.ptp(more) > 0
            yield judge(
                f"complexity.dead.{difficulty}.{name}",
                f"At the same T, H, O and B, and so the same E, {ends[1]} classes kill more experts by {name} than "
                f"{ends[0]} ({difficulty} difficulty).",
                "share of the experts dead, less the share with fewer classes",
                over(more, level, "settings") if varies else unknown(level, more.size, "settings"),
                c.dead_band,
                explanation=_said(few, many),
            )
        few, many = pair(kinds, "near", difficulty, extremes(profile))
        change = rule.measured(many) - rule.measured(few)
        for by, name in rule.PREDICTORS.items():
            ratio = change / (many.columns[by] - few.columns[by])
            yield judge(
                f"complexity.{by}.{difficulty}",
                f"log r moves from {labels(few.kind)} to {labels(many.kind)} classes as {name} says ({difficulty} "
                "difficulty).",
                "measured over predicted change of log r",
                equivalence(ratio, (1.0 - level) / 2.0, "settings") if ratio.size else unknown(level, 0, "settings"),
                c.rule_band,
            )
    yield from _controls(profile)


def _said(few: Runs, many: Runs) -> str:
    """Return what the minimum of the loss expects of both."""
    if not len(few):
        return ""
    shares = (f"{foretold(runs, 'minimum').mean() / runs.experts:.1%}" for runs in (few, many))
    return f"Expected at the minimum of the loss: {' and '.join(shares)} of the experts dead by mean probability."


def _controls(profile: Profile) -> Iterator[Finding]:
    """Judge planted ecologies in which E rules, and its critical value moves by a factor, or does not."""
    c, d = profile.complexity, profile.design
    box = np.log([d.temperature, d.entropy, d.oracle, d.balance])
    for world, factor in (("moved", c.factor), ("still", 1.0)):
        rng = stream("ecology", "planted", f"critical.{world}", 0).numpy()
        t, h, o, b = np.exp(rng.uniform(box[:, 0], box[:, 1], (c.planted, 4))).T
        log_e = np.log(t * h / (o + b))
        at = np.median(log_e) + np.log([1.0, factor])
        dead = rng.random((c.planted, 2)) < 1.0 / (1.0 + np.exp(log_e[:, None] - at))
        yield judge(
            f"planted.critical.{world}",
            f"In a planted ecology whose critical E {'moves' if world == 'moved' else 'does not move'}, it moves.",
            "log of the factor between the values of E at which half of the models have a dead expert",
            interval(profile, np.column_stack([log_e, dead]), f"planted.critical.{world}"),
            c.critical_band,
            expected=Verdict.SUPPORTED if world == "moved" else Verdict.REFUTED,
        )


def table(profile: Profile, kinds: Mapping[str, Runs]) -> Table:
    """Tabulate dead experts and critical E by difficulty and number of classes, beside what is predicted."""
    rows = []
    for difficulty in DIFFICULTY:
        for number in profile.complexity.classes:
            runs = kinds[f"{difficulty}-{number}"]
            at = first(profile, runs)
            rows.append(
                (
                    difficulty,
                    str(number),
                    str(len(at)),
                    f"{np.median(at.found['accuracy'][:, -1]):.2f}" if len(at) else "–",
                    *(f"{at.dead(name).mean():.2f}" if len(at) else "–" for name in HEADLINE),
                    f"{foretold(at, 'minimum').mean():.2f}" if len(at) else "–",
                    *(_critical(profile, at, dead) for dead in (at.dead("probability"), foretold(at, "minimum"))),
                )
            )
    columns = ("difficulty", "classes", "models", "accuracy", *HEADLINE, "predicted", "critical E", "predicted E")
    c = profile.complexity
    caption = (
        f"Mean number of dead experts of 16 in the same {c.others} settings, starts and batches at every number; "
        "predicted: by mean probability, at the loss's minimum, all experts that are nobody's target, and none with as "
        "many classes as experts. Critical E: half of the models have an expert dead by mean probability, by a "
        "logistic fit. Accuracy: median."
    )
    return Table("complexity", "Dead experts by number of classes", columns, tuple(rows), caption)


def _critical(profile: Profile, runs: Runs, dead: NDArray[np.int64]) -> str:
    some = int((dead > 0).sum())
    if min(some, len(dead) - some) < profile.groups.least_shown:
        return "–"
    (at,), _ = critical(np.log(runs.columns["E"]), (dead > 0)[:, None])
    return f"{np.exp(at):.2g}"
