"""Planted cusps: jumps at the predicted folds, or on another curve."""

from __future__ import annotations

import numpy as np

from validation.routers import cusp
from validation.routers.profiles import Cusp

SUBJECT = cusp
PROFILE = Cusp(
    routers=3, tokens=60, hidden=13, spread=0.7, decay=0.6, inverse_temperature=1.9, increment=0.9,
    distances=(0.03, 0.06, 0.12, 0.25), reach=1.8, rounds=4, time=1300.0, points=41, loop_time=140.0,
)  # fmt: skip
WRONG = [
    ({"width": 1.1}, {"cusp.width.*", "cusp.jumps.*", "cusp.area.*"}),
    ({"shift": 0.2}, {"cusp.jumps.*", "cusp.asymmetry.*"}),
    ({"away": 0.015}, {"cusp.width.*", "cusp.jumps.*", "cusp.feedback.*", "cusp.exponent.*", "cusp.area.*"}),
    ({"power": 1.2}, {"cusp.width.*", "cusp.jumps.*", "cusp.feedback.*", "cusp.exponent.*"}),
]
CONTROLS = [({"power": 1.0}, "control.cusp_proportional"), ({"bare": True}, "control.cusp_without_margins")]
BANDS = {
    "width_band": {"cusp.width.*", "control.cusp_without_margins"},
    "jump_band": {"cusp.jumps.*"},
    "cusp_band": {"cusp.feedback.*"},
    "place_band": {"cusp.asymmetry.*"},
    "exponent_band": {"cusp.exponent.*"},
    "proportional_band": {"control.cusp_proportional"},
    "area_band": {"cusp.area.*"},
}
FEW = {"routers": 2}
SHORT = {"time": 4.0, "loop_time": 2.0}
_SHARED = {
    "experts K": "2", "selection": "soft", "decay μ": "0.6", "inverse temperature β": "1.9", "increment ε": "0.9",
    "margin standard deviation": "0.7", "tokens recorded": "60",
}  # fmt: skip
STATED = {
    "surface": _SHARED | {"time": "140"},
    "plane": _SHARED | {"time": "1300"},
    "loop": _SHARED | {"time": "140", "feedback κ": None},
}


def planted(plan, *, width=1.0, shift=0.0, away=0.0, power=1.5, bare=False, scatter=1e-4):
    """Return what sweeps would measure: jumps wider, moved, closing at another feedback, or by another power of d."""
    rng = np.random.default_rng(7)
    d, beta = np.array(PROFILE.distances), PROFILE.inverse_temperature
    found = {}
    for kind in PROFILE.kinds:
        point, folds = plan[f"cusp.{kind}.point"], plan[f"cusp.{kind}.folds"]
        middle, half = folds.mean(axis=-1), 0.5 * (folds[..., 0] - folds[..., 1])
        half = half * width * (d / d.max()) ** (power - 1.5) * ((d - away) / d) ** 1.5
        if bare:  # no margins: g = cosh^2 u, and the fold at eta = sinh u cosh u - u
            unit = 2 * PROFILE.decay / beta
            u = np.arccosh(np.sqrt(point[:, :1] * (1 + d) / unit))
            half = unit * (np.sinh(u) * np.cosh(u) - u)
        half = half * (1 + scatter * rng.normal(size=half.shape))
        middle = middle + shift * half[:, :1]
        asymmetry = middle[:, -1:] + half[:, -1:] * np.linspace(-1.8, 1.8, PROFILE.points)
        predicted = folds[:, -1, 0] - folds[:, -1, 1]
        # a loop of the right area: two levels, apart by area over width
        apart = (plan[f"cusp.{kind}.area"] / predicted)[:, None]
        up, down = middle[:, -1:] + half[:, -1:], middle[:, -1:] - half[:, -1:]
        found[f"cusp/{kind}"] = {
            "jumps": np.stack([middle + half, middle - half], axis=-1),
            "asymmetry": asymmetry,
            "imbalance": apart[:, None] * np.stack([_step(asymmetry, up), _step(asymmetry, down)], axis=1),
        }
    return found


def _step(x, at):
    """Return a step of height 1 whose trapezoids have the area of one at the place given."""
    h = x[:, 1:2] - x[:, :1]
    return np.clip((x - at) / h + 0.5, 0.0, 1.0) - 0.5
