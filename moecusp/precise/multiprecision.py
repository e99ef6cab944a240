"""Two arithmetics of any precision behind one face: Arb (python-flint) where installed, and mpmath.

Parameters are exact fractions and become numbers at each working precision anew. mpmath runs in a context of its own,
so that the caller's `mpmath.mp` is never touched.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
from mpmath.libmp import from_man_exp

from moecusp._arguments import ParameterError, integer

MOST_DIGITS = 10_000
_BITS_PER_DIGIT = 3.3219280948873626


class Mpmath:
    """Arithmetic by mpmath."""

    def __init__(self) -> None:
        self.ctx = mpmath.MPContext()

    def precision(self, bits: int) -> AbstractContextManager[Any]:
        """Return a context manager that sets the working precision."""
        manager: AbstractContextManager[Any] = self.ctx.workprec(bits)
        return manager

    def number(self, value: Fraction) -> Any:
        """Return a fraction at the working precision."""
        return self.ctx.mpf(value.numerator) / value.denominator

    def settle(self, x: Any) -> Any:
        """Return x as an exact number to go on with."""
        return x

    def tanh(self, x: Any) -> Any:
        """Return tanh x."""
        return self.ctx.tanh(x)

    def __getattr__(self, name: str) -> Any:
        """Return another function of the context: sqrt, asinh, cosh, sinh, log, exp."""
        return getattr(self.ctx, name)

    def exponent(self, x: Any) -> int:
        """Return e with |x| < 2^e, as small as that goes."""
        return int(self.ctx.mag(x)) if x else -(10**9)

    def mpf(self, x: Any, bits: int) -> Any:
        """Return x as an mpmath number of so many bits."""
        with self.precision(bits):
            return mpmath.mp.make_mpf((+x)._mpf_)


class Flint:
    """Arithmetic by the midpoints of Arb balls."""

    def __init__(self) -> None:
        from flint import arb, ctx, fmpq

        self.arb, self.ctx, self.fmpq = arb, ctx, fmpq

    def precision(self, bits: int) -> AbstractContextManager[Any]:
        """Return a context manager that sets the working precision."""
        manager: AbstractContextManager[Any] = self.ctx.workprec(bits)
        return manager

    def number(self, value: Fraction) -> Any:
        """Return a fraction at the working precision."""
        return self.arb(self.fmpq(value.numerator, value.denominator)).mid()

    def settle(self, x: Any) -> Any:
        """Return x as an exact number to go on with: what follows from a ball is only as good as its radius."""
        return x.mid()

    def tanh(self, x: Any) -> Any:
        """Return tanh x."""
        return x.mid().tanh().mid()

    def __getattr__(self, name: str) -> Any:
        """Return another function as a method of balls: sqrt, asinh, cosh, sinh, log, exp."""
        return lambda x: getattr(x.mid(), name)().mid()

    def exponent(self, x: Any) -> int:
        """Return e with |x| < 2^e, as small as that goes."""
        if x.mid() == 0:
            return -(10**9)
        mantissa, exponent = x.mid().man_exp()
        return int(exponent) + int(mantissa).bit_length()

    def mpf(self, x: Any, bits: int) -> Any:
        """Return x as an mpmath number of so many bits."""
        mantissa, exponent = x.mid().man_exp()
        return mpmath.mp.make_mpf(from_man_exp(int(mantissa), int(exponent), bits, "n"))


@cache
def arithmetic(backend: str) -> Any:
    """Return the arithmetic of a name: 'flint', 'mpmath', or 'auto' for the first that is installed."""
    if backend not in ("auto", "flint", "mpmath"):
        raise ParameterError("backend", backend, "'auto', 'flint' or 'mpmath'")
    if backend != "mpmath":
        try:
            return Flint()
        except ImportError:
            if backend == "flint":
                raise
    return Mpmath()


def bits_for(digits: object) -> int:
    """Return the binary precision of so many decimal digits, 1 to 10,000, or raise ParameterError."""
    count = integer("digits", digits, 1)
    if count > MOST_DIGITS:
        raise ParameterError("digits", digits, f"an integer from 1 to {MOST_DIGITS}")
    return int(count * _BITS_PER_DIGIT) + 2


def exact(name: str, value: Any, low: int | None = None) -> Fraction:
    """Return a number of any kind, or a string of decimals, exactly, or raise ParameterError."""
    allowed = "finite and real" + (f" and >= {low}" if low is not None else "")
    try:
        if isinstance(value, bool | complex):
            raise TypeError
        if hasattr(value, "_mpf_"):
            sign, mantissa, exponent, _ = value._mpf_
            if not mantissa and exponent:
                raise ValueError  # inf or nan
            number = Fraction(int(-mantissa if sign else mantissa)) * Fraction(2) ** int(exponent)
        elif isinstance(value, int | str | Fraction | Decimal):
            number = Fraction(value)
        elif hasattr(value, "p") and hasattr(value, "q"):  # a rational of sympy
            number = Fraction(int(value.p), int(value.q))
        else:
            number = Fraction(float(value))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, AttributeError) as error:
        raise ParameterError(name, value, allowed) from error
    if low is not None and number < low:
        raise ParameterError(name, value, allowed)
    return number
