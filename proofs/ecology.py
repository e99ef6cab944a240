"""The E parameter: a definition, and its invariance; the derived rule for dead experts, from the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import positive, proves, zero


@proves("ecology.parameter")
def parameter(s: Statement) -> Iterator[str]:
    """The weights enter through their ratios only; E grows with T and H and falls with O and B."""
    T, H, O, B = s.symbols("T H O B")  # noqa: E741
    c = sp.Symbol("c", positive=True)
    yield zero("scaled weights", s["E"].subs({H: c * H, O: c * O, B: c * B}, simultaneous=True) - s["E"])
    yield zero("E (O + B) = T H", s["E"] * (O + B) - T * H)
    yield positive("defined and positive", s["E"])


@proves("ecology.competitor")
def competitor(s: Statement) -> Iterator[str]:
    """Divide the conjectured decay by the conjectured feedback."""
    T, H, O, B, K = s.symbols("T H O B K")  # noqa: E741
    decay, feedback = (H + B) / (K * T**2), O / T**2
    yield zero("K decay/feedback", K * decay / feedback - s["group"])
    yield zero("the temperature cancels", sp.diff(K * decay / feedback, T))


def slope(s: Statement, own: bool, share: Any, p: Any, mean: Any) -> Any:
    """Return C times the loss's derivative in one class's probability p of an expert, where its mean is as given."""
    O, B, H, K, C, rest = (*s.symbols("O B H K C"), sp.Symbol("rest"))  # noqa: E741
    free = sp.Symbol("p", positive=True)
    average = (free + rest) / C
    oracle = -O * sp.log(free) / C if own else 0
    balance = average * sp.log(K * average) + K * (share - 1 / K) * average
    part = oracle + B * balance + H * free * sp.log(free) / C
    return (C * sp.diff(part, free)).subs(rest, C * mean - free).subs(free, p)


@proves("ecology.stationary")
def stationary(s: Statement) -> Iterator[str]:
    """The multiplier of a class is the derivative in its probability of any expert: they are all equal."""
    O, a, b, r, P, D, K = s.symbols("O a b r P D K")  # noqa: E741
    idle = sp.Symbol("f0", real=True)
    busy = idle + D / K
    dead = slope(s, False, idle, r, r)
    yield zero("its own target", sp.expand_log(slope(s, True, busy, a, P) - dead - s["own"]))
    yield zero("the target of another class", sp.expand_log(slope(s, False, busy, b, P) - dead - s["other"]))
    p = sp.Symbol("p", positive=True)
    yield positive("the oracle term is strictly convex", sp.diff(-O * sp.log(p), p, 2))
    yield positive("so is the negative entropy", sp.diff(p * sp.log(p), p, 2))
    yield positive("and the divergence in the means, which are linear", sp.diff(p * sp.log(K * p), p, 2))
    yield zero("and the counts' term is linear", sp.diff(K * (idle - 1 / K) * p, p, 2))


@proves("ecology.dead_expert")
def dead_expert(s: Statement) -> Iterator[str]:
    """Put a target's mean into the condition of its own class, whose left side is 0 at the minimum."""
    H, B, K, C, k, a, r = s.symbols("H B K C k a r")
    first, later = 1 / (k * C), (k - 1) / (k * (K - C))
    yield zero("the shares of all slots", C * first + (K - C) * later - 1)
    yield zero("the gap", K * (first - later) - s["D"])
    w, more = sp.Symbol("w", positive=True), sp.symbols("s t", positive=True)
    kept = {K: C + (1 - w) / r}  # w = 1 - (K - C) r, what a class gives to all targets
    own = s.use("ecology.stationary", "own").subs(s.symbol("P"), w / C)
    left = (H + B) * (s["log_r"] - sp.log(r)) - s["excess"].subs(kept) - own
    yield zero("what is left of the condition", sp.expand(sp.expand_log(sp.expand(left))))
    yield zero("r", s["r"] - sp.exp(s["log_r"]))
    leaked = sp.expand_log(s["excess"].subs(kept).subs({a: 1 / (1 + more[0]), w: 1 / (1 + more[1])}))
    yield positive("never below", leaked)
    yield zero("leading", sp.limit(sp.limit(leaked, more[0], 0), more[1], 0))


@proves("ecology.critical_ratio")
def critical_ratio(s: Statement) -> Iterator[str]:
    """Put H + B = ratio O and B = x O into the rule."""
    O, theta, x = s.symbols("O theta x")  # noqa: E741
    rule = s.use("ecology.dead_expert", "log_r")
    at = rule.subs({s.symbol("H"): s["ratio"] * O - x * O, s.symbol("B"): x * O}, simultaneous=True)
    yield zero("the rule gives the threshold", sp.expand_log(sp.simplify(at)) - sp.log(theta))
    yield zero("B << O", s["ratio"].subs(x, 0) - s["limit"])


@proves("ecology.critical_oracle")
def critical_oracle(s: Statement) -> Iterator[str]:
    """The other classes' condition gives b, the sum of a row a, and its own class's condition the oracle weight."""
    B, H, K, C, D, G, a, theta = s.symbols("B H K C D G a theta")
    mean, b = (1 - (K - C) * theta) / C, theta * sp.exp(-B * G / H)
    w, t, n, y = sp.symbols("w t n y", positive=True)
    known = {K: C + (1 - w) / theta}
    yield zero("G", sp.expand_log((sp.log(mean / theta) + D - s["G"]).subs(known)))
    other = s.use("ecology.stationary", "other").subs({s.symbol("P"): mean, s.symbol("r"): theta})
    at = other.subs(s.symbol("b"), b).subs(known)
    yield zero("b", sp.expand(sp.expand_log(at - B * (s["G"].subs(known) - G))))
    yield zero("a row", s["a"] + (C - 1) * b + (K - C) * theta - 1)
    own = s.use("ecology.stationary", "own").subs({s.symbol("O"): s["O"], s.symbol("P"): mean, s.symbol("r"): theta})
    yield zero("O", sp.expand(sp.expand_log((own - B * (s["G"] - G)).subs(known))))
    fall = -sp.diff(s["G"], theta)
    yield positive("G falls", fall.subs(K, C + (1 - 1 / (1 + t)) / theta))
    rate = sp.Symbol("rate", positive=True)  # -G', the last line
    growth = sp.diff(theta * sp.exp(-B * sp.Function("G")(theta) / H), theta)
    growth = growth.subs(sp.Derivative(sp.Function("G")(theta), theta), -rate).subs(sp.Function("G")(theta), G)
    yield positive("b grows", growth)
    low = theta / (1 + t)  # b below theta, as G > 0
    above = (1 - (K - C) * theta - (C - 1) * low - theta).subs(K, (1 - y) / theta)
    yield positive("a > theta where theta < 1/K", above.subs(C, 1 + n))
    yield positive("a falls as theta and b grow", -sp.diff(1 - n * theta - y * b, theta))
    yield positive("O grows with a > theta", sp.diff(s["O"], a).subs(a, theta * (1 + t)))
    yield positive("and with G", sp.diff(s["O"], G))
    yield positive("and falls in theta by itself, so altogether", -sp.diff(s["O"], theta))
