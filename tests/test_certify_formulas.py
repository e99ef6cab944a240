"""Every enclosure against the float function, at points of its boxes, and in how tight it is."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from flint import arb

import moecusp as mc
from moecusp import ParameterError, certify
from moecusp.certify.balls import through

# arguments as (low, high); an int is passed on as it is
CASES: dict[str, list[Any]] = {
    "boundary_mass": [(0.01, 2), (-3, 3), (0.2, 2)],
    "boundary_remainder": [(0.01, 2), (0.2, 2)],
    "boundary_slope": [(-3, 3), (0.2, 2)],
    "flip_rate": [(0.1, 3), (0.01, 2)],
    "rounding_flip_rate": [(0.1, 3), (0.01, 2)],
    "critical_feedback": [(0.1, 3), (0.1, 3), 5],
    "critical_oracle_weight": [(0.01, 0.06), (0.1, 3), (0.1, 3), 16, 10],
    "critical_ratio": [(0.01, 0.9), (0, 3), 16, 10],
    "dead_expert_probability": [(0.1, 3), (0.1, 3), (0.1, 3), 16, 10],
    "log_dead_expert_probability": [(0.1, 3), (0.1, 3), (0.1, 3), 8, 2],
    "cusp_normal_form": [(0.1, 3), (-1, 1)],
    "best_update_rate_leading": [(0.1, 3), (0.1, 3), (0.1, 3), (1, 9)],
    "cusp_set": [(1.05, 4)],
    "drift": [(-3, 3), (0.1, 4), (-1, 1)],
    "ecology_parameter": [(0.1, 3), (0.1, 3), (0.1, 3), (0.1, 3)],
    "effective_update_rate": [(0.1, 3), (0.1, 3)],
    "ellipse_tie_density": [(0.3, 3), (0.2, 5)],
    "expert_boundary_curvature": [5, (0.3, 2)],
    "expert_boundary_mass": [(0.05, 3), 5, (0.3, 2)],
    "expert_boundary_slope": [5, (0.3, 2)],
    "expected_max_violation": [(0.01, 2), 5],
    "expert_fold_curve": [(-4, 6), 7],
    "flip_step": [(-3, 0.9)],
    "fold_asymmetry": [(1.05, 4)],
    "fold_curve": [(-3, 3)],
    "fold_gain": [(-2, 2)],
    "fold_imbalance": [(1.05, 4)],
    "gain": [(0.1, 3), (0.1, 3), (0.1, 3), 4],
    "hysteresis_width": [(0.1, 4)],
    "jump_curvature": [(0.05, 3), (0.1, 3)],
    "mean_field_competitor": [(0.1, 3), (0.1, 3), (0.1, 3)],
    "parabola_tie_density": [(-3, 3)],
    "power_boundary_mass": [(0.01, 2), (0.5, 4)],
    "potential": [(-3, 3), (0.1, 4), (-1, 1)],
    "proportional_autocorrelation": [(0.1, 1.1), (0.1, 1.5)],
    "proportional_variance": [(0.1, 1.1), (0.1, 1.5), (0.1, 3), (1.1, 9)],
    "ramp_delay": [(1e-4, 1), (1.05, 4)],
    "reduced_asymmetry": [(-2, 2), (0.1, 3), (0.1, 3)],
    "routing_saddle": [(0.05, 3)],
    "saddle_boundary_mass": [(0.01, 6)],
    "sign_variance": [(0.1, 2), (0.1, 2), (0.5, 2), 5, (0.1, 0.9)],
    "slope": [(-3, 3), (0.1, 4)],
    "soft_hard_expansion": [(0.05, 0.2), (-2, 2), (0.8, 2), 5],
    "soft_hard_gap": [(0.05, 2), (-2, 2), (0.5, 2)],
    "soft_hard_remainder": [(0.05, 0.5), (0.5, 2), 3],
    "soft_risk_constant": [(0.1, 9)],
    "sphere_tie_density": [(0.3, 4), 7],
    "stationary_density": [(-1, 1), (0.3, 1.8), (-0.2, 0.2), (0.05, 0.9), (1, 8)],
    "log_stationary_density": [(-1, 1), (0.3, 1.8), (-0.2, 0.2), (0.05, 0.9), (1, 8)],
    "tracking_lag": [(-3, 3), (0.1, 3)],
}
MATRICES = "from eigenvectors of matrices that are themselves estimates; tests/test_balance*.py solve the equations"
LEFT_OUT = {
    "BoundaryExponent": "see boundary_exponent",
    "EmpiricalResponse": "an estimate from recorded margins; its uncertainty is that of the sample",
    "Equilibria": "Enclosures takes its place",
    "ExpertEquilibria": "ExpertEnclosures takes its place",
    "HardSusceptibility": "see hard_susceptibility",
    "Linearity": "see boundary_exponent",
    "LoadResponse": "the abstract class of responses",
    "RouterParameters": "a container of floats",
    "SoftSusceptibility": "see soft_susceptibility",
    "Simulation": "the result of a simulation",
    "boundary_exponent": "an estimate from recorded margins, with an interval of its own",
    "equilibria_blocks": "equilibria of grids, for their memory",
    "balance_loss_growth": MATRICES,
    "balance_loss_jacobian": MATRICES,
    "best_update_rate": "the root of a cubic; tests/test_balance.py solves it in mpmath",
    "critical_loss_weight": MATRICES,
    "escape_time": "an asymptotic formula of unbounded error; its prefactor is a regularised integral along the path",
    "hard_susceptibility": "a count over data, exact as it is",
    "soft_susceptibility": "the value is that of `susceptibility`; the error is the sample's",
    "largest_safe_loss_weight": MATRICES,
    "log_escape_time": "see escape_time",
    "proportional_covariance": MATRICES,
    "sign_covariance": MATRICES,
    "sign_tracking_lag": "an inverse error function, which Arb has by name; tests/test_balance.py compares",
    "simulate": "a simulation",
    "threshold_shift": "the root of an equation between integrals; tests/test_landscape.py encloses its sign change",
}
DRAWS = 25


def draws(name: str, radius: float = 0.0) -> Any:
    draw = random.Random(f"{name} {radius}")
    for _ in range(DRAWS if "density" not in name and "gap" not in name else 8):
        centre = [draw.uniform(*a) if isinstance(a, tuple) else a for a in CASES[name]]
        yield draw, centre


def parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


def test_nothing_public_is_missing() -> None:
    assert set(mc.__all__) - set(certify.__all__) == set(LEFT_OUT)
    assert all(hasattr(certify, name) for name in certify.__all__)


@pytest.mark.parametrize("name", CASES)
def test_contains_what_the_float_function_approximates(name: str) -> None:
    """Within the largest stated error of the float functions, 1e-13 relative (1e-11 for densities near their peak)."""
    for _, point in draws(name):
        bound = 2e-11 if "density" in name else 2e-13
        size = 1.0 + sum(abs(x) for x in point) ** 2 if name in ("drift", "slope", "potential") else 0.0
        for ball, value in zip(parts(getattr(certify, name)(*point)), parts(getattr(mc, name)(*point)), strict=True):
            assert abs(ball - float(value)) <= bound * max(abs(float(value)), size), (point, ball)


@pytest.mark.parametrize("name", CASES)
def test_exact_arguments_give_many_digits(name: str) -> None:
    for _, point in draws(name):
        for ball in parts(getattr(certify, name)(*point)):
            assert ball.rad() <= abs(ball.mid()) * arb(2) ** -60, (point, ball)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("radius", [1e-2, 1e-6])
def test_a_box_holds_for_its_points_and_is_tight(name: str, radius: float) -> None:
    """At corners and random points; and at most 30 times as wide as what they show.

    The density holds an integral whose boxes are those of ball arithmetic: 300 times.
    """
    for draw, point in draws(name, radius):
        box = getattr(certify, name)(*(x if isinstance(x, int) else arb(x, radius * 0.5) for x in point))
        seen = []
        for side in (-1.0, 1.0, 0.0, 0.0, 0.0, 0.0):
            signs = [side or draw.choice([-1.0, 1.0, draw.uniform(-1, 1)]) for _ in point]
            at = [x if isinstance(x, int) else x + 0.49999 * s * radius for x, s in zip(point, signs, strict=True)]
            seen.append(parts(getattr(certify, name)(*at)))
            assert all(b.contains(v.mid()) for b, v in zip(parts(box), seen[-1], strict=True)), (at, box)
        for k, ball in enumerate(parts(box)):
            values = [float(value[k]) for value in seen]
            spread = max(values) - min(values)
            factor = 300 if name == "stationary_density" else 30
            assert ball.rad() <= factor * spread + 100 * radius**2 * (1 + max(map(abs, values))), (point, ball)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "x", None, 1j, True, [1.0], np.ones(3)])
def test_wrong_arguments_are_named(name: str, wrong: Any) -> None:
    import inspect

    names = list(inspect.signature(getattr(certify, name)).parameters)
    middle = [sum(a) / 2 + 0.01 if isinstance(a, tuple) else a for a in CASES[name]]
    for k, argument in enumerate(names[: len(middle)]):
        given = [*middle]
        given[k] = wrong
        with pytest.raises(ParameterError, match=rf"^{argument} = "):
            getattr(certify, name)(*given)


@pytest.mark.parametrize(
    ("name", "arguments", "argument"),
    [
        ("ramp_delay", (1, 1), "gain"),
        ("flip_step", (1,), "gain"),
        ("fold_asymmetry", (arb(1, 0.1),), "gain"),
        ("soft_hard_gap", (0,), "temperature"),
        ("stationary_density", (0, 0, 0, 0.1), "gain"),
        ("stationary_density", (0, 1, 0, 1.5), "step"),
        ("lag1_autocorrelation", (0.5, 0, 2), "step"),
        ("stationary_variance", (0.5, 0, 0.1, 0.5), "batch_size"),
        ("mean_field_competitor", (1, 0, 1), "oracle_weight"),
        ("ecology_parameter", (1, 1, 0, 0), r"oracle_weight \+ balance_weight"),
        ("log_dead_expert_probability", (0, 1, 0, 4, 2), r"entropy_weight \+ balance_weight"),
        ("critical_oracle_weight", (0.01, 0, 0, 4, 2), r"entropy_weight \+ balance_weight"),
        ("critical_oracle_weight", (0.25, 1, 1, 4, 2), "threshold"),
        ("critical_oracle_weight", (0.06, 1, 1, 16, 10, 2), "threshold"),
        ("critical_ratio", (0.5, 1, 4, 4), "classes"),
        ("critical_ratio", (0.5, 1, 4, 2, 4), "choices"),
        ("soft_hard_expansion", (0.1, 0, 1, 0), "terms"),
        ("critical_feedback", (1, 1, 1), "experts"),
        ("escape_barrier", (-1,), "gain"),
        ("diffusion_barrier", (2, "x"), "asymmetry"),
    ],
)
def test_out_of_range(name: str, arguments: Any, argument: str) -> None:
    with pytest.raises(ParameterError, match=argument):
        getattr(certify, name)(*arguments)


def test_cancellation_takes_more_bits() -> None:
    """Leading terms by hand: V ~ u^4/12 and F ~ -u^3/3 at the cusp, M ~ sqrt(2/pi) w exp(-b^2/2)."""
    u = arb(2) ** -300
    assert (certify.potential(u, 1) / (u**4 / 12) - 1).abs_upper() < 2.0**-90
    assert (certify.drift(u, 1) / (-(u**3) / 3) - 1).abs_upper() < 2.0**-90
    leading = (2 / arb.pi()).sqrt() * u * (arb(-50) ** 2 / -2).exp()
    assert (certify.boundary_mass(u, 50) / leading - 1).abs_upper() < 2.0**-45  # the pi of 53 bits


def test_the_loop_opens_at_the_critical_gain() -> None:
    box = certify.hysteresis_width(arb(1, 0.3))
    assert box.contains(0)
    assert box.contains(certify.hysteresis_width(1.29))
    assert box.rad() < 0.6 * certify.hysteresis_width(1.3)
    assert certify.hysteresis_width(0.5) == 0


def test_mean_value_theorem_across_a_turning_point() -> None:
    box = through(lambda x: x * x, lambda x: 2 * x, arb(0.125, 1))
    assert box.contains(arb(1.125) ** 2)
    assert box.contains(0)


def test_airy_zero() -> None:
    """The delay at g -> infinity and rho = 1 is minus the zero: Ai changes sign there."""
    zero = certify.ramp_delay(1, "1e90")
    assert (-(zero.lower())).airy_ai() * (-(zero.upper())).airy_ai() < 0
    assert zero.rad() < 1e-25
