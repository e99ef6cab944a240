"""The pictures of the mean-field study, drawn from what was measured. Every caption states every fixed parameter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.mean_field import effects
from validation.mean_field.profiles import Attractors, Collapse, Escapes, Paths, Profile, Ramps, Warnings
from validation.studies import Measured, Picture, Plan, cases

Array = NDArray[np.float64]
POINT = {"gain": "gain", "reduced_asymmetry": "asymmetry", "start": "start", "time": "horizon"}


def pictures(p: Profile, plan: Plan, measured: Measured) -> tuple[Picture, ...]:
    """Draw all of them."""
    with style():
        return (
            paths(p.paths, plan, measured),
            errors(p.paths, plan, measured),
            attractors(p.attractors, plan, measured),
            escapes(p.escapes, plan, measured),
            warnings(p.warnings, plan, measured),
            delays(p.ramps, plan, measured),
            collapse(p.collapse, plan, measured),
        )


def paths(p: Paths, plan: Plan, measured: Measured) -> Picture:
    """Draw sample paths around the flow."""
    flow = plan["paths.flow"]
    figure, axes = canvas(height=4.4)
    samples = cases(measured, "samples")
    for exponent, part, colour in zip(p.sample_exponents, samples, (ORANGE, BLUE), strict=True):
        time = 2.0**-exponent * np.arange(part["paths"].shape[1])
        for k, path in enumerate(part["paths"]):
            label = f"δ = $2^{{-{exponent}}}$" if not k else None
            axes.plot(time, path, color=colour, lw=0.7, alpha=0.7, label=label)
    axes.plot(plan["paths.flow_step"] * np.arange(flow.size), flow, color=INK, lw=2, label="the flow")
    axes.set(xlabel="time (1/μ)", ylabel="score difference u")
    legend(figure)
    caption = "Paths of the discrete rule for two steps, and the flow that they approach. " + fixed(
        p, {**POINT, "batch_size": "batch_size", "routers": "sample_routers"}, experts=2, selection="soft"
    )
    return Picture("paths", "Paths around the flow", figure, caption)


def errors(p: Paths, plan: Plan, measured: Measured) -> Picture:
    """Draw the error of paths against the step, with the proved bound."""
    step, seen = effects.steps_of(p.exponents), effects.errors(measured, "steps")
    mean = np.sqrt((seen**2).mean(axis=1))
    coarse, line = effects.steps_of(p.bias_exponents), effects.bias(plan, measured)
    half, _, one = plan["paths.slopes"]
    figure, axes = canvas()
    axes.loglog(step, effects.proved(plan, p, p.batch_size), color=RED, ls="--", label="proved bound")
    axes.loglog(step, mean[-1] * (step / step[-1]) ** half, color=SOFT, label="slope 1/2")
    x = np.broadcast_to(step[:, None], seen.shape)
    axes.loglog(x.ravel(), seen.ravel(), "o", ms=4, mfc="none", color=BLUE, label="paths, one per seed")
    axes.loglog(coarse, line, "s", ms=5, color=GREEN, label="bias of the mean, exact")
    axes.loglog(coarse, line[-1] * (coarse / coarse[-1]) ** one, color=SOFT, ls=":", label="slope 1")
    axes.set(xlabel="step δ", ylabel="distance from the flow")
    legend(figure)
    caption = (
        "Root mean square over routers of the largest distance of a path from the flow, and the error of the mean at "
        "the horizon. "
        + fixed(
            p,
            {**POINT, "batch_size": "batch_size", "routers_per_seed": "routers", "seeds": "seeds"},
            experts=2,
            selection="soft",
        )
    )
    return Picture("errors", "How fast paths approach the flow", figure, caption)


def attractors(p: Attractors, plan: Plan, measured: Measured) -> Picture:
    """Draw measured against predicted long-run loads."""
    loads, expected = measured["attractors/0"]["loads"], plan["attractors.loads"]
    nearest = np.nanargmin(np.abs(loads[..., None] - expected[:, None, None, :]), axis=-1)
    x = np.take_along_axis(expected, nearest.reshape(len(loads), -1), axis=1)
    figure, axes = canvas(height=5.0)
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, label="equal")
    axes.plot(x.ravel(), loads.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured")
    axes.set(xlabel="predicted stable load of expert 1", ylabel="measured long-run load")
    axes.set_aspect("equal")
    legend(figure)
    fields = {
        "fold_shares": "fold_shares",
        "step": "step",
        "batch_size": "batch_size",
        "time": "time",
        "seeds": "seeds",
    }
    caption = (
        f"Long-run load of expert 1 from {p.starts} starts against the nearest stable load of the flow, at gains "
        "around the pitchfork and asymmetries around the folds. "
        + fixed(p, fields, experts=2, selection="soft", gains=(*p.pitchfork_gains, *p.gains))
    )
    return Picture("attractors", "Long-run loads are the flow's attractors", figure, caption)


def escapes(p: Escapes, plan: Plan, measured: Measured) -> Picture:
    """Draw the logarithm of mean escape times against 1/delta."""
    x, seen = 1.0 / np.array(p.steps), np.log(effects.escape_times(measured))
    mean = seen.mean(axis=1)
    figure, axes = canvas(height=4.4)
    for slope, colour, dash, label in zip(
        plan["escapes.barrier"],
        (INK, RED),
        ("-", "--"),
        ("exact barrier", "barrier of the diffusion limit"),
        strict=True,
    ):
        axes.plot(x, mean[0] + slope * (x - x[0]), dash, color=colour, label=label)
    wide = np.broadcast_to(x[:, None], seen.shape)
    axes.plot(wide.ravel(), seen.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured, one per seed")
    axes.set(xlabel="1/δ", ylabel="log of mean escape time (1/μ)")
    legend(figure)
    fields = {"gain": "gain", "batch_size": "batch_size", "routers_per_seed": "routers", "seeds": "seeds"}
    caption = (
        "Mean time to leave a collapsed state for the other; lines have the predicted slopes and start at the first "
        "point. " + fixed(p, fields, experts=2, selection="soft", reduced_asymmetry=0)
    )
    return Picture("escapes", "Escape from a collapsed state", figure, caption)


def warnings(p: Warnings, plan: Plan, measured: Measured) -> Picture:
    """Draw the variance against the share of the fold's asymmetry."""
    shares, seen = np.array(p.shares), measured["warnings/0"]["variance"]
    figure, axes = canvas(height=4.4)
    axes.semilogy(shares, plan["warnings.variance"], color=INK, label="predicted, linear noise")
    x = np.broadcast_to(shares[:, None], seen.shape)
    axes.semilogy(x.ravel(), seen.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured, one per seed")
    axes.set(xlabel="asymmetry (share of the fold's)", ylabel="variance of u")
    legend(figure)
    fields = {
        "gain": "gain",
        "step": "step",
        "batch_size": "batch_size",
        "routers_per_seed": "routers",
        "seeds": "seeds",
    }
    caption = "Fluctuations grow on the way to the fold. " + fixed(p, fields, experts=2, selection="soft")
    return Picture("warnings", "Early warning", figure, caption)


def delays(p: Ramps, plan: Plan, measured: Measured) -> Picture:
    """Draw the delay of a ramped jump against the rate."""
    rates, seen = np.array(p.rates), effects.delays(plan, measured)
    figure, axes = canvas(height=4.4)
    axes.loglog(rates, plan["ramps.delays"], color=INK, label="predicted, 2.338 ρ^(2/3) b^(-1/3)")
    x = np.broadcast_to(rates[:, None], seen.shape)
    axes.loglog(x.ravel(), seen.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured, one per seed")
    axes.set(xlabel="rate ρ of the asymmetry", ylabel="delay of the jump past the fold")
    legend(figure)
    fields = {"gain": "gain", "step": "step", "batch_size": "batch_size", "seeds": "seeds"}
    caption = "How far past the fold the load jumps when the asymmetry is ramped. " + fixed(
        p, fields, experts=2, selection="soft"
    )
    return Picture("delays", "A ramped fold is late", figure, caption)


def collapse(p: Collapse, plan: Plan, measured: Measured) -> Picture:
    """Draw release and onset of collapse against the number of experts."""
    experts = np.array(p.experts)
    seen = [effects.onset_and_release(plan, p, measured, case) for case in range(experts.size)]
    figure, axes = canvas(height=4.4)
    axes.semilogx(experts, plan["collapse.folds"], color=INK, label="predicted fold g_fold(K)")
    axes.axhline(1.0, color=SOFT, ls="--", label="predicted loss of balance")
    for side, colour, mark, label in (
        (1, BLUE, "v", "measured release, sweeping down"),
        (0, ORANGE, "^", "measured onset, sweeping up"),
    ):
        table = np.stack([pair[side] for pair in seen])
        x = np.broadcast_to(experts[:, None], table.shape)
        axes.semilogx(x.ravel(), table.ravel(), mark, ms=5, mfc="none", color=colour, label=label)
    axes.set(xlabel="experts K", ylabel="gain", xticks=experts, ylim=(0, 1.2))
    axes.set_xticklabels([str(k) for k in experts])
    axes.minorticks_off()
    legend(figure)
    fields = {"step": "step", "batch_size": "batch_size", "time": "time", "seeds": "seeds"}
    caption = (
        "Gain at which a collapsed router returns to balance, and at which a balanced one collapses, without any "
        "asymmetry: between them both states are stable. Noise sets off the collapse below gain 1 where the window is "
        "wide. " + fixed(p, fields, selection="soft", reduced_asymmetry=0)
    )
    return Picture("collapse", "More experts, wider window", figure, caption)
