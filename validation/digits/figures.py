"""The pictures of the digits study, drawn from what was measured. Every caption states every fixed parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style
from validation.captions import fixed
from validation.digits.effects import gathered, onsets, standard_error
from validation.digits.measure import STARTS
from validation.digits.profiles import Profile
from validation.studies import Measured, Picture, Plan, cases

Array = NDArray[np.float64]
START_COLOURS = (GREEN, BLUE, ORANGE)
ROUTER = {"decay": "decay", "pixel_jitter": "pixel_jitter"}
GROWTH = {"increment": "growth_increment", "batch_size": "growth_batch_size", "kick": "kick", "time": "growth_time",
          "seeds": "growth_seeds"}  # fmt: skip
TRAINING = {
    name: name
    for name in (
        "increment", "batch_size", "batches_per_update", "hidden", "learning_rate", "momentum", "seeds",
        "collapsed_start",
    )
}  # fmt: skip
SWEEPING = {"sweep_increment": "sweep_increment", "sweep_batch_size": "sweep_batch_size", "seeds": "seeds"}


def pictures(p: Profile, plan: Plan, measured: Measured, interval: tuple[float, float]) -> tuple[Picture, ...]:
    """Draw all of them; `interval` is that of the measured critical feedback."""
    with style():
        return (
            bifurcation(p, plan, measured, interval),
            growth(p, plan, measured),
            panel(p, plan, measured),
            hysteresis(p, plan, measured),
            cusp_plane(p, plan, measured),
            history(p, plan, measured),
            cost(p, plan, measured),
        )


def caption(p: Profile, plan: Plan, fields: dict[str, str], **values: object) -> str:
    """Return the fixed parameters of a picture of the first router."""
    recorded = plan["margins"][0]
    of_router = {
        "experts": 2, "selection": "hard top-1", "margin_jitter": float(plan["jitter"][0]),
        "spread": float(recorded.std()), "tokens": recorded.size,
    }  # fmt: skip
    return fixed(p, {**ROUTER, **fields}, **of_router, **values)


def bifurcation(p: Profile, plan: Plan, measured: Measured, interval: tuple[float, float]) -> Picture:
    """Draw the imbalance of the load against the feedback."""
    value, critical = plan["curve.value"], plan["critical_feedback"][0]
    kappa = p.decay * plan["curve.z"] / value
    stable = kappa * plan["curve.slope"] < p.decay
    feedbacks, seen = plan["branch.feedbacks"], gathered(measured, "branches", "imbalance")
    top = 1.05 * feedbacks.max()
    figure, axes = canvas()
    axes.plot(*_masked(kappa, value, stable), color=INK, lw=1.8, label="predicted, stable")
    axes.plot(*_masked(kappa, value, ~stable), color=SOFT, lw=1.4, ls="--", label="predicted, unstable")
    axes.plot([0, critical], [0, 0], color=INK, lw=1.8)
    axes.plot([critical, top], [0, 0], color=SOFT, lw=1.4, ls="--")
    axes.axvspan(*interval, color=RED, alpha=0.25, lw=0, label="measured onset, interval")
    axes.axvline(critical, color=RED, lw=1, ls=":", label="predicted critical feedback")
    for index, (start, colour, size) in enumerate(zip(STARTS, START_COLOURS, (8, 5.5, 3), strict=True)):
        y = seen[:, index]
        x = np.broadcast_to(feedbacks, y.shape)
        axes.plot(x.ravel(), y.ravel(), "o", ms=size, mfc="none", mew=1, color=colour, label=f"from {start}")
    axes.set(xlim=(0.9 * feedbacks.min(), top), ylim=(-1.05, 1.05))
    axes.set(xlabel="feedback κ (score/time)", ylabel="imbalance of the load m = p₁ − p₂")
    legend(figure)
    text = (
        "Long-run load of two-expert mixtures trained on the digits, one circle per seed, over the branches predicted "
        "from the router's recorded margins; no constant is fitted. "
        f"Predicted critical feedback {critical:.4g}, measured {onsets(plan, measured)[0].mean():.4g}. "
    )
    return Picture(
        "bifurcation", "The load against the feedback", figure,
        text + caption(p, plan, {**TRAINING, "time": "branch_time"}, asymmetry=0),
    )  # fmt: skip


def growth(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw growth rates of a small imbalance against the feedback."""
    feedbacks, rates = plan["growth.feedbacks"][0], cases(measured, "onset")[0]["rates"]
    figure, axes = canvas(height=4.4)
    x = np.array([feedbacks.min(), feedbacks.max()])
    for factor, colour, line, label in (
        (1.0, INK, "-", "predicted from the margins"),
        (2.0, RED, "--", "control: critical feedback doubled"),
    ):
        y = p.decay * (x / (factor * plan["critical_feedback"][0]) - 1)
        axes.plot(x, y, line, color=colour, label=label)
    spread = np.broadcast_to(feedbacks, rates.shape)
    axes.plot(spread.ravel(), rates.ravel(), "o", ms=3.5, mfc="none", color=BLUE, label="measured, one per seed")
    axes.axhline(0.0, color=SOFT, lw=1)
    axes.set(xlabel="feedback κ (score/time)", ylabel="growth rate of an imbalance (1/time)")
    legend(figure)
    text = (
        "Rate at which a small imbalance grows or decays, from pairs of routers that start on both sides of balance "
        "and see the same tokens. Where it passes zero is the critical feedback. "
    )
    return Picture("growth", "Where balance loses stability", figure, text + caption(p, plan, GROWTH, asymmetry=0))


