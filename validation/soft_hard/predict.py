"""What the library says, computed before anything runs (docs/theory.md, section 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

import moecusp as mc
from validation.soft_hard.profiles import Profile
from validation.soft_hard.quadrature import quadric
from validation.storage import Arrays
from validation.streams import stream

Array = NDArray[np.float64]


def predict(profile: Profile, seed: int) -> Arrays:
    """Return everything that the runs will be held against.

    linear.density
        Half the slope of the boundary mass of a linear router.
    curved, quadric.density, quadric.form, quadric.shift
        Tie densities of sphere, ellipse and parabola; that of an ellipsoid drawn at random (no closed form: an integral
        over its surface), and the ellipsoid.
    experts.mass, experts.slope, experts.curvature, binary.bound
        Of many experts, at the two widths; the bound on the remainder that holds for two.
    saddle.mass, risk.constants, shift, saddle.rates, saddle.coupling, peak, jump.limit, amplitude.limit
        See `moecusp.interfaces` and `moecusp.landscape`.
    growth.rates
        At the temperatures of the sampled runs.
    """
    p, r, s = profile.boundary, profile.risks, profile.landscape
    form, shift = ellipsoid(seed)
    saddle, fastest = mc.routing_saddle(np.array(s.temperatures)), minimize_scalar(
        lambda t: -float(mc.routing_saddle(t).growth_rate), bounds=(0.1, 0.5), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    widths = [p.binary_width, p.bend_width]
    teacher = float(mc.boundary_slope(r.threshold)) / 2.0
    found = {
        "linear.density": 0.5 * mc.boundary_slope(p.mean),
        "curved": [
            mc.sphere_tie_density(p.radius, 3),
            mc.ellipse_tie_density(p.radius, p.weights),
            mc.parabola_tie_density(p.curvature),
        ],
        "quadric.density": quadric(form, shift, p.radius**2),
        "quadric.form": form,
        "quadric.shift": shift,
        "experts.mass": [mc.expert_boundary_mass(widths, k) for k in p.experts],
        "experts.slope": [mc.expert_boundary_slope(k) for k in p.experts],
        "experts.curvature": [mc.expert_boundary_curvature(k) for k in p.experts],
        "binary.bound": mc.boundary_remainder(p.binary_width, np.sqrt(2.0)),
        "saddle.mass": mc.saddle_boundary_mass(np.array(p.saddle_widths)),
        "risk.constants": mc.soft_risk_constant(np.array(r.exponents)),
        "shift": mc.threshold_shift(np.array(r.cold), r.threshold),
        "saddle.rates": np.stack([-saddle.growth_rate, saddle.decay_rate], axis=1),
        "saddle.coupling": saddle.coupling,
        "saddle.limit": mc.routing_saddle(0.0).growth_rate,
        "peak": fastest.x,
        "growth.rates": mc.routing_saddle(np.array(s.growth_temperatures)).growth_rate,
        "jump.limit": mc.jump_curvature(1.0, teacher),
        "amplitude.limit": 4.0 * (1.0 - np.log(2.0)) * teacher,
    }
    return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}


def ellipsoid(seed: int) -> tuple[Array, Array]:
    """Draw a positive form with eigenvalues in [1/2, 2] and a shift that leaves the origin inside."""
    source = stream("soft-hard", "quadric", "form", seed).numpy()
    turn, _ = np.linalg.qr(source.normal(size=(3, 3)))
    form = turn @ np.diag(2.0 ** source.uniform(-1.0, 1.0, 3)) @ turn.T
    return form, source.uniform(-0.3, 0.3, 3)
