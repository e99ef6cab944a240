"""Pictures of experts that start dead, and of tiers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend
from validation.ecology import revival, tiering
from validation.ecology.drawing import stated
from validation.ecology.outcomes import Runs
from validation.ecology.profiles import Profile
from validation.ecology.setup import tiers
from validation.studies import Picture


def timelines(p: Profile, every: Sequence[Runs]) -> Picture:
    """Draw the share of first choices of experts that started dead, for every combination of weights."""
    figure, axes = canvas()
    colours = [SOFT, BLUE, ORANGE, RED, GREEN, "#6a51a3", "#8c6d31", INK]
    for runs, mark in zip(every, ("-", "--"), strict=True):
        found = revival.timeline(p, runs)
        steps = p.training.steps * np.arange(1, found.shape[1] + 1) / found.shape[1]
        for number, on in enumerate(revival.ON):
            axes.plot(
                np.r_[0.0, steps],
                np.r_[0.0, found[number]],
                mark,
                color=colours[number],
                label=f"on: {on or 'none'}" if runs is every[0] else None,
            )
    axes.axhline(p.revival.high, color=SOFT, ls=":", lw=1, label="alive again")
    axes.set(xlabel="step", ylabel="mean share of first choices")
    legend(figure)
    caption = (
        f"{len(p.revival.experts)} of {every[0].experts} experts start dead, by bias (full lines) and by weights "
        f"(dashed); means over {p.revival.seeds} seeds. "
        + stated(p, every[0], temperature_of_routing=p.revival.temperature)
    )
    return Picture("revival", "Experts that started dead", figure, caption)


def tier_use(p: Profile, every: Sequence[Runs]) -> Picture:
    """Draw the use of every tier beside that of permuted labels."""
    figure, axes = canvas(height=5.0)
    labels: list[str] = []
    for runs in every:
        made, found, chance = tiers(p, runs.kind), tiering.usage(p, runs).mean(0), tiering.permuted(p, runs).mean(1)
        for n in range(len(made.counts)):
            low, high = np.quantile(chance[:, n], [0.005, 0.995])
            axes.hlines(
                len(labels), low, high, color=SOFT, lw=6, alpha=0.5, label=None if labels else "permuted labels, 99 %"
            )
            axes.plot(found[n], len(labels), "o", color=BLUE if runs.kind.endswith("-equal") else ORANGE)
            labels.append(f"{':'.join(map(str, made.counts))}, {made.counts[n]} of {made.widths[n]} units")
    axes.plot([], [], "o", color=BLUE, label="equal widths")
    axes.plot([], [], "o", color=ORANGE, label="unequal widths")
    axes.axvline(1.0, color=INK, lw=1, ls=":")
    axes.set(
        yticks=range(len(labels)),
        yticklabels=labels,
        xlabel="share of slots over share of experts",
        ylim=(len(labels) - 0.5, -0.5),
    )
    axes.tick_params(axis="y", labelsize=7.5)
    legend(figure)
    caption = "Use of tiers, means over models; a tier whose name means nothing lies within the bar. " + stated(
        p, every[0]
    )
    return Picture("tiers", "Tiers of experts", figure, caption)
