"""Formulas as compiled scalar code: each is run once, on names instead of numbers, and writes down its instructions.

A formula made of + - * /, comparison and the operations of `operations` is executed on `Scalar` objects, which append
LLVM instructions to the function that numba is building. There is nothing to infer and nothing to inline, so compiling
takes a fraction of the time that it would take to translate the formulas' source; and the instructions are the
formula's own, unfused and in its order, so that the bits are those of NumPy.
"""

from __future__ import annotations

import types
from typing import Any

from llvmlite import ir
from numba.core import types as nt
from numba.extending import intrinsic

from moecusp._numerics import double, elementary, steps

_WIDE = '"prefer-vector-width"="512"'  # where the processor has registers that wide; it would keep to half of them
_FLOAT, _BITS = ir.DoubleType(), ir.IntType(64)


class Scalar:
    """A float64, a 64-bit integer or a truth value in the function that is being built."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def of(self, value: Any) -> Scalar:
        """Return a result in the same function."""
        return Scalar(self.builder, value)

    def like(self, other: Any) -> Any:
        """Return another operand as a value of the same type: a name or a constant."""
        return other.value if isinstance(other, Scalar) else ir.Constant(self.value.type, other)

    def binary(self, floats: str, integers: str, other: Any, swap: bool = False) -> Scalar:
        """Return the result of an arithmetic instruction, of either type."""
        a, b = self.value, self.like(other)
        build = getattr(self.builder, floats if self.value.type == _FLOAT else integers)
        return self.of(build(b, a) if swap else build(a, b))

    def compare(self, sign: str, other: Any) -> Scalar:
        """Return whether a comparison of floats holds."""
        return self.of(self.builder.fcmp_ordered(sign, self.value, self.like(other)))

    def __add__(self, other: Any) -> Scalar:
        return self.binary("fadd", "add", other)

    def __radd__(self, other: Any) -> Scalar:
        return self.binary("fadd", "add", other, swap=True)

    def __sub__(self, other: Any) -> Scalar:
        return self.binary("fsub", "sub", other)

    def __rsub__(self, other: Any) -> Scalar:
        return self.binary("fsub", "sub", other, swap=True)

    def __mul__(self, other: Any) -> Scalar:
        return self.binary("fmul", "mul", other)

    def __rmul__(self, other: Any) -> Scalar:
        return self.binary("fmul", "mul", other, swap=True)

    def __truediv__(self, other: Any) -> Scalar:
        return self.binary("fdiv", "sdiv", other)

    def __rtruediv__(self, other: Any) -> Scalar:
        return self.binary("fdiv", "sdiv", other, swap=True)

    def __lt__(self, other: Any) -> Scalar:
        return self.compare("<", other)

    def __le__(self, other: Any) -> Scalar:
        return self.compare("<=", other)

    def __gt__(self, other: Any) -> Scalar:
        return self.compare(">", other)

    def __neg__(self) -> Scalar:
        return self.of(self.builder.fneg(self.value))

    def __abs__(self) -> Scalar:
        return self.call("llvm.fabs")

    def __and__(self, other: Any) -> Scalar:
        return self.of(self.builder.and_(self.value, self.like(other)))

    def __or__(self, other: Any) -> Scalar:
        return self.of(self.builder.or_(self.value, self.like(other)))

    def __lshift__(self, places: int) -> Scalar:
        return self.of(self.builder.shl(self.value, self.like(places)))

    def __rshift__(self, places: int) -> Scalar:
        return self.of(self.builder.ashr(self.value, self.like(places)))

    def call(self, name: str) -> Scalar:
        """Return the result of one of LLVM's intrinsic functions."""
        return self.of(self.builder.call(self.builder.module.declare_intrinsic(name, [_FLOAT]), [self.value]))


def where(condition: Scalar, yes: Any, no: Any) -> Scalar:
    """Return yes where the condition holds and no elsewhere, without a branch, so that loops vectorise."""
    known = next((x for x in (yes, no) if isinstance(x, Scalar)), None)
    yes, no = (known.like(x) if known else ir.Constant(_FLOAT, x) for x in (yes, no))
    return condition.of(condition.builder.select(condition.value, yes, no))


def patched(values: Any, condition: Scalar, function: Any, *arguments: Any) -> Any:
    """Return values, but those of function(*arguments) where the condition holds."""
    return tuple(where(condition, p, v) for p, v in zip(function(*arguments), values, strict=True))


