"""Every closed form of the library as a sympy expression, with its assumptions and statement id.

Each public name is that of the numerical function. What has a formula is a `Formula`: its `expression` holds for
symbols with the assumptions declared on them; calling it substitutes values or further expressions. What is defined
by equations is an `Implicit`: calling it gives the equations, its `branches` the ranges in which they have one
solution, its `value` the quantity at a solution, and `residual` checks a number. Integrals and sums without a closed
form are left unevaluated; `sympy.lambdify(..., "mpmath")` gives their digits. The response classes have the same
formulas as attributes.

Where a numerical function returns NaN for a place without the quantity (a gain below 1 has no fold) the symbolic form
raises `ParameterError`. `largest_safe_update_rate` takes the largest eigenvalue of the susceptibility, which for a
general matrix is no closed form. `expert_equilibria` takes the number of favoured experts as a third argument.
What is left out, with the reasons, is in `LEFT_OUT`.

>>> from moecusp import symbolic
>>> symbolic.fold_imbalance.expression
sqrt(1 - 1/g)
>>> symbolic.fold_imbalance(4)
sqrt(3)/2
>>> symbolic.fold_imbalance.statement
'fold.imbalance'
>>> symbolic.equilibria(2, 0)
(-u + 2*tanh(u),)
"""

from __future__ import annotations

from moecusp.symbolic.balance import (
    best_update_rate_leading,
    effective_update_rate,
    proportional_autocorrelation,
    proportional_variance,
    sign_tracking_lag,
    tracking_lag,
)
from moecusp.symbolic.boundary import (
    N,
    T,
    b,
    boundary_mass,
    boundary_remainder,
    boundary_slope,
    f0,
    flip_rate,
    jump_curvature,
    rounding_flip_rate,
    soft_hard_expansion,
    soft_hard_gap,
    soft_hard_remainder,
    w,
)
from moecusp.symbolic.ecology import (
    critical_oracle_weight,
    critical_ratio,
    dead_expert_probability,
    ecology_parameter,
    log_dead_expert_probability,
    mean_field_competitor,
)
from moecusp.symbolic.escape import (
    EscapeSlope,
    diffusion_barrier,
    escape_barrier,
    escape_slope,
    escape_time,
    log_escape_time,
)
from moecusp.symbolic.experts import (
    balanced_critical_gain,
    equal_depth_gain,
    expert_equilibria,
    expert_fold_curve,
    expert_fold_gain,
    expert_scores,
    m,
    x,
)
from moecusp.symbolic.formula import ARGUMENTS, Branch, Formula, Implicit
from moecusp.symbolic.interfaces import (
    ellipse_tie_density,
    parabola_tie_density,
    power_boundary_mass,
    saddle_boundary_mass,
    soft_risk_constant,
    sphere_tie_density,
)
from moecusp.symbolic.noise import (
    B,
    delta,
    lag1_autocorrelation,
    log_stationary_density,
    stationary_density,
    stationary_variance,
)
from moecusp.symbolic.rates import airy_zero, flip_step, largest_safe_update_rate, ramp_delay, rho
from moecusp.symbolic.responses import (
    HardGaussianResponse,
    LoadResponse,
    LogisticNormalResponse,
    SoftmaxResponse,
    sigma,
    z,
)
from moecusp.symbolic.susceptibility import susceptibility
from moecusp.symbolic.two_experts import (
    K,
    beta,
    critical_feedback,
    cusp_normal_form,
    cusp_set,
    drift,
    equilibria,
    eta,
    fold_asymmetry,
    fold_curve,
    fold_gain,
    fold_imbalance,
    g,
    gain,
    h,
    hysteresis_width,
    imbalance,
    kappa,
    load,
    mu,
    potential,
    reduced_asymmetry,
    regime,
    slope,
    u,
)