def panel(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw measured against predicted critical feedback for all routers."""
    predicted, gaussian = plan["critical_feedback"], plan["gaussian_feedback"]
    onset = onsets(plan, measured)
    mean = onset.mean(axis=1)
    low, high = min(predicted.min(), mean.min(), gaussian.min()), max(predicted.max(), mean.max())
    figure, axes = canvas(height=5.4)
    axes.plot([0.96 * low, 1.04 * high], [0.96 * low, 1.04 * high], color=SOFT, lw=1, label="equal")
    axes.plot(gaussian, mean, "x", color=RED, label="closed form for Gaussian margins, σ√(π/2)")
    errors = 2.58 * standard_error(onset, axis=1)
    axes.errorbar(predicted, mean, errors, fmt="o", ms=5, color=BLUE, label="from recorded margins")
    axes.set(xlabel="predicted critical feedback (score/time)", ylabel="measured (score/time)")
    axes.set_aspect("equal")
    legend(figure)
    text = (
        f"Critical feedback of {predicted.size} random linear routers on the same digits: measured against predicted, "
        "bars of 2.58 standard errors. Margin jitter and standard deviation are those of the first. "
    )
    return Picture("panel", "Other routers", figure, text + caption(p, plan, GROWTH, asymmetry=0))


def hysteresis(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw the load against the asymmetry, swept up and down at the largest feedback."""
    kappa, value = plan["sweep.feedbacks"][-1], plan["curve.value"]
    folds, jumps = plan["sweep.folds"][:, -1], plan["sweep.jumps"][:, -1]
    h = p.decay * plan["curve.z"] - kappa * value
    stable = kappa * plan["curve.slope"] < p.decay
    asymmetry = cases(measured, "sweeps")[0]["asymmetry"]
    seen = gathered(measured, "sweeps", "imbalance").mean(axis=0)[:, -1]
    figure, axes = canvas()
    axes.plot(*_masked(h, value, stable), color=INK, lw=1.8, label="predicted, stable")
    axes.plot(*_masked(h, value, ~stable), color=SOFT, lw=1.4, ls="--", label="predicted, unstable")
    for side, colour, label in ((0, BLUE, "measured, sweeping up"), (1, ORANGE, "measured, sweeping down")):
        axes.plot(asymmetry, seen[side], ".", ms=5, color=colour, label=label)
    for fold in folds:
        axes.axvline(fold, color=RED, lw=1, ls=":")
    reach = plan.number("sweep.reach")
    axes.set(xlim=(-reach, reach), ylim=(-1.05, 1.05))
    axes.set(xlabel="asymmetry h (score/time)", ylabel="imbalance of the load m = p₁ − p₂")
    legend(figure)
    text = (
        "Mean load over the seeds while the asymmetry is swept slowly; dotted: predicted folds. "
        f"The jumps lag the folds by the predicted {jumps[0] - folds[0]:.3g} and {folds[1] - jumps[1]:.3g} because the "
        "sweep has a finite rate. "
    )
    swept = {**SWEEPING, "time": "sweep_time"}
    values: dict[str, Any] = {"rate": plan.number("sweep.rate"), "feedback": float(kappa)}
    return Picture("hysteresis", "The hysteresis loop", figure, text + caption(p, plan, swept, **values))


def cusp_plane(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw the fold curve in the plane of feedback and asymmetry with all runs placed on it."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        kappa = p.decay / plan["curve.slope"]
        h = p.decay * plan["curve.z"] - kappa * plan["curve.value"]
    feedbacks, swept = plan["branch.feedbacks"], plan["sweep.feedbacks"]
    top = 1.1 * max(feedbacks.max(), swept.max())
    several = np.ptp(gathered(measured, "branches", "imbalance").mean(axis=0), axis=0) > 0.2
    jumps = gathered(measured, "sweeps", "jumps")
    figure, axes = canvas()
    axes.plot(*_masked(kappa, h, kappa < top), color=INK, label="predicted folds")
    inside, outside = feedbacks[several], feedbacks[~several]
    axes.plot(inside, 0 * inside, "o", ms=5, color=GREEN, label="training runs: load depends on the start")
    axes.plot(outside, 0 * outside, "o", ms=5, mfc="none", color=GREEN, label="training runs: one load")
    for side, colour, label in ((0, BLUE, "jumps, sweeping up"), (1, ORANGE, "jumps, sweeping down")):
        x = np.broadcast_to(swept, jumps[:, side].shape)
        axes.plot(x.ravel(), jumps[:, side].ravel(), "_", ms=9, color=colour, label=label)
    axes.set(xlabel="feedback κ (score/time)", ylabel="asymmetry h (score/time)")
    reach = plan.number("sweep.reach")
    axes.set(xlim=(0.9 * feedbacks.min(), top), ylim=(-1.2 * reach, 1.2 * reach))
    legend(figure)
    text = (
        "Between the two arms of the fold curve two loads are stable, and which one a router has depends on its past; "
        "the arms meet in a cusp. A run counts as depending on its start when the spread of its three mean loads "
        "exceeds 0.2. "
    )
    fields = {**SWEEPING, **TRAINING, "time": "branch_time"}
    return Picture(
        "cusp", "All runs on the cusp plane", figure,
        text + caption(p, plan, fields, rate=plan.number("sweep.rate")),
    )  # fmt: skip


def history(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw the moving average of the load over training, below and above the critical feedback."""
    seen = gathered(measured, "branches", "history")[:, 0]
    blocks = seen.shape[-1]
    time = (np.arange(blocks) + 0.5) / blocks * p.branch_time
    factors = np.array(p.branch_feedbacks)
    figure, axes = canvas(height=4.4)
    for below, colour in ((True, GREEN), (False, BLUE)):
        side = np.flatnonzero(factors < 1.0 if below else factors > 1.0)
        index = side[np.argmin(np.abs(factors[side] - (0.85 if below else 1.2)))]
        for seed, line in enumerate(seen[:, index]):
            label = f"κ = {factors[index]:g} × critical" if seed == 0 else None
            axes.plot(time, line, color=colour, lw=0.9, alpha=0.8, label=label)
    axes.set(xlabel="time (1/μ)", ylabel="imbalance of the load m", ylim=(-1.05, 1.05))
    legend(figure)
    text = (
        f"Load over training from a balanced start, one line per seed, each point a mean over 1/{blocks} of the "
        "batches. Above the critical feedback chance picks the favoured expert. "
    )
    return Picture(
        "history", "Collapse as it happens", figure,
        text + caption(p, plan, {**TRAINING, "time": "branch_time"}, asymmetry=0),
    )  # fmt: skip


def cost(p: Profile, plan: Plan, measured: Measured) -> Picture:
    """Draw what an expert has learned against the feedback."""
    used = np.sort(gathered(measured, "branches", "alone"), axis=-1).mean(axis=(0, 1))
    mixture = gathered(measured, "branches", "accuracy").mean(axis=(0, 1))
    figure, axes = canvas(height=4.2)
    for values, colour, mark, label in (
        (mixture, INK, "o-", "mixture as routed"),
        (used[:, 1], BLUE, "s-", "better expert, alone"),
        (used[:, 0], ORANGE, "^-", "worse expert, alone"),
    ):
        axes.plot(plan["branch.feedbacks"], 100 * values, mark, ms=4, lw=1.2, color=colour, label=label)
    critical = plan["critical_feedback"][0]
    axes.axvline(critical, color=RED, lw=1, ls=":", label="predicted critical feedback")
    axes.set(xlabel="feedback κ (score/time)", ylabel="test accuracy (%)", ylim=(0, 102))
    legend(figure)
    text = (
        "Test accuracy, mean over seeds and starts, of the mixture and of each expert on all test tokens: past the "
        "critical feedback one expert is starved of tokens. On so easy a task the other makes up for it. "
    )
    return Picture(
        "cost", "What the experts learned", figure,
        text + caption(p, plan, {**TRAINING, "time": "branch_time"}, asymmetry=0),
    )  # fmt: skip


def _masked(x: Array, y: Array, keep: NDArray[np.bool_]) -> tuple[Array, Array]:
    return np.where(keep, x, np.nan), np.where(keep, y, np.nan)
