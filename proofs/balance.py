"""Load balancing: linearised bias rules, the Gaussian closure of the sign rule, the Jacobian of a balance loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from proofs.statements import Statement
from proofs.steps import holds, positive, proves, zero


def chain(s: Statement) -> tuple[Any, Any, Any]:
    """Return the factor of x, the variance of xi, and Var x from its stationarity: V = f^2 V + r^2 q/B."""
    r, lam, q, B = s.symbols("rate lam q B")
    V = sp.Symbol("V")
    factor, noise = 1 - r * lam, q / B
    return factor, noise, sp.solve(V - factor**2 * V - r**2 * noise, V)[0]


@proves("balance.proportional")
def proportional(s: Statement) -> Iterator[str]:
    """The noise xi is independent of x: it adds its variance to that of the load lam x."""
    lam = s.symbol("lam")
    _, noise, V = chain(s)
    yield zero("bias", V - s["bias"])
    yield zero("true load", lam**2 * V - s["load"])
    yield zero("observed load", lam**2 * V + noise - s["observed"])
    for name in ("bias", "load", "observed"):
        yield positive(f"{name}, times 2 - r lam > 0", s[name] * (2 - s.symbol("rate") * lam))


@proves("balance.autocorrelation")
def autocorrelation(s: Statement) -> Iterator[str]:
    """With x' = f x - r xi: E x' x = f V, and E (lam x' + xi')(lam x + xi) = lam^2 f V - lam r Var xi."""
    r, lam = s.symbols("rate lam")
    factor, noise, V = chain(s)
    yield zero("bias", factor * V / V - s["bias"])
    lagged = lam**2 * factor * V - lam * r * noise
    yield zero("observed load", lagged - s["observed"] * (lam**2 * V + noise))


@proves("balance.lag")
def lag(s: Statement) -> Iterator[str]:
    """The mean of the displacement obeys m = (1 - r lam) m + v; the load is lam m."""
    r, lam, v = s.symbols("rate lam v")
    m = sp.Symbol("m")
    mean = sp.solve(m - (1 - r * lam) * m - v, m)[0]
    yield zero("load", lam * mean - s["lag"])


@proves("balance.best_rate")
def best_rate(s: Statement) -> Iterator[str]:
    """Lag squared plus the variance of the true load; with r = e p its slope vanishes at p = leading as e -> 0."""
    r, lam, v = s.symbols("rate lam v")
    yield zero("cost", s["cost"] - s.use("balance.lag", "lag") ** 2 - s.use("balance.proportional", "load"))
    yield zero("slope", sp.diff(s["cost"], r) - s["slope"])
    yield zero("bend", sp.diff(s["slope"], r) - s["bend"])
    x = sp.Symbol("x", positive=True)
    yield positive("convex, x = 2 - r lam > 0", s["bend"].subs(lam, (2 - x) / r))
    e = sp.Symbol("e", positive=True)  # a drift of order e^(3/2) is met by a rate of order e
    slow = sp.powsimp(s["slope"].subs({v: e ** sp.Rational(3, 2) * v, r: e * r}, simultaneous=True))
    yield zero("leading", sp.simplify(sp.limit(slow, e, 0).subs(r, s["leading"])))
    yield positive("a rate", s["leading"])


def mean_sign(m: Any, S: Any) -> Any:
    """Return E sign(m + S Z), P(Z > -m/S) - P(Z < -m/S), as integrals."""
    z = sp.Symbol("z", real=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    return sp.Integral(density, (z, -m / S, sp.oo)) - sp.Integral(density, (z, -sp.oo, -m / S))


@proves("balance.sign")
def sign(s: Statement) -> Iterator[str]:
    """Differentiate the mean of the sign by the mean of the load."""
    u, S = s.symbols("u S")
    m = sp.Symbol("m", real=True)
    yield zero("slope at 0", sp.diff(u * mean_sign(m, S), m).doit().subs(m, 0) - s["rate"])


@proves("balance.sign_closure")
def sign_closure(s: Statement) -> Iterator[str]:
    """Rule b <- b - u sign(y), y = load + noise: E b sign(y) = E b y sqrt(2/pi)/S for jointly Gaussian b, y (Bussgang).

    In a mode E b y = lam V. The signs of K alike experts have variance 1 - e/S (1 less the chance of an exact tie) and
    covariance -a (arcsine law at the correlation -1/(K - 1)): 1 + a - e/S in every mode of sum 0.
    """
    u, lam, S, K, a, e, c, t = s.symbols("u lam S K a e c s")
    V = sp.Symbol("V", positive=True)
    z, rho = sp.symbols("z rho", real=True)
    density = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    slope = 2 * sp.integrate(z * density, (z, 0, sp.oo))  # E Z sign(Z); b's part that is independent of y drops out
    yield zero("Bussgang", slope - s.use("balance.sign", "rate") * S / u)
    mode = (1 - e / S) + a
    stationary = -2 * u * lam * V * slope / S + u**2 * mode
    yield zero("bias", sp.solve(stationary, V)[0] - s["bias"])
    yield zero("alike and of sum 0: correlation -1/(K-1)", 1 + (K - 1) * (-1 / (K - 1)))
    overlap = s.use("boundary.arcsine", "E").subs(sp.Symbol("rho", real=True), rho)
    yield zero("arcsine law: E sign sign", overlap - 2 * sp.asin(rho) / sp.pi)
    yield zero("a load's share of K - 1 modes", lam**2 * s["bias"] * (K - 1) / K - s["load"])
    half = sp.sqrt(sp.pi / 8)
    fed = s["load"].subs(lam, c * K / (half * u * (K - 1)))
    residual = (fed + t**2 - S**2).subs(S, s["S"])
    yield zero("S^2 = s^2 + load", sp.simplify(sp.expand(residual)))
    yield positive("the larger root", (s["S"] - s["S"].subs(s.symbol("e"), 0) / 2).subs(s.symbol("e"), 0))


@proves("balance.sign_lag")
def sign_lag(s: Statement) -> Iterator[str]:
    """Where the mean change of the bias makes up for the drift, which is less than u since |E sign| < 1."""
    u, S, v = s.symbols("u S v")
    m = sp.Symbol("m", real=True)
    rest = mean_sign(m, S) - sp.erf(m / (sp.sqrt(2) * S))
    yield zero("E sign and erf(m/(sqrt 2 S)) have one slope", sp.simplify(sp.diff(rest, m).doit()))
    yield zero("and are both 0 at 0", rest.subs(m, 0).doit())
    yield zero("balance of drift and rule", u * sp.erf(s["lag"] / (sp.sqrt(2) * S)) - v)


@proves("balance.max_violation")
def max_violation(s: Statement) -> Iterator[str]:
    """Loads k (Z_i - mean Z) have the variance k^2 (1 - 1/K); the mean drops out of the expected maximum."""
    K, S, m = s.symbols("K S m")
    scale = s["violation"] / (K * m)
    yield zero("variance", scale**2 * (1 - 1 / K) - S**2)
    yield positive("scale", scale.subs(K, 1 + sp.Symbol("n", positive=True)))
    x = sp.Symbol("x", real=True)
    phi = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    Phi = (1 + sp.erf(x / sp.sqrt(2))) / 2
    # m = int x K phi Phi^(K-1); by parts, phi' = -x phi
    primitive = -K * phi * Phi ** (K - 1)
    rest = K * (K - 1) * phi**2 * Phi ** (K - 2)
    yield zero("by parts", sp.simplify(sp.diff(primitive, x) + rest - x * K * phi * Phi ** (K - 1)))


@proves("balance.loss")
def loss(s: Statement) -> Iterator[str]:
    """Differentiate kappa f - mu s - rho alpha K chi_soft f for three experts, soft probabilities P and any loads f.

    Where f is equal, chi_soft f = 0 for every s, so that only the change of f counts.
    """
    kappa, mu, rho, alpha, c, own = s.symbols("kappa mu rho alpha c l")
    v, K = sp.Symbol("v", positive=True), s.symbol("K")
    acts = kappa * (own * v) - rho * alpha * K * (c * (own * v)) - mu * v
    yield zero("J on a common eigenvector", acts / v - s["growth"])
    count = 3
    scores = sp.symbols("s1:4", real=True)
    weights = sp.symbols("w1:4", positive=True)  # exp of a token's logits
    Z = sum(w * sp.exp(x) for w, x in zip(weights, scores, strict=True))
    P = sp.Matrix([w * sp.exp(x) / Z for w, x in zip(weights, scores, strict=True)])
    soft = P.jacobian(scores)
    chi = sp.Matrix(count, count, lambda i, j: sp.Symbol(f"x{min(i, j)}{max(i, j)}", real=True))
    f = sp.ones(count, 1) / count + chi * sp.Matrix(scores)
    held = sp.Matrix(sp.symbols("h1:4", real=True))
    gradient = sp.Matrix([sp.diff(alpha * count * (held.T * P)[0], x) for x in scores])
    yield zero("gradient of the loss", (gradient - alpha * count * soft * held).applyfunc(sp.cancel))
    flow = kappa * f - mu * sp.Matrix(scores) - rho * alpha * count * soft * f
    balanced = dict.fromkeys(scores, 0)
    J = (kappa * sp.eye(count) - rho * alpha * count * soft) * chi - mu * sp.eye(count)
    yield zero("Jacobian", (flow.jacobian(scores) - J).subs(balanced).applyfunc(sp.cancel))
    yield zero("chi_soft (1, 1, 1) = 0", (soft * sp.ones(count, 1)).applyfunc(sp.cancel))
    R, M = (sp.Matrix(2, 2, sp.symbols(f"{n}:3", real=True)[:2] + sp.symbols(f"{n}:3", real=True)[1:]) for n in "rm")
    same = (M * R * R).charpoly().as_expr() - (R * M * R).charpoly().as_expr()
    yield zero("M R^2 and the symmetric R M R have one characteristic polynomial", sp.expand(same))


@proves("balance.critical_weight")
def critical_weight(s: Statement) -> Iterator[str]:
    """Uniform soft routing has both susceptibilities beta/K; v'(kappa - rho alpha K chi) v is linear in alpha."""
    beta, K = s.symbols("beta K")
    even = s.use("susceptibility.critical_feedback", "uniform")
    growth = s.use("balance.loss", "growth").subs({s.symbol("c"): even, s.symbol("l"): even})
    alpha = s.symbol("alpha")
    yield zero("growth vanishes", growth.subs(alpha, s["alpha"]))
    yield positive("and falls in alpha", -sp.diff(growth, alpha).subs(K, 1 + sp.Symbol("n", positive=True)))
    kappa_c = s.use("critical.feedback", "kappa")
    excess = s["alpha"] - (s.symbol("kappa") - kappa_c) / (s.symbol("rho") * beta)
    yield zero("excess of the feedback over its critical value", excess)
    yield zero("linear, so the largest eigenvalue is convex", sp.diff(growth, alpha, 2))


@proves("balance.safe_weight")
def safe_weight(s: Statement) -> Iterator[str]:
    """Eigenvalues of a step: 1 - rho alpha K lambda, lambda >= 0 those of chi_soft chi_load."""
    rho, alpha, K, lam = s.symbols("rho alpha K lambda_max")
    slope = 1 - rho * alpha * K * lam
    yield holds("safe is strict", isinstance(s["safe"], sp.StrictLessThan))
    yield zero("slope + 1 is the distance to the threshold", slope + 1 - (s["safe"].rhs - s["safe"].lhs))
    yield positive("slope < 1", 1 - slope)
