"""What the theory says, computed before anything is run (docs/theory.md, sections 3, 5 and 7; docs/mean-field.md)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from moecusp import (
    Stability,
    diffusion_barrier,
    equilibria,
    escape_barrier,
    expert_fold_gain,
    fold_asymmetry,
    lag1_autocorrelation,
    ramp_delay,
    stationary_variance,
)
from moecusp.transfer import TransferOperator, mean_passage_time
from validation.mean_field import profiles
from validation.mean_field.limit import bound, flow
from validation.mean_field.profiles import Profile

Array = NDArray[np.float64]
Values = Mapping[str, Array]


def predict(profile: Profile, seed: int) -> Values:
    """Return everything that the runs will be held against; nothing of it depends on chance.

    paths.flow, paths.flow_step
        Solution of the mean-field equation, at multiples of the step.
    paths.bound
        Constants (noise, bias) of the proved distance from it (docs/mean-field.md).
    paths.slopes
        Exponents of the error in the step and in the batch size, and of the bias in the step.
    paths.rest, paths.variance
        Upper stable state, and the linear-noise variance about it.
    attractors.points, attractors.loads
        (gain, asymmetry) of each point, and the stable loads of expert 1 there.
    escapes.well, escapes.steps, escapes.barrier
        Stable u > 0; mean steps to leave it, by which the runs are sized; barriers, exact and of the diffusion limit.
    warnings.asymmetry, warnings.rest, warnings.variance, warnings.autocorrelation
        At each share of the fold.
    ramps.start, ramps.fold, ramps.delays, ramps.law
        Where the ramps start; the fold; delay at each rate, which is law[0] rate^law[1].
    collapse.folds, collapse.gains
        Gain of the fold by number of experts; gains (experts, directions, points) of the runs around it and 1.
    """
    del seed
    return {
        **_paths(profile.paths),
        **_attractors(profile.attractors),
        **_escapes(profile.escapes),
        **_warnings(profile.warnings),
        **_ramps(profile.ramps),
        **_collapse(profile.collapse),
    }


def _paths(p: profiles.Paths) -> Values:
    finest = 2.0 ** -max(*p.exponents, *p.bias_exponents, *p.sample_exponents, p.batch_exponent)
    constants = bound(p.gain, p.asymmetry, p.start, p.horizon)
    return {
        "paths.flow": flow(p.gain, p.asymmetry, p.start, finest * np.arange(round(p.horizon / finest) + 1)),
        "paths.flow_step": np.array(finest),
        "paths.bound": np.array([constants.noise, constants.bias]),
        "paths.slopes": np.array([0.5, -0.5, 1.0]),
        "paths.rest": np.nanmax(equilibria(p.gain, p.asymmetry).u),
        "paths.variance": stationary_variance(p.gain, p.asymmetry, p.variance_step, batch_size=p.batch_size)[2],
    }


def _attractors(p: profiles.Attractors) -> Values:
    points = [(gain, 0.0) for gain in p.pitchfork_gains]
    for gain in p.gains:
        fold = float(fold_asymmetry(gain)) if gain > 1.0 else p.subcritical_fold
        points += [(gain, share * fold) for share in p.fold_shares]
    table = np.array(points)
    found = equilibria(table[:, 0], table[:, 1])
    return {
        "attractors.points": table,
        "attractors.loads": np.where(found.stability == Stability.STABLE, found.load, np.nan),
    }


def _escapes(p: profiles.Escapes) -> Values:
    well = float(np.nanmax(equilibria(p.gain).u))
    times = [
        mean_passage_time(
            TransferOperator(p.gain, step, batch_size=p.batch_size, resolution=p.resolution), -well, high=0.5 * well
        ).value
        for step in p.steps
    ]
    barriers = [escape_barrier(p.gain)[1], diffusion_barrier(p.gain)[1]]
    return {"escapes.well": np.array(well), "escapes.steps": np.array(times), "escapes.barrier": np.array(barriers)}


def _warnings(p: profiles.Warnings) -> Values:
    eta = -np.array(p.shares) * float(fold_asymmetry(p.gain))  # the upper state weakens
    return {
        "warnings.asymmetry": eta,
        "warnings.rest": np.nanmax(equilibria(p.gain, eta).u, axis=-1),
        "warnings.variance": stationary_variance(p.gain, eta, p.step, batch_size=p.batch_size)[:, 2],
        "warnings.autocorrelation": lag1_autocorrelation(p.gain, eta, p.step)[:, 2],
    }


def _ramps(p: profiles.Ramps) -> Values:
    fold = float(fold_asymmetry(p.gain))
    return {
        "ramps.start": np.nanmin(equilibria(p.gain, fold - p.before).u),
        "ramps.fold": np.array(fold),
        "ramps.delays": ramp_delay(np.array(p.rates), p.gain),
        "ramps.law": np.array([ramp_delay(1.0, p.gain), 2.0 / 3.0]),
    }


def _collapse(p: profiles.Collapse) -> Values:
    folds = np.array([float(expert_fold_gain(k)) for k in p.experts])
    wide = np.linspace(1.0 - p.margin, 1.0 + p.margin, p.points)
    up = [np.linspace(0.5 * (low + 1.0) - p.margin, 1.0 + p.margin, p.points) for low in folds]
    return {"collapse.folds": folds, "collapse.gains": np.stack([np.stack(up), folds[:, None] * wide], axis=1)}
