"""The pictures of a diagnosis: loads against the floor, the ladder of feedbacks, and the cusp plane."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from moecusp.diagnosis import drawing as d
from moecusp.diagnosis.layers import LayerDiagnosis, Standing
from moecusp.diagnosis.pair import Pair
from moecusp.folds import fold_curve

KIND = {
    Standing.COLLAPSED: "bad",
    Standing.NEAR: "bad",
    Standing.UNEVEN: "warn",
    Standing.UNKNOWN: "dim",
    Standing.CALM: "good",
}
_MOST_GAIN, _MOST_ASYMMETRY = 3.0, 1.4


def loads_picture(layer: LayerDiagnosis, id: str) -> str:
    """Draw the load of every expert with its interval, and the band of the sampling floor."""
    found, experts = layer.loads, layer.site.experts
    tops = found.relative if found.high is None else found.high
    floor = found.floor.value or 0.0
    height, left, bottom = 170.0, 34.0, 140.0
    top = max(1.5, 1.0 + 1.2 * floor, float(np.nanmax(tops, initial=0.0)))
    y = d.linear(0.0, top, bottom, 8.0)
    step = (d.WIDTH - left - 6.0) / experts
    dead = set(found.dead_experts)

    def parts() -> Iterator[str]:
        for value in d.ticks(0.0, top, 5):
            yield d.line(left, y(value), d.WIDTH - 4, y(value), "grid")
            yield d.text(left - 4, y(value) + 4, f"{value:g}", "", "end")
        if floor:
            yield d.rectangle(
                left, y(1.0 + floor), d.WIDTH - left - 4, y(max(1.0 - floor, 0.0)) - y(1.0 + floor), "band"
            )
        for i, value in enumerate(np.nan_to_num(found.relative)):
            x = left + step * (i + 0.5)
            wide = min(0.7 * step, 18.0)
            yield d.rectangle(x - wide / 2, y(value), wide, y(0.0) - y(value), "bar bad" if i in dead else "bar")
            if found.low is not None and found.high is not None:
                yield d.line(x, y(float(found.low[i])), x, y(float(found.high[i])), "error")
        yield d.line(left, y(1.0), d.WIDTH - 4, y(1.0), "fair")
        yield d.line(left, bottom, d.WIDTH - 4, bottom, "axis")
        for i in _labels(experts):
            yield d.text(left + step * (i + 0.5), bottom + 14, str(i))
        yield d.text((left + d.WIDTH) / 2, height - 2, "expert")
        yield d.text(9, (8.0 + bottom) / 2, "load / fair share", "", "middle", -90)

    busiest, idlest = int(np.argmax(found.relative)), int(np.argmin(found.relative))
    description = (
        f"Loads of {experts} experts in units of a fair share. The busiest is expert {busiest} with "
        f"{found.relative[busiest]:.3g}, the idlest expert {idlest} with {found.relative[idlest]:.3g}. "
        f"{len(dead)} dead for certain. "
        + (f"Sampling alone would keep a batch within {floor:.2g} of 1." if floor else "No sampling floor is known.")
    )
    return d.picture(id, f"Loads of {layer.name}", description, height, parts())


def _labels(experts: int) -> list[int]:
    step = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 2**16) if experts / s <= 9)
    return list(range(0, experts, step))


def ladder_picture(layers: Sequence[LayerDiagnosis], feedback: float | None, id: str = "ladder") -> str | None:
    """Draw, for each layer, the feedbacks per unit decay at which things happen; None if none is known."""
    known = [each for each in layers if each.coupling.critical.value is not None and each.ladder is not None]
    if not known:
        return None
    low, high = math.inf, 0.0
    for each in known:
        critical, rungs = each.coupling.critical, each.ladder
        assert critical.value is not None
        assert rungs is not None
        low = min(low, rungs[0] * critical.value, critical.low or critical.value)
        high = max(high, critical.value, *(end for end in [critical.high or 0.0] if math.isfinite(end)))
    if feedback is not None:
        low, high = min(low, feedback), max(high, feedback)
    low, high = low / 1.4, high * 1.4
    left, row, top = 62.0, 15.0, 26.0
    bottom = top + row * len(known)
    x = d.logarithmic(low, high, left, d.WIDTH - 8)

    def parts() -> Iterator[str]:
        for value in d.decades(low, high):
            yield d.line(x(value), top - 4, x(value), bottom, "grid")
            yield d.text(x(value), bottom + 14, f"{value:g}")
        for i, each in enumerate(known):
            critical, rungs = each.coupling.critical, each.ladder
            assert critical.value is not None
            assert rungs is not None
            y = top + row * (i + 0.5)
            yield d.text(left - 6, y + 4, label(each), "", "end")
            fold, equal = (x(rung * critical.value) for rung in rungs[:2])
            yield d.line(fold, y, x(critical.value), y, "window")
            yield d.line(fold, y - 4, fold, y + 4, "rung")
            yield d.circle(equal, y, 2.2, "rung-dot")
            if critical.low is not None and critical.high is not None:
                yield d.line(x(critical.low), y, x(critical.high), y, "error")
            yield d.circle(x(critical.value), y, 4.0, f"dot {KIND[each.standing]}")
        if feedback is not None:
            yield d.line(x(feedback), top - 4, x(feedback), bottom, "given")
            yield d.text(x(feedback), 14, "κ/μ as given", "strong")
        yield d.text((left + d.WIDTH) / 2, bottom + 30, "feedback per unit decay κ/μ (score)")

    values = [each.coupling.critical.value or math.inf for each in known]
    worst = known[int(np.argmin(values))]
    description = (
        f"One line for each of {len(known)} layers: where it loses stability (dot, with its interval), and from the "
        f"fold on (bar) the window in which alike softmax experts keep a collapse. The lowest is {worst.name} with "
        f"κ/μ = {min(values):.3g}."
        + ("" if feedback is None else f" The feedback given is {feedback:.3g}.")
    )  # fmt: skip
    return d.picture(id, "Feedback at which each layer loses stability", description, bottom + 36, parts())


def label(layer: LayerDiagnosis) -> str:
    """Return a short name for a layer: L and its number, with what tells it from others of that number."""
    site = layer.site
    return f"{'E' if site.stack == 'encoder' else 'L'}{site.layer}{'a' if site.role == 'attention' else ''}"


def plane_picture(layers: Sequence[LayerDiagnosis], id: str = "plane") -> str | None:
    """Draw the cusp with the most exposed pair of each layer: its line of possible points, and the one of a gain."""
    pairs = [(each, each.pair) for each in layers if isinstance(each.pair, Pair)]
    if not pairs:
        return None
    left, bottom, height = 40.0, 218.0, 252.0
    x = d.linear(0.0, _MOST_GAIN, left, d.WIDTH - 8)
    y = d.linear(-_MOST_ASYMMETRY, _MOST_ASYMMETRY, bottom, 10.0)
    u = np.linspace(-math.acosh(_MOST_GAIN**0.5), math.acosh(_MOST_GAIN**0.5), 121)
    gain, asymmetry = (np.asarray(each) for each in fold_curve(u))
    curve = [(x(float(g)), y(float(h))) for g, h in zip(gain, asymmetry, strict=True)]

    def parts() -> Iterator[str]:
        yield d.path(curve, "inside", True)
        for value in d.ticks(0.0, _MOST_GAIN):
            yield d.line(x(value), 10, x(value), bottom, "grid")
            yield d.text(x(value), bottom + 14, f"{value:g}")
        for value in d.ticks(-_MOST_ASYMMETRY, _MOST_ASYMMETRY, 5):
            yield d.line(left, y(value), d.WIDTH - 8, y(value), "grid")
            yield d.text(left - 4, y(value) + 4, f"{value:g}".replace("-", "−"), "", "end")
        yield d.path(curve, "fold")
        for each, pair in pairs:
            yield from _line_of(pair, KIND[each.standing], x, y)
        for each, pair in pairs:
            point = pair_point(each, pair)
            if point is not None:
                yield d.circle(x(point[0]), y(point[1]), 4.0, f"dot {KIND[each.standing]}")
        yield d.text((left + d.WIDTH) / 2, height - 4, "gain g of the pair")
        yield d.text(10, (bottom + 10) / 2, "reduced asymmetry η", "", "middle", -90)

    placed = sum(pair_point(each, pair) is not None for each, pair in pairs)
    description = (
        "The plane of gain and asymmetry of two experts with the fold curve, inside of which there are two stable "
        f"states. {len(pairs)} layers, each by its most exposed pair: a straight line of the points that its present "
        "imbalance allows, which touches the fold curve where that state would lose stability. "
        + (f"{placed} are placed by the feedback given." if placed else "No feedback was given, so none is placed.")
    )
    return d.picture(id, "The cusp plane", description, height, parts())


def pair_point(layer: LayerDiagnosis, pair: Pair) -> tuple[float, float] | None:
    """Return gain and reduced asymmetry of a pair, where a feedback was given.

    Two softmax experts of the same imbalance m and as near to losing stability: at the imbalance m = tanh u their gain
    is that of the fold, cosh^2 u, times the feedback over the critical one of the pair, and eta = u - g m.
    """
    if layer.gain.value is None or layer.coupling.largest.value is None or pair.critical.value is None:
        return None
    feedback = layer.gain.value / layer.coupling.largest.value
    m = _imbalance(pair)
    g = feedback / pair.critical.value / (1.0 - m * m)
    return g, math.atanh(m) - g * m


def _imbalance(pair: Pair) -> float:
    return min(max(pair.imbalance.value or 0.0, -0.999), 0.999)


def _line_of(pair: Pair, kind: str, x: d.Scale, y: d.Scale) -> Iterator[str]:
    """Draw eta = u - g m, inside the plane: the asymmetries that hold an imbalance m = tanh u at each gain."""
    m = _imbalance(pair)
    u = math.atanh(m)
    g = np.linspace(0.0, _MOST_GAIN, 61)
    eta = u - g * m
    inside = np.abs(eta) <= _MOST_ASYMMETRY
    points = [(x(float(a)), y(float(b))) for a, b in zip(g[inside], eta[inside], strict=True)]
    if len(points) > 1:
        yield d.path(points, f"locus {kind}")
    touch = 1.0 / (1.0 - m * m)
    if touch <= _MOST_GAIN and abs(u - touch * m) <= _MOST_ASYMMETRY:
        yield d.circle(x(touch), y(u - touch * m), 2.2, f"touch {kind}")
