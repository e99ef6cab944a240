"""Every refusal of the enclosures word for word, at the ends of every range, and every default."""

from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any

import pytest
from flint import arb, arb_mat

from moecusp import ParameterError, certify
from tests.test_certify_formulas import CASES

RANGES = {  # in words; a number just inside, or None, and one outside
    "real": ("finite and real", None, None),
    "> 0": ("finite and real and > 0", "1e-99", 0),
    ">= 0": ("finite and real and >= 0", 0, "-1e-99"),
    ">= 1": ("finite and real and >= 1", 1, "0.999"),
    "> 1": ("finite and real and > 1", "1.001", 1),
    "< 1": ("finite and real and < 1", "0.999", 1),
    "share": ("finite and real and > 0 and < 1", None, 1),
    "step": ("finite and real and > 0 and <= 1", 1, "1.001"),
}
SIGNATURES = """
boundary_mass: width >= 0, mean real = 0, sigma > 0 = 1
boundary_remainder: width >= 0, sigma > 0 = 1
boundary_slope: mean real = 0, sigma > 0 = 1
critical_feedback: decay > 0, inverse_temperature > 0 = 1, experts count = 2
critical_oracle_weight: threshold share, entropy_weight >= 0, balance_weight >= 0, experts 2, classes 1, choices 1 = 1
critical_ratio: threshold share, balance_over_oracle >= 0, experts 2, classes 1, choices 1 = 1
cusp_normal_form: gain >= 0, asymmetry real = 0
best_update_rate_leading: drift > 0, eigenvalue > 0, token_variance > 0, batch_size >= 1 = 1
cusp_set: gain >= 1
dead_expert_probability: entropy_weight >= 0, oracle_weight >= 0, balance_weight >= 0, \
experts 2, classes 1, choices 1 = 1
log_dead_expert_probability: entropy_weight >= 0, oracle_weight >= 0, balance_weight >= 0, \
experts 2, classes 1, choices 1 = 1
drift: u real, gain >= 0, asymmetry real = 0
ecology_parameter: temperature > 0, entropy_weight >= 0, oracle_weight >= 0, balance_weight >= 0
effective_update_rate: bias_step > 0, deviation > 0
ellipse_tie_density: radius > 0, ratio_of_weights > 0
expert_boundary_curvature: experts 2, sigma > 0 = 1
expert_boundary_mass: width >= 0, experts 2, sigma > 0 = 1
expert_boundary_slope: experts 2, sigma > 0 = 1
expected_max_violation: deviation > 0, experts 2
expert_fold_curve: x real, experts count
flip_step: gain < 1
flip_rate: tie_density >= 0, noise >= 0
rounding_flip_rate: tie_density >= 0, spacing >= 0
jump_curvature: temperature > 0, density > 0
fold_asymmetry: gain >= 1
fold_curve: u real
fold_gain: asymmetry real
fold_imbalance: gain >= 1
gain: feedback > 0, decay > 0 = 1, inverse_temperature > 0 = 1, experts count = 2
hysteresis_width: gain >= 0
mean_field_competitor: entropy_weight >= 0, oracle_weight > 0, balance_weight >= 0
parabola_tie_density: curvature real
power_boundary_mass: width >= 0, power > 0
potential: u real, gain >= 0, asymmetry real = 0
proportional_autocorrelation: update_rate > 0, eigenvalue > 0
proportional_variance: update_rate > 0, eigenvalue > 0, token_variance > 0, batch_size >= 1 = 1
ramp_delay: rate > 0, gain > 1
reduced_asymmetry: asymmetry real, decay > 0 = 1, inverse_temperature > 0 = 1
routing_saddle: temperature >= 0
saddle_boundary_mass: width >= 0
sign_variance: bias_step > 0, eigenvalue > 0, noise > 0, experts 2, lattice_spacing >= 0 = 0
slope: u real, gain >= 0
soft_hard_expansion: temperature > 0, mean real = 0, sigma > 0 = 1, terms 1 = 1
soft_hard_gap: temperature > 0, mean real = 0, sigma > 0 = 1
soft_hard_remainder: temperature > 0, sigma > 0 = 1, terms 1 = 1
soft_risk_constant: exponent > 0
sphere_tie_density: radius > 0, dimension 1
stationary_density: u real, gain > 0, asymmetry real, step step, batch_size >= 1 = 1
log_stationary_density: u real, gain > 0, asymmetry real, step step, batch_size >= 1 = 1
tracking_lag: drift real, update_rate > 0
stationary_variance: gain >= 0, asymmetry real, step step, batch_size >= 1 = 1
lag1_autocorrelation: gain >= 0, asymmetry real, step step
equilibria: gain >= 0, asymmetry real = 0
regime: gain >= 0, asymmetry real = 0
escape_barrier: gain >= 0, asymmetry real = 0
diffusion_barrier: gain >= 0, asymmetry real = 0
expert_equilibria: gain >= 0, experts 2
balanced_critical_gain: experts count
expert_fold_gain: experts count
equal_depth_gain: experts count
"""
COUNT = "an integer >= 2, or a ball of numbers >= 2"
OTHERS: dict[str, list[Any]] = {  # what stands in the place of the other arguments
    "stationary_variance": [0.5, 0.1, 0.2, 2], "lag1_autocorrelation": [0.5, 0.1, 0.2], "equilibria": [0.5, 0.1],
    "regime": [0.5, 0.1], "escape_barrier": [0.5, 0.1], "diffusion_barrier": [0.5, 0.1], "expert_equilibria": [0.5, 3],
    "balanced_critical_gain": [3], "expert_fold_gain": [3], "equal_depth_gain": [3],
    "critical_oracle_weight": [0.01, 0.5, 0.5, 16, 1, 1], "critical_ratio": [0.5, 0.5, 16, 1, 1],
    "dead_expert_probability": [0.5, 0.5, 0.5, 16, 1, 1], "log_dead_expert_probability": [0.5, 0.5, 0.5, 16, 1, 1],
}  # fmt: skip


