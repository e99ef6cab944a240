"""Evaluate a claim in any number system: z3 terms, Arb balls. Nothing passes through floating point on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

Functions = Mapping[str, Callable[..., Any]]


def evaluate(
    expression: Any, values: Mapping[str, Any], rational: Callable[[int, int], Any], functions: Functions
) -> Any:
    """Return the value of an expression; `functions` also gives sqrt, pi and the relations, by sympy's names."""

    def walk(node: Any) -> Any:
        if isinstance(node, sp.Symbol):
            return values[node.name]
        if isinstance(node, sp.Rational):
            return rational(int(node.p), int(node.q))
        if isinstance(node, sp.Add):
            return _fold(lambda a, b: a + b, node.args)
        if isinstance(node, sp.Mul):
            return _fold(lambda a, b: a * b, node.args)
        if isinstance(node, sp.Pow):
            return power(node.base, node.exp)
        name = "pi" if node is sp.pi else type(node).__name__
        return functions[name](*map(walk, node.args))

    def power(base: Any, exponent: Any) -> Any:
        if not isinstance(exponent, sp.Rational) or exponent.q not in (1, 2):
            raise ValueError(f"unsupported power: {base}**{exponent}")
        root = walk(base) if exponent.q == 1 else functions["sqrt"](walk(base))
        result = _fold(lambda a, b: a * b, [root] * abs(int(exponent.p)), direct=True)
        return result if exponent > 0 else rational(1, 1) / result

    def _fold(combine: Callable[[Any, Any], Any], items: Any, direct: bool = False) -> Any:
        terms = [item if direct else walk(item) for item in items]
        total = terms[0]
        for term in terms[1:]:
            total = combine(total, term)
        return total

    return walk(expression)
