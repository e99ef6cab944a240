"""The symbolic forms are what was proved: each is a claim of its statement, or follows from one by substitution."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import pytest
import sympy as sp

from moecusp import symbolic
from moecusp.symbolic import FORMULAS, IMPLICIT
from proofs.statements import STATEMENTS
from tests.symbolic_points import INSIDE, evaluate

# what the claims' other symbols stand for
x, g, K, C, k, H, B, theta = (sp.Symbol(name, real=True) for name in "x g K C k H B theta".split())
GAP = K * (1 / C - (k - 1) / (K - C)) / k
LEAN = sp.log((1 - (K - C) * theta) / (C * theta)) + GAP
MEANS = {
    "expert_fold_curve": {"Y": sp.exp(x)},
    "log_dead_expert_probability": {"D": GAP},
    "dead_expert_probability": {"D": GAP},
    "critical_ratio": {"D": GAP},
    "critical_oracle_weight": {"a": 1 - (K - C) * theta - (C - 1) * theta * sp.exp(-B * LEAN / H), "G": LEAN},
    "ramp_delay": {"a": -symbolic.airy_zero, "b": sp.sqrt(1 - 1 / g)},
}
# compared below, each in its own way
APART = {
    "balanced_critical_gain", "flip_step", "largest_safe_update_rate", "log_stationary_density", "regime",
    "saddle_boundary_mass", "soft_hard_expansion", "soft_hard_gap", "stationary_density",
}  # fmt: skip


def claim(statement: str, name: str, **means: Any) -> Any:
    """Return a claim in plain real symbols."""
    text = STATEMENTS[statement]
    return text.bare(text.claims[name]).subs({sp.Symbol(n, real=True): value for n, value in means.items()})


def plain(expression: Any) -> Any:
    """Return an expression in plain real symbols."""
    return sp.sympify(expression).subs({s: sp.Symbol(s.name, real=True) for s in symbolic.ARGUMENTS})


def same(one: Any, other: Any) -> bool:
    """Whether two expressions in the same symbols agree to 25 digits at two points with gain above 1."""
    if one.free_symbols != other.free_symbols:
        return False
    names = sorted(one.free_symbols, key=str)
    points = [{n: sp.Rational(13 + 7 * i + k, 10) for i, n in enumerate(names)} for k in (0, 5)]
    return all(abs((one - other).subs(point).evalf(40)) < sp.Float("1e-25") for point in points)


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - APART))
def test_is_a_claim_of_its_statement(name: str) -> None:
    """Each expression is a claim of its statement; h stands for h1 - h2."""
    statement = STATEMENTS[FORMULAS[name].statement]
    claims = [statement.bare(text.replace("(h1 - h2)", "h")) for text in statement.claims.values()]
    means = {sp.Symbol(n, real=True): value for n, value in MEANS.get(name, {}).items()}
    expression = FORMULAS[name].expression
    for part in expression if isinstance(expression, tuple) else (expression,):
        assert any(same(plain(part), c.subs(means)) for c in claims), part


@pytest.mark.parametrize("name", sorted({**FORMULAS, **IMPLICIT}))
def test_names_a_statement(name: str) -> None:
    forms: dict[str, Any] = {**FORMULAS, **IMPLICIT}
    assert forms[name].statement in STATEMENTS


def test_apart() -> None:
    transverse = claim("expert.balanced", "transverse")
    assert transverse.subs(g, symbolic.balanced_critical_gain.expression) == 0
    for statement, name, symbol, form in (
        ("update.flip", "stable", "delta", symbolic.flip_step),
        ("update.rate", "safe", "r", symbolic.largest_safe_update_rate),
    ):
        edge = claim(statement, name)
        assert sp.simplify((edge.lhs - edge.rhs).subs(sp.Symbol(symbol, real=True), plain(form.expression))) == 0
    share, integral = claim("softhard.gap", "share"), symbolic.soft_hard_gap.expression
    ((distance, low, high),) = integral.limits
    assert (low, high) == (0, sp.oo)
    mass = claim("boundary.mass", "M", w=sp.Symbol("x", real=True))
    density = sp.diff(mass, sp.Symbol("x", real=True))
    assert same(plain(integral.function).subs(distance, sp.Symbol("x", real=True)), density * share)
    terms = symbolic.soft_hard_expansion.expression
    ((order, first, _),) = terms.limits
    assert first == 0
    b = sp.Symbol("b", real=True)
    density_at_0 = claim("boundary.slope", "slope") / 2
    for n in range(4):
        wanted = claim("softhard.expansion", "coefficient", n=n) * sp.Symbol("T", real=True) ** (2 * n + 1)
        assert same(plain(terms.function.subs(order, n).doit()), wanted * sp.diff(density_at_0, b, 2 * n))


def test_the_saddle_s_mass_grows_at_the_claimed_rate() -> None:
    width = sp.Symbol("w", real=True)
    assert same(sp.diff(plain(symbolic.saddle_boundary_mass.expression), width), claim("interface.saddle", "rate"))
    assert plain(symbolic.saddle_boundary_mass.expression).subs(width, 0).doit() == 0


def test_densities() -> None:
    """The logarithm has the claimed slope, and the density integrates to 1."""
    u = sp.Symbol("u", real=True)
    exponent = 2 * sp.Symbol("B", real=True) * claim("noise.density", "integral")
    exponent = exponent / (sp.Symbol("delta", real=True) * g**2) - sp.log(claim("noise.density", "D"))
    found = sp.diff(symbolic.log_stationary_density.expression, symbolic.u)
    assert same(plain(found), sp.diff(exponent, u))
    form, values = symbolic.stationary_density, (1.25, 0.125, 0.5, 1.0)
    numbers = {n: sp.Rational(v) for n, v in zip(("g", "eta", "delta", "B"), values, strict=True)}
    weight = sp.lambdify(u, sp.exp(exponent).subs({sp.Symbol(n, real=True): v for n, v in numbers.items()}), "mpmath")
    with mp.workdps(30):
        wanted = weight(1) / mp.quad(weight, mp.linspace(-5, 5, 11))
    assert abs(evaluate(form.variables, form.expression, 1, *values) / wanted - 1) < 1e-15
    logarithm = symbolic.log_stationary_density.expression
    assert abs(mp.exp(evaluate(form.variables, logarithm, 1, *values)) / wanted - 1) < 1e-15


class TestImplicit:
    def test_two_experts(self) -> None:
        u, v = sp.Symbol("u", real=True), sp.Symbol("v", real=True)
        flow = claim("reduced.drift", "F")
        for name in ("equilibria", "stationary_variance", "lag1_autocorrelation"):
            assert plain(IMPLICIT[name].equations[0]) == flow
        for name in ("escape_barrier", "diffusion_barrier", "escape_time", "log_escape_time"):
            states = [flow.subs(u, sp.Symbol(n, real=True)) for n in ("u_stable", "u_unstable")]
            assert [plain(e) for e in IMPLICIT[name].equations] == states
        assert plain(symbolic.escape_slope.equations[0]) == claim("escape.barrier", "H")
        (folded,) = symbolic.fold_gain.equations
        on_curve = plain(folded).subs(g, claim("fold.gain", "g"))
        wanted = claim("fold.asymmetry", "double") - sp.Abs(sp.Symbol("eta", real=True))
        for at in (sp.Rational(1, 2), sp.Rational(3, 2), sp.Integer(3)):
            assert abs((on_curve - wanted).subs(v, at).evalf(30, maxn=200)) < 1e-25

    def test_noise(self) -> None:
        slope = claim("reduced.slope", "slope")
        u = sp.Symbol("u", real=True)
        exact = claim("noise.variance", "exact", F1=slope, S=1 / sp.cosh(u) ** 2)
        assert same(plain(symbolic.stationary_variance.value), exact)
        assert same(plain(symbolic.lag1_autocorrelation.value), claim("noise.autocorrelation", "rho", F1=slope))
        barrier = sp.diff(plain(symbolic.diffusion_barrier.value), sp.Symbol("u_stable", real=True))
        wanted = claim("escape.diffusion_barrier", "slope", F=claim("reduced.drift", "F"))
        assert same(barrier, wanted.subs(u, sp.Symbol("u_stable", real=True)))

    def test_experts(self) -> None:
        Y, m = sp.exp(x), sp.Symbol("m", real=True)
        assert same(plain(symbolic.expert_fold_gain.equations[0]), claim("expert.fold_gain", "residual", Y=Y))
        assert same(plain(symbolic.expert_fold_gain.value), claim("expert.fold_curve", "g", Y=Y))
        (family,) = symbolic.expert_equilibria.equations
        factor = claim("expert.families", "x", Y=Y) / (K * g) * K  # K (Y - 1)/(mY + K - m): x = g factor
        solved = sp.solve(plain(family), g)[0]
        assert same(solved, x / factor)
        scores = symbolic.expert_scores
        high, low = scores.value
        for score, branch in ((low, 0), (high, -1)):
            c = sp.Rational(1, 5)
            assert score.subs(scores.unknowns[0], c) == claim("expert.lambert", "v", c=c, branch=branch)
        total = plain(scores.equations[0])
        wanted = m * plain(high) + (K - m) * plain(low) - claim("expert.families", "sum")
        assert sp.simplify(total - wanted) == 0


@pytest.mark.parametrize(
    ("response", "statement"),
    [
        (symbolic.SoftmaxResponse(), "response.softmax"),
        (symbolic.HardGaussianResponse(), "response.hard_gaussian"),
    ],
)
class TestResponses:
    def test_closed_members(self, response: Any, statement: str) -> None:
        assert same(plain(response.value.expression), claim(statement, "G"))
        assert same(plain(response.critical_feedback.expression), claim(statement, "kappa"))
        z = sp.Symbol("z", real=True)
        G = claim(statement, "G")
        for part, name in zip(response.fold_curve.expression, ("kappa", "h"), strict=True):
            assert same(plain(part), claim("response.fold_curve", name, G0=G, G1=sp.diff(G, z)))


def test_every_point_inside_is_named() -> None:
    assert set(symbolic.ARGUMENTS.values()) - set(INSIDE) == {"c", "p", "u_stable", "u_unstable", "logits"}
