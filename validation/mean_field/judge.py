"""The findings: one effect a claim, against the band of the profile; and the planted controls."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from moecusp.report import Finding, Verdict, exact, judge
from validation.intervals import over, share
from validation.mean_field import effects
from validation.mean_field.profiles import Profile
from validation.studies import Measured, Plan


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    return (
        *_paths(profile, plan, measured),
        *_attractors(profile, plan, measured),
        *_escapes(profile, plan, measured),
        *_near_folds(profile, plan, measured),
        *_collapse(profile, plan, measured),
    )


def _paths(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    p, over_seeds = profile.paths, partial(over, confidence=profile.confidence)
    seen = effects.errors(measured, "steps")
    slopes = effects.powers(effects.steps_of(p.exponents), seen)
    batch_slopes = effects.powers(p.batches, effects.errors(measured, "batches"))
    bias_slope = float(effects.powers(effects.steps_of(p.bias_exponents), effects.bias(plan, measured)))
    usage = (seen / effects.proved(plan, p, p.batch_size)[:, None]).max(axis=0)
    return (
        judge("mean_field.noise", "The error of a path falls as the square root of the step.",
              "log-log slope in the step", over_seeds(slopes), p.slope_band),
        judge("mean_field.batch", "It falls as the square root of the batch size.",
              "log-log slope in the batch size", over_seeds(batch_slopes), p.batch_band),
        judge("mean_field.bias", "The mean is off by a multiple of the step.",
              "log-log slope in the step", exact(bias_slope), p.bias_band),
        judge("mean_field.bound", "The proved bound holds.",
              "largest share of the bound used", over_seeds(usage), p.bound_band),
        judge("mean_field.variance", "Stationary fluctuations have the linear-noise variance.",
              "measured over predicted variance",
              over_seeds(measured["variance/0"]["variance"] / plan["paths.variance"]), p.variance_band),
        judge("control.slope_quarter", "Planted: the error falls as the fourth root of the step.",
              "log-log slope in the step", over_seeds(slopes), p.quarter_band, expected=Verdict.REFUTED),
        judge("control.too_few", f"Planted: {p.few} repetitions can tell the slope.",
              "log-log slope in the step", over_seeds(slopes[: p.few]), p.slope_band, expected=Verdict.INCONCLUSIVE),
    )  # fmt: skip


def _attractors(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    p, over_seeds = profile.attractors, partial(over, confidence=profile.confidence)
    loads = measured["attractors/0"]["loads"]
    critical = over_seeds(effects.critical_gains(plan, p, loads))
    return (
        judge("mean_field.attractors", "Long-run loads are the stable loads of the flow.",
              "largest distance of a load", over_seeds(effects.distances(plan, loads).max(axis=0)), p.distance_band),
        judge("mean_field.critical_gain", "The balanced load loses stability at gain 1.",
              "critical gain", critical, p.critical_band),
        judge("control.critical_gain", f"Planted: it does so at gain {np.mean(p.control_band):.3g}.",
              "critical gain", critical, p.control_band, expected=Verdict.REFUTED),
    )  # fmt: skip


def _escapes(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    p, over_seeds = profile.escapes, partial(over, confidence=profile.confidence)
    barrier, wrong = plan["escapes.barrier"]
    seen = effects.barriers(p, measured)
    return (
        judge("noise.barrier", "Escape times grow with the exact barrier.",
              "slope over exact barrier", over_seeds(seen / barrier), p.barrier_band),
        judge("noise.barrier_exact", "So they do where only the transfer operator reaches.",
              "slope over exact barrier", exact(effects.exact_barrier(p, measured) / barrier), p.exact_band),
        judge("control.diffusion_barrier", "Planted: they grow with the barrier of the diffusion limit.",
              "slope over diffusion barrier", over_seeds(seen / wrong), p.barrier_band, expected=Verdict.REFUTED),
    )  # fmt: skip


def _near_folds(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    warn, ramp, over_seeds = profile.warnings, profile.ramps, partial(over, confidence=profile.confidence)
    near = measured["warnings/0"]
    variance = near["variance"] / plan["warnings.variance"][:, None]
    relaxation = (1.0 - near["autocorrelation"]) / (1.0 - plan["warnings.autocorrelation"])[:, None]
    exponents = effects.powers(ramp.rates, effects.delays(plan, measured))
    return (
        judge("noise.variance", "Variance rises toward the fold as predicted.",
              "mean measured over predicted", over_seeds(variance.mean(axis=0)), warn.variance_band),
        judge("noise.relaxation", "Autocorrelation rises with it.",
              "mean measured over predicted 1 - autocorrelation", over_seeds(relaxation.mean(axis=0)),
              warn.relaxation_band),
        judge("noise.ramp_exponent", "The jump of a ramped router is delayed as the 2/3 power of the rate.",
              "exponent", over_seeds(exponents), ramp.exponent_band),
        judge("noise.ramp_constant", "The constant is the first zero of the Airy function.",
              "measured over predicted", over_seeds(effects.ramp_constants(plan, ramp, measured)), ramp.constant_band),
    )  # fmt: skip


def _collapse(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge onset and release, which are read off a grid: its spacing is allowed for."""
    p, over_seeds = profile.collapse, partial(over, confidence=profile.confidence)
    found: list[Finding] = []
    for case, (k, fold) in enumerate(zip(p.experts, plan["collapse.folds"], strict=True)):
        onset, release = effects.onset_and_release(plan, p, measured, case)
        if k == 2:
            found.append(
                judge("collapse.continuous.2", "Two experts collapse at gain 1, without hysteresis.",
                      "release less onset", over_seeds(release - onset), p.continuous_band)
            )  # fmt: skip
            continue
        spacing = float(plan["collapse.gains"][case, 1, 1] - plan["collapse.gains"][case, 1, 0])
        band = (p.release_band[0], p.release_band[1] + spacing / fold)
        found += [
            judge(f"collapse.release.{k}", f"{k} collapsed experts are released at the fold.",
                  "release over g_fold", over_seeds(release / fold), band),
            judge(f"collapse.hysteresis.{k}", f"{k} experts show hysteresis without asymmetry.",
                  "width measured over 1 - g_fold", over_seeds((onset - release) / (1.0 - fold)), p.hysteresis_band),
            judge(f"collapse.one.{k}", f"Exactly one of {k} experts is favoured.",
                  "share of collapsed routers",
                  share(*effects.alone(p, measured, case), profile.confidence, "collapsed routers"), p.one_band,
                  remedy=_more(p.one_band[0], profile.confidence)),
        ]  # fmt: skip
    _, release = effects.onset_and_release(plan, p, measured, len(p.experts) - 1)
    found.append(
        judge("control.release_at_one", "Planted: collapse is undone at gain 1.",
              "release gain", over_seeds(release), p.control_band, expected=Verdict.REFUTED)
    )  # fmt: skip
    return tuple(found)


def _more(least: float, confidence: float) -> str:
    """Say how many routers can tell that a share is at least so large, if none is an exception."""
    needed = math.ceil(math.log((1.0 - confidence) / 2.0) / math.log(least))
    return f"At least {needed} collapsed routers: so many without an exception exclude a share below {least:g}."
