"""Polynomial statements by z3: each query asks for a counterexample and must be unsatisfiable within a second.

Queries run in z3's own program, which a stuck search cannot outlive; anything but "unsat" is failure. That the
assumptions can hold at all is checked too, so that no proof is empty.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from shutil import which
from sys import executable
from typing import Any

import sympy as sp
import z3

from proofs.evaluate import evaluate
from proofs.statements import STATEMENTS, Statement
from proofs.steps import NotProved, proves

SECONDS = 1


class Logic:
    """A statement's claims and assumptions over z3's real numbers."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.sides: list[Any] = []
        self.assumptions = [self.term(statement.bare(relation), {}) for relation in statement.relations]

    def term(self, expression: Any, replaced: dict[str, Any]) -> Any:
        """Translate an expression, its symbols replaced where said."""
        values = {str(s): z3.Real(str(s)) for s in expression.free_symbols} | replaced
        relations = {
            "StrictGreaterThan": lambda a, b: a > b,
            "GreaterThan": lambda a, b: a >= b,
            "StrictLessThan": lambda a, b: a < b,
            "LessThan": lambda a, b: a <= b,
            "Equality": lambda a, b: a == b,
            "Unequality": lambda a, b: a != b,
            "And": z3.And,
            "sqrt": self._root,
        }
        return evaluate(expression, values, z3.Q, relations)

    def claim(self, name: str, **replaced: Any) -> Any:
        """Translate one of the statement's claims."""
        return self.term(self.statement.bare(self.statement.claims[name]), replaced)

    def of(self, statement: str, name: str, **replaced: Any) -> Any:
        """Translate a claim of another statement."""
        return self.term(self.statement.bare(STATEMENTS[statement].claims[name]), replaced)

    def _root(self, square: Any) -> Any:
        root = z3.Real(f"root{len(self.sides)}")
        self.sides.append(z3.And(root >= 0, root * root == square))
        return root

    def refute(self, text: str, *counterexample: Any) -> str:
        """Return the text if no numbers satisfy the assumptions and the counterexample."""
        return self._ask(text, "unsat", counterexample)

    def possible(self) -> str:
        """Return a text if the assumptions can hold."""
        return self._ask("the assumptions can hold", "sat", ())

    def _ask(self, text: str, wanted: str, constraints: tuple[Any, ...]) -> str:
        solver = z3.Solver()
        solver.add(*self.assumptions, *self.sides, *constraints)
        answer = _run(solver.to_smt2())
        if answer != wanted:
            raise NotProved(f"{text}: {answer}")
        return text


