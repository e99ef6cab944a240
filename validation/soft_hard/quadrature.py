"""The closed forms once more, from their defining integrals, by rules that share nothing with the library's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr

from validation.soft_hard.profiles import Boundary, Profile

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def integral(function: Callable[[Array], Array], breaks: Array) -> float:
    """Return the integral over adjacent panels, by Gauss and Legendre's rule on each."""
    half = 0.5 * np.diff(breaks)[:, None]
    x = breaks[:-1, None] + half * (1.0 + _NODES)
    return float((half * _WEIGHTS * function(x)).sum())


def phi(x: Array) -> Array:
    """Return the normal density."""
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))


def line(scale: float = 1.0, about: tuple[float, ...] = (0.0,)) -> Array:
    """Return breaks over [-12, 12], graded towards some points where the integrand turns on a small scale."""
    steps = scale * np.concatenate([[0.0], np.logspace(-2.0, 5.0, 43)])
    near = [point + sign * steps for point in about for sign in (-1.0, 1.0)]
    every = np.unique(np.concatenate([*near, np.linspace(-12.0, 12.0, 25)]))
    return np.asarray(every[(every >= -12.0) & (every <= 12.0)])


def surface(point: Array, tangent: Array, gradient: Array) -> Array:
    """Return the density of a plane's normal tokens over the length of the gradient, times the length of a tangent."""
    density = phi(point[0]) * phi(point[1])
    return np.asarray(density * np.hypot(*tangent) / np.hypot(*gradient))


def ellipse(r: float, b: float) -> float:
    """Return the tie density of x^2 + b y^2 - r^2, by the integral over the ellipse."""
    root = np.sqrt(b)

    def around(t: Array) -> Array:
        x, y = r * np.cos(t), r / root * np.sin(t)
        return surface(np.stack([x, y]), np.stack([-root * y, x / root]), np.stack([2.0 * x, 2.0 * b * y]))

    return integral(around, np.linspace(0.0, 2.0 * np.pi, 33))


def parabola(k: float) -> float:
    """Return the tie density of y - k x^2, by the integral over the parabola."""

    def along(x: Array) -> Array:
        one = np.ones_like(x)
        return surface(np.stack([x, k * x * x]), np.stack([one, 2.0 * k * x]), np.stack([-2.0 * k * x, one]))

    return integral(along, np.linspace(-12.0, 12.0, 97))


def sphere(r: float) -> float:
    """Return the tie density of |x|^2 - r^2 in three dimensions, by the integral over the sphere."""
    density = float(phi(np.array(r))) * float(phi(np.array(0.0))) ** 2
    area = 2.0 * np.pi * r * r * integral(np.sin, np.linspace(0.0, np.pi, 9))
    return density * area / (2.0 * r)


def quadric(form: Array, shift: Array, level: float) -> float:
    """Return the tie density of (x - shift)' form (x - shift) - level, an ellipsoid about the origin, by its rays."""
    cosine, weight = np.polynomial.legendre.leggauss(80)
    angle = np.arange(160) * (2.0 * np.pi / 160)
    sine = np.sqrt(1.0 - cosine**2)
    across = [sine[:, None] * np.cos(angle), sine[:, None] * np.sin(angle), np.repeat(cosine[:, None], 160, axis=1)]
    ray = np.stack(across, axis=-1)
    a = np.einsum("...i,ij,...j", ray, form, ray)
    b = -2.0 * ray @ form @ shift
    c = float(shift @ form @ shift) - level
    root = np.sqrt(b * b - 4.0 * a * c)
    reach = (root - b) / (2.0 * a)
    density = np.exp(-0.5 * reach**2) / (2.0 * np.pi) ** 1.5 * reach**2 / root  # root is the slope along the ray
    return float((density * weight[:, None]).sum() * 2.0 * np.pi / 160)


