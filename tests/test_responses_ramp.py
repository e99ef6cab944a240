"""Delay of a jump when the asymmetry of any response is ramped past its fold: mu, beta, kappa, sigma other than 1."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import moecusp as mc

MARGINS = np.concatenate([np.random.default_rng(5).normal(-0.4, 0.7, 60), [1.3, 1.9, 2.4]])
MU = 0.6
RESPONSES: dict[str, Any] = {
    "softmax": mc.SoftmaxResponse(inverse_temperature=0.7),
    "gaussian": mc.HardGaussianResponse(sigma=1.3),
    "logistic normal": mc.LogisticNormalResponse(sigma=1.3, inverse_temperature=0.7),
    "without margins": mc.LogisticNormalResponse(sigma=1e-12, inverse_temperature=0.7),
    "without temperature": mc.LogisticNormalResponse(sigma=1.3, inverse_temperature=1e12),
    "hard": mc.EmpiricalResponse(MARGINS, jitter=0.6),
    "soft": mc.EmpiricalResponse(MARGINS, inverse_temperature=1.5),
}


def bend(name, z):
    """G''(z), differentiated by hand from the definition of each response, to 40 digits."""
    response, x = RESPONSES[name], mp.mpf(float(z))

    def of_tanh(y, beta):
        return -(beta**2) / 2 * mp.sech(beta * y / 2) ** 2 * mp.tanh(beta * y / 2)

    def of_erf(y, s):
        return -2 * y / s**2 * mp.npdf(y, 0, s)

    beta, sigma = (mp.mpf(getattr(response, part, 0)) for part in ("inverse_temperature", "sigma"))
    if name in ("softmax", "without margins"):
        return of_tanh(x, beta)
    if name in ("gaussian", "without temperature"):
        return of_erf(x, sigma)
    if name == "logistic normal":
        breaks = [k * sigma for k in range(-14, 15)]
        return mp.quad(lambda xi: mp.npdf(xi, 0, sigma) * of_tanh(x + xi, beta), breaks)
    margins = [mp.mpf(float(a)) for a in response.margins]
    law, width = (of_erf, mp.mpf(response.jitter)) if name == "hard" else (of_tanh, beta)
    return mp.fsum(law(x + a, width) for a in margins) / len(margins)


@pytest.fixture(params=RESPONSES, name="name")
def _name(request):
    return request.param


def folds_of(name):
    """Feedback and outer folds, 1.7 times beyond the critical feedback."""
    response = RESPONSES[name]
    kappa = 1.7 * response.critical_feedback(MU)
    z, h = response.folds(kappa, MU)
    return response, kappa, z[[0, -1]], h[[0, -1]]


def test_local_flow(name):
    """dx/dt = rho t + b x^2, b = kappa |G''|/2, leaves through the first zero of Ai(-(b rho)^(1/3) t)."""
    response, kappa, z, _ = folds_of(name)
    rho = 3e-3
    with mp.workdps(40):
        for found, place in zip(response.ramp_delay(rho, z, MU), z, strict=True):
            b = kappa * abs(bend(name, place)) / 2
            delay = mp.mpf(rho) * -mp.airyaizero(1) / (b * mp.mpf(rho)) ** (mp.mpf(1) / 3)
            assert abs(found / delay - 1) < 3e-13


@pytest.mark.parametrize("side", [0, 1], ids=["upwards", "downwards"])
def test_full_flow(name, side):
    """dz/dt = kappa G(z) - mu z + h with h ramped out through either fold jumps as far beyond it as predicted.

    The next order is rho^(1/3) smaller and has no logarithm here: a rate 64 times slower must come 2 to 16 times
    nearer to it, and within 5 %.
    """
    response, kappa, places, folds = folds_of(name)
    sign, errors = 1.0 - 2.0 * side, []
    for rho in (64e-6, 1e-6):
        far = folds[side] - sign * 0.02
        start = response.equilibria(kappa, MU, far).z[[0, -1][side]]

        def flow(t, z, far=far, rho=rho):
            return kappa * response.value(z) - MU * z + far + sign * rho * t

        def jump(t, z):
            return sign * (z[0] - float(np.mean(places)))

        jump.terminal = True  # type: ignore[attr-defined]
        found = solve_ivp(flow, (0.0, 0.2 / rho), [start], "LSODA", events=jump, rtol=1e-9, atol=1e-10)
        delay = sign * (far + sign * rho * found.t_events[0][0] - folds[side])
        errors.append(abs(delay / response.ramp_delay(rho, places[side], MU) - 1))
    assert errors[1] < 0.05
    assert 2.0 < errors[0] / errors[1] < 16.0


@given(st.floats(-6, 2), st.floats(-3, 3), st.floats(-2, 2), st.floats(-2, 2))
def test_softmax_is_the_reduced_formula(power, excess, log_decay, log_beta):
    """eta = beta h/(2 mu), tau = mu t: beta/(2 mu) times the delay in h, at the rate beta rho/(2 mu^2)."""
    rho, mu, beta = 10.0**power, 10.0**log_decay, 10.0**log_beta
    gain = 1.0 + 10.0**excess
    z = 2.0 / beta * np.arccosh(np.sqrt(gain))
    delay = mc.SoftmaxResponse(beta).ramp_delay(rho, [z, -z], mu)
    exact = mc.ramp_delay(beta * rho / (2 * mu**2), gain) * 2 * mu / beta
    np.testing.assert_allclose(delay, exact, rtol=1e-12)


def test_shapes_and_types():
    response = RESPONSES["soft"]
    found = response.ramp_delay([[1e-3], [8e-3]], [-1.0, 0.5, 3.0], 0.6)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[1], 4.0 * found[0], rtol=1e-14)
    assert response.ramp_delay(np.float32(1e-3), np.float32(0.5)).dtype == np.float32
    assert isinstance(response.ramp_delay(1e-3, 0.5), float)


def test_no_fold_no_delay():
    """At a cusp, and where the slope is below the smallest float, there is nothing to be late for."""
    for name in ("softmax", "gaussian", "logistic normal"):
        assert np.isnan(RESPONSES[name].ramp_delay(1e-3, [0.0, 1e5, -1e300], MU)).all()
    assert np.isnan(RESPONSES["hard"].ramp_delay(1e-3, [1e5, -1e300], MU)).all()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_no_product_overflows(scale):
    """In units of score 1e200 times larger, the same router has the same delay."""
    found = mc.HardGaussianResponse(1.3 * scale).ramp_delay(3e-3 * scale, 1.1 * scale, MU)
    assert found / scale == pytest.approx(mc.HardGaussianResponse(1.3).ramp_delay(3e-3, 1.1, MU), rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0.0, 1.0), "rate"),
        (([1e-3, -1.0], 1.0), r"rate\[1\]"),
        ((1e-3, np.nan), "z"),
        ((1e-3, "abc"), "z"),
        ((1e-3, 1.0, 0.0), "decay"),
        (([1e-3, 1e-3], [1.0, 2.0, 3.0]), "rate and z and decay"),
    ],
)
def test_bad_input(arguments, name):
    with pytest.raises(mc.ParameterError, match=rf"^{name} = "):
        RESPONSES["soft"].ramp_delay(*arguments)


def test_a_staircase_has_no_folds():
    with pytest.raises(mc.ParameterError, match="jitter"):
        mc.EmpiricalResponse([0.0, 1.0]).ramp_delay(1e-3, 0.0)


def test_tensors_are_plain_numbers():
    torch = pytest.importorskip("torch")
    z = torch.tensor([0.8, 1.4], dtype=torch.float64)
    response = RESPONSES["logistic normal"]
    np.testing.assert_array_equal(response.ramp_delay(1e-3, z), response.ramp_delay(1e-3, z.numpy()))
    with pytest.raises(mc.ParameterError, match=r"z\.detach"):
        response.ramp_delay(1e-3, z.requires_grad_())


def test_a_response_that_declares_no_curvature_says_so():
    class Line(mc.LoadResponse):
        _scale = 1.0

        def _value(self, z):
            return np.tanh(z)

        def _slope(self, z):
            return 1.0 / np.cosh(z) ** 2

    with pytest.raises(NotImplementedError, match="Line declares no derivative of its slope"):
        Line().ramp_delay(1e-3, 1.0)
