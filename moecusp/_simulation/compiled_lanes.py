"""Vectors of numbers in code that numba is building: expressions in Python write down LLVM's vector instructions.

A loop over routers that mixes 32-bit and 64-bit numbers would be vectorised for the wider of them. Here the number of
lanes is written down, and LLVM splits the vectors where the processor has none as wide.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core import types as nt
from numba.extending import intrinsic

LANES = 32
"""Routers in a vector: several registers of any kind, whose instructions need not wait for each other."""
_I32, _I64, _F32, _F64 = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
WORDS, SINGLES = ir.VectorType(_I32, LANES), ir.VectorType(_F32, LANES)
LONGS, DOUBLES = ir.VectorType(_I64, LANES), ir.VectorType(_F64, LANES)
_SIZE = {WORDS: 4, SINGLES: 4, LONGS: 8, DOUBLES: 8}
_FREE = ("contract",)  # a product and a sum may become one instruction, as in the compiled loops


def constant(kind: Any, value: Any) -> Any:
    """Return a constant of a type; one number fills all lanes."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    single = element == _F32
    entries = [float(np.float32(v)) if single else v for v in np.atleast_1d(value).tolist()]
    if not isinstance(kind, ir.VectorType):
        return ir.Constant(kind, entries[0])
    return ir.Constant(kind, entries * (kind.count // len(entries)))


class Lanes:
    """A vector, or one number that stands for all of its lanes, in the function that is being built."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def of(self, value: Any) -> Lanes:
        """Return a result in the same function."""
        return Lanes(self.builder, value)

    def pair(self, other: Any) -> tuple[Any, Any]:
        """Return both operands as values of one type."""
        a = self.value
        b = other.value if isinstance(other, Lanes) else constant(a.type, other)
        if a.type == b.type:
            return a, b
        if isinstance(a.type, ir.VectorType):
            return a, self._spread(b, a.type)
        return self._spread(a, b.type), b

    def _spread(self, value: Any, kind: Any) -> Any:
        """Return a vector with one number in all lanes."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, value, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(first, nothing, constant(ir.VectorType(_I32, kind.count), 0))

    def _arithmetic(self, integers: str, floats: str, other: Any) -> Lanes:
        a, b = self.pair(other)
        if a.type in (SINGLES, DOUBLES):
            return self.of(getattr(self.builder, floats)(a, b, flags=_FREE))
        return self.of(getattr(self.builder, integers)(a, b))

    def __add__(self, other: Any) -> Lanes:
        return self._arithmetic("add", "fadd", other)

    def __mul__(self, other: Any) -> Lanes:
        return self._arithmetic("mul", "fmul", other)

    def __and__(self, other: Any) -> Lanes:
        return self.of(self.builder.and_(*self.pair(other)))

    def __or__(self, other: Any) -> Lanes:
        return self.of(self.builder.or_(*self.pair(other)))

    def __xor__(self, other: Any) -> Lanes:
        return self.of(self.builder.xor(*self.pair(other)))

    def __rshift__(self, places: int) -> Lanes:
        return self.of(self.builder.lshr(*self.pair(places)))

    def __lt__(self, other: Any) -> Lanes:
        return self.of(self.builder.fcmp_ordered("<", *self.pair(other)))

    def bits(self, kind: Any) -> Lanes:
        """Return the same bits as another type of vector."""
        return self.of(self.builder.bitcast(self.value, kind))

    def rounded(self) -> Lanes:
        """Return words as float32."""
        return self.of(self.builder.uitofp(self.value, SINGLES))

    def choose(self, yes: Lanes, no: Lanes) -> Lanes:
        """Return yes where this comparison holds and no elsewhere."""
        return self.of(self.builder.select(self.value, yes.value, no.value))

    def low_words(self) -> Lanes:
        """Return the low 32 bits of 64-bit numbers."""
        half = LANES // 2
        order = [constant(ir.VectorType(_I32, half), first + np.arange(half)) for first in (0, half)]
        halves = [self.of(self.builder.shuffle_vector(self.value, self.value, part)).bits(WORDS) for part in order]
        even = constant(WORDS, np.arange(0, 2 * LANES, 2))
        return self.of(self.builder.shuffle_vector(*(part.value for part in halves), even))

    def anywhere(self) -> Any:
        """Return whether this comparison holds in any lane."""
        kind = ir.IntType(self.value.type.count)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(self.value, kind), ir.Constant(kind, 0))


def numbers(builder: Any) -> Lanes:
    """Return 0, 1, ... as a vector of 64-bit numbers."""
    return Lanes(builder, constant(LONGS, np.arange(LANES)))


class Row:
    """A row of an array of the function that is being built, read and written a vector at a time."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any, *row: Any) -> None:
        self.builder, self._row = builder, row
        self._array = context.make_array(kind)(context, builder, array)
        self._pointer = partial(cgutils.get_item_pointer, context, builder, kind, self._array)

    def _place(self, kind: Any, index: Any) -> Any:
        return self.builder.bitcast(self._pointer([*self._row, index]), kind.as_pointer())

    def load(self, kind: Any, index: Any) -> Lanes:
        """Return a vector from index on."""
        return Lanes(self.builder, self.builder.load(self._place(kind, index), align=_SIZE[kind]))

    def store(self, lanes: Lanes, index: Any) -> None:
        """Write a vector from index on."""
        kind = lanes.value.type
        self.builder.store(lanes.value, self._place(kind, index), align=_SIZE[kind])


def _apart(_typing: Any) -> Any:
    def build(context: Any, builder: Any, _signature: Any, _values: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return nt.none(), build


apart: Any = intrinsic(_apart)
"""Called anywhere in a function, keeps it out of its callers."""
