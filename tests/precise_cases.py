"""One call of every function of moecusp.precise, and how its results are made flat."""

from __future__ import annotations

from typing import Any

import mpmath

from moecusp import precise

CLOSED: list[tuple[str, tuple[Any, ...]]] = [
    ("drift", ("0.3", "1.3", "0.05")),
    ("slope", ("0.3", "1.3")),
    ("potential", ("0.3", "1.3", "0.05")),
    ("fold_curve", ("0.3",)),
    ("fold_asymmetry", ("1.3",)),
    ("hysteresis_width", ("1.3",)),
    ("fold_imbalance", ("1.3",)),
    ("cusp_set", ("1.3",)),
    ("fold_gain", ("0.3",)),
    ("equilibria", ("1.3", "0.05")),
    ("critical_feedback", ("0.3", "0.7", 5)),
    ("gain", ("0.3", "0.7", "1.1", 3)),
    ("reduced_asymmetry", ("0.3", "0.7", "1.1")),
    ("cusp_normal_form", ("1.3", "0.1")),
    ("balanced_critical_gain", (7,)),
    ("expert_fold_gain", (7,)),
    ("expert_fold_gain", (10**6,)),
    ("equal_depth_gain", (7,)),
    ("expert_fold_curve", ("1e-7", 7)),
    ("expert_fold_curve", ("-2.5", 7)),
    ("boundary_mass", ("0.3", "0.1", "1.7")),
    ("boundary_mass", ("1e-9", "5", "0.7")),
    ("boundary_slope", ("0.3", "1.7")),
    ("flip_rate", ("0.3", "1.7")),
    ("rounding_flip_rate", ("0.3", "1.7")),
    ("boundary_remainder", ("0.3", "1.7")),
    ("soft_hard_expansion", ("0.3", "0.4", "1.7", 4)),
    ("soft_hard_remainder", ("0.3", "1.7", 4)),
    ("susceptibility", ([["0.3", "0.1", "-2"], ["5", "0", "0.7"]], "0.9")),
    ("stationary_variance", ("1.3", "0.05", "0.1", 3)),
    ("lag1_autocorrelation", ("1.3", "0.05", "0.1")),
    ("diffusion_barrier", ("1.3", "0.05")),
    ("ramp_delay", ("0.001", "1.3")),
    ("flip_step", ("-0.3",)),
    ("jump_curvature", ("0.3", "0.7")),
    ("ecology_parameter", ("0.3", "0.7", "1.1", "1.3")),
    ("mean_field_competitor", ("0.3", "0.7", "1.1")),
    ("log_dead_expert_probability", ("0.3", "1.7", "0.1", 16, 10)),
    ("log_dead_expert_probability", ("0.3", "0.4862943611198906", "1.2", 8, 4, 2)),
    ("dead_expert_probability", ("0.3", "1.7", "0.1", 16, 10, 2)),
    ("critical_ratio", ("0.01", "0.3", 16, 10)),
    ("critical_oracle_weight", ("0.01", "0.3", "0.1", 16, 10, 2)),
    ("critical_oracle_weight", ("1e-40", "0", "0.1", 16, 10)),
]
SLOW: list[tuple[str, tuple[Any, ...]]] = [
    ("soft_hard_gap", ("0.3", "0.4", "1.7")),
    ("soft_hard_gap", ("0.01", "6", "1")),
    ("stationary_density", ("0.4", "1.3", "0.05", "0.1", 2)),
    ("log_stationary_density", ("0.4", "1.3", "0.05", "0.1", 2)),
    ("escape_barrier", ("1.3", "0.02")),
    ("escape_time", ("1.3", "0.02", "0.1", 2)),
    ("log_escape_time", ("1.3", "0.02", "0.1", 2)),
    ("critical_feedback_from_logits", ([["0.3", "0.1", "-2"], ["5", "0", "0.7"]], "0.3", "0.9")),
    ("largest_safe_update_rate", ([["0.25", "-0.25"], ["-0.25", "0.25"]],)),
]
RESPONSES: list[tuple[str, tuple[Any, ...]]] = [
    ("SoftmaxResponse", ("1.3",)),
    ("HardGaussianResponse", ("1.3",)),
    ("EmpiricalResponse", (["-1", "0.2", "0.7"], float("inf"), "0.3")),
    ("EmpiricalResponse", (["-1", "0.2", "0.7"], "1.3")),
    ("LogisticNormalResponse", ("1.3", "0.7")),
]
FAMILIES: list[tuple[str, int, Any]] = [("0.95", 3, None), ("1.2", 6, None), ("0.4", 10**6, (1, 2, 1000))]


def call(name: str, arguments: tuple[Any, ...], digits: int, backend: str = "auto") -> list[Any]:
    """Return the numbers of a result."""
    return flat(getattr(precise, name)(*arguments, digits=digits, backend=backend))


def ask(name: str, arguments: tuple[Any, ...], digits: int, backend: str = "auto") -> list[Any]:
    """Return value, slope, critical feedback and fold curve of a response."""
    response = getattr(precise, name)(*arguments)
    how: dict[str, Any] = {"digits": digits, "backend": backend}
    found = [response.value("0.3", **how), response.slope("-2", **how), response.critical_feedback("0.7", **how)]
    return [*found, *response.fold_curve("1e-3", "0.7", **how)]


def states(gain: str, experts: int, favoured: Any, digits: int, backend: str = "auto") -> list[Any]:
    """Return the numbers of all states of K experts."""
    found = precise.expert_equilibria(gain, experts, favoured, digits=digits, backend=backend)
    return [x for s in found for x in (s.difference, s.load_high, s.load_low)]


def flat(result: Any) -> list[Any]:
    if isinstance(result, mpmath.matrix):
        return [v for row in result.tolist() for v in row]
    return list(result) if isinstance(result, tuple) else [result]


def same(first: list[Any], second: list[Any], digits: int) -> None:
    """Assert that numbers agree to one unit in the last of so many digits, each."""
    assert len(first) == len(second)
    with mpmath.workdps(3 * digits + 60):
        for a, b in zip(first, second, strict=True):
            if mpmath.isnan(a):
                assert mpmath.isnan(b)
            else:
                assert abs(a - b) <= abs(b) * mpmath.mpf(10) ** (1 - digits)
