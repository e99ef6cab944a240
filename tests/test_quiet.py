"""The library's numbers do not depend on what the caller has asked NumPy to do about overflow, and no call raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import moecusp as mc

WIDE = np.array([0.0, 5e-324, 1e-200, 1e-9, 0.3, 1.0, 7.0, 90.0, 800.0, 1e9, 1e160, 1e308])
SOME = WIDE[1:]
BOTH = np.concatenate([-WIDE[::-1], WIDE])
LOGITS = np.array([[1e308, -1e308, 0.0], [800.0, 0.0, 799.0], [1e-300, 0.0, 0.0]])
SOFTMAX, HARD = mc.SoftmaxResponse(1.7), mc.HardGaussianResponse(0.6)
NORMAL, EMPIRICAL = mc.LogisticNormalResponse(0.7, 1.9), mc.EmpiricalResponse(np.array([-1.0, 0.4, 1.0]), jitter=0.2)

CALLS: dict[str, Callable[[], Any]] = {
    "boundary_mass": lambda: mc.boundary_mass(WIDE[:, None, None], BOTH[:, None], SOME),
    "boundary_slope": lambda: mc.boundary_slope(BOTH[:, None], SOME),
    "boundary_remainder": lambda: mc.boundary_remainder(WIDE[:, None], SOME),
    "soft_hard_gap": lambda: mc.soft_hard_gap(SOME[:, None, None], BOTH[:, None], SOME),
    "soft_hard_expansion": lambda: mc.soft_hard_expansion(SOME[:, None, None], BOTH[:, None], SOME, terms=3),
    "soft_hard_remainder": lambda: mc.soft_hard_remainder(SOME[:, None], SOME, terms=3),
    "sphere": lambda: tuple(mc.sphere_tie_density(SOME, d) for d in (1, 2, 17, 18, 1000)),
    "ellipse": lambda: mc.ellipse_tie_density(SOME[:, None], SOME),
    "parabola": lambda: mc.parabola_tie_density(BOTH),
    "saddle": lambda: mc.saddle_boundary_mass(WIDE),
    "power": lambda: mc.power_boundary_mass(WIDE[:, None], SOME),
    "expert_boundary": lambda: (mc.expert_boundary_mass(WIDE[:, None], 7, SOME), mc.expert_boundary_slope(7, SOME)),
    "boundary_exponent": lambda: tuple(mc.boundary_exponent(np.tile(BOTH, 99)))[:4],
    "routing_saddle": lambda: tuple(mc.routing_saddle(WIDE[WIDE < 1e12])),
    "ecology_parameter": lambda: mc.ecology_parameter(*np.meshgrid(SOME, SOME, SOME, SOME)),
    "expert_fold_curve": lambda: mc.expert_fold_curve(BOTH, 8),
    "expert_equilibria": lambda: (lambda f: (f.difference, f.load_high, f.load_low))(mc.expert_equilibria(WIDE, 5)),
    "susceptibility": lambda: mc.susceptibility(LOGITS, 1e300),
    "critical_feedback_from_logits": lambda: mc.critical_feedback_from_logits(LOGITS[:, None], SOME[:3], 1e-300),
    "hard_susceptibility": lambda: mc.hard_susceptibility(LOGITS, 1e-308)[:2],
    "stationary_variance": lambda: mc.stationary_variance(WIDE[:, None, None], BOTH[:, None], [1e-300, 0.1, 1.0], 1e9),
    "lag1_autocorrelation": lambda: mc.lag1_autocorrelation(WIDE[:, None, None], BOTH[:, None], [1e-300, 0.1, 1.0]),
    "log_stationary_density": lambda: mc.log_stationary_density(BOTH[:, None], SOME[2:8], 0.1, 0.1),
    "escape_barrier": lambda: mc.escape_barrier(WIDE, 0.1),
    "diffusion_barrier": lambda: mc.diffusion_barrier(WIDE, 0.1),
    "escape_time": lambda: mc.escape_time(WIDE, 0.1, 1e-3),
    "softmax": lambda: (SOFTMAX.value(BOTH), SOFTMAX.slope(BOTH), SOFTMAX.fold_curve(BOTH)),
    "hard": lambda: (HARD.value(BOTH), HARD.slope(BOTH), HARD.fold_curve(BOTH)),
    "normal": lambda: (NORMAL.value(BOTH), NORMAL.slope(BOTH), NORMAL.fold_curve(BOTH)),
    "empirical": lambda: (EMPIRICAL.value(BOTH), EMPIRICAL.slope(BOTH), EMPIRICAL.fold_curve(BOTH)),
}


def flat(value: Any) -> list[Any]:
    return [part for item in value for part in flat(item)] if isinstance(value, tuple) else [np.asarray(value)]


@pytest.mark.parametrize("name", CALLS)
def test_the_caller_s_error_state_changes_nothing(name: str) -> None:
    with np.errstate(all="ignore"):
        usual = flat(CALLS[name]())
    with np.errstate(all="raise"):
        strict = flat(CALLS[name]())
    for a, b in zip(usual, strict, strict=True):
        np.testing.assert_array_equal(a, b)
