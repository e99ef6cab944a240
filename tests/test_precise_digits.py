"""Every function of moecusp.precise: complete, right to the last digit asked for, the same by both arithmetics."""

from __future__ import annotations

import inspect
from typing import Any

import mpmath
import pytest
from flint import arb, arb_mat

import moecusp as mc
from moecusp import ParameterError, certify, precise
from tests.precise_cases import CLOSED, FAMILIES, RESPONSES, SLOW, ask, call, same, states

APART = "special functions and integrals of them: mpmath has them by name, `certify` encloses the values"
RATIONAL = "rational in its arguments, but for one root of a number; `certify` encloses it to 100 bits"
MATRICES = "from matrices that are themselves estimates, with an error beyond that of floats"
LEFT_OUT = {
    "balance_loss_growth": MATRICES,
    "balance_loss_jacobian": MATRICES,
    "BalanceAutocorrelation": "what proportional_autocorrelation returns",
    "BalanceVariance": "what proportional_variance returns",
    "best_update_rate": "the root of a cubic of measured coefficients",
    "best_update_rate_leading": RATIONAL,
    "critical_loss_weight": MATRICES,
    "effective_update_rate": RATIONAL,
    "expected_max_violation": APART,
    "largest_safe_loss_weight": MATRICES,
    "proportional_autocorrelation": RATIONAL,
    "proportional_covariance": MATRICES,
    "proportional_variance": RATIONAL,
    "sign_covariance": MATRICES,
    "sign_tracking_lag": APART,
    "sign_variance": "an approximation of some per cent; `certify` encloses its solution",
    "tracking_lag": RATIONAL,
    "boundary_exponent": "an estimate from a sample: its error is the sample's",
    "BoundaryExponent": "what boundary_exponent returns",
    "ellipse_tie_density": APART,
    "Equilibria": "arrays of roots; precise.equilibria returns a tuple",
    "equilibria_blocks": "a loop over arrays",
    "expert_boundary_curvature": APART,
    "expert_boundary_mass": APART,
    "expert_boundary_slope": APART,
    "ExpertEquilibria": "arrays of states; precise.expert_equilibria returns a tuple of ExpertState",
    "hard_susceptibility": "an estimate from a sample: its error is the sample's",
    "HardSusceptibility": "what hard_susceptibility returns",
    "soft_susceptibility": "`susceptibility`, with the error of the sample",
    "SoftSusceptibility": "what soft_susceptibility returns",
    "Linearity": "what boundary_exponent says",
    "NormalForm": "a tuple, returned by precise.cusp_normal_form too",
    "parabola_tie_density": APART,
    "power_boundary_mass": APART,
    "Regime": "an enum, returned by precise.regime too",
    "RouterParameters": "a container; its formulas are there one by one",
    "routing_saddle": APART,
    "Saddle": "what routing_saddle returns",
    "saddle_boundary_mass": APART,
    "simulate": "random",
    "Simulation": "what simulate returns",
    "soft_risk_constant": APART,
    "sphere_tie_density": APART,
    "Stability": "an enum, returned by precise.expert_equilibria too",
    "threshold_shift": APART,
}
BACKENDS = ["flint", "mpmath"]


def test_every_public_name_is_here_or_left_out_for_a_reason():
    assert set(mc.__all__) - set(precise.__all__) == set(LEFT_OUT)
    assert all(hasattr(precise, name) for name in precise.__all__)


def test_every_function_has_its_case():
    cases = {name for name, _ in CLOSED + SLOW + RESPONSES} | {"regime", "expert_equilibria"}
    assert cases == set(precise.__all__) - {"ParameterError", "LoadResponse", "ExpertState"}


@pytest.mark.parametrize("name", [n for n in precise.__all__ if n[0].islower()])
def test_arguments_have_the_names_of_the_float_function(name: str) -> None:
    ours, theirs = (list(inspect.signature(getattr(m, name)).parameters) for m in (precise, mc))
    extra = ("digits", "backend", "favoured", "mask")  # a table of exact numbers has no padding to mask
    assert [p for p in ours if p not in extra] == [p for p in theirs if p not in extra]
    assert "backend" in ours


@pytest.mark.parametrize("digits", [30, 200, 1000])
@pytest.mark.parametrize(("name", "arguments"), CLOSED)
def test_closed_forms_agree(name: str, arguments: tuple[Any, ...], digits: int) -> None:
    same(call(name, arguments, digits, "mpmath"), call(name, arguments, digits, "flint"), digits)


