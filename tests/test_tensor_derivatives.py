"""Gradients of tensors against mpmath derivatives of the defining equations, also where closed forms would cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import moecusp as mc
from moecusp._numerics.kernels import log_cosh
from tests.tensors import first, second

torch = pytest.importorskip("torch")


def mass(w: Any, b: Any, s: Any) -> Any:
    return mp.ncdf((w - b) / s) - mp.ncdf((-w - b) / s)


def mean(function: Callable[[Any], Any], b: Any, s: Any) -> Any:
    """E f(x), x ~ N(b, s^2), for an f with a kink at 0."""
    breaks = sorted({mp.mpf(0), *(b + k * s for k in range(-12, 13, 2)), *(mp.mpf(k) for k in range(-40, 41, 8))})
    return mp.quad(lambda x: function(x) * mp.npdf(x, b, s), breaks)


def gap(t: Any, b: Any, s: Any) -> Any:
    return mean(lambda x: 1 / (1 + mp.exp(abs(x) * (1 / t))), b, s)


def root(f: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """A zero between two points, to the digits in force."""
    return mp.findroot(f, (mp.mpf(low), mp.mpf(high)), solver="anderson", tol=mp.eps**1.5, verify=False)


def stable(g: Any, eta: Any) -> Any:
    """The upper stable equilibrium."""
    turn = mp.acosh(mp.sqrt(g)) if g > 1 else -g - abs(eta) - 1
    return root(lambda u: g * mp.tanh(u) - u + eta, turn, g + abs(eta) + 1)


def variance(g: Any, eta: Any, delta: Any, b: Any) -> Any:
    """Of the linearised chain."""
    u = stable(g, eta)
    keep = 1 + delta * (g * mp.sech(u) ** 2 - 1)
    return (delta * g * mp.sech(u)) ** 2 / b / (1 - keep**2)


def log_density(u: Any, g: Any, eta: Any, delta: Any, b: Any) -> Any:
    """By the trapezoidal rule, which is spectrally good here."""

    def exponent(x: Any) -> Any:
        force = g * mp.sinh(x) ** 2 / 2 - x * x / 4 - x * mp.sinh(2 * x) / 4 + (mp.cosh(2 * x) - 1) / 8
        return 2 * mp.log(mp.cosh(x)) + 2 * b / (delta * g**2) * (force + eta * (x / 2 + mp.sinh(2 * x) / 4))

    nodes = [mp.mpf(k) / 50 for k in range(-200, 201)]
    return exponent(u) - mp.log(mp.fsum(mp.exp(exponent(x)) for x in nodes) / 50)


def barrier(g: Any, eta: Any) -> Any:
    """The integral of p from the upper stable to the unstable state, p the non-zero root of its equation."""
    turn = mp.acosh(mp.sqrt(g))
    top, low = stable(g, eta), root(lambda u: g * mp.tanh(u) - u + eta, -turn, turn)

    def momentum(u: Any) -> Any:
        start = -2 * (g * mp.tanh(u) - u + eta) / (g * mp.sech(u)) ** 2

        def equation(p: Any) -> Any:
            return (p * (u - eta) - mp.log(mp.cosh(p * g + u) / mp.cosh(u))) / p

        low = high = start
        while equation(low) < 0:
            low *= 2
        while equation(high) > 0:
            high /= 2
        return root(equation, low, high)

    return mp.quad(momentum, mp.linspace(top, low, 6), maxdegree=4, method="gauss-legendre")


def difference(g: Any) -> Any:
    """Of the stable state with one of five experts favoured."""
    return root(lambda x: x - 5 * g * (mp.exp(x) - 1) / (mp.exp(x) + 4), 2, 5 * g + 1)


def drive(x: Any) -> Any:
    return x - (mp.exp(x) - 1) * (mp.exp(x) + 4) / (5 * mp.exp(x))


def softness(z: Any) -> Any:
    """The slope of a logistic-normal response with sigma = 1.3 and beta = 0.7."""
    return mean(lambda x: mp.mpf(0.7) / 2 * mp.sech(mp.mpf(0.7) * x / 2) ** 2, z, mp.mpf(1.3))


def critical(a: Any) -> Any:
    """kappa_c of three tokens of three experts, the first logit of the first of them being a."""
    chi = mp.zeros(3)
    for row in ([a, 0.2, -0.4], [0.1, 0.3, -0.2], [-1.0, 0.5, 0.7]):
        weights = [mp.exp(x) for x in map(mp.mpf, row)]
        p = [w / mp.fsum(weights) for w in weights]
        chi += mp.matrix(3, 3) + mp.matrix([[(p[i] * (i == j) - p[i] * p[j]) / 3 for j in range(3)] for i in range(3)])
    return 1 / mp.polyroots([1, -(chi[0, 0] + chi[1, 1] + chi[2, 2]), _minors(chi)], maxsteps=200, extraprec=200)[-1]


def _minors(m: Any) -> Any:
    return sum(m[i, i] * m[j, j] - m[i, j] * m[j, i] for i, j in ((0, 1), (0, 2), (1, 2)))


def of_logits(a: Any) -> Any:
    rest = torch.tensor([[0.0, 0.2, -0.4], [0.1, 0.3, -0.2], [-1.0, 0.5, 0.7]], dtype=torch.float64)
    place = torch.zeros_like(rest)
    place[0, 0] = 1.0
    return mc.critical_feedback_from_logits(rest + a * place)


def largest(call: Callable[..., Any]) -> Callable[..., Any]:
    """The entry of the upper stable state."""

    def entry(*arguments: Any) -> Any:
        found = call(*arguments)
        return found[~found.isnan()][-1]

    return entry


GAUSSIAN, LOGISTIC = mc.HardGaussianResponse(1.3), mc.LogisticNormalResponse(1.3, 0.7)
POINTS: list[tuple[str, Callable[..., Any], Callable[..., Any], tuple[float, ...], float]] = [
    *(("mass", mc.boundary_mass, mass, p, 1e-13) for p in ((0.5, 0.3, 1.0), (1.0, 1e-9, 0.7), (2.0, 20.0, 1.0))),
    *(
        ("gap", mc.soft_hard_gap, gap, p, 1e-12)
        for p in ((0.5, 0.3, 1.0), (1.0, -2.0, 0.3), (0.4, 1e-7, 0.5), (3.0, 5.0, 0.5), (0.5, 4.0, 2.0))
    ),
    *(
        ("expansion", lambda t, b, s: mc.soft_hard_expansion(t, b, s, 2), lambda t, b, s: expansion(t, b, s), p, 1e-13)
        for p in ((0.1, 0.3, 1.0), (0.2, -1.0, 0.7))
    ),
    *(
        ("variance", largest(mc.stationary_variance), variance, p, 1e-12)
        for p in ((1.5, 0.1, 0.05, 1.5), (0.5, 0.3, 0.9, 2.0))
    ),
    (
        "variance",
        largest(mc.stationary_variance),
        variance,
        (1.5, -0.999 * float(mc.fold_asymmetry(1.5)), 0.05, 1.5),
        1e-10,
    ),
    *(
        ("density", mc.log_stationary_density, log_density, p, 1e-11)
        for p in ((0.4, 1.2, 0.1, 0.3, 1.5), (-0.7, 0.5, -0.2, 0.5, 2.0))
    ),
    *(("barrier", largest(mc.escape_barrier), barrier, p, 1e-10) for p in ((1.5, 0.05), (2.0, -0.3), (2.0, 0.2))),
    *(
        ("difference", largest(lambda g: mc.expert_equilibria(g, 5).difference[1]), difference, (g,), 1e-13)
        for g in (0.95, 2.0)
    ),
    *(("drive", second(mc.expert_fold_curve, experts=5), drive, (x,), 1e-13) for x in (1e-6, 1.0, 1.386, -4.0, 9.0)),
    *(("softness", LOGISTIC.slope, softness, (z,), 1e-12) for z in (1e-6, 0.4, -3.0, 15.0)),
    *(
        (
            "h",
            second(GAUSSIAN.fold_curve),
            lambda z, m: m * (z - mp.erf(z / mp.mpf(1.3) / mp.sqrt(2)) / bell(z)),
            (z, 0.6),
            1e-13,
        )
        for z in (1e-4, 0.5, 3.0, 6.0)
    ),
    *(("kappa", first(GAUSSIAN.fold_curve), lambda z, m: m / bell(z), (z, 0.6), 1e-13) for z in (1e-4, 0.5, 6.0)),
    *(("critical", of_logits, critical, (a,), 1e-12) for a in (0.0, 2.0, -5.0)),
    (
        "ramp",
        mc.ramp_delay,
        lambda r, g: -mp.airyaizero(1) * r ** (mp.mpf(2) / 3) * (1 - 1 / g) ** (-mp.mpf(1) / 6),
        (1e-9, 1.7),
        1e-14,
    ),
    ("jump", mc.jump_curvature, lambda t, f: 2 * f / t, (0.02, 0.4), 1e-15),
    ("flip", mc.flip_step, lambda g: 2 / (1 - g), (-3.0,), 1e-15),
    ("E", mc.ecology_parameter, lambda t, h, o, b: t * h / (o + b), (2.0, 0.0, 0.3, 0.4), 1e-15),
    ("competitor", mc.mean_field_competitor, lambda h, o, b: (h + b) / o, (0.0, 0.3, 0.4), 1e-15),
]


def bell(z: Any) -> Any:
    return mp.sqrt(2 / mp.pi) / mp.mpf(1.3) * mp.exp(-((z / mp.mpf(1.3)) ** 2) / 2)


def expansion(t: Any, b: Any, s: Any) -> Any:
    bend = mp.diff(lambda x: mp.npdf(x, b, s), 0, 2)
    return 2 * t * (mp.log(2) * mp.npdf(0, b, s) + mp.altzeta(3) * bend * t**2)


@pytest.mark.parametrize(
    ("name", "call", "definition", "point", "tolerance"), POINTS, ids=[f"{p[0]}{p[3]}" for p in POINTS]
)
def test_gradient(name: str, call: Any, definition: Any, point: Any, tolerance: float) -> None:
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
    found = torch.autograd.grad(call(*leaves), leaves)
    with mp.workdps(30):
        for k, gradient in enumerate(found):

            def along(x: Any, k: int = k) -> Any:
                return definition(*(x if i == k else mp.mpf(v) for i, v in enumerate(point)))

            with mp.workdps(45):
                exact = (
                    mp.diff(along, mp.mpf(point[k]), h=mp.mpf(10) ** -15, relative=False)
                    if name in SLOW
                    else mp.diff(along, mp.mpf(point[k]))
                )
            assert abs(mp.mpf(gradient.item()) - exact) <= tolerance * abs(exact), (k, gradient, exact)


SLOW = ("barrier", "gap", "density", "softness", "expansion")


def test_second_derivative_of_the_critical_feedback() -> None:
    a = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(of_logits(a), a, create_graph=True)
    (bend,) = torch.autograd.grad(slope, a)
    with mp.workdps(30):
        assert bend.item() == pytest.approx(float(mp.diff(critical, mp.mpf(0.4), 2)), rel=1e-11)


def test_a_training_loss_can_raise_the_critical_feedback() -> None:
    """Gradient ascent on kappa_c makes loads more even, so that the router bears more feedback."""
    logits = torch.tensor(np.random.default_rng(0).normal(size=(60, 4)), requires_grad=True)
    before = mc.critical_feedback_from_logits(logits)
    (slope,) = torch.autograd.grad(before, logits)
    after = mc.critical_feedback_from_logits(logits + 0.1 * slope / slope.norm())
    gained = (after - before).item()
    assert gained == pytest.approx(0.1 * slope.norm().item(), rel=0.05)


def test_log_cosh_is_what_the_potential_falls_by_with_the_gain() -> None:
    g = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(mc.potential(0.7, g), g)
    assert slope.item() == pytest.approx(-float(log_cosh(np.array(0.7))), rel=1e-15)
