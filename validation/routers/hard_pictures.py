"""The pictures and the table of the subject hard."""

from __future__ import annotations

import numpy as np

from moecusp.report import Table
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.routers import profiles, ties
from validation.routers.profiles import Profile
from validation.studies import Measured, Picture, Plan


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the onsets of all gates, and the collapsed loads of top-1 routing."""
    with style():
        return onset(profile.hard, plan, measured), collapse(profile.hard, plan, measured)


def onset(p: profiles.Hard, plan: Plan, measured: Measured) -> Picture:
    """Draw growth rates against the feedback over the predicted critical one."""
    figure, axes = canvas(height=4.6)
    factors = np.array(p.growth_feedbacks)
    cases = [*(f"gaussian-{name}" for name in p.types), "digits", *(f"chosen-{n}-{k}" for n, k in p.chosen)]
    for k, (case, mark) in enumerate(zip(cases, "osx^v*+D", strict=False)):
        rates = measured[f"hard/{case}"]["rates"]
        x = factors + 0.008 * (k - 0.5 * len(cases))  # beside each other
        axes.errorbar(x, rates.mean(axis=0) / p.decay, rates.std(axis=0) / p.decay, fmt=mark, ms=4, mfc="none", lw=0.8,
                      color=(BLUE, ORANGE, GREEN)[k % 3], label=case.replace("-", " "))  # fmt: skip
    ends = np.array([factors.min(), factors.max()])
    axes.plot(ends, ends - 1.0, color=INK, lw=1.2, label="predicted")
    axes.plot(ends, 0.5 * ends - 1.0, "--", color=RED, lw=1, label="control: critical feedback doubled")
    axes.axhline(0.0, color=SOFT, lw=1)
    axes.set(xlabel="feedback over the predicted critical one", ylabel="growth rate of an imbalance over μ")
    legend(figure)
    fields = {"decay": "decay", "increment": "increment", "batch_size": "batch_size", "spread": "spread",
              "routers": "gates", "hidden": "hidden"}  # fmt: skip
    caption = (
        "Rates at which pairs of routers part that see the same tokens, means and deviations over gates (moved "
        "sideways to tell them apart). Noise of the logits is that of the digits. "
    )
    values = {"margin_jitter": float(p.noise * 2**0.5), "kick": p.kick * p.spread, "selection": "hard"}
    return Picture("hard_onset", "Where hard routing loses balance", figure, caption + fixed(p, fields, **values))


def collapse(p: profiles.Hard, plan: Plan, measured: Measured) -> Picture:
    """Draw the collapsed loads of top-1 routing over their branch."""
    figure, axes = canvas()
    sigma = p.spread / 2**0.5
    for index, (n, colour) in enumerate(zip(p.experts, (BLUE, ORANGE, GREEN, RED), strict=False)):
        least, most, middle, _ = plan["hard.collapse"][index]
        x = np.linspace(0.2, 4.0, 60) * sigma
        kappa = np.array([ties.feedback(lead, n, sigma, p.decay) for lead in x]) / least
        loads = np.array([ties.favoured(lead, n, sigma) for lead in x])
        fold = int(kappa.argmin())
        axes.plot(kappa[fold:], loads[fold:], color=colour, lw=1.4, label=f"predicted, {n} experts")
        axes.plot(kappa[: fold + 1], loads[: fold + 1], "--", color=colour, lw=1)
        axes.axvline(most / least, color=colour, lw=1, ls=":")
        seen = measured[f"hard/collapse-{n}"]
        axes.plot(
            seen["feedbacks"].ravel(),
            seen["collapsed"].ravel(),
            "o",
            ms=4,
            mfc="none",
            color=colour,
            label=f"measured, {n}",
        )
        midway = seen["midway"]
        axes.plot(np.full(midway.shape, middle / least).ravel(), midway.ravel(), "x", ms=5, color=colour)
    axes.set(xlabel="feedback over the predicted fold", ylabel="load of the first expert", ylim=(0, 1.02))
    axes.set(
        xlim=(min(p.release_feedbacks) - 0.02, 1.05 * (plan["hard.collapse"][:, 1] / plan["hard.collapse"][:, 0]).max())
    )
    legend(figure)
    fields = {"decay": "decay", "increment": "increment", "batch_size": "release_batch_size", "spread": "spread",
              "time": "release_time", "seeds": "release_seeds"}  # fmt: skip
    caption = (
        "Long-run load of the first expert under top-1 routing of independent Gaussian logits: circles, it favoured at "
        "the start; crosses, midway to the onset (dotted) from collapse and from balance. "
    )
    return Picture("hard_collapse", "Hard routing collapses discontinuously", figure,
                   caption + fixed(p, fields, selection="hard top-1"))  # fmt: skip


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of critical feedbacks."""
    p, rows = profile.hard, []
    cases = [
        *((f"gaussian-{name}", plan["hard.gaussian.critical"].mean()) for name in p.types),
        ("digits", plan["hard.digits.critical"].mean()),
        *((f"chosen-{n}-{k}", at) for (n, k), at in zip(p.chosen, plan["hard.chosen.critical"], strict=True)),
    ]
    for case, critical in cases:
        line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), measured[f"hard/{case}"]["rates"].T, 1)
        ratio = -line[0] / line[1]
        rows.append((case, f"{critical:.4f}", f"{ratio.mean():.4f} ± {ratio.std(ddof=1) / ratio.size**0.5:.4f}"))
    columns = ("case", "κ_c, mean", "measured/predicted ± s.e.")
    return (Table("hard", "Onset of hard routing", columns, tuple(rows)),)
