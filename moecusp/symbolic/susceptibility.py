"""The susceptibility of a softmax router as a matrix (docs/theory.md, section 6)."""

from __future__ import annotations

from typing import Any

import sympy as sp

from moecusp._arguments import ParameterError
from moecusp._logits import contenders
from moecusp.symbolic.formula import argument, checked
from moecusp.symbolic.two_experts import beta

a = argument("a", "logits")


def susceptibility(logits: Any, inverse_temperature: Any = beta) -> Any:
    """Susceptibility chi = beta mean over tokens of diag p - p p^T, p = softmax(beta a).

    Parameters
    ----------
    logits : sympy.Matrix or sequence of sequences
        One row a token, one column an expert (score), K >= 2; numbers or expressions. -oo marks an expert that cannot
        be chosen; oo wins, shared among several.
    inverse_temperature : sympy.Expr or number, optional
        beta > 0; the symbol beta if not given.

    Returns
    -------
    sympy.Matrix
        chi, K by K.

    Raises
    ------
    ParameterError
        If an argument is out of range, logits is not a table with K >= 2 columns, or a row has nothing but -oo.

    References
    ----------
    Statement ``susceptibility.derivative``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import symbolic
    >>> symbolic.susceptibility([[0, 0]])
    Matrix([
    [ beta/4, -beta/4],
    [-beta/4,  beta/4]])
    """
    ((_, rate),) = checked((beta,), (inverse_temperature,))
    try:
        table = sp.Matrix(logits)
    except (ValueError, TypeError) as error:
        raise ParameterError("logits", logits, "a table of expressions, one row a token") from error
    if table.rows < 1 or table.cols < 2:
        raise ParameterError("logits", table.shape, "of shape (tokens, K) with K >= 2")
    total = sp.zeros(table.cols)
    for row in range(table.rows):
        able = contenders(f"logits[{row}]", list(table.row(row)))
        weights = [0 if entry is None else sp.exp(rate * checked((a,), (entry,))[0][1]) for entry in able]
        p = sp.Matrix([weight / sum(weights) for weight in weights])
        total += sp.diag(*p) - p * p.T
    return rate * total / table.rows
