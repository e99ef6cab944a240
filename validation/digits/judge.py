"""The findings: one effect a claim, against the band of the profile."""

from __future__ import annotations

import numpy as np

from moecusp.report import Finding, Verdict, judge
from validation.digits.effects import distances, gathered, onsets, widths
from validation.digits.profiles import Profile
from validation.intervals import over
from validation.studies import Measured, Plan


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    p, level = profile, profile.confidence
    onset, critical = onsets(plan, measured), plan["critical_feedback"]
    ratios = onset[0] / critical[0]
    misses = np.abs(onset.mean(axis=1) / critical - 1.0)
    gaussian = np.abs(onset.mean(axis=1) / plan["gaussian_feedback"] - 1.0)
    far = distances(plan, gathered(measured, "branches", "imbalance")).mean(axis=(1, 2))
    return (
        judge(
            "digits.critical_feedback",
            "The balanced load loses stability at the critical feedback μ/G′(0) of the recorded margins.",
            "measured over predicted critical feedback",
            over(ratios, level),
            p.onset_band,
            explanation=f"Predicted {critical[0]:.4g}, measured {onset[0].mean():.4g} score/time.",
        ),
        judge(
            "digits.other_routers",
            f"So it does for other random routers ({misses.size} in all).",
            "mean absolute miss of the predicted critical feedback, relative",
            over(misses, level, "routers"),
            p.router_band,
            explanation="The repetitions are routers: the claim is about routers in general. "
            f"Largest miss {misses.max():.1%}.",
        ),
        judge(
            "digits.branches",
            "Trained mixtures end on the predicted stable loads, whatever their start.",
            "mean distance of the long-run imbalance from the nearest predicted stable one",
            over(far, level),
            p.branch_band,
            explanation=f"Mean over {len(p.branch_feedbacks)} feedbacks from {min(p.branch_feedbacks):g} to "
            f"{max(p.branch_feedbacks):g} critical and three starts.",
        ),
        *_sweeps(profile, plan, measured),
        judge(
            "digits.gaussian_margins",
            "The closed form for Gaussian margins, μσ√(π/2), would have done as well on these routers.",
            "mean absolute miss of the predicted critical feedback, relative",
            over(gaussian, level, "routers"),
            p.router_band,
            explanation=f"Largest miss {gaussian.max():.1%}.",
        ),
        judge(
            "digits.control_doubled",
            "A deliberately wrong theory, with the critical feedback doubled, agrees with the same runs.",
            "measured over doubled critical feedback",
            over(ratios / 2.0, level),
            p.onset_band,
            explanation="It must be refuted, or this run could not have told right from wrong.",
            expected=Verdict.REFUTED,
        ),
    )


def _sweeps(p: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge the sweeps at the largest feedback."""
    seen = widths(measured)[:, -1]
    still, ramped = (plan[name][0, -1] - plan[name][1, -1] for name in ("sweep.folds", "sweep.jumps"))
    delay = ramped / still - 1.0
    effect = f"measured over predicted width of the loop in the asymmetry at feedback {plan['sweep.feedbacks'][-1]:.4g}"
    return (
        judge(
            "digits.folds",
            "Sweeping the asymmetry up and down, the load jumps at the two folds of the same response.",
            effect,
            over(seen / still, p.confidence),
            p.fold_band,
            able=1.0 + delay < p.fold_band[1],
            explanation=f"Not corrected for the sweep's delay, predicted to widen the loop by {delay:.1%}.",
        ),
        judge(
            "digits.ramp_delay",
            "The jumps lag those folds by the delay of a ramped fold, 2.338 ρ^(2/3) b^(−1/3).",
            effect,
            over(seen / ramped, p.confidence),
            p.jump_band,
            explanation="The same jumps against the folds moved by that delay.",
        ),
    )
