"""The generator of the compiled backend: the function of `philox` itself, on vectors of routers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types as nt
from numba.extending import intrinsic

from moecusp._numerics.traced import widest
from moecusp._simulation.compiled_lanes import LANES, Lanes, Row, numbers
from moecusp._simulation.compiled_scalar import kernel
from moecusp._simulation.philox import philox


def _block(_typing: Any, words: Any, i: Any, number: Any, part: Any, router: Any, k0: Any, k1: Any) -> Any:
    """Put block (number, part) of routers router..router+LANES-1 into columns i..i+LANES-1 of words."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array, column, *rest = values
        a, b, first, k0, k1 = (Lanes(builder, value) for value in rest)
        block = philox((a, b, first + numbers(builder), first >> 32), (k0, k1))
        for row, word in enumerate(block):
            place = Row(context, builder, signature.args[0], array, ir.Constant(column.type, row))
            place.store(word.low_words(), column)
        return context.get_dummy_value()

    return nt.none(words, *[nt.int64] * 6), build


_fill: Any = intrinsic(_block)


@kernel
def fill(words: Any, number: int, part: int, router: int, count: int, k0: Any, k1: Any) -> None:
    """Put block (number, part) of routers router..router+count-1 into the rows of words.

    router must be a multiple of LANES; count is rounded up to one, and words must have as many columns.
    """
    widest()
    for i in range(0, count, LANES):
        _fill(words, i, number, part, router + i, k0, k1)
