"""Derivatives for torch: a public function keeps its own forward code and declares its partial derivatives.

The partial derivatives are themselves written in public functions, so that they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from moecusp._numerics.operations import is_tensor, on_host

Function = Callable[..., Any]


def differentiable(partials: Callable[..., tuple[Any, ...]]) -> Callable[[Function], Function]:
    """Declare the partial derivatives of an elementwise function: partials(*arguments, result), one an argument.

    For anything but tensors the function is called as it stands.
    """

    def declare(function: Function) -> Function:
        names = function.__code__.co_varnames[: function.__code__.co_argcount]

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if not any(map(is_tensor, (*arguments, *named.values()))):
                return function(*arguments, **named)
            given = dict(zip(names, arguments, strict=False)) | named
            values = [given[n] if n in given else default(n) for n in names]
            return apply(function, partials, values)

        def default(name: str) -> Any:
            optional = function.__defaults__ or ()
            return optional[names.index(name) - len(names)]

        return call

    return declare


def evaluate(function: Callable[..., Any], partials: Callable[..., tuple[Any, ...]], *values: Any) -> Any:
    """Return function(*values), with its derivatives attached where a value is a tensor."""
    return apply(function, partials, list(values)) if any(map(is_tensor, values)) else function(*values)


def last(function: Callable[..., Any], *values: Any) -> Any:
    """Return function(*values) for tensors, whose own derivatives nobody has worked out: asking for them raises."""

    def refuse(*_: Any) -> Any:
        raise NotImplementedError("moecusp has no derivative of this order here")

    return evaluate(function, refuse, *values)


def last_on_host(function: Function, z: Any) -> Any:
    """Return function(z); of a tensor through the host, without derivatives of its own."""
    return last(lambda x: on_host(function, x.double()).to(x.dtype), z) if is_tensor(z) else function(z)


def apply(function: Callable[..., Any], partials: Callable[..., tuple[Any, ...]], values: list[Any]) -> Any:
    """Return function(*values) with its derivatives attached; results after the first carry none."""
    import torch

    like = next(value for value in values if is_tensor(value))
    types = {value.dtype for value in values if is_tensor(value) and value.is_floating_point()}
    single = bool(types) and torch.float64 not in types

    def double(value: Any) -> Any:  # so that derivatives have the digits of the values
        if not is_tensor(value):
            return torch.tensor(value, dtype=torch.float64, device=like.device)  # a copy: arrays may be read-only
        return value if value.is_complex() or value.dtype == torch.bool else value.double()

    result = _rule().apply(function, partials, *map(double, values))
    if not single:
        return result
    if isinstance(result, tuple):
        return tuple(part.float() if part.is_floating_point() else part for part in result)
    return result.float() if result.is_floating_point() else result


@cache
def _rule() -> Any:
    import torch

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(function: Any, partials: Any, *values: Any) -> Any:
            return function(*(value.detach() for value in values))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            _, ctx.partials, *values = inputs
            first, *others = output if isinstance(output, tuple) else (output,)
            ctx.save_for_backward(*values, first)
            ctx.mark_non_differentiable(*others)

        @staticmethod
        def vmap(info: Any, in_dims: Any, function: Any, partials: Any, *values: Any) -> Any:
            """Broadcast in place of a loop: the mapped axis goes first, before axes of length 1 up to a common rank."""
            places = in_dims[2:]
            rank = max(value.ndim - (place is not None) for value, place in zip(values, places, strict=True))
            aligned = [
                value if place is None else _leading(value, place, rank)
                for value, place in zip(values, places, strict=True)
            ]
            result = _rule().apply(function, partials, *aligned)
            return result, (0,) * len(result) if isinstance(result, tuple) else 0

        @staticmethod
        def jvp(*_: Any) -> Any:
            raise NotImplementedError("moecusp has no forward-mode derivatives: use torch.func.jacrev, not jacfwd")

        @staticmethod
        def backward(ctx: Any, gradient: Any, *_: Any) -> Any:
            *values, result = ctx.saved_tensors
            gradients: list[Any] = []
            own = result.ndim - max(value.ndim for value in values)  # axes of the result alone
            for k, partial in enumerate(ctx.partials(*values, result)):
                if not ctx.needs_input_grad[k + 2]:
                    gradients.append(None)
                    continue
                there = torch.where(result == result, gradient * partial, 0.0)  # NaN: nothing is there
                gradients.append(_gather(there, own, values[k]))
            return (None, None, *gradients)

    return Rule


def checked(check: Callable[[Any], None], value: Any) -> Any:
    """Return a tensor after check(value), which raises by the numbers in it; under `torch.func.vmap` by all of them."""
    try:
        check(value)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        return _look().apply(check, value)
    return value


@cache
def _look() -> Any:
    import torch

    class Look(torch.autograd.Function):
        @staticmethod
        def forward(check: Any, value: Any) -> Any:
            check(value.detach())
            return value.clone()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return None, gradient

        @staticmethod
        def vmap(info: Any, in_dims: Any, check: Any, value: Any) -> Any:
            return _look().apply(check, value.movedim(in_dims[1], 0)), 0

        @staticmethod
        def jvp(ctx: Any, _: Any, tangent: Any) -> Any:
            return tangent.clone()

    return Look


def _leading(value: Any, place: int, rank: int) -> Any:
    """Return a value with a mapped axis at `place`, as (mapped, 1, ..., 1, the rest of it)."""
    moved = value.movedim(place, 0)
    return moved.reshape(len(moved), *(1,) * (rank + 1 - moved.ndim), *moved.shape[1:])


def _gather(gradient: Any, own: int, value: Any) -> Any:
    """Sum a gradient over the result's own last axes and over those along which the argument was broadcast."""
    for _ in range(own):
        gradient = gradient.sum(-1)
    return gradient.sum_to_size(value.shape).to(value.dtype)
