"""What the theory says of a recorded response, computed before anything is run (docs/theory.md, sections 4, 6, 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moecusp import EmpiricalResponse
from moecusp.responses import ResponseEquilibria
from validation.digits.profiles import Profile

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """Folds of one feedback, met by a sweep of the asymmetry upwards and downwards (score/time)."""

    feedback: float
    fold_up: float
    fold_down: float
    jump_up: float
    jump_down: float

    @property
    def width(self) -> float:
        """Distance between the two folds."""
        return self.fold_up - self.fold_down

    @property
    def ramped_width(self) -> float:
        """Distance between the two jumps at the rate of the sweep."""
        return self.jump_up - self.jump_down


@dataclass(frozen=True)
class Predictions:
    """Everything that the runs will be held against.

    Attributes
    ----------
    critical_feedback : float
        mu/G'(0) of the recorded response.
    gaussian_feedback : float
        mu sigma sqrt(pi/2) from the margins' standard deviation alone (with the jitter): the closed form for Gaussian
        margins, which the digits need not obey.
    fold_feedbacks, fold_differences : ndarray
        Folds in the feedback without asymmetry, and the score differences at which they lie.
    feedbacks : ndarray
        Feedbacks of the branch runs.
    states : list of ResponseEquilibria
        All equilibria at each of them.
    sweeps : list of Sweep
        Folds at each feedback of the asymmetry sweeps.
    rate : float
        Rate of change of the asymmetry in the sweeps (score/time^2).
    reach : float
        Largest asymmetry of the sweeps.
    """

    critical_feedback: float
    gaussian_feedback: float
    fold_feedbacks: Array
    fold_differences: Array
    feedbacks: Array
    states: list[ResponseEquilibria]
    sweeps: list[Sweep]
    rate: float
    reach: float


def predict(response: EmpiricalResponse, profile: Profile) -> Predictions:
    """Return all predictions for one router."""
    decay = profile.decay
    critical = float(response.critical_feedback(decay))
    spread = float(np.hypot(response.margins.std(), response.jitter))
    feedbacks = critical * np.array(profile.branch_feedbacks)
    differences, folds = response.feedback_folds(2.0 * critical, decay)
    pairs = [outer_folds(response, critical * factor, decay) for factor in profile.sweep_feedbacks]
    reach = profile.sweep_reach * max(abs(h) for _, asymmetries in pairs for h in asymmetries)
    rate = 2.0 * reach / profile.sweep_time
    sweeps = []
    for factor, (z, h) in zip(profile.sweep_feedbacks, pairs, strict=True):
        kappa = critical * factor
        delays = response.ramp_delay(rate, z, decay)
        sweeps.append(Sweep(kappa, h[0], h[1], h[0] + delays[0], h[1] - delays[1]))
    return Predictions(
        critical_feedback=critical,
        gaussian_feedback=float(decay * spread * np.sqrt(np.pi / 2)),
        fold_feedbacks=folds,
        fold_differences=differences,
        feedbacks=feedbacks,
        states=[response.equilibria(kappa, decay) for kappa in feedbacks],
        sweeps=sweeps,
        rate=rate,
        reach=reach,
    )


def outer_folds(response: EmpiricalResponse, feedback: float, decay: float) -> tuple[Array, Array]:
    """Return (z, h) of the two folds at which a sweep upwards, and one downwards, loses its branch.

    On the lowest branch the sweep upwards meets the lowest fold first; downwards the highest.
    """
    z, h = response.folds(feedback, decay)
    if z.size < 2:
        raise ArithmeticError(f"no hysteresis at feedback {feedback:g}: {z.size} folds")
    return z[[0, -1]], h[[0, -1]]


def distance_to_stable(imbalance: Array, states: list[ResponseEquilibria]) -> Array:
    """Return |m - nearest predicted stable m| for imbalances (..., feedbacks)."""
    nearest = [
        np.abs(imbalance[..., i, None] - state.imbalance[state.stable]).min(axis=-1) for i, state in enumerate(states)
    ]
    return np.stack(nearest, axis=-1)
