"""Every public function as tests of tensors call it: values away from its kinks, and how many derivatives it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import moecusp as mc

GAINS = [1.2, 1.5, 3.0, 40.0]
TWO_WELLS = {"gain": [1.2, 1.5, 3.0], "asymmetry": [0.01, -0.05, 1.0]}
STEPS = {"step": [0.3, 0.05, 0.9], "batch_size": [1.5, 4.0, 2.0]}
PLACES = [0.3, -2.0, 5.0, 0.9]
MARGINS = [[1.0, 0.7, 0.3], [0.5, 1.0, 1.4]]
LOGITS = np.random.default_rng(7).normal(size=(3, 9, 4)).tolist()
LAPLACIAN = [[2.0, -1.5, -0.5], [-1.5, 1.6, -0.1], [-0.5, -0.1, 0.6]]
RECORDED = np.random.default_rng(8).normal(0.2, 1.0, 40)
RESPONSES: dict[str, Any] = {
    "softmax": mc.SoftmaxResponse(0.7),
    "gaussian": mc.HardGaussianResponse(1.3),
    "logistic normal": mc.LogisticNormalResponse(1.3, 0.7),
    "limit": mc.LogisticNormalResponse(1e-12, 0.7),
    "soft": mc.EmpiricalResponse(RECORDED, inverse_temperature=1.5),
    "hard": mc.EmpiricalResponse(RECORDED, jitter=0.3),
}


@dataclass(frozen=True)
class Case:
    """A call, its arguments by name, how many derivatives it has, and how far it may be from NumPy, in ulp."""

    call: Callable[..., Any]
    arguments: dict[str, Any]
    orders: int = 2
    ulps: float = 1.0
    grid: float = 1e-12  # relative error of gradients from quadratures whose nodes depend on their company


def first(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    return lambda *values: function(*values, **fixed)[0]


def second(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    return lambda *values: function(*values, **fixed)[1]


def _responses() -> dict[str, Case]:
    cases = {}
    for name, response in RESPONSES.items():
        deep = 2 if name in ("softmax", "gaussian", "limit") else 1
        place, decay = {"z": [0.3, -1.0, 2.0]}, {"decay": [0.6, 1.0, 3.0]}
        cases[f"{name} value"] = Case(response.value, place)
        cases[f"{name} slope"] = Case(response.slope, place, deep)
        cases[f"{name} critical_feedback"] = Case(response.critical_feedback, decay)
        cases[f"{name} fold feedback"] = Case(first(response.fold_curve), place | decay, deep)
        cases[f"{name} fold asymmetry"] = Case(second(response.fold_curve), place | decay, deep)
    return cases


def _symmetric(chi: Any) -> Any:
    """Take derivatives in single entries, which would leave the symmetric matrices."""
    inside = chi.ndim == 2 and "float" in str(chi.dtype)
    return mc.largest_safe_update_rate(0.5 * (chi + chi.swapaxes(-1, -2)) if inside else chi)


def _known(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the call with 0 in the places of its padding."""

    def padded(*values: Any) -> Any:
        result = call(*values)
        return result.nan_to_num(nan=0.0) if hasattr(result, "nan_to_num") else np.nan_to_num(result, nan=0.0)

    return padded