def rows() -> dict[str, list[tuple[str, str, str | None]]]:
    """Return name, range and default of every argument of every function."""
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for line in SIGNATURES.strip().splitlines():
        name, _, arguments = line.partition(": ")
        found[name] = []
        for each in arguments.split(", "):
            argument, _, allowed = each.partition(" ")
            allowed, _, default = allowed.partition(" = ")
            found[name].append((argument, allowed, default or None))
    return found


ROWS = rows()


def middle(name: str) -> list[Any]:
    return (
        [*OTHERS[name]] if name in OTHERS else [sum(a) / 2 + 0.01 if isinstance(a, tuple) else a for a in CASES[name]]
    )


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(ParameterError) as caught:
        call(*arguments)
    return str(caught.value)


def test_every_formula_is_listed() -> None:
    assert set(ROWS) == set(CASES) | set(OTHERS)


@pytest.mark.parametrize("name", ROWS)
class TestEvery:
    def test_signature(self, name: str) -> None:
        found = inspect.signature(getattr(certify, name)).parameters.values()
        shown = [(p.name, None if p.default is p.empty else str(p.default)) for p in found]
        assert shown == [(argument, default) for argument, _, default in ROWS[name]]

    def test_words(self, name: str) -> None:
        call = getattr(certify, name)
        for k, (argument, allowed, _) in enumerate(ROWS[name]):
            given = middle(name)
            given[k] = "x"
            if allowed == "count":
                wanted = COUNT
            elif allowed.isdigit():
                wanted = f"an integer >= {allowed}"
            else:
                wanted = f"{RANGES[allowed][0]}: a number, decimal string, fraction or ball"
            assert refused(call, *given).startswith(f"{argument} = 'x': {argument} must be {wanted}")
            if allowed == "count" or not allowed.isdigit():
                assert refused(call, *given).endswith(wanted)

    def test_ends(self, name: str) -> None:
        call = getattr(certify, name)
        for k, (argument, allowed, _) in enumerate(ROWS[name]):
            if allowed in RANGES:
                _, inside, outside = RANGES[allowed]
            else:
                least = 2 if allowed == "count" else int(allowed)
                inside, outside = least, least - 1
            given = middle(name)
            if outside is not None:
                given[k] = outside
                assert refused(call, *given).startswith(f"{argument} = {outside!r}: {argument} must be ")
            if inside is not None and inside != "1e-99":
                given[k] = inside
                call(*given)

    def test_defaults_are_those_values(self, name: str) -> None:
        known = [default for *_, default in ROWS[name] if default is None]
        if len(known) == len(ROWS[name]):
            return
        call, given = getattr(certify, name), middle(name)[: len(known)]
        whole = call(*given, *(int(default) for *_, default in ROWS[name] if default))
        for one, other in zip(*(v if isinstance(v, tuple) else (v,) for v in (call(*given), whole)), strict=True):
            assert str(one) == str(other)


