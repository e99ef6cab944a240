"""Generate moecusp/_numerics/series.py: the coefficients of the cancellation-free kernels, from exact arithmetic.

Command: ``python -m proofs.series`` (``--check`` compares instead of writing).
Functions that lose digits when computed as they are written have an expansion that does not:

- tanh:  x - tanh x = x c/(1 + c) with Lambert's continued fraction c = x^2/(3 + x^2/(5 + ...)); its convergents
  are ratios of polynomials with positive coefficients.
- sinh:  (sinh x - x)/x^3 = sum x^(2k)/(2k+3)!.
- well:  (x^2/2 - log cosh x)/x^4 as a Chebyshev interpolant in powers of x^2 - WELL_CENTRE, which is at most a quarter
  of the first one's term, so that it hardly cancels.

Each table is as long as its stated interval needs for a truncation error below 2^-57, and the generator checks that
error with 50 digits before it writes anything. The tables of the double-double kernels are checked against their own
budget (see `pairs`): the fold's series in d, the tail of log(1 + z), and logarithms of 512 short reciprocals.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from math import factorial
from pathlib import Path

import mpmath

TARGET = Path(__file__).parent.parent / "moecusp" / "_numerics" / "series.py"
TOLERANCE = mpmath.mpf(2) ** -57
TANH_LIMIT = 1.0
SINH_LIMIT = 2.5
WELL_LIMIT, WELL_CENTRE = 1.25, 0.78125  # the centre is half the limit's square, exactly
FOLD_NEAR = 2.0**-8

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


def exact_tanh(y: mpmath.mpf) -> mpmath.mpf:
    """(x - tanh x)/x^3 at y = x^2."""
    x = mpmath.sqrt(y)
    return (x - mpmath.tanh(x)) / x**3


def exact_sinh(y: mpmath.mpf) -> mpmath.mpf:
    """(sinh x - x)/x^3 at y = x^2."""
    x = mpmath.sqrt(y)
    return (mpmath.sinh(x) - x) / x**3


def exact_well(y: mpmath.mpf) -> mpmath.mpf:
    """(x^2/2 - log cosh x)/x^4 at y = x^2."""
    return (y / 2 - mpmath.log(mpmath.cosh(mpmath.sqrt(y)))) / y**2


def well() -> list[float]:
    """Return the shortest interpolant of (x^2/2 - log cosh x)/x^4 in powers of y - WELL_CENTRE, y = x^2."""
    points = [WELL_CENTRE * mpmath.mpf(i) / 32 for i in range(-31, 33)]
    for count in range(2, 40):
        found = mpmath.chebyfit(lambda t: exact_well(WELL_CENTRE + t), [-WELL_CENTRE, WELL_CENTRE], count)
        if max(abs(mpmath.polyval(found, t) / exact_well(WELL_CENTRE + t) - 1) for t in points) < TOLERANCE:
            return [float(c) for c in reversed(found)]
    raise ArithmeticError("no interpolant reaches the tolerance")


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


def fold_series(count: int) -> Polynomial:
    """Return the first Taylor coefficients in d of eta_f(1 + d)/(d sqrt(d (1 + d))).

    arsinh(sqrt d)/sqrt(d (1 + d)) = sum_n (-4)^n n!^2/(2n + 1)! d^n.
    """
    return [-Fraction((-4) ** n * factorial(n) ** 2, factorial(2 * n + 1)) for n in range(1, count + 1)]


def pair(value: mpmath.mpf | Fraction, bits: int = 53) -> tuple[float, float]:
    """Return value as a float of that many bits and the float of the rest."""
    exact = mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value
    with mpmath.workprec(bits):
        high = float(+exact)
    return high, float(exact - mpmath.mpf(high))


def reciprocals() -> list[float]:
    """Return r_i ~ 1/c_i, c_i the middle of [1 + i/512, 1 + (i + 1)/512), in 13 bits: |m r_i - 1| < 1/800."""
    values = [round(2**13 / (1 + (2 * i + 1) / 1024)) / 2**13 for i in range(512)]
    worst = max(abs((1 + (i + side) / 512) * r - 1) for i, r in enumerate(values) for side in (0, 1))
    if worst >= 1 / 800:
        raise ArithmeticError("a reciprocal leaves too large a remainder")
    return values


def pairs() -> dict[str, float | list[float]]:
    """Return the tables of the double-double kernels, their truncation errors checked against 2^-83."""
    budget = Fraction(1, 2**83)
    fold, count = fold_series(40), 4
    while abs(fold[count]) * Fraction(FOLD_NEAR) ** count > budget / 2:  # alternating, falling terms
        count += 1
    leading = [pair(c) for c in fold[:4]]
    log, terms = [Fraction((-1) ** (k + 1), 2 * k + 8) for k in range(20)], 1  # of log(1 + z)/2, from its z^4 on
    while abs(log[terms]) * Fraction(1, 800) ** (terms + 4) > budget / 2**12:  # the fold is 2^-12 of it at FOLD_NEAR
        terms += 1
    short = reciprocals()
    logs = [pair(-mpmath.log(r) / 2) for r in short]
    half_log2, log2 = pair(mpmath.log(2) / 2, 42), pair(mpmath.log(2), 42)
    return {
        "FOLD_NEAR": FOLD_NEAR,
        "FOLD_HIGH": [high for high, _ in leading],
        "FOLD_LOW": [low for _, low in leading],
        "FOLD_TAIL": [float(c) for c in fold[4:count]],
        "THIRD_HIGH": pair(Fraction(1, 3))[0],
        "THIRD_LOW": pair(Fraction(1, 3))[1],
        "SIXTH_HIGH": pair(Fraction(1, 6))[0],
        "SIXTH_LOW": pair(Fraction(1, 6))[1],
        "LOG_TAIL": [float(c) for c in log[:terms]],
        "LOG_RECIPROCAL": short,
        "LOG_HALF_HIGH": [high for high, _ in logs],
        "LOG_HALF_LOW": [low for _, low in logs],
        "HALF_LOG2_HIGH": half_log2[0],
        "HALF_LOG2_LOW": half_log2[1],
        "LOG2_HIGH": log2[0],
        "LOG2_LOW": log2[1],
        "COTH": [float(c) for c in half_coth()],
    }


def half_coth() -> list[Fraction]:
    """Return the first Taylor coefficients in r^2 of (r coth(r/2) - 2)/r^2, enough for exp r with |r| <= log(2)/2."""
    half = mpmath.log(2) / 2
    coefficients: list[Fraction] = []
    while True:
        k = len(coefficients) + 1
        coefficient = 2 * Fraction(*mpmath.bernfrac(2 * k)) / factorial(2 * k)
        if abs(float(coefficient)) * half ** (2 * k + 1) / 2 < TOLERANCE * mpmath.exp(-half) / 2:
            return coefficients
        coefficients.append(coefficient)


def source() -> str:
    """Return the text of moecusp/_numerics/series.py."""
    tables = [
        ("TANH", "(x - tanh x)/x^3 = N(x^2)/D(x^2)", shortest(tanh_remainder, exact_tanh, TANH_LIMIT**2), TANH_LIMIT),
        ("SINH", "(sinh x - x)/x^3 = N(x^2)", shortest(sinh_remainder, exact_sinh, SINH_LIMIT**2), SINH_LIMIT),
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
    lines += ["# (x^2/2 - log cosh x)/x^4 in powers of x^2 - WELL_CENTRE, for arguments up to the limit."]
    lines += [f"WELL_LIMIT = {WELL_LIMIT!r}", f"WELL_CENTRE = {WELL_CENTRE!r}", *table("WELL", well()), ""]
    lines.append("# Double-double kernels: eta_f(1 + d)/(d sqrt(d (1 + d))), and the logarithm by 512 reciprocals.")
    for name, value in pairs().items():
        lines += table(name, value) if isinstance(value, list) else [f"{name} = {value!r}"]
    return "\n".join(lines) + "\n"


def table(name: str, values: list[float]) -> list[str]:
    """Return the lines of one tuple, long tables several to a line."""
    width = 1 if len(values) < 64 else 4
    rows = [values[k : k + width] for k in range(0, len(values), width)]
    return [f"{name} = (", *("    " + ", ".join(map(repr, row)) + "," for row in rows), ")"]


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
