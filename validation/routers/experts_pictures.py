"""The pictures and the table of the subject experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp import expert_equilibria, expert_fold_gain
from moecusp.report import Table
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.routers import profiles
from validation.routers.profiles import Profile
from validation.studies import Measured, Picture, Plan

Array = NDArray[np.float64]


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the window of each case, and the first-order diagram of one."""
    with style():
        return window(profile.experts, plan, measured), first_order(profile.experts, plan, measured)


def _caption(p: profiles.Experts, fields: dict[str, str], **values: object) -> str:
    shared = {"decay": "decay", "inverse_temperature": "inverse_temperature", "increment": "increment", "time": "time",
              "spread": "spread", "tokens": "tokens", "routers": "routers"}  # fmt: skip
    return fixed(p, {**shared, **fields}, selection="soft", **values)


def _many(p: profiles.Experts) -> list[str]:
    return [case for case in p.cases if not case.endswith(".2")]


def window(p: profiles.Experts, plan: Plan, measured: Measured) -> Picture:
    """Draw measured releases and onsets against the predicted ones, in units of K mu/beta."""
    figure, axes = canvas(height=5.4)
    ends = []
    for case, colour in zip(_many(p), (BLUE, ORANGE, GREEN, RED, INK, SOFT), strict=False):
        unit = int(case.rpartition(".")[2]) * p.decay / p.inverse_temperature
        seen = measured[f"experts/{case}"]
        line = np.polynomial.polynomial.polyfit(np.array(p.growth_feedbacks), seen["rates"].T, 1)
        critical = plan[f"experts.{case}.critical"]
        fold = plan[f"experts.{case}.fold"] / unit
        axes.plot(fold, seen["release"] / unit, "o", ms=4, mfc="none", color=colour, label=f"release, {case}")
        axes.plot(critical / unit, -line[0] / line[1] * critical / unit, "x", ms=4, color=colour)
        ends += [fold.min(), (critical / unit).max()]
    edge = np.array([0.95 * min(ends), 1.05 * max(ends)])
    axes.plot(edge, edge, color=SOFT, lw=1, label="equal (crosses: onset)")
    axes.set(xlabel="predicted gain κβ/(Kμ)", ylabel="measured gain")
    axes.set_aspect("equal")
    legend(figure)
    caption = (
        "Where a favoured expert is released (circles) and where balance is lost (crosses), each gate's own prediction "
        "against what was measured; two experts would have both at the same place. "
    )
    return Picture("window", "The window of many experts", figure, caption + _caption(p, {}))


def first_order(p: profiles.Experts, plan: Plan, measured: Measured) -> Picture:
    """Draw loads of the most loaded expert over the diagram of experts without margins."""
    case = _many(p)[-1]
    experts = int(case.rpartition(".")[2])
    low = float(expert_fold_gain(experts))
    gain = np.linspace(low + 1e-9, 1.25, 200)
    loads = expert_equilibria(gain, experts).load_high[:, 1]
    seen, critical = measured[f"experts/{case}"], plan[f"experts.{case}.critical"]
    middle = np.sqrt(plan[f"experts.{case}.fold"] / critical)
    figure, axes = canvas()
    axes.plot(gain, loads[:, 1], color=INK, label="collapsed, without margins")
    axes.plot(gain[gain < 1], loads[gain < 1, 0], "--", color=SOFT, label="unstable")
    axes.plot([0.9 * low, 1.0], [1 / experts] * 2, color=INK)
    axes.plot([1.0, 1.25], [1 / experts] * 2, "--", color=SOFT)
    for k, (colour, label) in enumerate(((GREEN, "from balance, midway"), (BLUE, "from collapse, midway"))):
        axes.plot(middle, seen["window"][:, k].max(axis=-1), "o", ms=5, mfc="none", color=colour, label=label)
    axes.plot(np.full(len(middle), p.above), seen["beyond"].max(axis=-1), "o", ms=5, mfc="none", color=ORANGE,
              label="from balance, beyond the onset")  # fmt: skip
    axes.axvline(float((seen["release"] / critical).mean()), color=RED, lw=1, ls=":", label="mean measured release")
    axes.set(xlabel="feedback over the predicted critical one", ylabel="load of the most loaded expert", ylim=(0, 1.02))
    legend(figure)
    caption = (
        f"The first-order diagram of {experts} experts ({case}): midway between fold and onset, which load a router "
        "has depends on its past. "
    )
    return Picture("first_order", "A first-order collapse", figure, caption + _caption(p, {}, experts=experts))


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of windows, means over gates in units of K mu/beta."""
    p, rows = profile.experts, []
    for case in _many(p):
        unit = int(case.rpartition(".")[2]) * p.decay / p.inverse_temperature
        seen = measured[f"experts/{case}"]
        fold, critical = (plan[f"experts.{case}.{name}"] / unit for name in ("fold", "critical"))
        rows.append((case, f"{fold.mean():.4f}", f"{seen['release'].mean() / unit:.4f}", f"{critical.mean():.4f}",
                     f"{float(expert_fold_gain(int(case.rpartition('.')[2]))):.4f}",
                     f"{plan[f'experts.{case}.load'].mean():.3f}"))  # fmt: skip
    columns = (
        "case",
        "predicted fold",
        "measured release",
        "predicted onset",
        "fold without margins",
        "load at the fold",
    )
    return (Table("window", "Windows of many experts", columns, tuple(rows), "Gains κβ/(Kμ), means over gates."),)