CERTIFIED = [case for case in CLOSED + SLOW if hasattr(certify, case[0])]
WAYS = [(*case, 22, "flint") for case in CERTIFIED]  # the two backends are compared below
WAYS += [(*case, digits, b) for case in CERTIFIED if case in CLOSED for digits in (1, 15) for b in BACKENDS]


def enclosed(name: str, arguments: tuple[Any, ...]) -> list[Any]:
    """Return the balls of moecusp.certify, whose formulas and quadratures are written apart."""
    found = getattr(certify, name)(*arguments)
    if isinstance(found, certify.Enclosures):
        return list(found.u)
    if isinstance(found, certify.StateValues | certify.Barriers):
        return list(found.values)
    if isinstance(found, arb_mat):
        return list(found.entries())
    return list(found) if isinstance(found, tuple) else [found]


@pytest.mark.parametrize(("name", "arguments", "digits", "backend"), WAYS)
def test_every_digit_is_that_of_a_proved_enclosure(
    name: str, arguments: tuple[Any, ...], digits: int, backend: str
) -> None:
    balls = enclosed(name, arguments)
    numbers = call(name, arguments, digits, backend)
    assert len(balls) == len(numbers)
    for ball, number in zip(balls, numbers, strict=True):
        if ball is None:
            assert mpmath.isnan(number)
        else:
            assert ball.rad() <= abs(ball.mid()) * arb(10) ** -22
            with mpmath.workdps(60):
                assert abs(arb(mpmath.nstr(number, 50)) - ball.mid()) <= abs(ball.mid()) * arb(10) ** (1 - digits)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "arguments"), CLOSED)
def test_more_digits_change_none(name: str, arguments: tuple[Any, ...], backend: str) -> None:
    """That cancellation is made up for at 100 digits; that the formula is right is shown above and by its equation."""
    same(call(name, arguments, 100, backend), call(name, arguments, 220, backend), 100)


@pytest.mark.parametrize(("name", "arguments"), SLOW)
def test_quadratures_and_eigenvalues(name: str, arguments: tuple[Any, ...]) -> None:
    """Arb's quadrature, which is proved, at 80 digits, and that of mpmath at 30."""
    same(call(name, arguments, 30, "mpmath"), call(name, arguments, 80, "flint"), 30)


@pytest.mark.parametrize(("name", "arguments"), RESPONSES)
def test_responses(name: str, arguments: tuple[Any, ...]) -> None:
    digits = 20 if name == "LogisticNormalResponse" else 200
    reference = ask(name, arguments, 2 * digits + 20, "flint")
    for backend in BACKENDS:
        same(ask(name, arguments, digits, backend), reference, digits)


@pytest.mark.parametrize("digits", [30, 200])
@pytest.mark.parametrize("case", FAMILIES)
def test_families_of_experts(case: Any, digits: int) -> None:
    gain, experts, favoured = case
    reference = states(gain, experts, favoured, 2 * digits + 20, "flint")
    for backend in BACKENDS:
        same(states(gain, experts, favoured, digits, backend), reference, digits)


def test_ten_thousand_digits():
    """The digits of a result of 10,000 are those of its defining equation."""
    gain = precise.expert_fold_gain(8, digits=10_000)
    (state,) = precise.expert_equilibria("1.5", 8, [1], digits=10_000)
    with mpmath.workdps(10_050):
        assert abs(gain - precise.expert_fold_gain(8, digits=10_000, backend="mpmath")) < mpmath.mpf(10) ** -9_999
        y = mpmath.exp(state.difference)
        slope = 12 * 8 * y / (y + 7) ** 2 - 1
        error = (12 * (y - 1) / (y + 7) - state.difference) / slope
        assert abs(error) < state.difference * mpmath.mpf(10) ** -9_999


ARGUMENTS = [
    (name, arguments, i)
    for name, arguments in dict(CLOSED + SLOW).items()
    for i in range(len(arguments))
    if not isinstance(arguments[i], list)
]


@pytest.mark.parametrize(("name", "arguments", "place"), ARGUMENTS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1j, None, "two", mpmath.nan])
def test_every_argument_is_checked(name: str, arguments: tuple[Any, ...], place: int, bad: Any) -> None:
    argument = list(inspect.signature(getattr(precise, name)).parameters)[place]
    given = [bad if i == place else a for i, a in enumerate(arguments)]
    with pytest.raises(ParameterError, match=rf"^{argument} = "):
        getattr(precise, name)(*given)


