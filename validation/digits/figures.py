"""The pictures of the digits study. Every caption states every fixed parameter of its run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Figure
from moecusp.report.figures import BLUE, GREEN, INK, ORANGE, RED, SOFT, canvas, legend, style, svg
from validation.digits.measure import STARTS, Branches, Loops
from validation.digits.predict import Predictions
from validation.digits.profiles import Profile
from validation.digits.setup import Setup

Array = NDArray[np.float64]
START_COLOURS = (GREEN, BLUE, ORANGE)
GRID = np.linspace(-4.0, 4.0, 4000)  # an even number of points: none at z = 0, where the branch is 0/0


def fixed(setup: Setup, profile: Profile, **more: object) -> str:
    """Return the sentence of fixed parameters that ends every caption."""
    values: dict[str, object] = {
        "experts K": 2,
        "decay μ": f"{profile.decay:g} per unit time",
        "selection": "hard top-1",
        "pixel jitter": profile.pixel_jitter,
        "margin jitter": f"{setup.jitter:.4g}",
        "margin standard deviation": f"{setup.margins.std():.4g}",
        "tokens recorded": setup.margins.size,
        **more,
    }
    return "Fixed: " + ", ".join(f"{name} = {value}" for name, value in values.items()) + "."


def bifurcation(
    setup: Setup, predicted: Predictions, branches: Branches, onset: Array, interval: tuple[float, float], p: Profile
) -> Figure:
    """Draw the imbalance of the load against the feedback."""
    value = setup.response.value(GRID)
    kappa = p.decay * GRID / value
    stable = kappa * setup.response.slope(GRID) < p.decay
    top = 1.05 * predicted.feedbacks.max()
    with style():
        figure, axes = canvas()
        axes.plot(*_masked(kappa, value, stable), color=INK, lw=1.8, label="predicted, stable")
        axes.plot(*_masked(kappa, value, ~stable), color=SOFT, lw=1.4, ls="--", label="predicted, unstable")
        critical = predicted.critical_feedback
        axes.plot([0, critical], [0, 0], color=INK, lw=1.8)
        axes.plot([critical, top], [0, 0], color=SOFT, lw=1.4, ls="--")
        axes.axvspan(*interval, color=RED, alpha=0.25, lw=0, label="measured onset, interval")
        axes.axvline(critical, color=RED, lw=1, ls=":", label="predicted critical feedback")
        for index, (start, colour, size) in enumerate(zip(STARTS, START_COLOURS, (8, 5.5, 3), strict=True)):
            shown = branches.imbalance[:, index, :]
            x = np.broadcast_to(predicted.feedbacks, shown.shape)
            axes.plot(x.ravel(), shown.ravel(), "o", ms=size, mfc="none", mew=1, color=colour, label=f"from {start}")
        axes.set(xlim=(0.9 * predicted.feedbacks.min(), top), ylim=(-1.05, 1.05))
        axes.set(xlabel="feedback κ (score/time)", ylabel="imbalance of the load m = p₁ − p₂")
        legend(figure)
        picture = svg(figure, "Bifurcation diagram")
    caption = (
        "Long-run load of two-expert mixtures trained on the digits, one circle per seed, over the branches predicted "
        "from the router's recorded margins; no constant is fitted. "
        f"Predicted critical feedback {critical:.4g}, measured {onset.mean():.4g}. "
        + fixed(setup, p, **_training(p), **{"time": f"{p.branch_time:g}/μ", "asymmetry h": 0})
    )
    return Figure("bifurcation", "The load against the feedback", picture, caption)


def growth(setup: Setup, predicted: Predictions, feedbacks: Array, rates: Array, p: Profile) -> Figure:
    """Draw growth rates of a small imbalance against the feedback."""
    with style():
        figure, axes = canvas(height=4.4)
        x = np.array([feedbacks.min(), feedbacks.max()])
        for factor, colour, line, label in (
            (1.0, INK, "-", "predicted from the margins"),
            (2.0, RED, "--", "control: critical feedback doubled"),
        ):
            axes.plot(x, p.decay * (x / (factor * predicted.critical_feedback) - 1), line, color=colour, label=label)
        spread = np.broadcast_to(feedbacks, rates.shape)
        axes.plot(spread.ravel(), rates.ravel(), "o", ms=3.5, mfc="none", color=BLUE, label="measured, one per seed")
        axes.axhline(0.0, color=SOFT, lw=1)
        axes.set(xlabel="feedback κ (score/time)", ylabel="growth rate of an imbalance (1/time)")
        legend(figure)
        picture = svg(figure, "Growth rate of a small imbalance")
    caption = (
        "Rate at which a small imbalance grows or decays, from pairs of routers that start on both sides of balance "
        "and see the same tokens. Where it passes zero is the critical feedback. "
        + fixed(
            setup,
            p,
            **{
                "increment ε": p.growth_increment,
                "batch size B": p.growth_batch_size,
                "kick": p.kick,
                "time": f"{p.growth_time:g}/μ",
                "seeds": p.growth_seeds,
                "asymmetry h": 0,
            },
        )
    )
    return Figure("growth", "Where balance loses stability", picture, caption)


def panel(setups: list[Setup], predictions: list[Predictions], onsets: list[Array], p: Profile) -> Figure:
    """Draw measured against predicted critical feedback for several random routers."""
    predicted = np.array([each.critical_feedback for each in predictions])
    gaussian = np.array([each.gaussian_feedback for each in predictions])
    measured = np.array([onset.mean() for onset in onsets])
    spread = np.array([onset.std(ddof=1) / onset.size**0.5 for onset in onsets])
    low, high = min(predicted.min(), measured.min(), gaussian.min()), max(predicted.max(), measured.max())
    with style():
        figure, axes = canvas(height=5.4)
        axes.plot([0.96 * low, 1.04 * high], [0.96 * low, 1.04 * high], color=SOFT, lw=1, label="equal")
        axes.plot(gaussian, measured, "x", color=RED, label="closed form for Gaussian margins, σ√(π/2)")
        axes.errorbar(predicted, measured, 2.58 * spread, fmt="o", ms=5, color=BLUE, label="from recorded margins")
        axes.set(xlabel="predicted critical feedback (score/time)", ylabel="measured (score/time)")
        axes.set_aspect("equal")
        legend(figure)
        picture = svg(figure, "Measured against predicted critical feedback")
    caption = (
        f"Critical feedback of {len(setups)} random linear routers on the same digits: measured against predicted, "
        "bars of 2.58 standard errors. "
        + fixed(
            setups[0],
            p,
            **{
                "increment ε": p.growth_increment,
                "batch size B": p.growth_batch_size,
                "seeds per router": p.growth_seeds,
            },
        ).replace("margin jitter", "margin jitter of the first")
    )
    return Figure("panel", "Other routers", picture, caption)


def hysteresis(setup: Setup, predicted: Predictions, loops: Loops, index: int, p: Profile) -> Figure:
    """Draw the load against the asymmetry, swept up and down at one feedback."""
    sweep = predicted.sweeps[index]
    value = setup.response.value(GRID)
    h = p.decay * GRID - sweep.feedback * value
    stable = sweep.feedback * setup.response.slope(GRID) < p.decay
    with style():
        figure, axes = canvas()
        axes.plot(*_masked(h, value, stable), color=INK, lw=1.8, label="predicted, stable")
        axes.plot(*_masked(h, value, ~stable), color=SOFT, lw=1.4, ls="--", label="predicted, unstable")
        for side, colour, label in ((0, BLUE, "measured, sweeping up"), (1, ORANGE, "measured, sweeping down")):
            axes.plot(loops.asymmetry, loops.imbalance[side, index], ".", ms=5, color=colour, label=label)
        for fold in (sweep.fold_up, sweep.fold_down):
            axes.axvline(fold, color=RED, lw=1, ls=":")
        axes.set(xlim=(-predicted.reach, predicted.reach), ylim=(-1.05, 1.05))
        axes.set(xlabel="asymmetry h (score/time)", ylabel="imbalance of the load m = p₁ − p₂")
        legend(figure)
        picture = svg(figure, "Hysteresis loop")
    caption = (
        "Mean load over the seeds while the asymmetry is swept slowly; dotted: predicted folds. "
        f"The jumps lag the folds by the predicted {sweep.jump_up - sweep.fold_up:.3g} and "
        f"{sweep.fold_down - sweep.jump_down:.3g} because the sweep has a finite rate. "
        + fixed(setup, p, **_sweeping(p, predicted), **{"feedback κ": f"{sweep.feedback:.4g}"})
    )
    return Figure("hysteresis", "The hysteresis loop", picture, caption)


def cusp_plane(setup: Setup, predicted: Predictions, branches: Branches, loops: Loops, p: Profile) -> Figure:
    """Draw the fold curve in the plane of feedback and asymmetry with all runs placed on it."""
    with np.errstate(divide="ignore", over="ignore"):
        kappa, h = setup.response.fold_curve(GRID, p.decay)
    top = 1.1 * max(predicted.feedbacks.max(), max(s.feedback for s in predicted.sweeps))
    shown = kappa < top
    spread = np.ptp(branches.imbalance.mean(axis=0), axis=0)
    several = spread > 0.2
    with style():
        figure, axes = canvas()
        axes.plot(np.where(shown, kappa, np.nan), np.where(shown, h, np.nan), color=INK, label="predicted folds")
        inside, outside = predicted.feedbacks[several], predicted.feedbacks[~several]
        axes.plot(inside, 0 * inside, "o", ms=5, color=GREEN, label="training runs: load depends on the start")
        axes.plot(outside, 0 * outside, "o", ms=5, mfc="none", color=GREEN, label="training runs: one load")
        for side, colour, label in ((0, BLUE, "jumps, sweeping up"), (1, ORANGE, "jumps, sweeping down")):
            x = np.broadcast_to([s.feedback for s in predicted.sweeps], loops.jumps[side].shape)
            axes.plot(x.ravel(), loops.jumps[side].ravel(), "_", ms=9, color=colour, label=label)
        axes.set(xlabel="feedback κ (score/time)", ylabel="asymmetry h (score/time)")
        axes.set(xlim=(0.9 * predicted.feedbacks.min(), top), ylim=(-1.2 * predicted.reach, 1.2 * predicted.reach))
        legend(figure)
        picture = svg(figure, "Cusp plane")
    caption = (
        "Between the two arms of the fold curve two loads are stable, and which one a router has depends on its past; "
        "the arms meet in a cusp. A run counts as depending on its start when the spread of its three mean loads "
        "exceeds 0.2. " + fixed(setup, p, **_sweeping(p, predicted), **_training(p))
    )
    return Figure("cusp", "All runs on the cusp plane", picture, caption)


def cost(setup: Setup, predicted: Predictions, branches: Branches, p: Profile) -> Figure:
    """Draw what an expert has learned against the feedback."""
    used = np.sort(branches.alone, axis=-1).mean(axis=(0, 1))
    mixture = branches.accuracy.mean(axis=(0, 1))
    with style():
        figure, axes = canvas(height=4.2)
        for values, colour, mark, label in (
            (mixture, INK, "o-", "mixture as routed"),
            (used[:, 1], BLUE, "s-", "better expert, alone"),
            (used[:, 0], ORANGE, "^-", "worse expert, alone"),
        ):
            axes.plot(predicted.feedbacks, 100 * values, mark, ms=4, lw=1.2, color=colour, label=label)
        axes.axvline(predicted.critical_feedback, color=RED, lw=1, ls=":", label="predicted critical feedback")
        axes.set(xlabel="feedback κ (score/time)", ylabel="test accuracy (%)", ylim=(0, 102))
        legend(figure)
        picture = svg(figure, "Test accuracy against feedback")
    caption = (
        "Test accuracy, mean over seeds and starts, of the mixture and of each expert on all test tokens: past the "
        "critical feedback one expert is starved of tokens. On so easy a task the other makes up for it. "
        + fixed(setup, p, **_training(p), **{"time": f"{p.branch_time:g}/μ", "asymmetry h": 0})
    )
    return Figure("cost", "What the experts learned", picture, caption)


def history(setup: Setup, predicted: Predictions, branches: Branches, p: Profile) -> Figure:
    """Draw the moving average of the load over training, below and above the critical feedback."""
    blocks = branches.history.shape[-1]
    time = (np.arange(blocks) + 0.5) / blocks * p.branch_time / p.decay
    factors = np.array(p.branch_feedbacks)
    with style():
        figure, axes = canvas(height=4.4)
        for below, colour in ((True, GREEN), (False, BLUE)):
            side = np.flatnonzero(factors < 1.0 if below else factors > 1.0)
            index = side[np.argmin(np.abs(factors[side] - (0.85 if below else 1.2)))]
            for seed in range(branches.history.shape[0]):
                label = f"κ = {factors[index]:g} × critical" if seed == 0 else None
                axes.plot(time, branches.history[seed, 0, index], color=colour, lw=0.9, alpha=0.8, label=label)
        axes.set(xlabel="time (1/μ)", ylabel="imbalance of the load m", ylim=(-1.05, 1.05))
        legend(figure)
        picture = svg(figure, "Load over training")
    caption = (
        f"Load over training from a balanced start, one line per seed, each point a mean over 1/{blocks} of the "
        "batches. Above the critical feedback chance picks the favoured expert. "
        + fixed(setup, p, **_training(p), **{"asymmetry h": 0})
    )
    return Figure("history", "Collapse as it happens", picture, caption)


def _masked(x: Array, y: Array, keep: Array) -> tuple[Array, Array]:
    return np.where(keep, x, np.nan), np.where(keep, y, np.nan)


def _training(p: Profile) -> dict[str, Any]:
    return {
        "increment ε": p.increment,
        "batch size B": p.batch_size,
        "batches per gradient step": p.batches_per_update,
        "hidden units": p.hidden,
        "learning rate": p.learning_rate,
        "momentum": 0.9,
        "seeds": p.seeds,
        "collapsed starts z": f"±{p.collapsed_start:g}",
    }


def _sweeping(p: Profile, predicted: Predictions) -> dict[str, Any]:
    return {
        "sweep's increment": p.sweep_increment,
        "sweep's batch size": p.sweep_batch_size,
        "sweep rate": f"{predicted.rate:.3g} score/time²",
        "sweep's seeds": p.seeds,
    }
