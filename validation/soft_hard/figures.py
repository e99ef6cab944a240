"""The pictures of the soft-hard study, drawn from what was measured. Every caption states every fixed parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.soft_hard.profiles import Boundary, Landscape, Profile, Risks, Trained
from validation.studies import Measured, Picture, Plan, cases

if TYPE_CHECKING:
    from matplotlib.axis import Axis

Array = NDArray[np.float64]


def pictures(p: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw all of them."""
    with style():
        return (
            layer(p.boundary, measured),
            slopes(p.boundary, plan, measured),
            risks(p.risks, plan, measured),
            shifts(p.risks, plan, measured),
            spectra(p.landscape, plan, measured),
            jump(p.risks, plan, measured),
            *(trained(p.trained, measured) if any(name.startswith("trained/") for name in measured) else ()),
        )


def plain(axis: Axis) -> None:
    """Leave the minor ticks of a short logarithmic axis without numbers, which would run into each other."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def layer(p: Boundary, measured: Measured) -> Picture:
    """Draw a curved interface with the slab whose tokens were counted."""
    figure, axes = canvas(height=5.0)
    x = np.linspace(-2.6, 2.6, 521)
    grid = np.linspace(-2.6, 2.6, 261)
    density = np.exp(-0.5 * (grid[:, None] ** 2 + grid**2))
    axes.contourf(grid, grid, density, levels=[0.05, 0.2, 0.4, 0.6, 0.8, 1.0], cmap="Blues", alpha=0.5)
    bend = p.curvature * x * x
    axes.fill_between(x, bend - p.width, bend + p.width, color=ORANGE, alpha=0.85, lw=0, label="the slab |ψ| ≤ w")
    axes.plot(x, bend, color=INK, lw=1.2, label="the interface y = k x²")
    axes.set(xlabel="x", ylabel="y", xlim=(-2.6, 2.6), ylim=(-2.6, 2.6))
    axes.set_aspect("equal")
    legend(figure)
    share = float(cases(measured, "curved")[2]["mass"].mean())
    caption = (
        f"Tokens within w of a tie, over the density of the tokens (blue): {share:.2%} of them were counted there. "
        + fixed(p, {"width": "width", "curvature": "curvature", "tokens_per_seed": "tokens", "seeds": "seeds"})
    )
    return Picture("layer", "The boundary layer", figure, caption)


def slopes(p: Boundary, plan: Plan, measured: Measured) -> Picture:
    """Draw the boundary mass over its width, at interfaces with and without a linear law."""
    w = np.geomspace(1e-3, 1.0, 61)
    figure, axes = canvas()
    k, slope, bend = p.experts[0], plan["experts.slope"][0], plan["experts.curvature"][0]
    axes.semilogx(w, slope + bend * w, color=BLUE, label=f"K = {k}: slope and second order")
    axes.axhline(slope, color=SOFT, ls=":", label=f"K = {k}: linear law")
    widths = np.array(p.saddle_widths)
    axes.semilogx(
        w, (np.log(4.0 / w) - np.euler_gamma + 1.0) / np.pi, color=RED, label="crossing: (log(4/w) − γ + 1)/π"
    )
    axes.axhline(2.0 * plan["curved"][2], color=GREEN, label="parabola: 2c")
    seen = cases(measured, "experts")[0]["mass"] / np.array([p.binary_width, p.bend_width])
    counted = cases(measured, "saddle")[0]["mass"] / widths
    bent = cases(measured, "curved")[2]["mass"] / p.width
    for at, values, colour, label in (
        ((p.binary_width, p.bend_width), seen, BLUE, "experts, counted"),
        (widths, counted, RED, "crossing, counted"),
        ((p.width,), bent, GREEN, "parabola, counted"),
    ):
        axes.semilogx(np.broadcast_to(at, values.shape).ravel(), values.ravel(), "o", ms=4, mfc="none", color=colour,
                      label=label)  # fmt: skip
    axes.set(xlabel="width w of the slab", ylabel="boundary mass over width, M(w)/w")
    legend(figure)
    caption = "Where M(w)/w tends to a number the boundary mass is linear; at a crossing it does not. " + fixed(
        p, {"width": "width", "curvature": "curvature", "tokens_per_seed": "tokens", "seeds": "seeds"}, experts=k
    )
    return Picture("slopes", "Linear laws, and one that is none", figure, caption)


def risks(p: Risks, plan: Plan, measured: Measured) -> Picture:
    """Draw excess risks against the temperature."""
    t = np.array(p.temperatures)
    figure, axes = canvas()
    for k, (alpha, part, colour) in enumerate(
        zip(p.exponents, cases(measured, "risk"), (BLUE, ORANGE, GREEN), strict=True)
    ):
        axes.loglog(t, plan["risk.constants"][k] * t**alpha, color=colour, label=f"predicted, α = {alpha:g}")
        x = np.broadcast_to(t, part["gap"].shape)
        axes.loglog(
            x.ravel(), part["gap"].ravel(), "o", ms=4, mfc="none", color=colour, label=f"measured, α = {alpha:g}"
        )
    cold, agreeing = np.array(p.cold), measured["quadrature/0"]["agreeing"]
    axes.loglog(cold, agreeing, "s-", ms=4, color=RED, label="experts that agree: T³")
    axes.set(xlabel="temperature T", ylabel="excess risk over hard routing")
    legend(figure)
    caption = "Excess risk C T^α of a soft router whose margins are U^(1/α). " + fixed(
        p, {"temperatures": "temperatures", "tokens_per_seed": "tokens", "seeds": "seeds"}
    )
    return Picture("risks", "What softness costs", figure, caption)


def shifts(p: Risks, plan: Plan, measured: Measured) -> Picture:
    """Draw how far minimisers and objective move."""
    t, seen = np.array(p.cold), measured["quadrature/0"]
    figure, axes = canvas()
    axes.loglog(t, plan["shift"], color=BLUE, label="threshold, predicted")
    axes.loglog(t, seen["shift"], "o", ms=6, mfc="none", color=BLUE, label="threshold, by quadrature")
    axes.loglog(t, plan.number("amplitude.limit") * t, color=ORANGE, label="amplitude, predicted leading term")
    axes.loglog(t, seen["amplitude"] - 1.0, "s", ms=6, mfc="none", color=ORANGE, label="amplitude, by quadrature")
    axes.loglog(t, seen["first"], "^-", ms=6, mfc="none", color=SOFT, label="least objective moves by")
    axes.set(xlabel="temperature T", ylabel="distance from hard routing", xticks=t)
    plain(axes.xaxis)
    legend(figure)
    caption = "The threshold moves by T², amplitude and objective by T. " + fixed(
        p, {"temperatures": "cold", "threshold": "threshold"}
    )
    return Picture("shifts", "Where the minimisers go", figure, caption)


def spectra(p: Landscape, plan: Plan, measured: Measured) -> Picture:
    """Draw both eigenvalues of the Hessian at the saddle against the temperature."""
    t, seen = np.array(p.temperatures), measured["quadrature/0"]["saddle.rates"]
    figure, axes = canvas()
    for k, (colour, label) in enumerate(((RED, "descent"), (BLUE, "ascent"))):
        axes.semilogx(t, plan["saddle.rates"][:, k], color=colour, label=f"{label}, predicted")
        axes.semilogx(
            t, seen[:, k], "o", ms=5, mfc="none", color=colour, label=f"{label}, by automatic differentiation"
        )
    axes.axhline(-plan.number("saddle.limit"), color=RED, ls=":", label="descent of hard routing")
    sampled = -measured["growth/0"]["rates"]
    x = np.broadcast_to(p.growth_temperatures, sampled.shape)
    axes.semilogx(x.ravel(), sampled.ravel(), "x", ms=5, color=INK, label="descent, sampled")
    axes.axvline(plan.number("peak"), color=SOFT, lw=1, label="fastest descent")
    axes.set(xlabel="temperature T", ylabel="eigenvalue of the Hessian")
    legend(figure)
    caption = "The router at right angles to its teacher: a strict saddle at every temperature. " + fixed(
        p, {"temperatures": "temperatures", "tokens_per_seed": "tokens", "seeds": "seeds"}, experts=2
    )
    return Picture("spectra", "The saddle that transfers", figure, caption)


def jump(p: Risks, plan: Plan, measured: Measured) -> Picture:
    """Draw the curvature at a teacher with a jump."""
    t = np.array(p.cold)
    figure, axes = canvas(height=4.2)
    axes.loglog(t, plan.number("jump.limit") / t, color=INK, label="predicted, 2 f(0)/T")
    axes.loglog(t, measured["quadrature/0"]["jump"], "o", ms=6, mfc="none", color=BLUE, label="by quadrature")
    axes.set(xlabel="temperature T", ylabel="curvature of the risk at the teacher", xticks=t)
    plain(axes.xaxis)
    legend(figure)
    caption = "At a teacher with a jump there is no limit for the curvature to tend to. " + fixed(
        p, {"temperatures": "cold", "threshold": "threshold"}
    )
    return Picture("jump", "The curvature that does not transfer", figure, caption)


def trained(p: Trained, measured: Measured) -> tuple[Picture, ...]:
    """Draw the measured against the predicted distance of soft from hard risk, for each trained mixture."""
    figure, axes = canvas(height=5.2)
    every = []
    for name, colour in zip(("digits", "fashion"), (BLUE, ORANGE), strict=True):
        if f"trained/{name}" not in measured:
            continue
        part = measured[f"trained/{name}"]
        seen, expected = (np.abs(part[kind]).ravel() for kind in ("risk", "risk_expected"))
        axes.loglog(
            expected, seen, "o", ms=4, mfc="none", color=colour, label=f"{name}, one per network and temperature"
        )
        every.append(expected)
    ends = np.array([np.min(np.concatenate(every)), np.max(np.concatenate(every))])
    axes.loglog(ends, ends, color=INK, label="equal")
    axes.set(xlabel="predicted distance of soft from hard risk", ylabel="measured distance")
    legend(figure)
    fields = {"temperatures": "temperatures", "hidden": "hidden", "learning_rate": "learning_rate",
              "batch_size": "batch_size", "bandwidth": "bandwidth"}  # fmt: skip
    caption = (
        "Squared error of mixtures trained on images, soft less hard routing, against what the experts' difference at "
        "the tie predicts from other tokens. It is negative: size is shown. " + fixed(p, fields, experts=2)
    )
    return (Picture("trained", "The risk gap of trained mixtures", figure, caption),)
