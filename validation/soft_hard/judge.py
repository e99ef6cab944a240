"""The findings: one effect a claim, against the band of the profile; and planted controls, to be refuted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from moecusp.report import Finding, Verdict, clopper_pearson, exact, judge
from validation.intervals import over
from validation.soft_hard.profiles import Profile
from validation.soft_hard.sampled import BENT, CURVED
from validation.studies import Arrays, Measured, Plan, cases

Array = NDArray[np.float64]


def findings(profile: Profile, plan: Plan, measured: Measured) -> tuple[Finding, ...]:
    """Judge what was measured by the stored predictions."""
    exactly = measured["quadrature/0"]
    return (
        *_boundary(profile, plan, measured),
        *_risk(profile, plan, measured),
        *_limits(profile, plan, exactly),
        *_symmetry(profile, plan, measured),
        *_landscape(profile, plan, exactly),
        *_transversality(profile, measured),
        *_trained(profile, measured),
    )


def off(plan: Plan, exactly: Arrays, *names: str) -> float:
    """Return the largest relative difference between closed forms and quadrature."""
    return max(float(np.max(np.abs(exactly[name] / plan[name] - 1.0))) for name in names)


def power(x: Array, y: Array) -> Array:
    """Return the log-log slope of y (..., points) in x."""
    return np.asarray(np.polynomial.polynomial.polyfit(np.log(x), np.log(y).T, 1)[1])


def masses(measured: Measured, claim: str) -> list[Array]:
    """Return the counted boundary masses (seeds, widths) of each case."""
    return [part["mass"] for part in cases(measured, claim)]


def _boundary(profile: Profile, plan: Plan, measured: Measured) -> Iterator[Finding]:
    p, level = profile.boundary, profile.confidence
    names = ("curved", "experts.mass", "experts.slope", "experts.curvature", "saddle.mass")
    yield judge("boundary.quadrature", "The closed forms of tie densities and boundary masses are their integrals.",
                "largest relative difference", exact(off(plan, measured["quadrature/0"], *names)),
                profile.exact_band)  # fmt: skip
    effect = "counted share of tokens in the slab over 2 c w"
    densities = dict(zip(CURVED, (*plan["curved"], plan.number("quadric.density")), strict=True))
    counted = dict(zip(CURVED, masses(measured, "curved"), strict=True))
    straight = masses(measured, "linear")[0][:, 0] / (2.0 * p.width * plan.number("linear.density"))
    yield judge("boundary.linear", "The boundary mass of a linear router on Gaussian inputs is 2 c w.",
                effect, over(straight, level), p.ratio_band)  # fmt: skip
    for name in CURVED:
        ratio = counted[name][:, 0] / (2.0 * p.width * densities[name])
        yield judge(f"boundary.{name}", f"So it is where the interface is curved ({name}), c its surface integral.",
                    effect, over(ratio, level), p.ratio_band)  # fmt: skip
    for k, (count, mass) in enumerate(zip(p.experts, masses(measured, "experts"), strict=True)):
        slope = plan["experts.slope"][k]
        bend = (slope * p.bend_width - mass[:, 1]) / (slope * p.bend_width - plan["experts.mass"][k, 1])
        yield judge(f"boundary.experts.{count}", f"For {count} experts it bends at second order, as predicted.",
                    "counted over predicted departure from the linear law", over(bend, level),
                    p.bend_band)  # fmt: skip
    beyond = plan["experts.slope"][0] * p.binary_width - masses(measured, "experts")[0][:, 0]
    yield judge("control.binary_bound", f"Planted: the bound of third order holds for {p.experts[0]} experts.",
                "departure from the linear law over the bound", over(beyond / plan.number("binary.bound"), level),
                p.bound_band, expected=Verdict.REFUTED)  # fmt: skip
    saddle = masses(measured, "saddle")[0]
    steeper = saddle[:, -2] / p.saddle_widths[-2] / (saddle[:, -1] / p.saddle_widths[-1])
    yield judge("control.saddle_linear", "Planted: the boundary mass is linear where two interfaces cross.",
                "mean slope up to a tenth of the width over that up to the width", over(steeper, level),
                p.linear_band, expected=Verdict.REFUTED)  # fmt: skip


def _risk(profile: Profile, plan: Plan, measured: Measured) -> Iterator[Finding]:
    p, level, exactly = profile.risks, profile.confidence, measured["quadrature/0"]
    yield judge("risk.quadrature", "The risk constants are their integrals.", "largest relative difference",
                exact(off(plan, exactly, "risk.constants")), profile.exact_band)  # fmt: skip
    temperature = np.array(p.temperatures)
    for k, (alpha, part) in enumerate(zip(p.exponents, cases(measured, "risk"), strict=True)):
        constant = part["gap"][:, 0] / temperature[0] ** alpha / plan["risk.constants"][k]
        yield judge(f"risk.exponent.{alpha:g}", f"With margins of tail w^{alpha:g} the excess risk is of order "
                    f"T^{alpha:g}.", "measured exponent less the predicted", over(power(temperature, part["gap"])
                    - alpha, level), p.exponent_band)  # fmt: skip
        yield judge(f"risk.constant.{alpha:g}", "Its constant is the predicted one.", "measured over predicted "
                    "constant", over(constant, level), p.constant_band)  # fmt: skip
    agreeing = exact(float(power(np.array(p.cold), exactly["agreeing"])))
    yield judge("risk.agreeing", "Experts that agree where they meet cost T^3 only.", "exponent", agreeing,
                p.cubic_band)  # fmt: skip
    yield judge("control.sharp", "Planted: the bound of first order is sharp for them.", "exponent", agreeing,
                p.first_band, expected=Verdict.REFUTED)  # fmt: skip


def _limits(profile: Profile, plan: Plan, exactly: Arrays) -> Iterator[Finding]:
    p = profile.risks
    cold = np.array(p.cold)
    yield judge("limit.quadrature", "The best soft threshold lies where the library says.",
                "largest relative difference of the shift", exact(off(plan, exactly, "shift")),
                profile.exact_band)  # fmt: skip
    yield judge("limit.objective", "The objective approaches the hard one in proportion to T.", "exponent",
                exact(float(power(cold, exactly["first"]))), p.first_band)  # fmt: skip
    yield judge("limit.threshold", "Its minimiser approaches the hard one as T^2.", "exponent",
                exact(float(power(cold, exactly["shift"]))), p.square_band)  # fmt: skip
    amplitude = (exactly["amplitude"][0] - 1.0) / cold[0] / plan.number("amplitude.limit")
    yield judge("limit.amplitude", "With a free amplitude beside the threshold, that approaches 1 as "
                "1 + 4 (1 - log 2) f T.", "measured over predicted constant", exact(float(amplitude)),
                p.limit_band)  # fmt: skip
    soft, hard = exactly["without"][0]
    yield judge("control.no_margin", "Planted: soft minima approach the hard one on a set of routers that holds 0.",
                "least soft over least hard risk", exact(float(soft / hard)), p.limit_band,
                expected=Verdict.REFUTED)  # fmt: skip


def _symmetry(profile: Profile, plan: Plan, measured: Measured) -> Iterator[Finding]:
    p, level, exactly = profile.landscape, profile.confidence, measured["quadrature/0"]
    soft, renormalised, raw = measured["gates/0"]["relative"].T
    effect = "the router's gradient at identical experts over that at distinct ones, largest"
    for name, seen, gate in (("soft", soft, "a soft gate"), ("topk", renormalised, "a renormalised top-2 gate")):
        yield judge(f"symmetry.{name}", f"At identical experts the router has no gradient, for {gate}.", effect,
                    exact(float(seen.max())), p.zero_band)  # fmt: skip
    yield judge("control.switch", "Planted: nor has it for a top-1 gate with the raw probability (Switch).",
                "the same, mean", over(raw, level), p.zero_band, expected=Verdict.REFUTED)  # fmt: skip
    yield judge("symmetry.coupling", "Router and experts are coupled as the closed form says, at every temperature.",
                "largest relative difference", exact(off(plan, exactly, "saddle.coupling")),
                profile.exact_band)  # fmt: skip
    rates = measured["growth/0"]["rates"] / plan["growth.rates"]
    yield judge("symmetry.growth", "A sampled router leaves the symmetric state at the predicted rate.",
                "measured over predicted rate, mean over temperatures", over(rates.mean(axis=1), level),
                p.growth_band)  # fmt: skip
    yield judge("symmetry.peak", "That rate is largest at a finite temperature: cooling couples, but need not speed.",
                "temperature of the peak less the predicted", exact(float(exactly["peak"] - plan.number("peak"))),
                p.peak_band)  # fmt: skip


def _landscape(profile: Profile, plan: Plan, exactly: Arrays) -> Iterator[Finding]:
    p, cold = profile.landscape, np.array(profile.risks.cold)
    growth = -exactly["saddle.rates"][0, 0] / plan.number("saddle.limit")
    jump = exactly["jump"]
    yield judge("landscape.saddle", "The Hessian at right angles to the teacher has the predicted spectrum.",
                "largest relative difference", exact(off(plan, exactly, "saddle.rates")),
                profile.exact_band)  # fmt: skip
    yield judge("landscape.transfer", "That strict saddle transfers: its descent rate tends to the hard one.",
                "rate at the coldest over that of hard routing", exact(float(growth)), p.transfer_band)  # fmt: skip
    yield judge("landscape.jump", "At a teacher with a jump the curvature grows as 2 f(0)/T.",
                "measured over predicted, at the coldest",
                exact(float(jump[0] * cold[0] / plan.number("jump.limit"))), p.transfer_band)  # fmt: skip
    yield judge("control.jump_transfers", "Planted: it tends to a limit.", "curvature at the coldest over the warmest",
                exact(float(jump[0] / jump[-1])), profile.risks.first_band, expected=Verdict.REFUTED)  # fmt: skip


def _transversality(profile: Profile, measured: Measured) -> Iterator[Finding]:
    p, level = profile.detector, profile.confidence
    bands = {"cubic": p.cubic_band, "saddle": p.below_one, "flat": p.below_one}
    says = {
        "cubic": "A margin x^3 gives the exponent 1/3.",
        "saddle": "A crossing of two interfaces gives an exponent below 1 at the widths of a sample.",
        "flat": "A flat piece gives an exponent below 1.",
    }
    for name, seen in zip(BENT, measured["exponents/0"]["estimates"].T, strict=True):
        yield judge(f"transversality.{name}", says[name], "local exponent", over(seen, level),
                    bands[name])  # fmt: skip
    alarms = measured["alarms/0"]["alarms"]
    rate = clopper_pearson(int(alarms.sum()), 2 * alarms.size, level)
    yield judge("transversality.false_alarms", "Linear margins are hardly ever called not linear.",
                "share of samples", rate, p.alarm_band)  # fmt: skip


def _trained(profile: Profile, measured: Measured) -> Iterator[Finding]:
    p, level = profile.trained, profile.confidence
    for name in p.sets:
        part = measured.get(f"trained/{name}")
        if part is None:
            continue

        def ratio(kind: str, part: Arrays = part) -> Array:
            """Return 1 and the miss relative to the mean prediction, for that of one network is uncertain itself."""
            seen, expected = part[kind], part[f"{kind}_expected"]
            if seen.ndim > 1:
                seen, expected = seen[:, p.judged], expected[:, p.judged]
            return np.asarray(1.0 + (seen - expected) / expected.mean())

        for id, says, effect, band in (
            ("boundary", "Routers on a trained network's features have the boundary mass that the density at their tie "
             "predicts, from other tokens.", "counted over predicted mass", p.mass_band),
            ("risk.soft", "The share that a trained router leaves to the expert not chosen is 2 log 2 f(0) T.",
             "measured over predicted share", p.soft_band),
            ("risk", "Its excess risk over hard routing is of order T, with the constant that the experts' difference "
             "at the tie predicts.", "measured over predicted excess", p.risk_band),
        ):  # fmt: skip
            kind = {"boundary": "mass", "risk.soft": "soft", "risk": "risk"}[id]
            place = f"risk.trained_share.{name}" if kind == "soft" else f"{id}.trained.{name}"
            yield judge(place, f"{says} ({name})", effect, over(ratio(kind), level, "networks"), band)
        yield judge(f"limit.trained.{name}", f"A trained router's best soft threshold is all but best for hard "
                    f"routing. ({name})", "excess hard risk at it, of the range", over(part["excess"][:, 0], level,
                    "networks"), p.track_band)  # fmt: skip