def _run(query: str) -> str:
    program = Path(executable).with_name("z3")
    command = [str(program) if program.exists() else which("z3") or "z3", f"-T:{SECONDS}", "-in"]
    try:
        done = subprocess.run(command, input=query, capture_output=True, text=True, timeout=5 * SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "timeout"
    return done.stdout.split("\n")[0]


@proves("cubic.count", "decision")
def cubic_count(s: Statement) -> Iterator[str]:
    """Three sign changes give three zeros; the converse and the double zero are polynomial facts."""
    logic = Logic(s)
    g, mu, eta, a, b, c, d, t = z3.Reals("g mu eta a b c d t")
    three, two = logic.claim("three"), logic.claim("two")

    def f(x: Any) -> Any:
        return eta + mu * x - g * x * x * x / 3

    yield logic.possible()
    yield logic.refute("three: mu > 0", three, mu <= 0)
    yield logic.refute(
        "three: signs change at the turning points", three, t > 0, g * t * t == mu, z3.Or(f(t) <= 0, f(-t) >= 0)
    )
    distinct = z3.Distinct(a, b, c)
    yield logic.refute("three zeros imply three", distinct, f(a) == 0, f(b) == 0, f(c) == 0, z3.Not(three))
    yield logic.refute("no four zeros", z3.Distinct(a, b, c, d), f(a) == 0, f(b) == 0, f(c) == 0, f(d) == 0)
    yield logic.refute(
        "two: r and -2r are zeros", two, 2 * mu * t == -3 * eta, z3.Or(f(t) != 0, f(-2 * t) != 0, t == 0)
    )
    yield logic.refute("two excludes three", two, three)
    yield logic.refute("two zeros imply two or three", a != b, f(a) == 0, f(b) == 0, z3.Not(two), z3.Not(three))
    yield logic.refute(
        "a zero left of any large b", b > 0, g * b * b > 3 * (mu + t), t * b >= eta, t * b >= -eta, t > 0, f(b) >= 0
    )


@proves("cusp.set", "decision")
def cusp_set(s: Statement) -> Iterator[str]:
    """The cubic form has three zeros exactly inside the set."""
    logic = Logic(s)
    g, x = z3.Reals("g x")
    eta = logic.claim("eta")
    three = logic.of("cubic.count", "three", mu=g - 1, eta=x)
    yield logic.possible()
    yield logic.refute("inside there are three", x < eta, x > -eta, z3.Not(three))
    yield logic.refute("outside there are not", z3.Or(x >= eta, x <= -eta), three)
    u = logic.claim("u")
    yield logic.refute("u is where the cubic turns", (g - 1) - g * u * u != 0)


@proves("cusp.remainder", "decision")
def remainder(s: Statement) -> Iterator[str]:
    """The last step of the symbolic proof: the bound's excess grows if u - u^3/3 < t < u, t = tanh u > 0."""
    logic = Logic(s)
    u, t = z3.Reals("u t")
    rate = logic.term(sp.diff(s["bound"] / s.symbol("g"), s.symbol("u")), {})
    growth = rate - (u * u - t * t)
    yield logic.possible()
    yield logic.refute("growth is positive", t > 0, t < u, t > u - u * u * u / 3, growth <= 0)


@proves("fold.imbalance", "decision")
def fold_imbalance(s: Statement) -> Iterator[str]:
    """F' = (g - 1) - g t^2 with t = tanh u."""
    logic = Logic(s)
    g, t = z3.Reals("g t")
    m = logic.claim("m")
    yield logic.possible()
    yield logic.refute("every fold has |t| = m", (g - 1) - g * t * t == 0, t != m, t != -m)
    yield logic.refute("m is a fold", (g - 1) - g * m * m != 0)
    yield logic.refute("and a load", m >= 1)


@proves("equilibrium.global", "decision")
def uniqueness(s: Statement) -> Iterator[str]:
    """F' = g (1 - t^2) - 1 with t = tanh u in (-1, 1)."""
    logic = Logic(s)
    g, t = z3.Reals("g t")
    slope = g * (1 - t * t) - 1
    yield logic.possible()
    yield logic.refute("slope bound", -1 < t, t < 1, slope > logic.claim("slope_bound"))
    yield logic.refute("contraction for g < 1", g < 1, logic.claim("rate") >= 0)
    yield logic.refute("rate bounds 2 F'", -1 < t, t < 1, 2 * slope > logic.claim("rate"))


def _loads(experts: int) -> tuple[list[Any], list[Any], dict[str, Any], Any]:
    """Return loads, a vector, its moments under the loads, and that the loads are loads."""
    p, w = ([z3.Real(f"{name}{i}") for i in range(experts)] for name in "pw")
    moments = {name: _sum(x * y**k for x, y in zip(p, w, strict=True)) for name, k in (("first", 1), ("second", 2))}
    return p, w, moments, z3.And(*[x >= 0 for x in p], _sum(p) == 1)


def _sum(terms: Any) -> Any:
    return reduce(lambda a, b: a + b, terms)


@proves("susceptibility.psd", "decision")
def psd(s: Statement) -> Iterator[str]:
    """Two and three experts outright."""
    for experts in (2, 3):
        logic = Logic(s)
        p, w, moments, loads = _loads(experts)
        pairs = _sum(p[i] * p[j] * (w[i] - w[j]) ** 2 for i in range(experts) for j in range(i))
        form = logic.claim("form", **moments)
        yield logic.refute(f"K = {experts}: the form is a sum of squares", loads, form != z3.Real("beta") * pairs)
        yield logic.refute(f"K = {experts}: not negative", loads, pairs < 0)


@proves("susceptibility.bound", "decision")
def bound(s: Statement) -> Iterator[str]:
    """Two and three experts outright."""
    for experts in (2, 3):
        logic = Logic(s)
        _, w, moments, loads = _loads(experts)
        form = logic.of("susceptibility.psd", "form", **moments, beta=z3.Q(1, 1))
        top = logic.claim("lambda_max", beta=z3.Q(1, 1))
        yield logic.refute(f"K = {experts}: form <= lambda_max |w|^2", loads, form > top * _sum(x * x for x in w))


@proves("noise.variance", "decision")
def variance(s: Statement) -> Iterator[str]:
    """The exact variance is positive and above its leading order."""
    logic = Logic(s)
    exact, leading = logic.claim("exact"), logic.claim("leading")
    yield logic.possible()
    yield logic.refute("a variance", exact <= 0)
    yield logic.refute("leading order is below", exact <= leading)


def _contracts(s: Statement, name: str, slope: Any) -> Iterator[str]:
    logic = Logic(s)
    claim, inside = logic.claim(name), z3.And(slope > -1, slope < 1)
    yield logic.possible()
    yield logic.refute(f"{name} implies |slope| < 1", claim, z3.Not(inside))
    yield logic.refute(f"|slope| < 1 implies {name}", inside, z3.Not(claim))


@proves("update.flip", "decision")
def flip(s: Statement) -> Iterator[str]:
    """The mean map's slope is 1 + delta (g - 1)."""
    yield from _contracts(s, "stable", 1 + z3.Real("delta") * (z3.Real("g") - 1))


@proves("update.rate", "decision")
def update_rate(s: Statement) -> Iterator[str]:
    """The map's slope is 1 - r lambda_max."""
    yield from _contracts(s, "safe", 1 - z3.Real("r") * z3.Real("lambda_max"))
