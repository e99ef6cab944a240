"""The pictures of the discrete rule. Every caption states every fixed parameter of its run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moecusp import RouterParameters, simulate
from moecusp.report import Figure
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style, svg
from validation.discrete_rule import expert_collapse, mean_field, noise
from validation.discrete_rule.limit import flow

Array = NDArray[np.float64]


def paths(p: mean_field.Profile, seed: int) -> Figure:
    """Draw sample paths around the flow for two steps."""
    with style():
        figure, axes = canvas(height=4.4)
        for exponent, colour in ((5, ORANGE), (10, BLUE)):
            delta = 2.0**-exponent
            steps = round(p.horizon / delta)
            run = simulate(
                RouterParameters(feedback=2.0 * p.gain, asymmetry=2.0 * p.asymmetry), increment=delta, steps=steps,
                routers=12, initial=[p.start, -p.start], every=1, trajectory=True, seed=seed,
            )  # fmt: skip
            assert run.trajectory is not None
            time = delta * np.arange(steps + 1)
            for k, path in enumerate(0.5 * run.trajectory.T):
                axes.plot(
                    time, path, color=colour, lw=0.7, alpha=0.7, label=f"δ = $2^{{-{exponent}}}$" if not k else None
                )
        axes.plot(time, flow(p.gain, p.asymmetry, p.start, time), color=INK, lw=2, label="the flow")
        axes.set(xlabel="time (1/μ)", ylabel="score difference u")
        legend(figure)
        picture = svg(figure, "Paths around the flow")
    caption = (
        "Twelve paths of the discrete rule for each of two steps, and the flow that they approach. "
        f"Fixed: experts K = 2, soft selection, gain = {p.gain}, asymmetry = {p.asymmetry}, start u = {p.start}, "
        "batch size B = 1."
    )
    return Figure("paths", "Paths around the flow", picture, caption)


def errors(p: mean_field.Profile, predicted: mean_field.Predictions, seen: mean_field.Measurements) -> Figure:
    """Draw the error of paths against the step, with the proved bound."""
    delta = seen.steps.values
    bound = np.sqrt(2.0 * predicted.bound.noise * delta + 2.0 * (predicted.bound.bias * delta) ** 2)
    mean = np.sqrt((seen.steps.errors**2).mean(axis=1))
    with style():
        figure, axes = canvas()
        axes.loglog(delta, bound, color=RED, ls="--", label="proved bound")
        axes.loglog(delta, mean[-1] * (delta / delta[-1]) ** 0.5, color=SOFT, label="slope 1/2")
        x = np.broadcast_to(delta[:, None], seen.steps.errors.shape)
        axes.loglog(
            x.ravel(), seen.steps.errors.ravel(), "o", ms=4, mfc="none", color=BLUE, label="paths, one per seed"
        )
        line = seen.bias.errors[:, 0]
        axes.loglog(seen.bias.values, line, "s", ms=5, color=GREEN, label="bias of the mean, exact")
        axes.loglog(
            seen.bias.values, line[-1] * seen.bias.values / seen.bias.values[-1], color=SOFT, ls=":", label="slope 1"
        )
        axes.set(xlabel="step δ", ylabel="distance from the flow")
        legend(figure)
        picture = svg(figure, "Errors of paths")
    caption = (
        "Root mean square over routers of the largest distance of a path from the flow, and the error of the mean at "
        f"the horizon. Fixed: experts K = 2, soft selection, gain = {p.gain}, asymmetry = {p.asymmetry}, "
        f"start u = {p.start}, horizon = {p.horizon}/μ, batch size B = 1, "
        f"routers = {p.routers} per seed, seeds = {p.seeds}."
    )
    return Figure("errors", "How fast paths approach the flow", picture, caption)


def attractors(p: mean_field.Profile, predicted: mean_field.Predictions, seen: mean_field.Measurements) -> Figure:
    """Draw measured against predicted long-run loads."""
    with style():
        figure, axes = canvas(height=5.0)
        axes.plot([0, 1], [0, 1], color=SOFT, lw=1, label="equal")
        for k, (loads, expected) in enumerate(zip(seen.loads, predicted.loads, strict=True)):
            flat = loads.ravel()
            nearest = np.array(expected)[np.argmin(np.abs(flat[:, None] - np.array(expected)), axis=1)]
            axes.plot(nearest, flat, "o", ms=4, mfc="none", color=BLUE, label="measured" if not k else None)
        axes.set(xlabel="predicted stable load of expert 1", ylabel="measured long-run load")
        axes.set_aspect("equal")
        legend(figure)
        picture = svg(figure, "Long-run loads")
    shares = ", ".join(f"{s:g}" for s in p.fold_shares)
    gains = ", ".join(f"{g:g}" for g in (*p.pitchfork_gains, *p.attractor_gains))
    caption = (
        "Long-run load of expert 1 from five starts against the nearest stable load of the flow, 1 % from the "
        f"pitchfork and from the folds among them. Fixed: experts K = 2, soft selection, gains = {gains}, "
        f"asymmetries = {shares} of the fold's, step δ = {p.attractor_increment}, batch size "
        f"B = {p.attractor_batch}, time = {p.attractor_time:g}/μ, seeds = {p.seeds}."
    )
    return Figure("attractors", "Long-run loads are the flow's attractors", picture, caption)


def escapes(p: noise.Profile, predicted: noise.Predictions, seen: noise.Measurements) -> Figure:
    """Draw the logarithm of mean escape times against 1/delta."""
    x = 1.0 / np.array(p.escape_steps)
    mean = seen.escape_logs.mean(axis=1)
    with style():
        figure, axes = canvas(height=4.4)
        for slope, colour, dash, label in (
            (predicted.exact_barrier, INK, "-", "exact barrier"),
            (predicted.diffusion_barrier, RED, "--", "barrier of the diffusion limit"),
        ):
            axes.plot(x, mean[0] + slope * (x - x[0]), dash, color=colour, label=label)
        wide = np.broadcast_to(x[:, None], seen.escape_logs.shape)
        axes.plot(
            wide.ravel(), seen.escape_logs.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured, one per seed"
        )
        axes.set(xlabel="1/δ", ylabel="log of mean escape time (1/μ)")
        legend(figure)
        picture = svg(figure, "Escape times")
    caption = (
        "Mean time to leave a collapsed state for the other; lines have the predicted slopes and start at the first "
        f"point. Fixed: experts K = 2, soft selection, gain = {p.gain}, asymmetry = 0, batch size B = 1, "
        f"routers = {p.routers} per seed, seeds = {p.seeds}."
    )
    return Figure("escapes", "Escape from a collapsed state", picture, caption)


def delays(p: noise.Profile, predicted: noise.Predictions, seen: noise.Measurements) -> Figure:
    """Draw the delay of a ramped jump against the rate."""
    rates = np.array(p.ramp_rates)
    with style():
        figure, axes = canvas(height=4.4)
        law = predicted.ramp_constant * rates**predicted.ramp_exponent
        axes.loglog(rates, law, color=INK, label="predicted, 2.338 ρ^(2/3) b^(-1/3)")
        x = np.broadcast_to(rates[:, None], seen.delays.shape)
        axes.loglog(x.ravel(), seen.delays.ravel(), "o", ms=4, mfc="none", color=BLUE, label="measured, one per seed")
        axes.set(xlabel="rate ρ of the asymmetry", ylabel="delay of the jump past the fold")
        legend(figure)
        picture = svg(figure, "Delay of a ramped jump")
    caption = (
        "How far past the fold the load jumps when the asymmetry is ramped. "
        f"Fixed: experts K = 2, soft selection, gain = {p.gain}, step δ = {p.ramp_increment}, batch size "
        f"B = {p.ramp_batch}, seeds = {p.seeds}."
    )
    return Figure("delays", "A ramped fold is late", picture, caption)


def collapse(
    p: expert_collapse.Profile, predicted: expert_collapse.Predictions, seen: tuple[expert_collapse.Sweep, ...]
) -> Figure:
    """Draw release and onset of collapse against the number of experts."""
    experts = np.array([each.experts for each in seen])
    with style():
        figure, axes = canvas(height=4.4)
        axes.semilogx(experts, predicted.fold_gain, color=INK, label="predicted fold g_fold(K)")
        axes.axhline(1.0, color=SOFT, ls="--", label="predicted loss of balance")
        for values, colour, mark, label in (
            ([each.release() for each in seen], BLUE, "v", "measured release, sweeping down"),
            ([each.onset() for each in seen], ORANGE, "^", "measured onset, sweeping up"),
        ):
            table = np.stack(values)
            x = np.broadcast_to(experts[:, None], table.shape)
            axes.semilogx(x.ravel(), table.ravel(), mark, ms=5, mfc="none", color=colour, label=label)
        axes.set(xlabel="experts K", ylabel="gain", xticks=experts, ylim=(0, 1.2))
        axes.set_xticklabels([str(k) for k in experts])
        axes.minorticks_off()
        legend(figure)
        picture = svg(figure, "Collapse of many experts")
    caption = (
        "Gain at which a collapsed router returns to balance, and at which a balanced one collapses, without any "
        "asymmetry: between them both states are stable. Noise sets off the collapse below gain 1 where the window is "
        f"wide. Fixed: soft selection, step δ = {p.increment}, batch size B = {p.batch}, time = {p.time:g}/μ, "
        f"asymmetry = 0, seeds = {p.seeds}."
    )
    return Figure("collapse", "More experts, wider window", picture, caption)
