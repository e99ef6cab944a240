"""Susceptibility of recorded logits and what follows from its largest eigenvalue, to any number of digits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath

from moecusp._arguments import ParameterError
from moecusp._logits import contenders
from moecusp.precise.certainty import certain
from moecusp.precise.multiprecision import arithmetic, bits_for, exact, positive

_Rows = list[list[Fraction]]
_Logits = list[list[Fraction | None]]  # None: an expert that cannot be chosen


def susceptibility(logits: Any, inverse_temperature: Any = 1, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return chi = beta mean over tokens of diag p - p p^T, an mpmath matrix; see `moecusp.susceptibility`.

    logits is one table (tokens, K) of numbers of any kind; -inf and +inf as there.

    >>> from moecusp import precise
    >>> print(precise.susceptibility([["0", "0"]], digits=5))
    [ 0.25  -0.25]
    [-0.25   0.25]
    """
    rows, beta = _logits(logits), positive("inverse_temperature", inverse_temperature)
    k = len(rows[0])
    flat = certain(lambda n: tuple(_chi(n, rows, beta)), digits, backend)
    return mpmath.matrix([flat[i * k : (i + 1) * k] for i in range(k)])


def critical_feedback_from_logits(
    logits: Any, decay: Any = 1, inverse_temperature: Any = 1, *, digits: int = 50, backend: str = "auto"
) -> Any:
    """Return mu/lambda_max(chi); see `moecusp.critical_feedback_from_logits`.

    The eigenvalue is mpmath's with either backend. It costs some K^3 operations: 0.2 to 0.3 s for K = 32 at
    50 digits.
    """
    rows, beta = _logits(logits), positive("inverse_temperature", inverse_temperature)
    mu, bits = positive("decay", decay), bits_for(digits)
    arithmetic(backend)

    if all(sum(a is not None for a in row) == 1 for row in rows):
        return mpmath.inf  # no token has a choice

    def compute(n: Any) -> tuple[Any]:
        return (n.number(mu) / _largest_eigenvalue(n, _chi(n, rows, beta)),)

    number = arithmetic("mpmath")
    return number.mpf(number.certain(compute, bits)[0], bits)


def largest_safe_update_rate(susceptibility: Any, *, digits: int = 50, backend: str = "auto") -> Any:
    """Return 2/lambda_max(chi) for a symmetric chi with a positive eigenvalue; see `moecusp.largest_safe_update_rate`.

    The eigenvalue is mpmath's with either backend.
    """
    chi, bits = _table("susceptibility", susceptibility, 2), bits_for(digits)
    arithmetic(backend)
    k = len(chi)
    if len(chi[0]) != k:
        raise ParameterError("susceptibility", (k, len(chi[0])), "of shape (K, K) with K >= 2")
    scale = max(abs(v) for row in chi for v in row)
    if any(abs(chi[i][j] - chi[j][i]) * 10**6 > scale for i in range(k) for j in range(i)):
        raise ParameterError("susceptibility", susceptibility, "symmetric")
    if not any(chi[i][i] > 0 for i in range(k)):
        raise ParameterError("susceptibility", susceptibility, "positive semidefinite and not 0")

    def compute(n: Any) -> tuple[Any]:
        return (
            2 / _largest_eigenvalue(n, [n.number((chi[i][j] + chi[j][i]) / 2) for i in range(k) for j in range(k)]),
        )

    number = arithmetic("mpmath")
    return number.mpf(number.certain(compute, bits)[0], bits)


def _chi(n: Any, rows: _Logits, beta: Fraction) -> list[Any]:
    """Return chi row by row: minus mean products off the diagonal, and on it minus the sum of the rest of the row."""
    k = len(rows[0])
    off: dict[tuple[int, int], Any] = {}
    for row in rows:
        top = max(a for a in row if a is not None)
        weights = [n.integer(0) if a is None else n.exp(n.number(beta * (a - top))) for a in row]
        scale = n.number(beta / len(rows)) / sum(weights[1:], weights[0]) ** 2
        for i in range(k):
            for j in range(i):
                term = weights[i] * weights[j] * scale
                off[i, j] = off[i, j] + term if (i, j) in off else term
    flat = []
    for i in range(k):
        others = [off[max(i, j), min(i, j)] for j in range(k) if j != i]
        negative = [-v for v in others]
        flat += [*negative[:i], sum(others[1:], others[0]), *negative[i:]]
    return flat


def _largest_eigenvalue(n: Any, flat: Sequence[Any]) -> Any:
    k = round(len(flat) ** 0.5)
    matrix = n.ctx.matrix([list(flat[i * k : (i + 1) * k]) for i in range(k)])
    return max(n.ctx.eigsy(matrix, eigvals_only=True))


def _logits(values: Any) -> _Logits:
    rows = _rows("logits", values, 1)
    named = [contenders(f"logits[{i}]", row) for i, row in enumerate(rows)]
    return [
        [None if v is None else exact(f"logits[{i}, {j}]", v) for j, v in enumerate(row)] for i, row in enumerate(named)
    ]


def _table(name: str, values: Any, least: int) -> _Rows:
    return [
        [exact(f"{name}[{i}, {j}]", v) for j, v in enumerate(row)] for i, row in enumerate(_rows(name, values, least))
    ]


def _rows(name: str, values: Any, least: int) -> list[list[Any]]:
    """Return a table with two columns or more, or raise ParameterError."""
    if isinstance(values, mpmath.matrix):
        values = values.tolist()
    allowed = "a table of numbers with two columns or more"
    try:
        rows = [list(row) for row in values]
    except TypeError as error:
        raise ParameterError(name, values, allowed) from error
    if len(rows) < least or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise ParameterError(name, values, allowed)
    return rows
