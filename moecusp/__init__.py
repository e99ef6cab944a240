"""The verified mathematics of load collapse in mixture-of-experts routers."""

import importlib as _importlib

from moecusp._arguments import ParameterError
from moecusp.balance import BalanceAutocorrelation, BalanceVariance, proportional_autocorrelation, proportional_variance
from moecusp.balance_covariance import proportional_covariance, sign_covariance
from moecusp.balance_loss import (
    balance_loss_growth,
    balance_loss_jacobian,
    critical_loss_weight,
    largest_safe_loss_weight,
)
from moecusp.balance_sign import effective_update_rate, expected_max_violation, sign_tracking_lag, sign_variance
from moecusp.balance_tracking import best_update_rate, best_update_rate_leading, tracking_lag
from moecusp.boundary import boundary_mass, boundary_remainder, boundary_slope
from moecusp.boundary_exponent import BoundaryExponent, Linearity, boundary_exponent
from moecusp.critical_oracle import critical_oracle_weight
from moecusp.cusps import NormalForm, cusp_normal_form, cusp_set
from moecusp.dead_experts import critical_ratio, dead_expert_probability, log_dead_expert_probability
from moecusp.dynamics import drift, potential, slope
from moecusp.ecology import ecology_parameter, mean_field_competitor
from moecusp.equilibria import Equilibria, Regime, Stability, equilibria, equilibria_blocks, regime
from moecusp.escape import diffusion_barrier, escape_barrier, escape_time, log_escape_time
from moecusp.expert_boundary import expert_boundary_curvature, expert_boundary_mass, expert_boundary_slope
from moecusp.expert_states import ExpertEquilibria, expert_equilibria
from moecusp.experts import balanced_critical_gain, equal_depth_gain, expert_fold_curve, expert_fold_gain
from moecusp.flips import flip_rate, rounding_flip_rate
from moecusp.folds import fold_asymmetry, fold_curve, fold_gain, fold_imbalance, hysteresis_width
from moecusp.interfaces import (
    ellipse_tie_density,
    parabola_tie_density,
    power_boundary_mass,
    saddle_boundary_mass,
    sphere_tie_density,
)
from moecusp.landscape import Saddle, jump_curvature, routing_saddle, soft_risk_constant, threshold_shift
from moecusp.noise import lag1_autocorrelation, stationary_variance
from moecusp.parameters import RouterParameters
from moecusp.rates import flip_step, largest_safe_update_rate, ramp_delay
from moecusp.reduced import critical_feedback, gain, reduced_asymmetry
from moecusp.responses import (
    EmpiricalResponse,
    HardGaussianResponse,
    LoadResponse,
    LogisticNormalResponse,
    SoftmaxResponse,
)
from moecusp.simulate import Simulation, simulate
from moecusp.softhard import soft_hard_expansion, soft_hard_gap, soft_hard_remainder
from moecusp.stationary import log_stationary_density, stationary_density
from moecusp.susceptibility import critical_feedback_from_logits, susceptibility
from moecusp.susceptibility_estimate import SoftSusceptibility, soft_susceptibility
from moecusp.ties import HardSusceptibility, hard_susceptibility

__version__ = "0.1.0"

__all__ = [
    "BalanceAutocorrelation",
    "BalanceVariance",
    "BoundaryExponent",
    "EmpiricalResponse",
    "Equilibria",
    "ExpertEquilibria",
    "HardGaussianResponse",
    "HardSusceptibility",
    "Linearity",
    "LoadResponse",
    "LogisticNormalResponse",
    "NormalForm",
    "ParameterError",
    "Regime",
    "RouterParameters",
    "Saddle",
    "Simulation",
    "SoftSusceptibility",
    "SoftmaxResponse",
    "Stability",
    "balance_loss_growth",
    "balance_loss_jacobian",
    "balanced_critical_gain",
    "best_update_rate",
    "best_update_rate_leading",
    "boundary_exponent",
    "boundary_mass",
    "boundary_remainder",
    "boundary_slope",
    "critical_feedback",
    "critical_feedback_from_logits",
    "critical_loss_weight",
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
    "equilibria_blocks",
    "escape_barrier",
    "escape_time",
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
    "hard_susceptibility",
    "hysteresis_width",
    "jump_curvature",
    "lag1_autocorrelation",
    "largest_safe_loss_weight",
    "largest_safe_update_rate",
    "log_dead_expert_probability",
    "log_escape_time",
    "log_stationary_density",
    "mean_field_competitor",
    "parabola_tie_density",
    "potential",
    "power_boundary_mass",
    "proportional_autocorrelation",
    "proportional_covariance",
    "proportional_variance",
    "ramp_delay",
    "reduced_asymmetry",
    "regime",
    "rounding_flip_rate",
    "routing_saddle",
    "saddle_boundary_mass",
    "sign_covariance",
    "sign_tracking_lag",
    "sign_variance",
    "simulate",
    "slope",
    "soft_hard_expansion",
    "soft_hard_gap",
    "soft_hard_remainder",
    "soft_risk_constant",
    "soft_susceptibility",
    "sphere_tie_density",
    "stationary_density",
    "stationary_variance",
    "susceptibility",
    "threshold_shift",
    "tracking_lag",
]

_LAZY = ("certify", "precise", "symbolic")


def __getattr__(name: str) -> object:
    """Import the modules with dependencies of their own when they are first asked for."""
    if name in _LAZY:
        return _importlib.import_module(f"moecusp.{name}")
    raise AttributeError(f"module 'moecusp' has no attribute {name!r}")
