"""The pictures of the ecology study, drawn from what was measured. Every caption states every fixed parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import moecusp as mc
from moecusp.report import Interval
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.ecology import revival, rule
from validation.ecology.classes_pictures import along_classes
from validation.ecology.drawing import BINS, COLOURS, MARKS, bins, stated, thinned
from validation.ecology.groups import Concordances
from validation.ecology.groups_pictures import groups, logs, powers
from validation.ecology.judge import Everything
from validation.ecology.outcomes import HEADLINE, Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import classes
from validation.ecology.starts_pictures import tier_use, timelines
from validation.ecology.tables import class_shares
from validation.intervals import share
from validation.studies import Picture
from validation.training.deadness import ExpertClass


def pictures(
    p: Profile, every: Everything, concordances: Sequence[Concordances], seen: Mapping[tuple[str, str, str], Interval]
) -> tuple[Picture, ...]:
    """Draw all of them."""
    digits = every.kinds["digits"]
    with style():
        return (
            axis(p, digits),
            *(phase(p, digits, name, plane) for plane in PLANES for name in ("probability", "slots")),
            groups(p, digits, seen),
            powers(p, concordances[0]),
            logs(p, every.some(*rule.KINDS)),
            timelines(p, every.some(*revival.KINDS)),
            tier_use(p, every.tiers),
            along_classes(p, every.kinds),
            ladder(p, digits),
        )


def axis(p: Profile, runs: Runs) -> Picture:
    """Draw the share of models with a dead expert along E, by each definition."""
    at = runs.where(runs.within("sobol", "held_out"))
    e = at.columns["E"]
    _, inside = bins(e)
    middle = [float(np.exp(np.log(e[some]).mean())) for some in inside]
    figure, axes = canvas()
    for name in HEADLINE:
        dead = at.dead(name) > 0
        found = [share(int(dead[some].sum()), int(some.sum()), p.confidence, "models") for some in inside]
        values = np.array([each.estimate for each in found])
        ends = np.abs(np.array([[each.low, each.high] for each in found]).T - values)
        axes.errorbar(middle, values, ends, color=COLOURS[name], marker=MARKS[name], ms=5, lw=1, capsize=2, label=name)
    axes.axvline(p.guarantee.threshold, color=INK, ls="--", lw=1, label=f"E = {p.guarantee.threshold:g}")
    axes.set(xscale="log", xlabel="E = T H/(O + B)", ylabel="share of models with a dead expert", ylim=(-0.03, 1.03))
    legend(figure)
    caption = (
        "Were that a guarantee, every line would be at 0 to the right of the dashed one. Sobol and held-out models in "
        f"{BINS} bins of equal size, {p.confidence:.0%} intervals. " + stated(p, at)
    )
    return Picture("axis", "Dead experts along E", figure, caption)


def phase(p: Profile, runs: Runs, name: str, plane: str) -> Picture:
    """Draw the dead experts of every model in a plane, with the line that is to part dead from living."""
    at = runs.where(thinned(runs.within("sobol", "held_out", "line")))
    t, h, o, b = at.columns["weights"].T
    rule = plane == "rule"
    x, y = (o, h + b) if rule else (o + b, t * h)
    figure, axes = canvas(height=5.2)
    shown = axes.scatter(x, y, c=at.dead(name), cmap="viridis_r", s=16, vmin=0, vmax=at.experts, lw=0)
    slope, label = p.guarantee.threshold, f"E = {p.guarantee.threshold:g}"
    if rule:
        death = HEADLINE["probability"][1]
        slope = float(mc.critical_ratio(death, 0.0, at.experts, classes(at.kind, at.experts)))
        label = f"the derived rule at {death:.0%}: (H + B)/O = {slope:.3f}"
    ends = np.array([x.min(), x.max()])
    axes.plot(ends, slope * ends, color=RED, lw=1.5, label=label)
    names = ("O", "H + B") if rule else ("O + B", "T H")
    axes.set(xscale="log", yscale="log", xlabel=names[0], ylabel=names[1], ylim=(y.min() * 0.8, y.max() * 1.25))
    figure.colorbar(shown, ax=axes, label=f"dead experts ({name})")
    legend(figure)
    caption = PLANES[plane] + stated(p, at)
    return Picture(
        f"phase-{plane}-{name}", f"Dead experts by {name} in the plane of {' and '.join(names)}", figure, caption
    )


PLANES = {
    "rule": "Below the line the derived rule, for B small beside O, has the experts that are nobody's target at a mean "
    "probability below 1 %: they should be dead there and nowhere else. ",
    "e": "Were a large E a guarantee there would be no dead expert above the line. ",
}


def ladder(p: Profile, runs: Runs) -> Picture:
    """Draw the classes of experts along E."""
    at = runs.where(runs.within("sobol", "held_out"))
    e = at.columns["E"]
    edges, inside = bins(e)
    shares = np.array([class_shares(at.where(some)) for some in inside])
    figure, axes = canvas()
    bottom = np.zeros(BINS)
    palette: Any = [INK, SOFT, "#c9b458", ORANGE, BLUE, GREEN]
    for each in ExpertClass:
        axes.bar(
            np.arange(BINS), shares[:, each], bottom=bottom, color=palette[each], label=each.name.replace("_", " ")
        )
        bottom += shares[:, each]
    axes.set(
        xticks=np.arange(BINS + 1) - 0.5,
        xticklabels=[np.format_float_positional(edge, 1, fractional=False, trim="-") for edge in edges],
        ylim=(0, 1),
        xlabel="E = T H/(O + B), bins of equal size",
        ylabel="share of experts",
    )
    axes.grid(visible=False)
    legend(figure)
    caption = "Classes by share of first choices and accuracy of the tokens that it is the first choice of. " + stated(
        p, at
    )
    return Picture("ladder", "Classes of experts along E", figure, caption)
