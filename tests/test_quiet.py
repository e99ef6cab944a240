"""The library's numbers do not depend on what the caller has asked NumPy to do about overflow, and no call raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moecusp as mc

WIDE = np.array([0.0, 5e-324, 1e-200, 1e-9, 0.3, 1.0, 7.0, 90.0, 800.0, 1e9, 1e160, 1e308])
SOME = WIDE[1:]
BOTH = np.concatenate([-WIDE[::-1], WIDE])
LAPLACIANS = SOME[:, None, None] * (np.eye(3) - 1 / 3)
CHI = np.eye(3) - 1.0 / 3.0
LOGITS = np.array([[1e308, -1e308, 0.0], [800.0, 0.0, 799.0], [1e-300, 0.0, 0.0]])
SOFTMAX, HARD = mc.SoftmaxResponse(1.7), mc.HardGaussianResponse(0.6)
NORMAL, EMPIRICAL = mc.LogisticNormalResponse(0.7, 1.9), mc.EmpiricalResponse(np.array([-1.0, 0.4, 1.0]), jitter=0.2)

WITHOUT = {
    "equilibria_blocks": "`equilibria`, block by block",
    "simulate": "has tests of its own in tests/simulation",
}
CALLS: dict[str, Callable[[], Any]] = {
    "gain": lambda: mc.gain(SOME[:, None, None], SOME[:, None], SOME, 3),
    "critical_feedback": lambda: mc.critical_feedback(SOME[:, None], SOME, 7),
    "reduced_asymmetry": lambda: mc.reduced_asymmetry(BOTH[:, None, None], SOME[:, None], SOME),
    "folds": lambda: (mc.fold_asymmetry(WIDE), mc.fold_imbalance(WIDE), mc.hysteresis_width(WIDE)),
    "fold_curve": lambda: (*mc.fold_curve(BOTH), mc.fold_gain(BOTH)),
    "cusps": lambda: (*mc.cusp_normal_form(WIDE[:, None], BOTH), mc.cusp_set(WIDE)),
    "dynamics": lambda: tuple(f(BOTH[:, None], WIDE) for f in (mc.drift, mc.potential, mc.slope)),
    "equilibria": lambda: (lambda f: (f.u, f.imbalance, f.load))(mc.equilibria(WIDE[:, None], BOTH)),
    "regime": lambda: mc.regime(WIDE[:, None], BOTH),
    "experts": lambda: tuple(
        tuple(f(k) for k in (2, 3, 64, 10**9))
        for f in (mc.balanced_critical_gain, mc.expert_fold_gain, mc.equal_depth_gain)
    ),
    "rates": lambda: (mc.ramp_delay(SOME[:, None], WIDE), mc.flip_step(WIDE)),
    "largest_safe_update_rate": lambda: mc.largest_safe_update_rate(LAPLACIANS),
    "log_dead_expert_probability": lambda: mc.log_dead_expert_probability(
        SOME[:, None, None], WIDE[:, None], WIDE, 16, 3
    ),
    "dead_expert_probability": lambda: mc.dead_expert_probability(WIDE[:, None, None], WIDE[:, None], SOME, 16, 10, 2),
    "critical_ratio": lambda: mc.critical_ratio(SOME[:4, None], WIDE, 2**53, 2),
    "critical_oracle_weight": lambda: mc.critical_oracle_weight(
        np.array([5e-324, 1e-200, 1e-9, 0.06])[:, None, None], WIDE[:, None], SOME, 16, 10
    ),
    "mean_field_competitor": lambda: mc.mean_field_competitor(*np.meshgrid(SOME, SOME, SOME)),
    "stationary_density": lambda: mc.stationary_density(BOTH[:, None], SOME[2:8], 0.1, 0.1),
    "log_escape_time": lambda: mc.log_escape_time(WIDE, 0.1, 1e-3),
    "landscape": lambda: (mc.threshold_shift(SOME[:4], 0.3), mc.soft_risk_constant(SOME[:7])),
    "expert_boundary_curvature": lambda: mc.expert_boundary_curvature(7, SOME),
    "boundary_mass": lambda: mc.boundary_mass(WIDE[:, None, None], BOTH[:, None], SOME),
    "flip_rate": lambda: (mc.flip_rate(WIDE[:, None], SOME), mc.rounding_flip_rate(WIDE[:, None], SOME)),
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
    "proportional": lambda: (
        *mc.proportional_variance(SOME[:, None, None], SOME[:, None], SOME, 1e3),
        *mc.proportional_autocorrelation(SOME[:, None], SOME),
        mc.tracking_lag(BOTH[:, None], SOME),
        mc.best_update_rate(SOME[:, None, None], SOME[:, None], SOME, 1e3),
        mc.best_update_rate_leading(SOME[:, None, None], SOME[:, None], SOME, 1e3),
    ),
    "sign rule": lambda: (
        *mc.sign_variance(SOME[:, None, None], SOME[:, None], SOME, 7, 1e-324),
        mc.effective_update_rate(SOME[:, None], SOME),
        mc.sign_tracking_lag(BOTH[:, None, None], SOME[:, None], SOME),
        mc.expected_max_violation(SOME, 7),
    ),
    "balance": lambda: (
        *mc.proportional_covariance(SOME, CHI, CHI),
        *mc.sign_covariance(SOME[4:8], CHI, CHI),
        mc.balance_loss_jacobian(WIDE, 1.0, 1e300, 1e300, CHI, CHI),
        mc.balance_loss_growth(WIDE[:8], 1.0, 0.3, 1.0, CHI, CHI),
        mc.critical_loss_weight(WIDE[:8], 1.0, 1.0, CHI, CHI),
        mc.largest_safe_loss_weight(SOME, CHI, CHI),
    ),
    "jump_curvature": lambda: mc.jump_curvature(SOME[:, None], SOME),
    "routing_saddle": lambda: tuple(mc.routing_saddle(WIDE[WIDE < 1e12])),
    "ecology_parameter": lambda: mc.ecology_parameter(*np.meshgrid(SOME, SOME, SOME, SOME)),
    "expert_fold_curve": lambda: mc.expert_fold_curve(BOTH, 8),
    "expert_equilibria": lambda: (lambda f: (f.difference, f.load_high, f.load_low))(mc.expert_equilibria(WIDE, 5)),
    "susceptibility": lambda: mc.susceptibility(LOGITS, 1e300),
    "critical_feedback_from_logits": lambda: mc.critical_feedback_from_logits(LOGITS[:, None], SOME[:3], 1e-300),
    "hard_susceptibility": lambda: mc.hard_susceptibility(LOGITS, 1e-308)[:2],
    "soft_susceptibility": lambda: mc.soft_susceptibility(LOGITS, 1e308)[:2],
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


def test_every_public_function_is_here() -> None:
    called = set(re.findall(r"\bmc\.([a-z]\w+)", Path(__file__).read_text()))
    assert {name for name in mc.__all__ if name[0].islower()} - called == WITHOUT.keys()


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
