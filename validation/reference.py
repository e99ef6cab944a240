"""Reference values of the two-expert router in Arb, from the defining equations F = 0 and F' = 0 alone.

No closed form of the library enters: turning points are bisected from F' = 0, roots from F = 0 between them, and both
are polished by Newton steps at a precision that grows until every sign is certain. Python-flint does the arithmetic.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from flint import acb, arb, ctx

workprec = ctx.workprec
Sign = Callable[[float], int]


def ulps(value: float, reference: arb) -> float:
    """Return |value - reference| in units of the float spacing at the reference."""
    if not math.isfinite(value):
        return math.inf
    error = abs(arb(value) - reference)
    return float((error / math.ulp(float(reference.mid()))).upper())


def drift(u: arb, gain: float, asymmetry: float) -> arb:
    """F = g tanh u - u + eta."""
    return arb(gain) * u.tanh() - u + arb(asymmetry)


def slope(u: arb, gain: float) -> arb:
    """F' = g/cosh^2 u - 1."""
    return arb(gain) / u.cosh() ** 2 - 1


def sign(evaluate: Callable[[], arb]) -> int:
    """Return the certain sign of a quantity, raising the precision until it shows; 0 if 20,000 bits do not."""
    before = ctx.prec
    try:
        for bits in (200, 700, 2500, 9000):
            ctx.prec = max(bits, before)
            value = evaluate()
            if value > 0:
                return 1
            if value < 0:
                return -1
            if value == 0:
                return 0
        return 0
    finally:
        ctx.prec = before


def order(x: float) -> int:
    """Return the place of a float in the order of all floats."""
    bits = int(struct.unpack("<q", struct.pack("<d", x))[0])
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def unorder(place: int) -> float:
    """Return the float at a place."""
    return math.copysign(struct.unpack("<d", struct.pack("<q", abs(place)))[0], place)


def bisect(f: Sign, low: float, high: float) -> tuple[float, float]:
    """Return neighbouring floats between which f changes sign (or twice a float where it vanishes)."""
    a, b = order(low), order(high)
    left = f(low)
    while b - a > 1:
        middle = (a + b) // 2
        here = f(unorder(middle))
        if here == 0:
            return unorder(middle), unorder(middle)
        if here == left:
            a = middle
        else:
            b = middle
    return unorder(a), unorder(b)


def digits(*values: float) -> int:
    """Return a precision in bits that resolves sums of terms of these sizes, with 500 bits to spare."""
    return 500 + 4 * sum(abs(math.frexp(value)[1]) for value in values if value)


def polish(f: Callable[[arb], arb], derivative: Callable[[arb], arb], bracket: tuple[float, float]) -> arb:
    """Return the root inside a bracket of neighbouring floats, by Newton's method at the precision in force."""
    x = (arb(bracket[0]) + arb(bracket[1])) / 2
    if bracket[0] != bracket[1]:
        for _ in range(7):
            x = (x - f(x) / derivative(x)).mid()
        if not arb(bracket[0]) <= x <= arb(bracket[1]):
            raise ArithmeticError("the polished root left its bracket")
    return x


def turning_point(gain: float) -> arb:
    """Return the u > 0 with F' = 0, for gain > 1."""
    top = 0.5 * math.log(4.0) + 0.5 * math.log(gain) + 1.0
    bracket = bisect(lambda u: sign(lambda: arb(gain) - arb(u).cosh() ** 2), 5e-324, top)
    with workprec(digits(gain)):
        return polish(lambda u: arb(gain) - u.cosh() ** 2, lambda u: -2 * u.cosh() * u.sinh(), bracket)


def fold_asymmetry(gain: float) -> arb:
    """Return the eta > 0 at which F vanishes at the turning point -u."""
    with workprec(digits(gain)):
        u = turning_point(gain)
        return arb(gain) * u.tanh() - u


def roots(gain: float, asymmetry: float) -> list[arb]:
    """Return all equilibria, ascending: F is monotone between its turning points, so signs at them decide."""
    largest = min(1.7e308, abs(gain) + abs(asymmetry)) * (1 + 1e-15) + 5e-324
    cuts = [-largest, largest]
    edges = [-1, 1]  # the signs of -F at the cuts
    if gain > 1.0:
        with workprec(digits(gain, asymmetry)):
            turn = turning_point(gain)
            inner = [drift(point, gain, asymmetry) for point in (-turn, turn)]
        cuts = [-largest, float(-turn), float(turn), largest]
        edges = [-1, *(-1 if value > 0 else 1 if value < 0 else 0 for value in inner), 1]
    found = []
    for k in range(len(cuts) - 1):
        if edges[k] == 0 or edges[k + 1] == 0:
            raise ArithmeticError("on a fold, as far as this precision shows")
        if edges[k] == edges[k + 1]:
            continue
        rising = edges[k + 1]

        def side(u: float, k: int = k, rising: int = rising) -> int:
            if u <= cuts[k]:
                return -rising
            if u >= cuts[k + 1]:
                return rising
            return -sign(lambda: drift(arb(u), gain, asymmetry))

        bracket = bisect(side, cuts[k], cuts[k + 1])
        with workprec(digits(gain, asymmetry, bracket[0], bracket[1])):
            found.append(polish(lambda u: drift(u, gain, asymmetry), lambda u: slope(u, gain), bracket))
    return found


def fold_curve(u: float) -> tuple[arb, arb]:
    """Return the (gain, asymmetry) with F' = F = 0 at u; both equations are linear in them."""
    with workprec(digits(u) + 8 * int(min(abs(u), 400.0))):
        gain = 1 / (1 / arb(u).cosh()) ** 2
        return gain, arb(u) - gain * arb(u).tanh()


def fold_gain(asymmetry: float) -> arb:
    """Return the gain at which some u > 0 has F' = 0 and F = 0 for eta = -|asymmetry|."""
    eta = abs(asymmetry)
    if eta == 0.0:
        return arb(1)

    def eta_at(u: arb) -> arb:
        return u.cosh() ** 2 * u.tanh() - u

    bracket = bisect(lambda u: sign(lambda: eta_at(arb(u)) - arb(eta)), 1e-160, 360.0)
    with workprec(digits(eta, bracket[0])):
        u = polish(lambda u: eta_at(u) - arb(eta), lambda u: 2 * u.sinh() ** 2, bracket)
        return u.cosh() ** 2


def fold_imbalance(gain: float) -> arb:
    """Return tanh of the turning point."""
    if gain == 1.0:
        return arb(0)
    with workprec(digits(gain)):
        return turning_point(gain).tanh()


def cusp_set(gain: float) -> arb:
    """Return the eta > 0 at which the cubic eta + mu u - (g/3) u^3 has a double root."""
    with workprec(digits(gain)):
        mu, g = arb(gain) - 1, arb(gain)
        u = (mu / g).sqrt()  # mu - g u^2 = 0
        return mu * u - g / 3 * u**3


def load(u: float) -> arb:
    """Return the first of the softmax probabilities of the scores u and -u."""
    with workprec(200 + 8 * int(min(abs(u), 1e4))):
        up, down = arb(u).exp(), arb(-u).exp()
        return up / (up + down)


def potential(u: float, gain: float, asymmetry: float) -> arb:
    """Return minus the integral of F from 0 to u."""
    with workprec(digits(u, asymmetry)):
        return -acb.integral(lambda x, _: gain * x.tanh() - x + asymmetry, 0, u).real
