"""The study: record, predict, run, judge."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from moecusp.report import Finding, Table, Verdict, judge, student
from validation.digits import figures
from validation.digits.measure import (
    Array,
    Branches,
    Loops,
    generator,
    measure_branches,
    measure_loops,
    measure_onset,
    onset_of,
)
from validation.digits.predict import Predictions, Sweep, distance_to_stable, predict
from validation.digits.profiles import PROFILES, Profile
from validation.digits.setup import Setup, load_tokens, prepare
from validation.outcome import Outcome, Progress

__all__ = ["PROFILES", "TITLE", "run"]

TITLE = "Two experts on the digits: collapse predicted from a router's margins"


def run(profile: Profile, seed: int, progress: Progress) -> Outcome:
    """Run the study.

    Parameters
    ----------
    profile : Profile
        Its size.
    seed : int
        From which routers, tokens and weights follow.
    progress : callable
        progress(title, steps) is a context that yields a function to be called with the number of steps done.

    Returns
    -------
    Outcome
    """
    torch.set_num_threads(1)  # small tensors: more threads are slower, and their number would change the last digits
    tokens = load_tokens()
    setups = [prepare(tokens, profile.pixel_jitter, 1000 * seed + k) for k in range(profile.routers)]
    predictions = [predict(setup.response, profile) for setup in setups]
    setup, predicted = setups[0], predictions[0]

    growth_steps = round(profile.growth_time / profile.decay / profile.growth_increment)
    grids = [each.critical_feedback * np.array(profile.growth_feedbacks) for each in predictions]
    with progress("onset of collapse", growth_steps * profile.routers) as tick:
        rates = [
            measure_onset(setups[k], grids[k], profile, generator(seed, 100 + k), tick) for k in range(profile.routers)
        ]
    onsets = [onset_of(grid, rate) for grid, rate in zip(grids, rates, strict=True)]

    sweep_feedbacks = np.array([sweep.feedback for sweep in predicted.sweeps])
    with progress("hysteresis", round(profile.sweep_time / profile.decay / profile.sweep_increment)) as tick:
        loops = measure_loops(setup, sweep_feedbacks, predicted.reach, profile, generator(seed, 1), tick)

    with progress("training mixtures", round(profile.branch_time / profile.decay / profile.increment)) as tick:
        branches = measure_branches(setup, tokens, predicted.feedbacks, profile, generator(seed, 2), tick)

    findings = _findings(profile, predictions, onsets, branches, loops)
    first = findings[0]
    interval = (
        first.interval.low * predicted.critical_feedback,
        first.interval.high * predicted.critical_feedback,
    )
    pictures = (
        figures.bifurcation(setup, predicted, branches, onsets[0], interval, profile),
        figures.growth(setup, predicted, grids[0], rates[0], profile),
        figures.panel(setups, predictions, onsets, profile),
        figures.hysteresis(setup, predicted, loops, len(predicted.sweeps) - 1, profile),
        figures.cusp_plane(setup, predicted, branches, loops, profile),
        figures.history(setup, predicted, branches, profile),
        figures.cost(setup, predicted, branches, profile),
    )
    summary = (
        f"From {setup.margins.size} recorded margins the theory predicts that this router collapses above a feedback "
        f"of {predicted.critical_feedback:.4g} (score/time); measured: {onsets[0].mean():.4g}, "
        f"99 % interval [{interval[0]:.4g}, {interval[1]:.4g}]. Nothing was fitted."
    )
    return Outcome(
        title=TITLE,
        summary=summary,
        parameters={**asdict(profile), "experts": 2, "selection": "hard", "asymmetry": 0.0},
        findings=findings,
        figures=pictures,
        tables=(
            _routers_table(predictions, onsets),
            _branch_table(predicted, branches),
            _sweep_table(predicted, loops),
            _symbols(),
        ),
        notes=_NOTES,
        data=_data(setups, predictions, rates, onsets, branches, loops),
    )


def _findings(
    p: Profile, predictions: list[Predictions], onsets: list[Array], branches: Branches, loops: Loops
) -> tuple[Finding, ...]:
    predicted, onset = predictions[0], onsets[0]
    ratios = onset / predicted.critical_feedback
    last = predicted.sweeps[-1]
    widths = loops.jumps[0, :, -1] - loops.jumps[1, :, -1]
    distances = distance_to_stable(branches.imbalance, predicted.states).mean(axis=(1, 2))
    measured = np.array([each.mean() for each in onsets])
    misses = np.abs(measured / [each.critical_feedback for each in predictions] - 1.0)
    gaussian = np.abs(measured / [each.gaussian_feedback for each in predictions] - 1.0)
    return (
        judge(
            "digits.critical_feedback",
            "The balanced load loses stability at the critical feedback μ/G′(0) of the recorded margins.",
            "measured over predicted critical feedback",
            student(ratios, p.confidence),
            p.onset_band,
            explanation=f"Predicted {predicted.critical_feedback:.4g}, measured {onset.mean():.4g} score/time.",
        ),
        judge(
            "digits.other_routers",
            f"So it does for other random routers ({misses.size} in all).",
            "mean absolute miss of the predicted critical feedback, relative",
            student(misses, p.confidence, "routers"),
            p.router_band,
            explanation="The repetitions are routers: the claim is about routers in general. "
            f"Largest miss {misses.max():.1%}.",
        ),
        judge(
            "digits.branches",
            "Trained mixtures end on the predicted stable loads, whatever their start.",
            "mean distance of the long-run imbalance from the nearest predicted stable one",
            student(distances, p.confidence),
            p.branch_band,
            explanation=f"Mean over {len(p.branch_feedbacks)} feedbacks from {min(p.branch_feedbacks):g} to "
            f"{max(p.branch_feedbacks):g} critical and three starts.",
        ),
        *_sweep_findings(p, last, widths),
        judge(
            "digits.gaussian_margins",
            "The closed form for Gaussian margins, μσ√(π/2), would have done as well on these routers.",
            "mean absolute miss of the predicted critical feedback, relative",
            student(gaussian, p.confidence, "routers"),
            p.router_band,
            explanation=f"Largest miss {gaussian.max():.1%}.",
        ),
        judge(
            "digits.control_doubled",
            "A deliberately wrong theory, with the critical feedback doubled, agrees with the same runs.",
            "measured over doubled critical feedback",
            student(ratios / 2.0, p.confidence),
            p.onset_band,
            explanation="It must be refuted, or this run could not have told right from wrong.",
            expected=Verdict.REFUTED,
        ),
    )


def _sweep_findings(p: Profile, sweep: Sweep, widths: Array) -> tuple[Finding, ...]:
    delay = sweep.ramped_width / sweep.width - 1.0
    effect = f"measured over predicted width of the loop in the asymmetry at feedback {sweep.feedback:.4g}"
    return (
        judge(
            "digits.folds",
            "Sweeping the asymmetry up and down, the load jumps at the two folds of the same response.",
            effect,
            student(widths / sweep.width, p.confidence),
            p.fold_band,
            able=1.0 + delay < p.fold_band[1],
            explanation=f"Not corrected for the sweep's delay, predicted to widen the loop by {delay:.1%}.",
        ),
        judge(
            "digits.ramp_delay",
            "The jumps lag those folds by the delay of a ramped fold, 2.338 ρ^(2/3) b^(−1/3).",
            effect,
            student(widths / sweep.ramped_width, p.confidence),
            p.jump_band,
            explanation="The same jumps against the folds moved by that delay.",
        ),
    )


def _routers_table(predictions: list[Predictions], onsets: list[Array]) -> Table:
    rows = tuple(
        (
            str(k),
            f"{each.critical_feedback:.4f}",
            f"{onset.mean():.4f} ± {onset.std(ddof=1) / onset.size**0.5:.4f}",
            f"{onset.mean() / each.critical_feedback:.4f}",
            f"{each.gaussian_feedback:.4f}",
            ", ".join(f"{f:.4f}" for f in each.fold_feedbacks if abs(f / each.critical_feedback - 1) > 1e-6) or "–",
        )
        for k, (each, onset) in enumerate(zip(predictions, onsets, strict=True))
    )
    columns = ("router", "predicted κ_c", "measured ± s.e.", "ratio", "Gaussian form", "predicted folds at h = 0")
    caption = (
        "A fold below κ_c means that a collapsed load is stable before the balanced one loses stability (the density "
        "of margins dips at the tie); one above it, a further pair of states."
    )
    return Table("routers", "Routers", columns, rows, caption)


def _branch_table(predicted: Predictions, branches: Branches) -> Table:
    rows = []
    for k, (kappa, state) in enumerate(zip(predicted.feedbacks, predicted.states, strict=True)):
        stable = ", ".join(f"{m:+.3f}" for m in state.imbalance[state.stable] + 0.0)
        measured = [
            f"{branches.imbalance[:, start, k].mean():+.3f}" if start else _sides(branches.imbalance[:, 0, k])
            for start in range(3)
        ]
        rows.append((f"{kappa:.4f}", f"{kappa / predicted.critical_feedback:.2f}", stable, *measured))
    columns = ("κ", "κ/κ_c", "predicted stable m", "from balance", "from expert 1", "from expert 2")
    caption = "Means over the seeds; from balance, those of the seeds that ended on either side, with their number."
    return Table("branches", "Long-run imbalance", columns, tuple(rows), caption)


def _sides(imbalance: Array) -> str:
    sides = [imbalance[imbalance < 0], imbalance[imbalance >= 0]]
    return ", ".join(f"{side.mean():+.3f} ({side.size})" for side in sides if side.size)


def _sweep_table(predicted: Predictions, loops: Loops) -> Table:
    rows = []
    for k, sweep in enumerate(predicted.sweeps):
        for side, name, fold, jump in (
            (0, "up", sweep.fold_up, sweep.jump_up),
            (1, "down", sweep.fold_down, sweep.jump_down),
        ):
            seen = loops.jumps[side, :, k]
            error = seen.std(ddof=1) / seen.size**0.5
            cells = (f"{sweep.feedback:.4f}", name, f"{fold:+.4f}", f"{jump:+.4f}", f"{seen.mean():+.4f} ± {error:.4f}")
            rows.append(cells)
    columns = ("κ", "sweep", "predicted fold h_f", "with the delay", "measured jump ± s.e.")
    return Table("jumps", "Jumps of the load", columns, tuple(rows))


def _symbols() -> Table:
    from moecusp import RouterParameters

    quantities = [
        (field.metadata["symbol"], name, field.metadata["unit"])
        for name, field in RouterParameters.__dataclass_fields__.items()
    ]
    more = [
        ("ε", "increment", "time"),
        ("B", "batch_size", "tokens"),
        ("z", "score difference s₁ − s₂", "score"),
        ("m", "imbalance p₁ − p₂", "–"),
        ("G", "load response, m = G(z)", "–"),
        ("κ_c", "critical feedback μ/G′(0)", "score/time"),
        ("h_f", "asymmetry of a fold", "score/time"),
    ]
    return Table("symbols", "Symbols", ("symbol", "name", "unit"), (*quantities, *more))


def _data(
    setups: list[Setup],
    predictions: list[Predictions],
    rates: list[Array],
    onsets: list[Array],
    branches: Branches,
    loops: Loops,
) -> dict[str, Any]:
    predicted = predictions[0]
    return {
        "routers": [
            {
                "margin_jitter": setup.jitter,
                "predicted_critical_feedback": each.critical_feedback,
                "gaussian_critical_feedback": each.gaussian_feedback,
                "predicted_fold_feedbacks": each.fold_feedbacks.tolist(),
                "growth_rates": rate.tolist(),
                "measured_critical_feedback": onset.tolist(),
            }
            for setup, each, rate, onset in zip(setups, predictions, rates, onsets, strict=True)
        ],
        "branches": {
            "feedbacks": predicted.feedbacks.tolist(),
            "predicted": [
                {"imbalance": state.imbalance.tolist(), "stable": state.stable.tolist()} for state in predicted.states
            ],
            "imbalance": branches.imbalance.tolist(),
            "accuracy": branches.accuracy.tolist(),
            "accuracy_alone": branches.alone.tolist(),
        },
        "sweeps": {
            "predicted": [{key: float(value) for key, value in asdict(sweep).items()} for sweep in predicted.sweeps],
            "rate": predicted.rate,
            "jumps": loops.jumps.tolist(),
            "asymmetry": loops.asymmetry.tolist(),
            "imbalance": loops.imbalance.tolist(),
        },
    }


_NOTES = (
    "The router is random, linear and fixed; its bias makes the load even at equal scores, as any balancing would. "
    "Experts are trained by gradient descent on the tokens they receive; with hard selection and a fixed router they "
    "do not act back on the routing.",
    "Images are jittered, as in data augmentation. That also makes the response smooth, so that its slope at the tie "
    "is a property of the router and not of a choice of bandwidth.",
    "The onset and hysteresis runs draw the jittered margins directly: routing depends on nothing else.",
    "The growth rates are taken over a finite kick and a finite increment, which moves the measured critical feedback "
    "up by a few tenths of a percent.",
)
