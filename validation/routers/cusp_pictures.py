"""The pictures and the table of the subject cusp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Table
from moecusp.report.figures import BLUE, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.routers import profiles
from validation.routers.profiles import Profile
from validation.studies import Measured, Picture, Plan

Array = NDArray[np.float64]
SIDES = ((0, BLUE, "sweeping up"), (1, ORANGE, "sweeping down"))


def pictures(profile: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw the first gate of the first kind: surface, plane and loop."""
    p = profile.cusp
    with style():
        return surface(p, plan, measured), plane(p, plan, measured), loop(p, plan, measured)


def _caption(p: profiles.Cusp, fields: dict[str, str], **values: object) -> str:
    shared = {"decay": "decay", "inverse_temperature": "inverse_temperature", "increment": "increment",
              "spread": "spread", "tokens": "tokens"}  # fmt: skip
    return fixed(p, {**shared, **fields}, experts=2, selection="soft", **values)


def _feedbacks(p: profiles.Cusp, plan: Plan) -> Array:
    return np.asarray(plan[f"cusp.{p.kinds[0]}.point"][0, 0] * (1.0 + np.array(p.distances)))


def surface(p: profiles.Cusp, plan: Plan, measured: Measured) -> Picture:
    """Draw the surface of all equilibria, the fold curve on it and the measured loop."""
    from matplotlib.figure import Figure

    kind = p.kinds[0]
    z, value, slope = plan[f"cusp.{kind}.curve"]
    tip, seen = plan[f"cusp.{kind}.point"][0], measured[f"cusp/{kind}"]
    kappa = np.linspace(0.8, 1.0 + 1.1 * max(p.distances), 40)[:, None] * tip[0]
    h = p.decay * z - kappa * value
    reach = 1.05 * np.abs(seen["asymmetry"][0]).max()
    shown = np.where(np.abs(h) < reach, h, np.nan)
    figure = Figure(figsize=(6.4, 5.6), dpi=144, layout="constrained")  # of the surface, the one part that is pixels
    axes = figure.add_subplot(projection="3d")
    axes.plot_surface(
        kappa + 0 * h, shown, value + 0 * h, color=SOFT, alpha=0.25, lw=0, rstride=1, cstride=4, rasterized=True
    )  # its thousands of facets would be megabytes of text
    fold = p.decay / slope
    on = (fold < kappa.max()) & (np.abs(p.decay * z - fold * value) < reach)
    axes.plot(fold[on], (p.decay * z - fold * value)[on], value[on], color=INK, label="predicted folds")
    top = _feedbacks(p, plan)[-1]
    for side, colour, label in SIDES:
        axes.plot(np.full(p.points, top), seen["asymmetry"][0], seen["imbalance"][0, side], ".", ms=4, color=colour,
                  label=f"measured, {label}")  # fmt: skip
    axes.set(xlabel="feedback κ", ylabel="asymmetry h", zlabel="imbalance m")
    axes.view_init(elev=28, azim=-125)
    legend(figure)
    caption = "All equilibria of a router over its feedback and asymmetry (score/time), and a measured loop on them. "
    return Picture("surface", "The cusp surface", figure, caption + _caption(p, {"time": "loop_time"}))


def plane(p: profiles.Cusp, plan: Plan, measured: Measured) -> Picture:
    """Draw the fold curve with the measured jumps."""
    kind = p.kinds[0]
    z, value, slope = plan[f"cusp.{kind}.curve"]
    tip, jumps = plan[f"cusp.{kind}.point"][0], measured[f"cusp/{kind}"]["jumps"][0]
    kappa = p.decay / slope
    on = kappa < tip[0] * (1.0 + 1.15 * max(p.distances))
    bare = 2.0 * p.decay / p.inverse_temperature
    gain = np.linspace(1.0, kappa[on].max() / bare, 200)
    wrong = bare * (np.sqrt(gain * (gain - 1.0)) - np.arccosh(np.sqrt(gain)))
    figure, axes = canvas()
    axes.plot(kappa[on], (p.decay * z - kappa * value)[on], color=INK, label="predicted folds")
    for sign, label in ((1.0, "wrong theory: no margins"), (-1.0, None)):
        axes.plot(gain * bare, sign * wrong, color=RED, lw=1, ls="--", label=label)
    axes.plot(*tip[:2], "+", ms=11, color=INK, label="predicted cusp")
    for side, colour, label in SIDES:
        axes.plot(_feedbacks(p, plan), jumps[:, side], "o", ms=6, mfc="none", color=colour, label=f"jumps, {label}")
    axes.set(xlabel="feedback κ (score/time)", ylabel="asymmetry h (score/time)")
    axes.set(ylim=(1.4 * jumps.min(), 1.4 * jumps.max()))
    legend(figure)
    caption = (
        "Where the load of one router jumps while its asymmetry is swept, over the folds of its recorded margins. "
    )
    return Picture("plane", "Jumps on the cusp plane", figure, caption + _caption(p, {"time": "time"}))


def loop(p: profiles.Cusp, plan: Plan, measured: Measured) -> Picture:
    """Draw the loop at the largest feedback over its branches."""
    kind = p.kinds[0]
    z, value, slope = plan[f"cusp.{kind}.curve"]
    kappa, seen = _feedbacks(p, plan)[-1], measured[f"cusp/{kind}"]
    h, stable = p.decay * z - kappa * value, kappa * slope < p.decay
    figure, axes = canvas()
    for which, colour, line, label in ((stable, INK, "-", "stable"), (~stable, SOFT, "--", "unstable")):
        axes.plot(np.where(which, h, np.nan), value, line, color=colour, label=f"predicted, {label}")
    for side, colour, label in SIDES:
        axes.plot(seen["asymmetry"][0], seen["imbalance"][0, side], ".", ms=4, color=colour, label=f"measured, {label}")
    for fold in plan[f"cusp.{kind}.folds"][0, -1]:
        axes.axvline(fold, color=RED, lw=1, ls=":")
    ends = seen["asymmetry"][0]
    axes.set(xlabel="asymmetry h (score/time)", ylabel="imbalance of the load m = p₁ − p₂", xlim=(ends[0], ends[-1]))
    legend(figure)
    caption = "The load of one router while its asymmetry is swept by small steps; dotted: predicted folds. "
    values = {"feedback": float(kappa)}
    return Picture("loop", "A hysteresis loop", figure, caption + _caption(p, {"time": "loop_time"}, **values))


def tables(profile: Profile, plan: Plan, measured: Measured) -> tuple[Table, ...]:
    """Return the table of the jumps, means over gates."""
    p, rows = profile.cusp, []
    for kind in p.kinds:
        folds, jumps = plan[f"cusp.{kind}.folds"], measured[f"cusp/{kind}"]["jumps"]
        for k, d in enumerate(p.distances):
            pair = [each[:, k, 0] - each[:, k, 1] for each in (folds, jumps)]
            rows.append((kind, f"{1.0 + d:g}", *(f"{each.mean():.5f}" for each in pair),
                         f"{(pair[1] / pair[0]).mean():.4f}"))  # fmt: skip
    columns = ("gates", "κ over that of the cusp", "predicted width", "measured", "ratio")
    return (Table("folds", "Loops in the asymmetry", columns, tuple(rows), "Widths in score/time."),)