def saddle_mass(width: float) -> float:
    """Return P(|y^2 - x^2| <= w) from radius and angle: the squared radius over 2 is exponential."""
    breaks = np.concatenate([[0.0], np.geomspace(1e-3 * width, np.pi / 4, 40)])
    return 4.0 / np.pi * integral(lambda u: -np.expm1(-width / (2.0 * np.sin(2.0 * u))), breaks)


def experts(count: int, width: float) -> tuple[float, float, float]:
    """Return boundary mass, slope and curvature of independent normal logits."""
    x = np.linspace(-12.0, 14.0, 105)
    mass = integral(lambda x: count * phi(x) * (ndtr(x) ** (count - 1) - ndtr(x - width) ** (count - 1)), x)
    slope = integral(lambda x: count * (count - 1.0) * phi(x) ** 2 * ndtr(x) ** (count - 2), x)
    triple = integral(lambda x: phi(x) ** 3 * ndtr(x) ** (count - 3), x)
    return mass, slope, -0.25 * count * (count - 1.0) * (count - 2.0) * triple


def risk_constant(alpha: float) -> float:
    """Return 4 alpha int u^(alpha - 1)/(1 + e^u)^2 du, after the substitution that leaves no pole at 0."""
    power = min(alpha, 1.0)

    def over(s: Array) -> Array:
        u = s ** (1.0 / power)
        return 4.0 * alpha / power * s ** (alpha / power - 1.0) / (1.0 + np.exp(u)) ** 2

    return integral(over, np.linspace(0.0, 60.0**power, 61))


def agreeing(temperature: float) -> float:
    """Return the excess risk of experts +-x with the target |x|: they agree where they meet."""
    return integral(lambda x: phi(x) * (2.0 * x / (1.0 + np.exp(np.minimum(np.abs(x) / temperature, 700.0)))) ** 2,
                    line(temperature))  # fmt: skip


def first_order(temperature: float) -> float:
    """Return the excess risk of experts +-1 with the target sign x."""
    return integral(lambda x: phi(x) * (2.0 / (1.0 + np.exp(np.minimum(np.abs(x) / temperature, 700.0)))) ** 2,
                    line(temperature))  # fmt: skip


def _parts(x: Array, b: float, temperature: float) -> tuple[Array, Array]:
    y = np.clip((x - b) / (2.0 * temperature), -350.0, 350.0)
    return np.tanh(y), 1.0 / np.cosh(y) ** 2


def threshold_slope(b: float, temperature: float, teacher: float) -> float:
    """Return the derivative of E (tanh((x - b)/(2 T)) - sign(x - teacher))^2 by b."""

    def at(x: Array) -> Array:
        output, bell = _parts(x, b, temperature)
        return -phi(x) * (output - np.sign(x - teacher)) * bell / temperature

    return integral(at, line(temperature, (b, teacher)))


def threshold_curvature(temperature: float, teacher: float) -> float:
    """Return its second derivative at the teacher."""

    def at(x: Array) -> Array:
        output, bell = _parts(x, teacher, temperature)
        return phi(x) * (0.5 * bell**2 + (np.sign(x - teacher) - output) * output * bell) / temperature**2

    return integral(at, line(temperature, (teacher,)))


def shift(temperature: float, teacher: float) -> float:
    """Return how far the best threshold lies from the teacher's."""
    reach = temperature
    return float(brentq(lambda d: threshold_slope(teacher + d, temperature, teacher), -reach, reach, xtol=1e-17))


def amplitude(temperature: float, teacher: float) -> float:
    """Return the best amplitude of a router with free amplitude and threshold, at its best threshold."""

    def means(b: float) -> tuple[float, float]:
        breaks = line(temperature, (b, teacher))
        cross = integral(lambda x: phi(x) * _parts(x, b, temperature)[0] * np.sign(x - teacher), breaks)
        return cross, integral(lambda x: phi(x) * _parts(x, b, temperature)[0] ** 2, breaks)

    def risk(b: float) -> float:
        cross, power = means(b)
        return 1.0 - cross * cross / power

    best = minimize_scalar(risk, bounds=(teacher - temperature, teacher + temperature), method="bounded")
    cross, power = means(float(best.x))
    return cross / power


