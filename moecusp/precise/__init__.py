"""The whole theory to any number of digits (up to 10,000), by mpmath, or python-flint where it is installed.

The functions have the names and arguments of those of moecusp, one router a call, and two more: digits, and backend
("auto", "flint" or "mpmath"). Arguments are taken exactly: integers, fractions, floats (their binary value), decimal
strings such as "1.1", mpmath and sympy numbers. Results are mpmath numbers right to about one unit in the last of the
digits asked for; wherever terms cancel, the working precision is raised until the digits are certain: by the bits lost,
with flint by the radius of Arb's balls, with mpmath by the agreement of two precisions.

Where moecusp returns NaN or inf because there is nothing to return (no fold, one well only), these functions raise
ParameterError. What needs a quadrature (the soft-hard gap, the logistic-normal response,
the stationary density, `escape_barrier` and the escape times) is practical to a few hundred digits, with flint to some
1,000. Both arithmetics use the same formulas; only eigenvalues are mpmath's with either backend.
"""

from moecusp._arguments import ParameterError
from moecusp.precise.boundary import boundary_mass, boundary_remainder, boundary_slope, flip_rate, rounding_flip_rate
from moecusp.precise.dead_experts import (
    critical_oracle_weight,
    critical_ratio,
    dead_expert_probability,
    log_dead_expert_probability,
)
from moecusp.precise.escape import diffusion_barrier, escape_barrier, escape_time, log_escape_time
from moecusp.precise.expert_states import ExpertState, expert_equilibria
from moecusp.precise.experts import balanced_critical_gain, equal_depth_gain, expert_fold_curve, expert_fold_gain
from moecusp.precise.noise import (
    lag1_autocorrelation,
    log_stationary_density,
    stationary_density,
    stationary_variance,
)
from moecusp.precise.rates import ramp_delay
from moecusp.precise.reduced import (
    critical_feedback,
    cusp_normal_form,
    ecology_parameter,
    flip_step,
    gain,
    jump_curvature,
    mean_field_competitor,
    reduced_asymmetry,
)
from moecusp.precise.responses import (
    EmpiricalResponse,
    HardGaussianResponse,
    LoadResponse,
    LogisticNormalResponse,
    SoftmaxResponse,
)
from moecusp.precise.softhard import soft_hard_expansion, soft_hard_gap, soft_hard_remainder
from moecusp.precise.susceptibility import (
    critical_feedback_from_logits,
    largest_safe_update_rate,
    susceptibility,
)
from moecusp.precise.two_experts import (
    cusp_set,
    drift,
    equilibria,
    fold_asymmetry,
    fold_curve,
    fold_gain,
    fold_imbalance,
    hysteresis_width,
    potential,
    regime,
    slope,
)

__all__ = [
    "EmpiricalResponse",
    "ExpertState",
    "HardGaussianResponse",
    "LoadResponse",
    "LogisticNormalResponse",
    "ParameterError",
    "SoftmaxResponse",
    "balanced_critical_gain",
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
    "equal_depth_gain",
    "equilibria",
    "escape_barrier",
    "escape_time",
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
    "log_escape_time",
    "log_stationary_density",
    "mean_field_competitor",
    "potential",
    "ramp_delay",
    "reduced_asymmetry",
    "regime",
    "rounding_flip_rate",
    "slope",
    "soft_hard_expansion",
    "soft_hard_gap",
    "soft_hard_remainder",
    "stationary_density",
    "stationary_variance",
    "susceptibility",
]
