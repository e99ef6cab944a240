"""The picture of dead experts along the number of classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moecusp.report.figures import INK, canvas, legend
from validation.ecology.complexity import first, foretold
from validation.ecology.drawing import COLOURS, MARKS, fixed_classes
from validation.ecology.outcomes import HEADLINE, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import DIFFICULTY
from validation.intervals import over
from validation.studies import Picture


def along_classes(p: Profile, kinds: Mapping[str, Runs]) -> Picture:
    """Draw the share of dead experts by number of classes, by definition and difficulty, beside what is predicted."""
    figure, axes = canvas()
    numbers = np.array(p.complexity.classes, dtype=np.float64)
    for difficulty, line in zip(DIFFICULTY, ("-", "--"), strict=True):
        every = [kinds[f"{difficulty}-{number}"] for number in p.complexity.classes]
        every = [first(p, runs) for runs in every]
        for k, name in enumerate(HEADLINE):
            found = [over(runs.dead(name) / runs.experts, p.confidence, "settings") for runs in every]
            means = np.array([each.estimate for each in found])
            reach = np.array([each.high - each.estimate for each in found])
            axes.errorbar(
                numbers * (1.0 + 0.03 * (k - 1.5)),
                means,
                np.where(np.isfinite(reach), reach, 0.0),
                color=COLOURS[name],
                marker=MARKS[name],
                ms=5,
                ls=line,
                lw=1,
                capsize=2,
                label=f"{name}, {difficulty} difficulty",
            )
    expected = [foretold(runs, "minimum").mean() / runs.experts if len(runs) else np.nan for runs in every]
    axes.plot(numbers, expected, color=INK, lw=1.5, label="predicted, at either difficulty")
    axes.set(xscale="log", xlabel="classes", ylabel="share of dead experts", ylim=(-0.03, 1.03))
    axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
    axes.minorticks_off()
    legend(figure)
    caption = (
        f"Means over {p.complexity.others} settings, the same at every number of classes, so that E is the same, "
        f"{p.confidence:.0%} intervals. Predicted, by mean probability: the experts that are nobody's target, where "
        "the minimum of the loss has them below 1 %. " + fixed_classes(p, every[0])
    )
    return Picture("classes", "Dead experts along the number of classes", figure, caption)
