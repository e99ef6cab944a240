"""The one registry of statements, read from statements.toml: what is claimed, under which assumptions, and from where.

Proofs and tests take the claimed expressions from here, so that a changed constant in the registry breaks them.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

LAYERS = ("symbolic", "decision", "enclosure", "floats", "formal")
SOURCE = Path(__file__).with_name("statements.toml")
_FUNCTIONS = (
    "sqrt cosh sinh tanh acosh asinh asin exp log erf erfinv gamma besseli besselk pi EulerGamma dirichlet_eta "
    "factorial2 LambertW Max Eq Ne Abs".split()
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_RELATION = re.compile(r"[\w*]+ (<|>|<=|>=) -?\d+")
_GREEK = {
    name: chr(code)
    for name, code in zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho".split(),
        range(0x3B1, 0x3C2),
        strict=True,
    )
} | {"sigma": "σ", "tau": "τ", "eps": "ε", "Phi": "Φ"}


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement: claims as expressions in sympy's syntax, the rest in words."""

    id: str
    stem: str
    claims: Mapping[str, str]
    says: str
    assumptions: tuple[str, ...]
    source: str
    code: tuple[str, ...]
    layers: tuple[str, ...]
    formal: tuple[str, ...] = ()
    page: str = ""

    def __getitem__(self, claim: str) -> Any:
        """Return a claimed expression."""
        return self.parse(self.claims[claim])

    @property
    def relations(self) -> list[str]:
        """The assumptions that proofs can use: inequalities with a number."""
        return [a for a in self.assumptions if _RELATION.fullmatch(a)]

    def symbol(self, name: str) -> sp.Symbol:
        """Return the real symbol of a name, with the sign that the assumptions give it."""
        sign = {}
        for relation in self.relations:
            left, how, right = relation.split()
            if left == name and float(right) >= 0 and how in (">", ">="):
                sign = {"positive": True} if how == ">" or float(right) > 0 else {"nonnegative": True}
            elif left == name and how == "<" and float(right) <= 0:
                sign = {"negative": True}
        return sp.Symbol(name, **(sign or {"real": True}))

    def symbols(self, names: str) -> list[Any]:
        """Return several symbols."""
        return [self.symbol(name) for name in names.split()]

    def above(self, name: str, bound: int, excess: str = "d") -> Any:
        """Return bound + d for a symbol that the assumptions put above the bound; d is only real where they do not."""
        given = f"{name} > {bound}" in self.assumptions
        return bound + sp.Symbol(excess, **({"positive": True} if given else {"real": True}))

    def parse(self, text: str) -> Any:
        """Return an expression whose symbols have this statement's assumptions."""
        return _parse(text, self.symbol)

    def bare(self, text: str) -> Any:
        """Return an expression whose symbols are only real, so that nothing is decided while it is read."""
        return _bare(text)

    def use(self, other: str, claim: str) -> Any:
        """Return what another statement claims, in this statement's symbols."""
        return self.parse(STATEMENTS[other].claims[claim])

    @property
    def doc(self) -> str:
        """The page that explains the statement, relative to the root: docs/<page or stem>.md."""
        return f"docs/{self.page or self.stem}.md"

    @property
    def formula(self) -> str:
        """The claims as a line of text."""
        return "; ".join(text if is_relation(text) else f"{name} = {text}" for name, text in self.claims.items())


def _parse(text: str, symbol: Callable[[str], sp.Symbol]) -> Any:
    names = {name: symbol(name) for name in _NAME.findall(text) if name not in _FUNCTIONS}
    return parse_expr(text, local_dict=names)


@cache
def _bare(text: str) -> Any:
    return _parse(text, lambda name: sp.Symbol(name, real=True))


def is_relation(text: str) -> bool:
    """Return whether a claim is an inequality or an equation rather than a value."""
    return bool(re.search(r"[<>]|Eq\(|Ne\(", text))


def readable(text: str) -> str:
    """Return a formula in sympy's syntax with Greek letters and raised powers."""
    text = re.sub(r"Eq\((.*?), (\w+)\)", r"\1 = \2", text)
    text = re.sub(r"Ne\((.*?), (\w+)\)", r"\1 ≠ \2", text)
    text = text.replace("**", "^").replace("*", " ").replace(">=", "≥").replace("<=", "≤").replace("sqrt", "√")
    return re.sub(r"(?<![A-Za-z])([A-Za-z]+?)(?=\d|_|\b)", lambda m: _GREEK.get(m.group(1), m.group(1)), text)


def load(path: Path = SOURCE) -> dict[str, Statement]:
    """Read the registry, in its order."""
    return {
        name: Statement(
            id=name,
            stem=stem,
            claims=row["claims"],
            says=row["says"],
            assumptions=tuple(row["assumptions"]),
            source=row["source"],
            code=tuple(row["code"]),
            layers=(*row["layers"], *(["formal"] if "formal" in row else [])),
            formal=tuple(row.get("formal", ())),
            page=row.get("page", ""),
        )
        for stem, rows in tomllib.loads(path.read_text(encoding="utf-8")).items()
        for name, row in rows.items()
    }


STATEMENTS = load()


@cache
def numeric(statement: str, claim: str) -> tuple[tuple[str, ...], Any]:
    """Return a claim's argument names and the function that evaluates it in mpmath."""
    expression = STATEMENTS[statement][claim]
    names = sorted(str(s) for s in expression.free_symbols)
    return tuple(names), sp.lambdify([STATEMENTS[statement].symbol(n) for n in names], expression, "mpmath")


def value(statement: str, claim: str, **arguments: Any) -> Any:
    """Evaluate a claim in mpmath at the current precision; surplus arguments are ignored."""
    names, function = numeric(statement, claim)
    return function(*(arguments[name] for name in names))
