"""Enclosures of the susceptibility of recorded logits and its largest eigenvalue; see `moecusp.susceptibility`."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

from moecusp._arguments import POSITIVE, ParameterError
from moecusp._logits import contenders
from moecusp.certify.balls import BITS, Ball, ball

_TARGET = 100  # bits to which the largest eigenvalue of the midpoint is bisected


def susceptibility(logits: Any, inverse_temperature: Any = 1) -> arb_mat:
    """Enclose chi = beta mean over tokens of diag p - p p^T, as a matrix of balls.

    Parameters
    ----------
    logits : nested sequence or array, shape (tokens, K), or flint.arb_mat
        Numbers, decimal strings, fractions or balls; K >= 2. -inf marks an expert that cannot be chosen; +inf wins,
        shared among several.
    inverse_temperature : number, str, Fraction or flint.arb
        beta > 0.

    Returns
    -------
    flint.arb_mat
        chi; diagonal entries are minus the sum of the others in their row, so all keep their relative accuracy.

    Raises
    ------
    ParameterError
        If logits are not of that shape, neither real nor infinite, or -inf for every expert of a token; if
        inverse_temperature is not positive.

    References
    ----------
    Statement ``susceptibility.psd``; docs/theory.md, section 6.

    Examples
    --------
    >>> from moecusp import certify
    >>> chi = certify.susceptibility([[0, 0]])
    >>> float(chi[0, 0]), float(chi[0, 1])
    (0.25, -0.25)
    """
    with ctx.workprec(BITS):
        rows: list[list[Any]] = [
            [None if x is None else ball(f"logits[{i}, {j}]", x) for j, x in enumerate(contenders(f"logits[{i}]", row))]
            for i, row in enumerate(_rows("logits", logits, "of shape (tokens, K) with K >= 2"))
        ]
        beta = ball("inverse_temperature", inverse_temperature, POSITIVE)
        k = len(rows[0])
        total = [[arb(0)] * k for _ in range(k)]
        for a in rows:
            # each logit once a term: p_i = 1/sum_j exp(beta (a_j - a_i)), with no ball about a_i - a_i
            able = [i for i in range(k) if a[i] is not None]
            p = [arb(0)] * k
            for i in able:
                p[i] = 1 / sum(((beta * (a[j] - a[i])).exp() for j in able if j != i), arb(1))
            for i in range(k):
                for j in range(i):
                    total[i][j] += p[i] * p[j]
        chi = arb_mat(k, k)
        for i in range(k):
            for j in range(i):
                chi[i, j] = chi[j, i] = -beta * total[i][j] / len(rows)
        for i in range(k):
            chi[i, i] = -sum((chi[i, j] for j in range(k) if j != i), arb(0))
        return chi


def critical_feedback_from_logits(logits: Any, decay: Any = 1, inverse_temperature: Any = 1) -> Ball:
    """Enclose kappa_c = mu/lambda_max(chi); see `susceptibility` for the arguments, decay mu > 0.

    Statement ``susceptibility.critical_feedback``.

    >>> from moecusp import certify
    >>> float(certify.critical_feedback_from_logits([[0, 0, 0, 0]]))
    4.0
    """
    chi = susceptibility(logits, inverse_temperature)
    with ctx.workprec(BITS):
        top = largest_eigenvalue(chi, BITS)
        if all(entry == 0 for entry in chi.entries()):
            return ball("decay", decay, POSITIVE) * arb("inf")  # no token has a choice
        if not top > 0:
            raise ParameterError("logits", logits, "in a box so small that the largest eigenvalue is certainly > 0")
        return ball("decay", decay, POSITIVE) / top


def largest_eigenvalue(matrix: arb_mat, bits: int) -> Ball:
    """Enclose the largest eigenvalue of every symmetric matrix in a symmetric matrix of balls.

    That of the midpoint A is bisected: c > lambda_max where all pivots of c - A are certainly positive (Sylvester), and
    c < lambda_max where one is certainly negative. By Weyl's theorem the rest of the ball, symmetric and of norm at
    most its largest row sum, moves it by no more.
    """
    k = matrix.nrows()
    with ctx.workprec(bits):
        scale = arb(0)
        for entry in matrix.entries():
            scale = scale.max(entry.abs_upper())
        scale = scale if scale > 0 else arb(1)
        middle = [[(matrix[i, j].mid() / scale).mid() for j in range(k)] for i in range(k)]
        spread = arb(0)
        for i in range(k):
            row = sum(((matrix[i, j] / scale - middle[i][j]).abs_upper() for j in range(k)), arb(0)).upper()
            spread = row if row > spread else spread
        guess = float(np.linalg.eigvalsh(np.array([[float(x) for x in row] for row in middle]))[-1])
        step = arb(2) ** -46
        low, high = arb(guess) - step, arb(guess) + step
        while _definite(middle, high) is not True:
            step, high = 2 * step, high + 2 * step
        while _definite(middle, low) is not False:
            step, low = 2 * step, low - 2 * step
        while high - low > abs(high).max(arb(2) ** -20) * arb(2) ** -_TARGET:
            for part in (4, 3):  # the first may be the eigenvalue
                cut = ((part * low + (8 - part) * high) / 8).mid()
                verdict = _definite(middle, cut)
                if verdict is not None:
                    break
            else:
                break
            low, high = (low, cut) if verdict else (cut, high)
        return (low.union(high) + arb(0, 1) * spread) * scale


def _definite(matrix: list[list[Ball]], c: Ball) -> bool | None:
    """Return whether c - A is positive definite, by the signs of its pivots; None where they are not certain."""
    k = len(matrix)
    rest = [[(c if i == j else arb(0)) - matrix[i][j] for j in range(i + 1)] for i in range(k)]
    for n in range(k):
        pivot = rest[n][n]
        if not pivot > 0:
            return False if pivot < 0 else None
        for i in range(n + 1, k):
            factor = rest[i][n] / pivot
            for j in range(n + 1, i + 1):
                rest[i][j] -= factor * rest[j][n]
    return True


def symmetric(name: str, value: Any, bits: int) -> arb_mat:
    """Return a square matrix of balls, or raise ParameterError if no symmetric matrix lies in it."""
    with ctx.workprec(bits):
        rows = _matrix(name, value, "of shape (K, K) with K >= 2, and symmetric")
        k = len(rows)
        if len(rows[0]) != k:
            raise ParameterError(name, value, "of shape (K, K) with K >= 2, and symmetric")
        result = arb_mat(rows)
        for i in range(k):
            for j in range(i):
                if not rows[i][j].overlaps(rows[j][i]):
                    raise ParameterError(name, value, "symmetric")
                result[i, j] = result[j, i] = rows[i][j].intersection(rows[j][i])
        return result


def _matrix(name: str, value: Any, shape: str) -> list[list[Ball]]:
    return [
        [ball(f"{name}[{i}, {j}]", x) for j, x in enumerate(row)] for i, row in enumerate(_rows(name, value, shape))
    ]


def _rows(name: str, value: Any, shape: str) -> list[list[Any]]:
    try:
        rows = value.tolist() if hasattr(value, "tolist") else [list(row) for row in value]
        widths = {len(row) for row in rows}
    except TypeError as error:
        raise ParameterError(name, value, shape) from error
    if len(widths) != 1 or min(widths) < 2:
        raise ParameterError(name, value, shape)
    return rows