CASES: dict[str, Case] = {
    "drift": Case(mc.drift, {"u": PLACES, "gain": GAINS, "asymmetry": [0.1, -0.3, 2.0, 0.0]}, ulps=2),
    "slope": Case(mc.slope, {"u": PLACES, "gain": GAINS}, ulps=4),
    "potential": Case(mc.potential, {"u": [0.3, -2.5, 5.0, 0.9], "gain": GAINS, "asymmetry": [0.1, -0.3, 2.0, 0.0]}),
    "fold_asymmetry": Case(mc.fold_asymmetry, {"gain": GAINS}),
    "fold_gain": Case(mc.fold_gain, {"asymmetry": [0.1, -0.3, 2.0, 50.0]}),
    "fold_imbalance": Case(mc.fold_imbalance, {"gain": GAINS}),
    "hysteresis_width": Case(mc.hysteresis_width, {"gain": GAINS}),
    "cusp_set": Case(mc.cusp_set, {"gain": GAINS}),
    "fold_curve gain": Case(first(mc.fold_curve), {"u": PLACES}),
    "fold_curve asymmetry": Case(second(mc.fold_curve), {"u": PLACES}),
    "cusp_normal_form": Case(lambda g, e: sum(mc.cusp_normal_form(g, e)), {"gain": GAINS, "asymmetry": GAINS}),
    "equilibria": Case(
        _known(lambda g, e: mc.equilibria(g, e).u), {"gain": [0.5, 1.2, 3.0], "asymmetry": [0.1, 0.01, -1.0]}, ulps=2
    ),
    "critical_feedback": Case(mc.critical_feedback, {"decay": GAINS, "inverse_temperature": GAINS}),
    "gain": Case(mc.gain, {"feedback": GAINS, "decay": GAINS[::-1], "inverse_temperature": GAINS}),
    "reduced_asymmetry": Case(
        mc.reduced_asymmetry, {"asymmetry": PLACES, "decay": GAINS[::-1], "inverse_temperature": GAINS}
    ),
    "expert_fold_curve gain": Case(first(mc.expert_fold_curve, experts=5), {"x": [0.5, -3.0, 2.0, 3.1]}),
    "expert_fold_curve asymmetry": Case(second(mc.expert_fold_curve, experts=5), {"x": [0.5, -3.0, 2.0, 3.1]}),
    "expert_equilibria": Case(_known(lambda g: mc.expert_equilibria(g, 5).difference), {"gain": [0.95, 1.5, 0.5, 2.5]}),
    "expert_equilibria high": Case(
        _known(lambda g: mc.expert_equilibria(g, 5).load_high), {"gain": [0.95, 1.5, 0.5, 2.5]}
    ),
    "expert_equilibria low": Case(
        _known(lambda g: mc.expert_equilibria(g, 5).load_low), {"gain": [0.95, 1.5, 0.5, 2.5]}
    ),
    "boundary_mass": Case(
        mc.boundary_mass,
        {"width": [0.5, 1.0, 0.01, 2.0], "mean": [0.1, -2.0, 1.0, 0.01], "sigma": [1.0, 0.7, 0.5, 2.0]},
    ),
    "expert_boundary_mass": Case(
        lambda w, s: mc.expert_boundary_mass(w, 5, s),
        {"width": [0.5, 1.0, 0.01, 2.5], "sigma": [1.0, 0.7, 0.5, 0.9]},
        orders=1,
    ),
    "flip_rate": Case(mc.flip_rate, {"tie_density": [0.1, 2.0], "noise": [0.01, 0.7]}),
    "rounding_flip_rate": Case(mc.rounding_flip_rate, {"tie_density": [0.1, 2.0], "spacing": [0.01, 0.7]}),
    "boundary_slope": Case(mc.boundary_slope, {"mean": [0.1, -2.0], "sigma": [1.0, 0.7]}),
    "boundary_remainder": Case(mc.boundary_remainder, {"width": [0.1, 2.0], "sigma": [1.0, 0.7]}),
    "soft_hard_gap": Case(
        mc.soft_hard_gap,
        {"temperature": [0.5, 1.0, 0.01, 2.0], "mean": [0.1, -2.0, 0.3, 1.0], "sigma": [1.0, 0.7, 0.5, 20.0]},
        orders=1,
    ),
    "soft_hard_expansion": Case(
        lambda t, b, s: mc.soft_hard_expansion(t, b, s, terms=3),
        {"temperature": [0.5, 0.1], "mean": [0.1, -1.0], "sigma": [1.0, 0.7]},
    ),
    "soft_hard_remainder": Case(
        lambda t, s: mc.soft_hard_remainder(t, s, terms=3), {"temperature": [0.5, 0.1], "sigma": [1.0, 0.7]}
    ),
    "susceptibility": Case(mc.susceptibility, {"logits": LOGITS, "inverse_temperature": 0.7}, ulps=32),
    "critical_feedback_from_logits": Case(
        mc.critical_feedback_from_logits,
        {"logits": LOGITS, "decay": [0.5, 1.0, 2.0], "inverse_temperature": 0.7},
        ulps=32,
    ),
    "largest_safe_update_rate": Case(_symmetric, {"susceptibility": LAPLACIAN}, ulps=32),
    "stationary_variance": Case(
        _known(mc.stationary_variance), {"gain": [0.5, 1.2, 3.0], "asymmetry": [0.1, 0.01, -1.0]} | STEPS
    ),
    "lag1_autocorrelation": Case(
        _known(mc.lag1_autocorrelation),
        {"gain": [0.5, 1.2, 3.0], "asymmetry": [0.1, 0.01, -1.0], "step": [0.3, 0.05, 0.9]},
    ),
    "log_stationary_density": Case(
        mc.log_stationary_density,
        {"u": [0.3, -1.0, 0.5], "gain": [0.5, 1.5, 2.0], "asymmetry": [0.1, -0.2, 0.3]} | STEPS,
        orders=1,
    ),
    "stationary_density": Case(
        mc.stationary_density,
        {"u": [0.3, -1.0, 0.5], "gain": [0.5, 1.5, 2.0], "asymmetry": [0.1, -0.2, 0.3]} | STEPS,
        orders=1,
    ),
    "escape_barrier": Case(mc.escape_barrier, TWO_WELLS, orders=1),
    "diffusion_barrier": Case(mc.diffusion_barrier, TWO_WELLS),
    "log_escape_time": Case(mc.log_escape_time, TWO_WELLS | STEPS, orders=1, grid=1e-8),
    "escape_time": Case(
        mc.escape_time,
        {"gain": [1.2, 1.5], "asymmetry": [0.01, -0.05], "step": [0.3, 0.5], "batch_size": [1.5, 2.0]},
        orders=1,
        grid=1e-8,
    ),
    "ramp_delay": Case(mc.ramp_delay, {"rate": [0.1, 1e-3, 2.0, 7.0], "gain": GAINS}),
    "jump_curvature": Case(mc.jump_curvature, {"temperature": [0.5, 0.01], "density": [0.4, 2.0]}),
    "flip_step": Case(mc.flip_step, {"gain": [-3.0, 0.5, 0.0]}),
    "ecology_parameter": Case(
        mc.ecology_parameter,
        {
            "temperature": [1.0, 2.0],
            "entropy_weight": [0.5, 0.3],
            "oracle_weight": [0.2, 0.1],
            "balance_weight": [0.1, 0.7],
        },
    ),
    "log_dead_expert_probability": Case(
        lambda h, o, b: mc.log_dead_expert_probability(h, o, b, 16, 10),
        {"entropy_weight": [0.5, 0.3], "oracle_weight": [0.2, 2.0], "balance_weight": [0.1, 0.7]},
    ),
    "dead_expert_probability": Case(
        lambda h, o, b: mc.dead_expert_probability(h, o, b, 16, 3),
        {"entropy_weight": [0.5, 0.3], "oracle_weight": [0.2, 2.0], "balance_weight": [0.1, 0.7]},
        ulps=4.0,
    ),
    "critical_ratio": Case(
        lambda q, x: mc.critical_ratio(q, x, 16, 10), {"threshold": [0.01, 0.5], "balance_over_oracle": [0.1, 2.0]}
    ),
    "critical_oracle_weight": Case(
        lambda q, h, b: mc.critical_oracle_weight(q, h, b, 16, 10),
        {"threshold": [0.01, 1e-4, 0.05], "entropy_weight": [0.5, 0.3, 1e-4], "balance_weight": [0.1, 0.7, 0.3]},
        ulps=4.0,
    ),
    "mean_field_competitor": Case(
        mc.mean_field_competitor,
        {"entropy_weight": [0.5, 0.3], "oracle_weight": [0.2, 0.1], "balance_weight": [0.1, 0.7]},
    ),
    "proportional_variance": Case(
        lambda r, lam, q, b: sum(mc.proportional_variance(r, lam, q, b)),
        {"update_rate": [0.5, 3.0], "eigenvalue": [0.3, 0.6], "token_variance": [0.1, 0.3], "batch_size": [1.5, 4.0]},
        ulps=2,
    ),
    "proportional_autocorrelation": Case(
        lambda r, lam: sum(mc.proportional_autocorrelation(r, lam)),
        {"update_rate": [0.5, 3.0], "eigenvalue": [0.3, 0.6]},
        ulps=4,
    ),
    "tracking_lag": Case(mc.tracking_lag, {"drift": [0.1, -0.3], "update_rate": [0.5, 3.0]}),
    "best_update_rate": Case(
        mc.best_update_rate,
        {"drift": [0.1, 3.0], "eigenvalue": [0.3, 0.6], "token_variance": [0.1, 0.3], "batch_size": [1.5, 4.0]},
        ulps=4,
    ),
    "best_update_rate_leading": Case(
        mc.best_update_rate_leading,
        {"drift": [0.1, 3.0], "eigenvalue": [0.3, 0.6], "token_variance": [0.1, 0.3], "batch_size": [1.5, 4.0]},
    ),
    "effective_update_rate": Case(mc.effective_update_rate, {"bias_step": [0.1, 3.0], "deviation": [0.3, 0.6]}),
    "sign_variance": Case(
        lambda u, lam, s, d: sum(mc.sign_variance(u, lam, s, 5, d)),
        {"bias_step": [0.1, 3.0], "eigenvalue": [0.3, 0.6], "noise": [0.1, 0.3], "lattice_spacing": [0.05, 0.02]},
        ulps=4,
    ),
    "expected_max_violation": Case(lambda s: mc.expected_max_violation(s, 5), {"deviation": [0.1, 3.0]}),
    "router folds": Case(
        lambda k, m, b: mc.RouterParameters(k, m, b).folds(),
        {"feedback": [3.0, 40.0], "decay": [1.0, 1.5], "inverse_temperature": [1.0, 2.0]},
    ),
    **_responses(),
}
