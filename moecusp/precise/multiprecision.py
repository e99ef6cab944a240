"""Two arithmetics of any precision behind one face: Arb (python-flint) where installed, and mpmath.

Parameters are exact fractions and become numbers at each working precision anew. mpmath runs in a context of its own,
so that the caller's `mpmath.mp` is never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import frexp
from typing import Any

import mpmath
from mpmath.libmp import from_int, from_man_exp, from_rational, mpf_pos

from moecusp._arguments import ParameterError, integer

MOST_DIGITS = 10_000
SPARE = 32  # bits beyond those asked for, to begin with
LIMIT = 4_000_000  # bits beyond which nothing is computed
ZERO = -(10**9)  # the exponent of 0
UNCERTAIN = "millions of bits do not settle the digits of a result; please report the parameters"
_BITS_PER_DIGIT = 3.3219280948873626


class Mpmath:
    """Arithmetic by mpmath, in a context of its own; what is not defined here is a function of the context."""

    def __init__(self) -> None:
        self.ctx = mpmath.MPContext()
        self.settle = _same  # x as an exact number to go on with
        for name in ("sqrt", "exp", "log", "log1p", "expm1", "sinh", "cosh", "asinh", "erf", "erfc", "zeta", "root"):
            setattr(self, name, getattr(self.ctx, name))

    def precision(self, bits: int) -> AbstractContextManager[Any]:
        """Return a context manager that sets the working precision."""
        return _Precision(self.ctx, bits)

    def number(self, value: Fraction) -> Any:
        """Return a fraction at the working precision."""
        return self.ctx.make_mpf(from_rational(value.numerator, value.denominator, self.ctx.prec, "n"))

    def integer(self, value: int) -> Any:
        """Return an integer exactly."""
        return self.ctx.make_mpf(from_int(value))

    def double(self, value: float) -> Any:
        """Return a float exactly."""
        return self.ctx.mpf(value)

    def tanh(self, x: Any) -> Any:
        """Return tanh x."""
        return self.ctx.tanh(x)

    def pi(self) -> Any:
        """Return pi at the working precision."""
        return +self.ctx.pi

    def airy_zero(self) -> Any:
        """Return the first zero of Ai."""
        return self.ctx.airyaizero(1)

    def blur(self, x: Any, _exponent: int) -> Any:
        """Return x, which has no radius to take an error 2^exponent in."""
        return x

    def exponent(self, x: Any) -> int:
        """Return e with |x| < 2^e, as small as that goes."""
        _, mantissa, exponent, size = x._mpf_
        return int(exponent) + int(size) if mantissa else ZERO

    def certain(self, compute: Callable[[Any], tuple[Any, ...]], bits: int) -> tuple[Any, ...]:
        """Return what compute(arithmetic) returns, right to so many bits.

        The precision grows until the values at two precisions agree to that.
        """
        precision, last = bits + SPARE, None
        while True:
            with self.precision(precision):
                values = compute(self)
                if last is not None:
                    agreed = min(
                        self.exponent(x) - self.exponent(x - y)
                        if x
                        else ZERO
                        if y or precision < 4 * bits
                        else bits + 9
                        for x, y in zip(values, last, strict=True)
                    )
                    if agreed >= bits + 3:
                        return values
                    if precision > LIMIT:
                        raise ArithmeticError(UNCERTAIN)
                    precision += min(bits + SPARE - min(agreed, bits), 2 * precision)
                else:
                    precision += SPARE + precision // 64
            last = values

    def mpf(self, x: Any, bits: int) -> Any:
        """Return x as an mpmath number of so many bits."""
        return mpmath.mp.make_mpf(mpf_pos(x._mpf_, bits, "n"))


class Flint:
    """Arithmetic by Arb balls: what is computed from exact numbers carries a bound of its rounding."""

    def __init__(self) -> None:
        from flint import arb, ctx, fmpq

        self.arb, self.ctx, self.fmpq = arb, ctx, fmpq
        self.double, self.integer = arb, arb  # exactly
        self.settle = arb.mid  # an exact number to go on with
        for name in ("sqrt", "exp", "log", "log1p", "expm1", "sinh", "cosh", "asinh", "erf", "erfc", "root", "pi"):
            setattr(self, name, getattr(arb, name))

    def precision(self, bits: int) -> AbstractContextManager[Any]:
        """Return a context manager that sets the working precision."""
        return _Precision(self.ctx, bits)

    def number(self, value: Fraction) -> Any:
        """Return a fraction at the working precision."""
        return self.arb(self.fmpq(value.numerator, value.denominator))

    def tanh(self, x: Any) -> Any:
        """Return tanh x."""
        return x.tanh()

    def zeta(self, order: int) -> Any:
        """Return the zeta function at an integer."""
        return self.arb(order).zeta()

    def airy_zero(self) -> Any:
        """Return the first zero of Ai."""
        return self.arb.airy_ai_zero(1)

    def blur(self, x: Any, exponent: int) -> Any:
        """Return the ball about x with the radius 2^exponent added."""
        return x + self.arb(0, self.arb((1, exponent)))

    def exponent(self, x: Any) -> int:
        """Return e with |x| < 2^e, as small as that goes or one more."""
        rounded = float(x)
        if 1e-300 < rounded < 1e300 or -1e300 < rounded < -1e-300:
            return frexp(rounded)[1]
        mantissa, exponent = x.mid().man_exp()
        return int(exponent) + int(mantissa.bit_length()) if mantissa else ZERO

    def certain(self, compute: Callable[[Any], tuple[Any, ...]], bits: int) -> tuple[Any, ...]:
        """Return what compute(arithmetic) returns, right to so many bits: their balls are as small as that."""
        precision = bits + SPARE
        while True:
            with self.precision(precision):
                values = compute(self)
                accuracy = min(int(value.rel_accuracy_bits()) for value in values)
            if accuracy >= bits + 3:
                return values
            if precision > LIMIT:
                raise ArithmeticError(UNCERTAIN)
            precision += min(bits + SPARE - min(max(accuracy, -precision), bits), 2 * precision)

    def mpf(self, x: Any, bits: int) -> Any:
        """Return x as an mpmath number of so many bits."""
        mantissa, exponent = x.mid().man_exp()
        return mpmath.mp.make_mpf(from_man_exp(int(mantissa), int(exponent), bits, "n"))


def _same(x: Any) -> Any:
    return x


class _Precision:
    """Set the precision of a context for a while; leaner than the managers of the contexts themselves."""

    __slots__ = ("before", "bits", "context")

    def __init__(self, context: Any, bits: int) -> None:
        self.context, self.bits = context, bits

    def __enter__(self) -> None:
        self.before = self.context.prec
        self.context.prec = self.bits

    def __exit__(self, *_: object) -> None:
        self.context.prec = self.before


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
    allowed = "finite and real" if low is None else f"finite and real and >= {low}"
    try:
        if type(value) is str:
            number = _decimal(value)
        elif isinstance(value, bool | complex):
            raise TypeError
        elif hasattr(value, "_mpf_"):
            sign, mantissa, exponent, _ = value._mpf_
            if not mantissa and exponent:
                raise ValueError  # inf or nan
            number = Fraction(int(-mantissa if sign else mantissa)) * Fraction(2) ** int(exponent)
        elif isinstance(value, int | Fraction | Decimal):
            number = Fraction(value)
        elif hasattr(value, "p") and hasattr(value, "q"):  # a rational of sympy
            number = Fraction(int(value.p), int(value.q))
        else:
            number = Fraction(float(value))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, AttributeError) as error:
        raise ParameterError(name, value, allowed) from error
    if low is not None and number.numerator < low * number.denominator:
        raise ParameterError(name, value, allowed)
    return number


def _decimal(text: str) -> Fraction:
    """Return what a string says exactly; plain decimals without the regular expression of Fraction."""
    whole, _, decimals = text.partition(".")
    together = whole + decimals
    if whole and together.isdigit() and together.isascii():
        return Fraction(int(together), 10 ** len(decimals))
    return Fraction(text)


def positive(name: str, value: Any) -> Fraction:
    """Return a number > 0 exactly, or raise ParameterError."""
    allowed = "finite and real and > 0"
    try:
        number = exact(name, value)
    except ParameterError as error:
        raise ParameterError(name, value, allowed) from error
    if number <= 0:
        raise ParameterError(name, value, allowed)
    return number
