"""Generate moecusp/_series.py: the coefficients of the cancellation-free kernels, from exact arithmetic.

Command: ``python -m proofs.series`` (``--check`` compares instead of writing).
Three functions lose digits when computed as they are written; each has an expansion with positive terms only:

- tanh:  x - tanh x = x c/(1 + c) with Lambert's continued fraction c = x^2/(3 + x^2/(5 + ...)); its convergents
  are ratios of polynomials with positive coefficients.
- sinh:  (sinh x - x)/x^3 = sum x^(2k)/(2k+3)!.
- fold:  eta_f(1 + d)/d^(3/2) = integral_0^1 sqrt(s/(1 + d s)) ds, a Stieltjes function of d; its diagonal Pade
  approximants have positive coefficients and converge on all of d > -1.

Each table is as long as its stated interval needs for a truncation error below 2^-57, and the generator checks that
error with 50 digits before it writes anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from math import factorial
from pathlib import Path

import mpmath

TARGET = Path(__file__).parent.parent / "moecusp" / "_series.py"
TOLERANCE = mpmath.mpf(2) ** -57
TANH_LIMIT = 1.75
SINH_LIMIT = 2.5
FOLD_LIMIT = 1.0

Polynomial = list[Fraction]


def tanh_remainder(depth: int) -> tuple[Polynomial, Polynomial]:
    """Return N, D with (x - tanh x)/x^3 ~ N(y)/D(y), y = x^2: the convergent of c/(1 + c) ending in 2*depth + 1."""
    numerator, denominator = [Fraction(1)], [Fraction(2 * depth + 1)]
    for odd in range(2 * depth - 1, 1, -2):  # c_odd = 1/(odd + y c_next)
        shifted = [Fraction(0), *numerator]
        numerator, denominator = denominator, add([odd * term for term in denominator], shifted)
    return numerator, add(denominator, [Fraction(0), *numerator])


def add(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the sum of two polynomials in ascending order."""
    size = max(len(left), len(right))
    padded = [poly + [Fraction(0)] * (size - len(poly)) for poly in (left, right)]
    return [a + b for a, b in zip(*padded, strict=True)]


def sinh_remainder(terms: int) -> tuple[Polynomial, Polynomial]:
    """Return the Taylor polynomial of (sinh x - x)/x^3 in y = x^2, over 1."""
    return [Fraction(1, factorial(2 * k + 3)) for k in range(terms)], [Fraction(1)]


def fold_ratio(degree: int) -> tuple[Polynomial, Polynomial]:
    """Return the diagonal Pade approximant of eta_f(1 + d)/d^(3/2) in d."""
    count = 2 * degree + 1
    binomial = [Fraction(1)]
    for k in range(1, count):
        binomial.append(binomial[-1] * (Fraction(-1, 2) - (k - 1)) / k)
    taylor = [coefficient / (Fraction(3, 2) + k) for k, coefficient in enumerate(binomial)]
    rows = [
        [taylor[degree + 1 + i - j] for j in range(1, degree + 1)] + [-taylor[degree + 1 + i]] for i in range(degree)
    ]
    denominator = [Fraction(1), *solve(rows)]
    numerator = [sum((denominator[j] * taylor[i - j] for j in range(i + 1)), Fraction(0)) for i in range(degree + 1)]
    return numerator, denominator


def solve(rows: list[Polynomial]) -> Polynomial:
    """Solve a square linear system given as augmented rows, exactly."""
    size = len(rows)
    for pivot in range(size):
        best = next(r for r in range(pivot, size) if rows[r][pivot])
        rows[pivot], rows[best] = rows[best], rows[pivot]
        rows[pivot] = [value / rows[pivot][pivot] for value in rows[pivot]]
        for r in range(size):
            if r != pivot and rows[r][pivot]:
                rows[r] = [a - rows[r][pivot] * b for a, b in zip(rows[r], rows[pivot], strict=True)]
    return [row[-1] for row in rows]


def exact_tanh(y: mpmath.mpf) -> mpmath.mpf:
    """(x - tanh x)/x^3 at y = x^2."""
    x = mpmath.sqrt(y)
    return (x - mpmath.tanh(x)) / x**3


