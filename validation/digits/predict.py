"""What the theory says of recorded responses, computed before anything is run (docs/theory.md, sections 4, 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from moecusp import EmpiricalResponse
from validation.digits.profiles import Profile
from validation.digits.setup import prepare
from validation.storage import Arrays
from validation.streams import stream
from validation.training.tokens import load_tokens

Array = NDArray[np.float64]
CURVE = np.linspace(-4.0, 4.0, 4000)  # an even number of points: none at z = 0, where the branch is 0/0


def predict(profile: Profile, seed: int) -> Arrays:
    """Return everything that the runs will be held against; the first axis of the first group is that of the routers.

    weight, bias, margins, jitter
        The routers and what was recorded of them; see `validation.digits.setup.Setup`.
    critical_feedback, gaussian_feedback, folds
        mu/G'(0) of the recorded response; mu sigma sqrt(pi/2) from the standard deviation alone, jitter included (the
        closed form for Gaussian margins, which the digits need not obey); folds in the feedback without asymmetry.
    growth.feedbacks
        Feedbacks of the onset runs.
    branch.feedbacks, branch.imbalance, branch.stable
        Feedbacks of the training runs of the first router; all equilibria at each, and which of them are stable.
    sweep.feedbacks, sweep.folds, sweep.jumps, sweep.rate, sweep.reach
        Sweeps of the asymmetry of the first router: the folds that a sweep up and one down meet, shape (2, feedbacks);
        where the load jumps at the rate of the sweep (score/time^2); largest asymmetry.
    curve.z, curve.value, curve.slope
        Response of the first router.
    """
    tokens = load_tokens().train
    sources = [stream("digits", "router", k, seed) for k in range(profile.routers)]
    setups = [prepare(tokens, profile.pixel_jitter, source.torch()) for source in sources]
    recorded: dict[str, Array] = {
        "weight": np.stack([each.weight for each in setups]).astype(np.float64),
        "bias": np.stack([each.bias for each in setups]).astype(np.float64),
        "margins": np.stack([each.margins for each in setups]),
        "jitter": np.array([each.jitter for each in setups]),
    }
    return {**recorded, **theory(profile, recorded["margins"], recorded["jitter"])}


def theory(profile: Profile, margins: Array, jitter: Array) -> Mapping[str, Array]:
    """Return the predictions for routers of recorded margins (routers, tokens) and jitter (routers,)."""
    responses = [EmpiricalResponse(m, jitter=float(j)) for m, j in zip(margins, jitter, strict=True)]
    decay, first = profile.decay, responses[0]
    critical = np.array([float(each.critical_feedback(decay)) for each in responses])
    spread = np.hypot(margins.std(axis=1), jitter)
    folds = [each.feedback_folds(2.0 * kappa, decay)[1] for each, kappa in zip(responses, critical, strict=True)]
    return {
        "critical_feedback": critical,
        "gaussian_feedback": decay * spread * np.sqrt(np.pi / 2),
        "folds": padded(folds),
        "growth.feedbacks": critical[:, None] * np.array(profile.growth_feedbacks),
        **_branches(first, critical[0] * np.array(profile.branch_feedbacks), decay),
        **_sweeps(first, critical[0] * np.array(profile.sweep_feedbacks), profile),
        "curve.z": CURVE,
        "curve.value": first.value(CURVE),
        "curve.slope": first.slope(CURVE),
    }


def padded(rows: list[Array]) -> Array:
    """Return rows of unequal length as one array, filled up with NaN."""
    table = np.full((len(rows), max(len(row) for row in rows)), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    return table


def _branches(response: EmpiricalResponse, feedbacks: Array, decay: float) -> Mapping[str, Array]:
    states = [response.equilibria(float(kappa), decay) for kappa in feedbacks]
    return {
        "branch.feedbacks": feedbacks,
        "branch.imbalance": padded([state.imbalance for state in states]),
        "branch.stable": padded([state.stable.astype(np.float64) for state in states]) == 1.0,
    }


def _sweeps(response: EmpiricalResponse, feedbacks: Array, profile: Profile) -> Mapping[str, Array]:
    pairs = [outer_folds(response, float(kappa), profile.decay) for kappa in feedbacks]
    z, folds = (np.stack([pair[i] for pair in pairs], axis=1) for i in (0, 1))
    reach = profile.sweep_reach * float(np.abs(folds).max())
    rate = 2.0 * reach / (profile.sweep_time / profile.decay)
    delays = np.stack([response.ramp_delay(rate, each, profile.decay) for each in z])
    return {
        "sweep.feedbacks": feedbacks,
        "sweep.folds": folds,
        "sweep.jumps": folds + np.array([1.0, -1.0])[:, None] * delays,
        "sweep.rate": np.array(rate),
        "sweep.reach": np.array(reach),
    }


def outer_folds(response: EmpiricalResponse, feedback: float, decay: float) -> tuple[Array, Array]:
    """Return (z, h) of the two folds at which a sweep upwards, and one downwards, loses its branch.

    On the lowest branch the sweep upwards meets the lowest fold first; downwards the highest.
    """
    z, h = response.folds(feedback, decay)
    if z.size < 2:
        raise ArithmeticError(f"no hysteresis at feedback {feedback:g}: {z.size} folds")
    return z[[0, -1]], h[[0, -1]]
