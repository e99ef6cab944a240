"""Rigorous enclosures of the library's formulas in Arb balls (python-flint, the `certify` extra).

Arguments are numbers, strings of decimals, fractions or balls; a ball stands for every value in it, so that a box of
parameters is a tuple of balls. Every result contains the exact value for every parameter in the box.
"""

from moecusp._arguments import ParameterError
from moecusp.balance import BalanceAutocorrelation, BalanceVariance
from moecusp.certify.balance import (
    best_update_rate_leading,
    effective_update_rate,
    expected_max_violation,
    proportional_autocorrelation,
    proportional_variance,
    sign_variance,
    tracking_lag,
)
from moecusp.certify.balls import Completeness
from moecusp.certify.boundary import boundary_mass, boundary_remainder, boundary_slope, flip_rate, rounding_flip_rate
from moecusp.certify.cusps import cusp_normal_form, cusp_set
from moecusp.certify.dead_experts import (
    critical_oracle_weight,
    critical_ratio,
    dead_expert_probability,
    log_dead_expert_probability,
)
from moecusp.certify.dynamics import drift, potential, slope
from moecusp.certify.ecology import ecology_parameter, mean_field_competitor
from moecusp.certify.equilibria import Enclosures, equilibria, regime
from moecusp.certify.escape import Barriers, diffusion_barrier, escape_barrier
from moecusp.certify.expert_boundary import (
    expert_boundary_curvature,
    expert_boundary_mass,
    expert_boundary_slope,
)
from moecusp.certify.expert_states import ExpertEnclosures, ExpertState, expert_equilibria
from moecusp.certify.experts import balanced_critical_gain, equal_depth_gain, expert_fold_curve, expert_fold_gain
from moecusp.certify.folds import fold_asymmetry, fold_curve, fold_gain, fold_imbalance, hysteresis_width
from moecusp.certify.interfaces import (
    ellipse_tie_density,
    parabola_tie_density,
    power_boundary_mass,
    saddle_boundary_mass,
    soft_risk_constant,
    sphere_tie_density,
)
from moecusp.certify.landscape import jump_curvature, routing_saddle
from moecusp.certify.noise import (
    StateValues,
    lag1_autocorrelation,
    log_stationary_density,
    stationary_density,
    stationary_variance,
)
from moecusp.certify.rates import flip_step, largest_safe_update_rate, ramp_delay
from moecusp.certify.reduced import critical_feedback, gain, reduced_asymmetry
from moecusp.certify.responses import HardGaussianResponse, LogisticNormalResponse, SoftmaxResponse
from moecusp.certify.softhard import soft_hard_expansion, soft_hard_gap, soft_hard_remainder
from moecusp.certify.susceptibility import critical_feedback_from_logits, susceptibility
from moecusp.cusps import NormalForm
from moecusp.equilibria import Regime, Stability
from moecusp.landscape import Saddle

__all__ = [
    "BalanceAutocorrelation",
    "BalanceVariance",
    "Barriers",
    "Completeness",
    "Enclosures",
    "ExpertEnclosures",
    "ExpertState",
    "HardGaussianResponse",
    "LogisticNormalResponse",
    "NormalForm",
    "ParameterError",
    "Regime",
    "Saddle",
    "SoftmaxResponse",
    "Stability",
    "StateValues",
    "balanced_critical_gain",
    "best_update_rate_leading",
    "boundary_mass",
    "boundary_remainder",
    "boundary_slope",
    "critical_feedback",
    "critical_feedback_from_logits",
    "critical_oracle_weight",
    "critical_ratio",
    "cusp_normal_form",
    "cusp_set",
    "dead_expert_probability",
    "diffusion_barrier",
    "drift",
    "ecology_parameter",
    "effective_update_rate",
    "ellipse_tie_density",
    "equal_depth_gain",
    "equilibria",
    "escape_barrier",
    "expected_max_violation",
    "expert_boundary_curvature",
    "expert_boundary_mass",
    "expert_boundary_slope",
    "expert_equilibria",
    "expert_fold_curve",
    "expert_fold_gain",
    "flip_rate",
    "flip_step",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "gain",
    "hysteresis_width",
    "jump_curvature",
    "lag1_autocorrelation",
    "largest_safe_update_rate",
    "log_dead_expert_probability",
    "log_stationary_density",
    "mean_field_competitor",
    "parabola_tie_density",
    "potential",
    "power_boundary_mass",
    "proportional_autocorrelation",
    "proportional_variance",
    "ramp_delay",
    "reduced_asymmetry",
    "regime",
    "rounding_flip_rate",
    "routing_saddle",
    "saddle_boundary_mass",
    "sign_variance",
    "slope",
    "soft_hard_expansion",
    "soft_hard_gap",
    "soft_hard_remainder",
    "soft_risk_constant",
    "sphere_tie_density",
    "stationary_density",
    "stationary_variance",
    "susceptibility",
    "tracking_lag",
]
