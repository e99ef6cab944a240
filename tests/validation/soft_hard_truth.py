"""Planted data of the soft-hard study, by formulas written out here (docs/theory.md, section 6)."""

from __future__ import annotations

import math

import numpy as np

from validation.soft_hard.profiles import Boundary, Detector, Landscape, Profile, Risks, Trained

PROFILE = Profile(
    "smoke",
    boundary=Boundary(seeds=5, tokens=999, mean=0.3, width=0.04, radius=1.1, weights=2.2, curvature=0.9,
                      experts=(3, 5), bend_width=0.35, binary_width=0.25, saddle_widths=(0.002, 0.02, 0.2)),
    risks=Risks(exponents=(0.5, 1.2, 1.5), temperatures=(0.04, 0.09), seeds=6, tokens=777, cold=(0.006, 0.012, 0.03),
                threshold=0.6),
    landscape=Landscape(temperatures=(0.001, 0.2, 0.7), growth_temperatures=(0.12, 0.4), seeds=7, tokens=555),
    detector=Detector(seeds=6, tokens=444, trials=400, trial_tokens=333),
    trained=Trained(networks=(8, 5), temperatures=(0.03, 0.06, 0.12)),
)  # fmt: skip
EULER = 0.5772156649015329


def planted(
    plan, *, mass=1.0, curved=1.0, bend=1.0, cubic_remainder=False, saddle_linear=False, constant=1.0, power=0.0,
    gradient=0.0, raw=1.1, growth=1.0, exponents=(1 / 3, 0.87, 0.0), alarms=0, trained=1.0, soft=1.0, risk=1.0,
    excess=0.001, closed=1.0, agreeing=3.0, amplitude=1.0, jump=1.0, seeds=None,
):  # fmt: skip
    """Return what the runs would measure, with noise far below the bands."""
    p, r, s, d, t = PROFILE.boundary, PROFILE.risks, PROFILE.landscape, PROFILE.detector, PROFILE.trained
    rng = np.random.default_rng(3)

    def noisy(value, n):
        return np.multiply.outer(1 + 0.001 * rng.normal(size=seeds or n), np.asarray(value, dtype=np.float64))

    found, w = {}, p.width
    density = math.exp(-0.5 * p.mean**2) / math.sqrt(2 * math.pi)
    found["linear/0"] = {"mass": noisy([mass * 2 * w * density], p.seeds)}
    for k, c in enumerate((*plan["curved"], plan.number("quadric.density"))):
        found[f"curved/{k}"] = {"mass": noisy([curved * 2 * w * c], p.seeds)}
    for k, slope in enumerate(plan["experts.slope"]):
        widths = np.array([p.binary_width, p.bend_width])
        away = bend * (slope * widths - plan["experts.mass"][k])
        if cubic_remainder:
            away = 0.1 * widths**3 / (3 * 2**1.5 * math.sqrt(2 * math.pi))
        found[f"experts/{k}"] = {"mass": noisy(slope * widths - away, p.seeds)}
    widths = np.array(p.saddle_widths)
    steep = np.ones(3) if saddle_linear else np.log(4 / widths) - EULER + 1
    found["saddle/0"] = {"mass": noisy(widths / math.pi * steep, p.seeds)}
    hot = np.array(r.temperatures)
    for k, alpha in enumerate(r.exponents):
        gap = constant * plan["risk.constants"][k] * hot[0] ** alpha * (hot / hot[0]) ** (alpha + power)
        found[f"risk/{k}"] = {"gap": noisy(gap, r.seeds)}
    found["gates/0"] = {"relative": noisy([gradient, gradient, raw], s.gate_seeds)}
    found["growth/0"] = {"rates": noisy(growth * plan["growth.rates"], s.seeds)}
    found["exponents/0"] = {"estimates": noisy(exponents, d.seeds), "found": np.ones((d.seeds, 3))}
    found["alarms/0"] = {"alarms": np.r_[np.ones(alarms), np.zeros(d.trials - alarms)]}
    for name, n in zip(t.sets, t.networks, strict=True):
        cold = np.array(t.temperatures)
        found[f"trained/{name}"] = {
            "mass": noisy(0.08 * trained, n), "mass_expected": np.full(seeds or n, 0.08),
            "soft": noisy(0.5 * soft * cold, n), "soft_expected": np.tile(0.5 * cold, (seeds or n, 1)),
            "risk": noisy(-0.3 * risk * cold, n), "risk_expected": np.tile(-0.3 * cold, (seeds or n, 1)),
            "excess": noisy(np.full(cold.size, excess), n), "thresholds": noisy(np.zeros(cold.size), n),
        }  # fmt: skip
    return {**found, "quadrature/0": _exact(plan, closed, agreeing, amplitude, jump)}


def _exact(plan, closed, agreeing, amplitude, jump):
    cold = np.array(PROFILE.risks.cold)
    density = math.exp(-0.5 * PROFILE.risks.threshold**2) / math.sqrt(2 * math.pi)
    same = ("curved", "experts.mass", "experts.slope", "experts.curvature", "saddle.mass", "risk.constants", "shift",
            "saddle.rates", "saddle.coupling", "peak")  # fmt: skip
    return {
        **{name: plan[name] * closed for name in same},
        "agreeing": 0.5 * cold**agreeing,
        "first": (4 * math.log(2) - 2) * 2 * cold / math.sqrt(2 * math.pi),
        "amplitude": 1 + amplitude * 4 * (1 - math.log(2)) * density * cold,
        "without": np.tile([1e-16, 0.085], (cold.size, 1)),
        "jump": 2 * density * cold[0] ** -1.0 * (cold / cold[0]) ** -jump,
    }