class TestOthers:
    @pytest.mark.parametrize(
        ("call", "arguments", "said"),
        [
            (certify.ecology_parameter, (1, 1, 0, 0), "oracle_weight + balance_weight = 0: oracle_weight + "
             "balance_weight must be > 0: else E is not defined"),
            (certify.proportional_variance, (2, 1, 1), "update_rate = 2.000...: update_rate must be such that "
             "update_rate * eigenvalue < 2"),
            (certify.proportional_autocorrelation, (2, 1), "update_rate = 2.000...: update_rate must be such "
             "that update_rate * eigenvalue < 2"),
            (certify.sign_variance, (1, 1, 1, 5, 2.6), "lattice_spacing = 2.6: lattice_spacing must be at most "
             "sqrt(2 pi) times the noise"),
            (certify.susceptibility, (1,), "logits = 1: logits must be of shape (tokens, K) with K >= 2"),
            (certify.susceptibility, ([[1]],), "logits = [[1]]: logits must be of shape (tokens, K) with K >= 2"),
            (certify.susceptibility, ([[1, 2], [1]],), "logits = [[1, 2], [1]]: logits must be of shape (tokens, K) "
             "with K >= 2"),
            (certify.susceptibility, ([[0, 1], [0, "x"]],), "logits[1, 1] = 'x': logits[1, 1] must be finite and real: "
             "a number, decimal string, fraction or ball"),
            (certify.susceptibility, ([[0, 1]], 0), "inverse_temperature = 0: inverse_temperature must be finite and "
             "real and > 0: a number, decimal string, fraction or ball"),
            (certify.critical_feedback_from_logits, ([[0, 1]], 0), "decay = 0: decay must be finite and real and > 0: "
             "a number, decimal string, fraction or ball"),
            (certify.largest_safe_update_rate, (1,), "susceptibility = 1: susceptibility must be of shape (K, K) with "
             "K >= 2, and symmetric"),
            (certify.largest_safe_update_rate, ([[1, 0]],), "susceptibility = [[1, 0]]: susceptibility must be of "
             "shape (K, K) with K >= 2, and symmetric"),
            (certify.largest_safe_update_rate, ([[1, 0], [1, 1]],), "susceptibility = [[1, 0], [1, 1]]: susceptibility "
             "must be symmetric"),
            (certify.largest_safe_update_rate, ([[1, 0], [0, "x"]],), "susceptibility[1, 1] = 'x': "
             "susceptibility[1, 1] must be finite and real: a number, decimal string, fraction or ball"),
            (certify.largest_safe_update_rate, ([[0, 0], [0, 0]],), "susceptibility = [[0, 0], [0, 0]]: susceptibility "
             "must be of a largest eigenvalue that is certainly > 0"),
            (certify.SoftmaxResponse, (0,), "inverse_temperature = 0: inverse_temperature must be finite and real and "
             "> 0: a number, decimal string, fraction or ball"),
            (certify.HardGaussianResponse, (0,), "sigma = 0: sigma must be finite and real and > 0: a number, decimal "
             "string, fraction or ball"),
            (certify.LogisticNormalResponse, (0,), "sigma = 0: sigma must be finite and real and > 0: a number, "
             "decimal string, fraction or ball"),
            (certify.LogisticNormalResponse, (1, -1), "inverse_temperature = -1: inverse_temperature must be finite "
             "and real and > 0: a number, decimal string, fraction or ball"),
            (certify.SoftmaxResponse().value, ("y",), "z = 'y': z must be finite and real: a number, decimal string, "
             "fraction or ball"),
            (certify.SoftmaxResponse().critical_feedback, (0,), "decay = 0: decay must be finite and real and > 0: a "
             "number, decimal string, fraction or ball"),
            (certify.SoftmaxResponse().fold_curve, (1, 0), "decay = 0: decay must be finite and real and > 0: a "
             "number, decimal string, fraction or ball"),
        ],
    )  # fmt: skip
    def test_words(self, call: Any, arguments: Any, said: str) -> None:
        start, found = said.partition("...")[0], refused(call, *arguments)
        assert found.startswith(start)
        assert found.endswith(said.rpartition("...")[2])

    def test_a_box_of_logits_too_wide_for_a_critical_feedback(self) -> None:
        wide = [[arb(0, 9), arb(0, 9)]]
        said = refused(certify.critical_feedback_from_logits, wide)
        assert said.startswith("logits = ")
        assert said.endswith("in a box so small that the largest eigenvalue is certainly > 0")

    def test_tokens_without_a_choice(self) -> None:
        assert not certify.critical_feedback_from_logits([[0, float("-inf")]], 3).is_finite()
        assert certify.critical_feedback_from_logits([[0, float("-inf")]], 3) > 0

    @pytest.mark.parametrize("value", [True, False, 2j, None, [2], "2..", Fraction(1, 1) * 1j])
    def test_what_is_no_number(self, value: Any) -> None:
        said = refused(certify.slope, value, 1)
        assert said.endswith("u must be finite and real: a number, decimal string, fraction or ball")

    def test_what_is_one(self) -> None:
        for value in (2, 2.0, "2", Fraction(2), arb(2)):
            assert certify.gain(value) == 1
        assert certify.slope(arb_mat([[0]])[0, 0], 3) == 2

    @pytest.mark.parametrize("value", [True, False, 1.5, 3.0, "3", arb(1.9), arb(2, 0.1), None])
    def test_what_is_no_number_of_experts(self, value: Any) -> None:
        assert refused(certify.expert_fold_gain, value).endswith(f": experts must be {COUNT}")

    def test_defaults_of_responses(self) -> None:
        assert certify.SoftmaxResponse().critical_feedback() == 2
        assert certify.SoftmaxResponse().critical_feedback(3) == 6
        assert certify.HardGaussianResponse().slope(0).overlaps(certify.boundary_slope())
        for kind in (certify.SoftmaxResponse, certify.HardGaussianResponse, certify.LogisticNormalResponse):
            arguments = inspect.signature(kind).parameters
            assert [p.default for p in arguments.values() if p.name != "sigma" or "Hard" in kind.__name__] == [1]
            assert inspect.signature(kind.fold_curve).parameters["decay"].default == 1
        assert list(inspect.signature(certify.LogisticNormalResponse).parameters) == ["sigma", "inverse_temperature"]
        assert [p.default for p in inspect.signature(certify.susceptibility).parameters.values()][1:] == [1]
        assert [p.default for p in inspect.signature(certify.critical_feedback_from_logits).parameters.values()][
            1:
        ] == [1, 1]
