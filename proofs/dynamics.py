"""From the discrete rule to the reduced flow: mean drift and noise, mean-field bound, reduced variables, potential."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import proves, zero


@proves("discrete.mean_drift")
def mean_drift(s: Statement) -> Iterator[str]:
    """One expert's increment per increment of time is kappa X - mu s + h with X = 1[it is drawn].

    X is 0 or 1, so E X = E X^2 = p, and two experts are never drawn together: E X Y = 0. A batch averages B
    independent tokens, which divides the noise's second moments by B.
    """
    kappa, mu, score, h, p, q, batch = s.symbols("kappa mu s h p q B")

    def mean(polynomial: Any) -> Any:
        x, y = sp.symbols("x y")
        terms = sp.Poly(polynomial(x, y), x, y).terms()
        moment = {(0, 0): 1, (0, 1): q, (1, 0): p}
        return sum(c * (moment.get((min(i, 1), min(j, 1)), 0)) for (i, j), c in terms)

    yield zero("mean increment", mean(lambda x, y: kappa * x - mu * score + h) - s["drift"])
    yield zero("variance", mean(lambda x, y: kappa**2 * (x - p) ** 2) / batch - s["variance"])
    yield zero("covariance", mean(lambda x, y: kappa**2 * (x - p) * (y - q)) / batch - s["covariance"])


@proves("meanfield.bound")
def meanfield_bound(s: Statement) -> Iterator[str]:
    """The error e_n = s_n - s(eps n) obeys e_n = sum of eps (b(s_k) - b(s(t_k))) + noise + Euler defect.

    b is Lipschitz with constant L, so |e_n| <= eps L sum |e_k| + a with a = sup |noise| + defect, and Grönwall's
    recursion gives sup |e| <= a (1 + eps L)^(T/eps) <= a exp(L T). Doob's inequality
    bounds E sup |noise|^2 by four times the last variance.
    """
    kappa, mu, eps, T, B, K, L, M, H, S = s.symbols("kappa mu eps T B K L M H S")
    squares = sp.Symbol("P2")  # sum of p_i^2
    yield zero(
        "noise variance kappa^2 (1 - P2)/B is largest at even loads: the deficit is sum (p_i - 1/K)^2",
        (1 - 1 / K) - (1 - squares) - (squares - 2 / K + K / K**2),
    )
    yield zero("Lipschitz: kappa |dp| + mu", kappa * s.use("susceptibility.bound", "lambda_max") + mu - s["L"])
    radius = sp.Max(S, (kappa + H) / mu)
    yield zero("d|s|/dt <= kappa + H - mu |s| stops growth at (kappa + H)/mu", kappa + H - mu * ((kappa + H) / mu))
    yield zero("speed |kappa p| + |h| + mu |s| at |s| = R", s["M"] - (kappa + H + mu * radius))
    t, n, a, x, c = sp.symbols("t n a x c", positive=True)
    defect = T / eps * sp.integrate(L * M * t, (t, 0, eps))
    earlier = a * ((1 + c) ** n - 1) / c  # sum of a (1 + c)^k over k < n
    yield zero("Grönwall: e_n = a (1 + c)^n solves e_n = a + c sum of earlier e_k", a + c * earlier - a * (1 + c) ** n)
    doob = 4 * (T / eps) * eps**2 * kappa**2 * (1 - 1 / K) / B
    yield zero("(a + x)^2 <= 2 a^2 + 2 x^2", 2 * a**2 + 2 * x**2 - (a + x) ** 2 - (a - x) ** 2)
    yield zero("noise term", 2 * sp.exp(2 * L * T) * doob - s["noise"])
    yield zero("bias term", 2 * sp.exp(2 * L * T) * defect**2 - s["bias"])


def _two_experts(s: Statement) -> tuple[Any, Any, Any]:
    """Return the mean-field rates of two scores and u = beta (s1 - s2)/2."""
    kappa, mu, beta, s1, s2, h1, h2 = s.symbols("kappa mu beta s1 s2 h1 h2")
    weights = sp.exp(beta * s1), sp.exp(beta * s2)
    p1, p2 = (w / sum(weights) for w in weights)
    return kappa * p1 - mu * s1 + h1, kappa * p2 - mu * s2 + h2, beta * (s1 - s2) / 2


@proves("reduced.drift")
def reduced_drift(s: Statement) -> Iterator[str]:
    """Differentiate u = beta (s1 - s2)/2 along the two-expert mean-field equations, in the time tau = mu t."""
    mu, beta, K = s.symbols("mu beta K")
    rate1, rate2, u = _two_experts(s)
    g = s.use("reduced.gain", "g").subs(K, 2)
    eta = s.use("reduced.asymmetry", "eta")
    claimed = s["F"].subs({s.symbol("g"): g, s.symbol("eta"): eta, s.symbol("u"): u}, simultaneous=True)
    yield zero("du/dtau = F(u; g, eta)", beta * (rate1 - rate2) / (2 * mu) - claimed)


@proves("reduced.gain")
def reduced_gain(s: Statement) -> Iterator[str]:
    """v_i = beta s_i in the time mu t obeys dv_i/dtau = K g p_i - v_i + beta h_i/mu."""
    kappa, mu, beta, K, p, score, h = s.symbols("kappa mu beta K p s h")
    rate = beta * (kappa * p - mu * score + h) / mu
    yield zero("dv/dtau", rate - (K * s["g"] * p - beta * score + beta * h / mu))
    yield zero("gain 1 at the critical feedback", s["g"].subs(kappa, s.use("critical.feedback", "kappa")) - 1)


@proves("reduced.asymmetry")
def reduced_asymmetry(s: Statement) -> Iterator[str]:
    """At equal scores the loads are equal and only the drives remain in du/dtau."""
    mu, beta, s1, s2 = s.symbols("mu beta s1 s2")
    rate1, rate2, _ = _two_experts(s)
    yield zero("du/dtau at s1 = s2", (beta * (rate1 - rate2) / (2 * mu)).subs(s1, s2) - s["eta"])


@proves("reduced.load")
def reduced_load(s: Statement) -> Iterator[str]:
    """The softmax of two scores is the logistic function of beta (s1 - s2) = 2u."""
    beta, s1, s2, u = s.symbols("beta s1 s2 u")
    p1 = sp.exp(beta * s1) / (sp.exp(beta * s1) + sp.exp(beta * s2))
    yield zero("p1", p1 - s["p"].subs(u, beta * (s1 - s2) / 2))


@proves("reduced.imbalance")
def reduced_imbalance(s: Statement) -> Iterator[str]:
    """The loads add up to one."""
    yield zero("m = p1 - p2 = 2 p1 - 1", 2 * s.use("reduced.load", "p") - 1 - s["m"])


@proves("reduced.sum")
def reduced_sum(s: Statement) -> Iterator[str]:
    """The loads add up to one, so they leave the equation of the sum."""
    _, _, _, s1, s2 = s.symbols("kappa mu beta s1 s2")
    rate1, rate2, _ = _two_experts(s)
    yield zero("d(s1 + s2)/dt = rate (rest - (s1 + s2))", rate1 + rate2 - s["rate"] * (s["rest"] - s1 - s2))


@proves("reduced.slope")
def reduced_slope(s: Statement) -> Iterator[str]:
    """Differentiate F."""
    u, g = s.symbols("u g")
    yield zero("F' ", sp.diff(s.use("reduced.drift", "F"), u) - s["slope"])
    yield zero("in sech", g / sp.cosh(u) ** 2 - 1 - s["slope"])


@proves("reduced.potential")
def reduced_potential(s: Statement) -> Iterator[str]:
    """F = -V', so dV/dtau = V' F = -F^2: V falls unless the state rests."""
    u, F = s.symbols("u F")
    drift = s.use("reduced.drift", "F")
    yield zero("F + V' = 0", drift + sp.diff(s["V"], u))
    yield zero("V(0) = 0", s["V"].subs(u, 0))
    yield zero("dV/dtau", sp.diff(s["V"], u) * drift - s["rate"].subs(F, drift))