@pytest.mark.parametrize(("name", "arguments"), list(dict(CLOSED + SLOW).items()))
def test_digits_and_backend_are_checked(name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ParameterError, match=r"^digits"):
        getattr(precise, name)(*arguments, digits=0)
    with pytest.raises(ParameterError, match=r"^backend"):
        getattr(precise, name)(*arguments, backend="gmp")


OUTSIDE = [
    ("critical_feedback", (0,), "decay"),
    ("gain", (-1,), "feedback"),
    ("gain", (1, 1, 1, 1), "experts"),
    ("reduced_asymmetry", (1, 1, 0), "inverse_temperature"),
    ("cusp_normal_form", (-1,), "gain"),
    ("expert_fold_gain", (1,), "experts"),
    ("expert_equilibria", (1, 3, [3]), "favoured"),
    ("expert_equilibria", (1, 3, [-1]), "favoured"),
    ("boundary_mass", (-1,), "width"),
    ("boundary_slope", (0, 0), "sigma"),
    ("flip_rate", (-1, 0), "tie_density"),
    ("rounding_flip_rate", (0, -1), "spacing"),
    ("soft_hard_gap", (0,), "temperature"),
    ("soft_hard_expansion", (1, 0, 1, 0), "terms"),
    ("susceptibility", ([[1]],), "logits"),
    ("susceptibility", ([[1, 2], [3]],), "logits"),
    ("susceptibility", ([["1", "nan"]],), r"logits\[0, 1\]"),
    ("susceptibility", (3,), "logits"),
    ("critical_feedback_from_logits", ([[1, 2]], 0), "decay"),
    ("largest_safe_update_rate", ([[1, 2, 3], [2, 1, 3]],), "susceptibility"),
    ("largest_safe_update_rate", ([[1, 2], [3, 1]],), "susceptibility"),
    ("largest_safe_update_rate", ([[0, 0], [0, 0]],), "susceptibility"),
    ("stationary_variance", (1, 0, "0.1"), "asymmetry"),
    ("stationary_variance", (1, 1, "1.1"), "step"),
    ("stationary_variance", (1, 1, 0), "step"),
    ("stationary_variance", (1, 1, 1, "0.5"), "batch_size"),
    ("stationary_density", (0, 0, 0, 1), "gain"),
    ("escape_barrier", (1,), "gain"),
    ("escape_barrier", (2, 1), "asymmetry"),
    ("diffusion_barrier", (2, -1), "asymmetry"),
    ("escape_time", (2, 0, 2), "step"),
    ("ramp_delay", (0, 2), "rate"),
    ("ramp_delay", (1, 1), "gain"),
    ("flip_step", (1,), "gain"),
    ("jump_curvature", (0, 1), "temperature"),
    ("jump_curvature", (1, 0), "density"),
    ("ecology_parameter", (1, 1, 0, 0), r"oracle_weight \+ balance_weight"),
    ("mean_field_competitor", (1, 0, 1), "oracle_weight"),
    ("SoftmaxResponse", (0,), "inverse_temperature"),
    ("HardGaussianResponse", (-1,), "sigma"),
    ("LogisticNormalResponse", (1, 0), "inverse_temperature"),
    ("EmpiricalResponse", ([],), "margins"),
    ("EmpiricalResponse", ([1, None],), r"margins\[1\]"),
    ("EmpiricalResponse", ([1], 1, 1), "jitter"),
    ("EmpiricalResponse", (3,), "margins"),
]


@pytest.mark.parametrize(("name", "arguments", "argument"), OUTSIDE)
def test_outside_the_range(name: str, arguments: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{argument} = "):
        getattr(precise, name)(*arguments)


def test_methods_of_a_response_are_checked():
    response = precise.HardGaussianResponse()
    for method, argument in (("value", "z"), ("slope", "z"), ("critical_feedback", "decay"), ("fold_curve", "z")):
        with pytest.raises(ParameterError, match=rf"^{argument} = "):
            getattr(response, method)(float("nan"))
    with pytest.raises(ParameterError, match=r"^decay = "):
        response.fold_curve(1, 0)
    with pytest.raises(ParameterError, match=r"^jitter = "):
        precise.EmpiricalResponse([1]).slope(0)