def without_margin(temperature: float) -> tuple[float, float]:
    """Return the least soft and the least hard risk of a tanh(v x/(2 T)), target tanh x, on |v| <= 1."""
    breaks = line(temperature)

    def risk(v: float) -> float:
        def output(x: Array) -> Array:
            return np.tanh(np.clip(v * x / (2.0 * temperature), -350.0, 350.0))

        cross = integral(lambda x: phi(x) * output(x) * np.tanh(x), breaks)
        power = integral(lambda x: phi(x) * output(x) ** 2, breaks)
        target = integral(lambda x: phi(x) * np.tanh(x) ** 2, breaks)
        return target - cross * cross / power

    best = minimize_scalar(risk, bounds=(0.01 * temperature, 1.0), method="bounded", options={"xatol": 1e-10})
    mean = integral(lambda x: phi(x) * np.abs(np.tanh(x)), breaks)
    return float(best.fun), integral(lambda x: phi(x) * np.tanh(x) ** 2, breaks) - mean**2


def hessian(temperature: float) -> Array:
    """Return the Hessian of the loss in (half the difference of the experts, angle to the right angle), by autograd."""
    breaks = line(temperature)
    half = 0.5 * np.diff(breaks)[:, None]
    x = torch.tensor(breaks[:-1, None] + half * (1.0 + _NODES))
    weight = torch.tensor(half * _WEIGHTS) * torch.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)
    output = torch.tanh(x / (2.0 * temperature))

    def loss(at: torch.Tensor) -> torch.Tensor:
        a, angle = at
        sign = torch.erf(x * torch.tan(angle) / np.sqrt(2.0))  # the mean of the teacher's sign at this margin
        total: torch.Tensor = (weight * (a**2 * output**2 - 2.0 * a * output * sign + 1.0)).sum()
        return total

    found = torch.autograd.functional.hessian(loss, torch.zeros(2, dtype=torch.float64))  # type: ignore[no-untyped-call]
    return np.asarray(found.numpy())


def growth_peak() -> float:
    """Return the temperature at which the saddle is left fastest."""
    best = minimize_scalar(
        lambda t: float(np.linalg.eigvalsh(hessian(t))[0]), bounds=(0.1, 0.5), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    return float(best.x)


def boundaries(p: Boundary) -> Mapping[str, Array]:
    """Return what `validation.soft_hard.predict` takes from the library about boundary masses, by its names."""
    return {
        "curved": np.array([sphere(p.radius), ellipse(p.radius, p.weights), parabola(p.curvature)]),
        "experts.mass": np.array([[experts(k, w)[0] for w in (p.binary_width, p.bend_width)] for k in p.experts]),
        "experts.slope": np.array([experts(k, 1.0)[1] for k in p.experts]),
        "experts.curvature": np.array([experts(k, 1.0)[2] for k in p.experts]),
        "saddle.mass": np.array([saddle_mass(w) for w in p.saddle_widths]),
    }


def everything(profile: Profile) -> Mapping[str, Array]:
    """Return all that is compared or shown without chance."""
    r, s = profile.risks, profile.landscape
    curvature = np.array([threshold_curvature(t, r.threshold) for t in r.cold])
    return {
        **boundaries(profile.boundary),
        "risk.constants": np.array([risk_constant(alpha) for alpha in r.exponents]),
        "shift": np.array([shift(t, r.threshold) for t in r.cold]),
        "saddle.rates": np.array([np.linalg.eigvalsh(hessian(t)) for t in s.temperatures]),
        "saddle.coupling": np.array([-0.5 * hessian(t)[0, 1] for t in s.temperatures]),
        "peak": np.array(growth_peak()),
        "agreeing": np.array([agreeing(t) for t in r.cold]),
        "first": np.array([first_order(t) for t in r.cold]),
        "amplitude": np.array([amplitude(t, r.threshold) for t in r.cold]),
        "without": np.array([without_margin(t) for t in r.cold]),
        "jump": curvature,
    }
