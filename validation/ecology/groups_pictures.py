"""Pictures of what governs: concordances, exponents, and the derived rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moecusp.report import Interval
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend
from validation.ecology import rule
from validation.ecology.drawing import COLOURS, MARKS, stated, thinned
from validation.ecology.groups import LOGS, PREDICTORS, Concordances
from validation.ecology.outcomes import HEADLINE, Runs
from validation.ecology.profiles import Profile
from validation.studies import Picture


def groups(p: Profile, runs: Runs, seen: Mapping[tuple[str, str, str], Interval]) -> Picture:
    """Draw the concordance of every group with health, by definition."""
    figure, axes = canvas(height=5.0)
    names = [*PREDICTORS, "early", "fitted"]
    for k, definition in enumerate(HEADLINE):
        for row, group in enumerate(names):
            found = seen[runs.kind, group, definition]
            if np.isfinite(found.estimate):
                reach = np.array([[found.estimate - found.low], [found.high - found.estimate]])
                ends = np.where(np.isfinite(reach), np.maximum(reach, 0.0), 0.0)
                axes.errorbar(
                    found.estimate,
                    row + 0.16 * (k - 1.5),
                    xerr=ends,
                    color=COLOURS[definition],
                    ms=5,
                    marker=MARKS[definition],
                    capsize=2,
                    ls="",
                    label=definition if row == 0 else None,
                )
    axes.axvline(0.5, color=SOFT, ls=":", label="chance")
    axes.axvspan(*p.groups.governs_band, color=GREEN, alpha=0.12, lw=0, label="governs")
    short = {
        "E": "T H/(O + B)",
        "competitor": "(H + B)/O",
        "balance": "B/(O T)",
        "rule": "derived rule",
        "gain": "gain of the router",
        "early": "early deaths",
        "fitted": "regression",
    }
    axes.set(
        yticks=range(len(names)),
        yticklabels=[short[name] for name in names],
        ylim=(len(names) - 0.5, -0.5),
        xlabel="concordance with health",
        xlim=(0.2, 1.02),
    )
    legend(figure)
    caption = (
        "How often, of two models that differ in dead experts, the one with the higher value has fewer. Held-out "
        f"combinations, {p.confidence:.0%} intervals. " + stated(p, runs)
    )
    return Picture("groups", "What orders models by their dead experts", figure, caption)


def powers(p: Profile, each: Concordances) -> Picture:
    """Draw the exponents of the four weights, by definition, beside those of E and of (H + B)/O."""
    figure, axes = canvas()
    place = np.arange(len(LOGS))
    for k, (name, fitted) in enumerate(each.fits.items()):
        if fitted is not None:
            found = [fitted.direction(w, p.confidence) for w in range(len(LOGS))]
            ends = [each.high - each.estimate for each in found]
            axes.errorbar(
                place + 0.12 * (k - 1.5),
                [each.estimate for each in found],
                ends,
                color=COLOURS[name],
                marker=MARKS[name],
                ms=6,
                ls="",
                capsize=3,
                label=name,
            )
    axes.hlines(
        [1 / 3**0.5] * 2 + [-1 / 3**0.5],
        place[:3] - 0.4,
        place[:3] + 0.4,
        color=INK,
        ls="--",
        lw=1,
        label="E, B small beside O",
    )
    axes.axhline(0.0, color=SOFT, lw=1)
    axes.set(xticks=place, xticklabels=LOGS, ylabel="exponent, over the length of all four", ylim=(-1.1, 1.1))
    legend(figure)
    caption = (
        "Slopes of the log-odds that an expert lives, in the logarithms of the four weights. "
        f"Cluster-robust {p.confidence:.0%} intervals. " + stated(p, each.runs)
    )
    return Picture("exponents", "With what powers of the weights experts die", figure, caption)


def logs(p: Profile, every: Sequence[Runs]) -> Picture:
    """Draw measured against predicted log r."""
    figure, axes = canvas()
    low, high = np.log(p.rule.window)
    for runs, colours in zip(every, ((BLUE, ORANGE), (GREEN, RED)), strict=False):
        at = thinned(runs.within(*rule.STRATA))
        steps = p.training.long_steps if runs.kind == "long" else p.training.steps
        for (by, name), colour in zip(rule.PREDICTORS.items(), colours, strict=True):
            x, y = runs.columns[by][at], rule.measured(runs)[at]
            axes.plot(x, y, "o", ms=3, mfc="none", color=colour, label=f"by {name}, {steps} steps")
    ends = np.array([-12.0, np.log(1.0 / every[0].experts)])
    axes.plot(ends, ends, color=INK, lw=1.2, label="equal")
    axes.axvspan(low, high, color=GREEN, alpha=0.12, lw=0, label="window of the verdict")
    axes.set(xlabel="predicted log r", ylabel="measured log r", xlim=(-14.0, 0.0), ylim=(-14.0, -2.0))
    legend(figure)
    caption = (
        "r: mean probability of the experts that are nobody's target, nothing fitted. To the right of log 1/K the rule "
        "predicts no expert below the others. " + stated(p, every[0])
    )
    return Picture("rule", "The share of a dead expert, measured and predicted", figure, caption)