def exact_sinh(y: mpmath.mpf) -> mpmath.mpf:
    """(sinh x - x)/x^3 at y = x^2."""
    x = mpmath.sqrt(y)
    return (mpmath.sinh(x) - x) / x**3


def exact_fold(d: mpmath.mpf) -> mpmath.mpf:
    """eta_f(1 + d)/d^(3/2)."""
    return (mpmath.sqrt(d * (1 + d)) - mpmath.asinh(mpmath.sqrt(d))) / d**1.5


def worst_error(
    ratio: tuple[Polynomial, Polynomial], exact: Callable[[mpmath.mpf], mpmath.mpf], limit: float
) -> mpmath.mpf:
    """Largest relative error of the rounded coefficients' exact value on (0, limit]."""
    numerator, denominator = ([mpmath.mpf(float(c)) for c in reversed(poly)] for poly in ratio)
    points = [mpmath.mpf(limit) * mpmath.mpf(i) / 64 for i in range(1, 65)]
    return max(abs(mpmath.polyval(numerator, p) / mpmath.polyval(denominator, p) / exact(p) - 1) for p in points)


def shortest(
    family: Callable[[int], tuple[Polynomial, Polynomial]],
    exact: Callable[[mpmath.mpf], mpmath.mpf],
    limit: float,
) -> tuple[Polynomial, Polynomial]:
    """Return the first member of a family whose *truncation* error is within the tolerance."""
    for size in range(2, 40):
        numerator, denominator = ratio = family(size)
        top = mpmath.mpf(limit)
        high, low = ([mpmath.mpf(c.numerator) / c.denominator for c in reversed(p)] for p in (numerator, denominator))
        if abs(mpmath.polyval(high, top) / mpmath.polyval(low, top) / exact(top) - 1) < TOLERANCE:
            if min(numerator) <= 0 or min(denominator) <= 0:
                raise ArithmeticError("a coefficient is not positive: the kernel would cancel")
            if worst_error(ratio, exact, limit) > 2 * mpmath.mpf(2) ** -53:
                raise ArithmeticError("the rounded coefficients miss their tolerance")
            return ratio
    raise ArithmeticError("no member of the family reaches the tolerance")


def source() -> str:
    """Return the text of moecusp/_series.py."""
    tables = [
        ("TANH", "(x - tanh x)/x^3 = N(x^2)/D(x^2)", shortest(tanh_remainder, exact_tanh, TANH_LIMIT**2), TANH_LIMIT),
        ("SINH", "(sinh x - x)/x^3 = N(x^2)", shortest(sinh_remainder, exact_sinh, SINH_LIMIT**2), SINH_LIMIT),
        ("FOLD", "eta_f(1 + d)/d^(3/2) = N(d)/D(d)", shortest(fold_ratio, exact_fold, FOLD_LIMIT), FOLD_LIMIT),
    ]
    lines = [
        '"""Coefficients of the cancellation-free kernels, lowest order first.',
        "",
        "Generated by ``python -m proofs.series``; do not edit.",
        '"""',
        "",
    ]
    for name, meaning, (numerator, denominator), limit in tables:
        lines += [f"# {meaning} for arguments up to the limit.", f"{name}_LIMIT = {limit!r}"]
        scale = max(denominator)  # a common factor, so that nothing overflows
        lines += table(f"{name}_NUMERATOR", [float(c / scale) for c in numerator])
        if len(denominator) > 1:
            lines += table(f"{name}_DENOMINATOR", [float(c / scale) for c in denominator])
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def table(name: str, values: list[float]) -> list[str]:
    """Return the lines of one tuple."""
    return [f"{name} = (", *(f"    {value!r}," for value in values), ")"]


def main() -> int:
    """Write the module, or with --check say whether it is current."""
    mpmath.mp.dps = 50
    text = source()
    if "--check" in sys.argv[1:]:
        current = TARGET.read_text() if TARGET.exists() else ""
        print("current" if current == text else "stale: run python -m proofs.series")
        return 0 if current == text else 1
    temporary = TARGET.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(TARGET)
    print(f"wrote {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
