"""Negative controls: false variants of the statements, each of which must break a proof of its statement.

Generated for every claim: each whole number raised by one, the sign flipped, < and <= exchanged. By hand: dropped
assumptions, and variants for the enclosures and the floats. Only NotProved counts as broken; any other error does not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from proofs.statements import STATEMENTS, Statement, is_relation
from proofs.steps import NotProved, run

QUICK = ("symbolic", "decision")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A changed statement, and the layers of which at least one must notice."""

    statement: Statement
    what: str
    layers: tuple[str, ...]

    def survives(self) -> bool:
        """Return whether every layer still proves the changed statement."""
        for layer in self.layers:
            try:
                run(self.statement, layer)
            except NotProved:
                return False
        return True

    def __str__(self) -> str:
        return f"{self.statement.id} ({', '.join(self.layers)}): {self.what}"


def changed(statement: str, claim: str, text: str, *layers: str) -> Mutation:
    """Return the mutation that puts another text in the place of a claim."""
    original = STATEMENTS[statement]
    mutated = dataclasses.replace(original, claims={**original.claims, claim: text})
    return Mutation(mutated, f"{claim}: {original.claims[claim]} -> {text}", layers)


def dropped(statement: str, assumption: str, *layers: str) -> Mutation:
    """Return the mutation that leaves an assumption out."""
    original = STATEMENTS[statement]
    if assumption not in original.assumptions:
        raise ValueError(f"{statement} does not assume {assumption}")
    rest = tuple(a for a in original.assumptions if a != assumption)
    return Mutation(dataclasses.replace(original, assumptions=rest), f"without {assumption}", layers)


def variants(text: str) -> Iterator[str]:
    """Yield the false variants of a claim."""
    for literal in re.finditer(r"(?<![\w.])\d+", text):
        yield f"{text[: literal.start()]}{int(literal.group()) + 1}{text[literal.end() :]}"
    if is_relation(text):
        for strict, weak in ((" < ", " <= "), (" > ", " >= ")):
            if strict in text:
                yield text.replace(strict, weak)
        if "&" in text:
            yield text.split(" & ")[0]
    elif text != "0":
        yield f"-({text})"
        yield f"2*({text})"


def generated() -> Iterator[Mutation]:
    """Yield the false variants of every claim."""
    for statement in STATEMENTS.values():
        layers = tuple(layer for layer in QUICK if layer in statement.layers)
        for claim, text in statement.claims.items():
            for variant in variants(text):
                yield changed(statement.id, claim, variant, *layers)


def by_hand() -> Iterator[Mutation]:
    """Yield dropped assumptions, and variants for the layers that the generated ones leave out."""
    for statement, assumption, layer in (
        ("fold.asymmetry", "g > 1", "symbolic"),
        ("fold.slope", "g > 1", "symbolic"),
        ("fold.imbalance", "g > 1", "symbolic"),
        ("fold.bounds", "d > 0", "symbolic"),
        ("fold.gain", "v > 0", "symbolic"),
        ("equilibrium.count", "g > 1", "symbolic"),
        ("equilibrium.global", "g > 0", "symbolic"),
        ("equilibrium.global", "g > 0", "decision"),
        ("cubic.count", "g > 0", "decision"),
        ("cusp.set", "g > 1", "decision"),
        ("cusp.normal_form", "g > 0", "symbolic"),
        ("response.monotone", "G2 < 0", "symbolic"),
        ("response.hard_gaussian", "sigma > 0", "symbolic"),
        ("expert.fold_gain", "K > 2", "symbolic"),
        ("expert.discontinuous", "K > 2", "symbolic"),
        ("boundary.slope", "sigma > 0", "symbolic"),
        ("noise.variance", "F1 < 0", "decision"),
        ("noise.variance", "delta*F1 > -2", "decision"),
        ("update.flip", "g < 1", "decision"),
        ("update.rate", "r > 0", "decision"),
        ("ecology.parameter", "O > 0", "symbolic"),
    ):
        yield dropped(statement, assumption, layer)
    for statement, claim, text in (
        ("equilibrium.count", "high", "eta + eta_f*11/10"),
        ("equilibrium.count", "low", "eta + eta_f"),
        ("equilibrium.stability", "outer", "g - cosh(u)**2 > 0"),
        ("fold.bounds", "lower", "21*sqrt(d**3/(1 + d))/30"),
        ("fold.bounds", "upper", "2*d**(3/2)/4"),
        ("cusp.remainder", "bound", "2*g*u**5/60"),
        ("boundary.remainder", "bound", "w**3/(5*sigma**3*sqrt(2*pi))"),
        ("expert.fold_gain", "residual", "(Y + K - 2 - (K - 1)/Y)/K - x*100001/100000"),
        ("expert.equal_depth", "g", "2*(K - 1)*log(K - 1)/(K*(K - 1))"),
        ("escape.barrier", "H", "p*(eta - u) + p*g*tanh(u) + p**2*g**2/(2*cosh(u)**2)"),
        ("ramp.delay", "delay", "-a*rho**(1/3)*b**(-1/3)"),
    ):
        yield changed(statement, claim, text, "enclosure")
    for statement, claim, text in (
        ("reduced.gain", "g", "kappa*beta/(2*mu)"),
        ("reduced.asymmetry", "eta", "beta*(h1 - h2)*mu/2"),
        ("critical.feedback", "kappa", "K/(mu*beta)"),
        ("equilibrium.count", "high", "eta + eta_f*99/100"),
        ("fold.curve", "eta", "(u - sinh(u)*cosh(u))*(1 + 1/10**14)"),
        ("fold.dimensional", "h", "mu*(2*u - sinh(2*u))*beta"),
        ("fold.asymmetry", "eta_f", "(sqrt(g*(g - 1)) - acosh(sqrt(g)))*(1 + 1/10**14)"),
        ("fold.gain", "g", "1 + sinh(v)"),
        ("fold.imbalance", "m", "sqrt(1 - 1/g)*(1 - 1/10**14)"),
        ("fold.hysteresis", "width", "sqrt(g*(g - 1)) - acosh(sqrt(g))"),
        ("cusp.set", "eta", "2*sqrt((g - 1)**3)/3"),
    ):
        yield changed(statement, claim, text, "floats")


def mutations() -> list[Mutation]:
    """Return all of them."""
    return [*generated(), *by_hand()]