LEFT_OUT = {
    "boundary_exponent": "an estimate from recorded margins, not a formula",
    "balance_loss_growth": "the largest eigenvalue of a matrix; its value in one mode is the claim of ``balance.loss``",
    "balance_loss_jacobian": "a product of the matrices that are its arguments",
    "best_update_rate": "the root of a cubic: of the claim slope of ``balance.best_rate``",
    "critical_loss_weight": "from eigenvalues of matrices; uniform routing is the claim of ``balance.critical_weight``",
    "expected_max_violation": "an integral, `expert_boundary_slope`, in the claim of ``balance.max_violation``",
    "largest_safe_loss_weight": "from the largest eigenvalue of a product; see ``balance.safe_weight``",
    "proportional_covariance": "matrices; `proportional_variance` is its form in one mode",
    "sign_covariance": "matrices, and the fixed point of their equation; see `sign_variance`",
    "sign_variance": "three claims of ``balance.sign_closure``, each in the terms of the next",
    "critical_feedback_from_logits": "mu/lambda_max: the largest eigenvalue of a K by K matrix has no closed form; "
    "its matrix is `susceptibility`",
    "equilibria_blocks": "`equilibria` of a grid, block by block: a matter of memory",
    "expert_boundary_curvature": "an integral; its integrand is in ``boundary.experts_remainder``",
    "expert_boundary_mass": "an integral; its integrand is the claim lead of ``boundary.experts``",
    "expert_boundary_slope": "an integral; its integrand is the claim rate of ``boundary.experts``",
    "hard_susceptibility": "an estimate counted from recorded logits, not a formula",
    "routing_saddle": "two Gaussian means without a closed form; its rates are the claims of ``landscape.saddle``",
    "simulate": "a simulation, not a formula",
    "soft_susceptibility": "`susceptibility` with the error that comes from the tokens",
    "threshold_shift": "the root of an equation between integrals; its expansion is ``softhard.threshold``",
}
"""Public functions without a symbolic form, and why.

Of the classes, `EmpiricalResponse` is a sum over recorded margins: ``LoadResponse(sum(...)/n)`` makes it for any list.
`RouterParameters` and the results' containers hold numbers.
"""

FORMULAS = {name: value for name, value in list(globals().items()) if isinstance(value, Formula)}
IMPLICIT = {name: value for name, value in list(globals().items()) if isinstance(value, Implicit)}

__all__ = [
    "ARGUMENTS",
    "FORMULAS",
    "IMPLICIT",
    "LEFT_OUT",
    "B",
    "Branch",
    "EscapeSlope",
    "Formula",
    "HardGaussianResponse",
    "Implicit",
    "K",
    "LoadResponse",
    "LogisticNormalResponse",
    "N",
    "SoftmaxResponse",
    "T",
    "airy_zero",
    "b",
    "balanced_critical_gain",
    "best_update_rate_leading",
    "beta",
    "boundary_mass",
    "boundary_remainder",
    "boundary_slope",
    "critical_feedback",
    "critical_oracle_weight",
    "critical_ratio",
    "cusp_normal_form",
    "cusp_set",
    "dead_expert_probability",
    "delta",
    "diffusion_barrier",
    "drift",
    "ecology_parameter",
    "effective_update_rate",
    "ellipse_tie_density",
    "equal_depth_gain",
    "equilibria",
    "escape_barrier",
    "escape_slope",
    "escape_time",
    "eta",
    "expert_equilibria",
    "expert_fold_curve",
    "expert_fold_gain",
    "expert_scores",
    "f0",
    "flip_rate",
    "flip_step",
    "fold_asymmetry",
    "fold_curve",
    "fold_gain",
    "fold_imbalance",
    "g",
    "gain",
    "h",
    "hysteresis_width",
    "imbalance",
    "jump_curvature",
    "kappa",
    "lag1_autocorrelation",
    "largest_safe_update_rate",
    "load",
    "log_dead_expert_probability",
    "log_escape_time",
    "log_stationary_density",
    "m",
    "mean_field_competitor",
    "mu",
    "parabola_tie_density",
    "potential",
    "power_boundary_mass",
    "proportional_autocorrelation",
    "proportional_variance",
    "ramp_delay",
    "reduced_asymmetry",
    "regime",
    "rho",
    "rounding_flip_rate",
    "saddle_boundary_mass",
    "sigma",
    "sign_tracking_lag",
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
    "u",
    "w",
    "x",
    "z",
]