def split(condition: Scalar, yes: Any, no: Any, *arguments: Any) -> Any:
    """Return yes(*arguments) where the condition holds and no(*arguments) elsewhere."""
    return patched(no(*arguments), condition, yes, *arguments)


def take(table: tuple[float, ...], index: Scalar) -> Scalar:
    """Return an entry of a table of constants."""
    module, kind = index.builder.module, ir.ArrayType(_FLOAT, len(table))
    name = f"moecusp.table.{hash(table):x}"
    if name not in module.globals:
        place = ir.GlobalVariable(module, kind, name)
        place.linkage, place.global_constant, place.initializer = "internal", True, ir.Constant(kind, table)
    pointer = index.builder.gep(module.globals[name], [ir.Constant(_BITS, 0), index.value])
    return index.of(index.builder.load(pointer))


def two_product(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """Return what `double.two_product` does, which is exact, in two instructions."""
    product = a * b
    return product, a.of(a.builder.fma(a.value, a.like(b), (-product).value))


def _bind() -> dict[str, Any]:
    """Return the formulas with these operations in the place of those of `operations`."""
    bound: dict[str, Any] = {
        "where": where,
        "take": take,
        "patched": patched,
        "split": split,
        "least": lambda x, bound: where(x < bound, x, bound),
        "greatest": lambda x, y: where(x > y, x, y),
        "sqrt": lambda x: x.call("llvm.sqrt"),
        "as_bits": lambda x: x.of(x.builder.bitcast(x.value, _BITS)),
        "as_float": lambda x: x.of(x.builder.bitcast(x.value, _FLOAT)),
    }
    for module in (double, elementary, steps):
        for name, value in vars(module).items():
            if isinstance(value, int | float | tuple):
                bound[name] = value
            elif isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                bound[name] = types.FunctionType(value.__code__, bound, name)
    bound["two_product"] = bound["short_product"] = two_product
    bound["square"] = lambda x: two_product(x, x)
    return bound


_BOUND = _bind()


_SIGNATURES = (  # an intrinsic has named arguments
    lambda typed: lambda typing, a: typed,
    lambda typed: lambda typing, a, b: typed,
    lambda typed: lambda typing, a, b, c: typed,
    lambda typed: lambda typing, a, b, c, d: typed,
)


def formula(name: str) -> Any:
    """Return a formula of `double`, `elementary` or `steps`, or an operation, by name, for use in compiled code."""
    function = _BOUND[name]
    arity = function.__code__.co_argcount
    scratch = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), [_FLOAT] * arity), name)
    trial = function(*(Scalar(ir.IRBuilder(scratch.append_basic_block()), x) for x in scratch.args))
    kind: Any = nt.float64 if isinstance(trial, tuple) or trial.value.type == _FLOAT else nt.boolean
    if isinstance(trial, tuple):
        kind = nt.UniTuple(nt.float64, len(trial))  # type: ignore[no-untyped-call]

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        set.add(builder.function.attributes, _WIDE)  # its `add` knows no attributes with a value
        result = function(*(Scalar(builder, v) for v in values))
        if isinstance(result, Scalar):
            return context.cast(builder, result.value, nt.boolean, nt.boolean) if kind is nt.boolean else result.value
        return context.make_tuple(builder, signature.return_type, [part.value for part in result])

    typed = kind(*[nt.float64] * arity), build
    return intrinsic(_SIGNATURES[arity - 1](typed))


def _select(typing: Any, condition: Any, yes: Any, no: Any) -> Any:
    result = typing.unify_types(yes, no)

    def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        a, b = (context.cast(builder, v, t, result) for v, t in zip(values[1:], (yes, no), strict=True))
        return builder.select(context.is_true(builder, nt.boolean, values[0]), a, b)

    return result(condition, yes, no), build


select: Any = intrinsic(_select)  # `where` for the code of loops


def _widest(_typing: Any) -> Any:
    def build(context: Any, builder: Any, _signature: Any, _values: Any) -> Any:
        set.add(builder.function.attributes, _WIDE)
        return context.get_dummy_value()

    return nt.none(), build


widest: Any = intrinsic(_widest)  # called anywhere in a function, gives its loops the widest registers
