"""The places in a model where tokens are sent to experts, found by how their modules are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from moecusp._arguments import ParameterError
from moecusp.routing.adapters import CALLS, HOW, Reader
from moecusp.routing.dispatch import Dispatch
from moecusp.routing.padding import arguments_of

CHOSEN = (
    "top_k_index",
    "router_indices",
    "selected_experts",
    "router_mask",
)  # the second argument of an experts module
BIASES = ("e_score_correction_bias", "expert_bias", "balancing_biases")
_ROUTERS = ("gate", "router")
_PARALLEL = "_is_expert_parallel"  # transformers' mark of experts that are shared out to ranks
_SKIPS = {"ZayaExperts": "skipped"}  # where a weight of 0 says so


@dataclass(frozen=True)
class Place:
    """A module that is called with the chosen experts, or one from whose output a reader tells them.

    Attributes
    ----------
    name : str
        Its path in the model.
    module : Module
        The module.
    reader : callable or None
        How its output is read; None if its arguments are.
    router : Module or None
        The one that scores the experts, if found, and `index`: where in its output the scores are.
    bias : Tensor or None
        Selection bias, if the block has one.
    """

    name: str
    module: nn.Module
    reader: Reader | None
    router: nn.Module | None = None
    index: int | None = None
    bias: Tensor | None = None

    @property
    def layer(self) -> int:
        """The first number in its path."""
        numbers = [int(part) for part in self.name.split(".") if part.isdigit()]
        return numbers[0] if numbers else 0

    @property
    def role(self) -> str:
        """What its experts compute."""
        return "attention" if re.search("attn|attention", self.name) else "mlp"

    @property
    def stack(self) -> str:
        """Which stack it belongs to."""
        return "encoder" if "encoder" in self.name.split(".") else "decoder"

    def dispatch(self, arguments: tuple[Any, ...], named: dict[str, Any], scores: Tensor | None) -> Dispatch:
        """Return where the slots go that an experts module is called with."""
        names = self._arguments
        given = dict(zip(names, arguments, strict=False)) | named
        experts, beyond = experts_of(self.module)
        kind, shard = type(self.module).__name__, self._shard(experts, beyond)
        zero = _SKIPS.get(kind, "null")
        call = Dispatch(experts, given[names[1]], given[names[2]], scores, beyond, zero, shard)
        return CALLS[kind](call) if kind in CALLS else call

    def _shard(self, experts: int, beyond: int) -> bool:
        """Whether the experts are one rank's part of all: marked so, or their router has more."""
        if whole_experts(self.module):
            return False
        scored = getattr(self.router, "num_experts", 0)
        return bool(getattr(self.module, _PARALLEL, False)) or (isinstance(scored, int) and scored > experts + beyond)

    @cached_property
    def _arguments(self) -> list[str]:
        return arguments_of(self.module)


def experts_of(module: nn.Module) -> tuple[int, int]:
    """Return the numbers of real and of identity experts of an experts module: of all ranks, if it is called so."""
    beyond = int(getattr(module, "zero_expert_num", 0) or 0)
    if whole := whole_experts(module):
        return whole, beyond
    for name in ("num_routed_experts", "num_experts", "n_routed_experts", "num_local_experts"):
        number = getattr(module, name, None)
        if isinstance(number, int):
            return number, beyond
    number = len(list(module.children()))
    if number < 2:
        raise ParameterError("experts", type(module).__name__, "a module with num_experts; or " + HOW)
    return number, 0


def whole_experts(module: nn.Module) -> int:
    """Return how many experts all ranks have together, where a rank is called with the ids of all; 0 elsewhere.

    Expert parallelism of transformers since 5.21 or so: parameters are DTensors, whose shape is that of all ranks; what
    stays on the rank is decided within the call.
    """
    if not getattr(module, _PARALLEL, False):
        return 0
    return next((p.shape[0] for p in module.parameters(recurse=False) if hasattr(p, "placements")), 0)


def places(model: nn.Module, readers: Mapping[str, Reader], pattern: str = "") -> list[Place]:
    """Return all places of a model whose path holds the pattern.

    Raises
    ------
    ParameterError
        If there is none, or a module looks like a router or like experts and belongs to none.
    """
    modules, indices = dict(model.named_modules()), score_indices(model)
    found: dict[str, Place] = {}
    for name, module in modules.items():
        read = next((readers[kind.__name__] for kind in type(module).__mro__ if kind.__name__ in readers), None)
        if read is not None or called_with_choices(module):
            found[name] = Place(name or type(module).__name__, module, read)
    for name in _suspects(modules, indices):
        parent = _parent(name)
        if not any(_inside(place, parent) for place in found):
            kind = type(modules[name]).__name__
            raise ParameterError("model", f"{name} ({kind})", "readable at each router: this one is not; " + HOW)
    chosen = [_completed(modules, indices, place, name) for name, place in found.items() if re.search(pattern, name)]
    if not chosen:
        which = f"sites whose path holds {pattern!r}, such as {sorted(found)[:3]}" if found else "routers; if it has, "
        raise ParameterError("model", type(model).__name__, f"one with {which}" + HOW * (not found))
    return chosen


def called_with_choices(module: nn.Module) -> bool:
    """Whether a module is called with (hidden states, chosen experts, weights)."""
    names = arguments_of(module)
    return len(names) >= 3 and names[1] in CHOSEN


def score_indices(model: nn.Module) -> dict[str, int]:
    """Return the classes of routers by what transformers itself records of them: where in their output scores are."""
    found = {}
    for module in model.modules():
        declared = getattr(module, "_can_record_outputs", None) or {}
        records = declared.get("router_logits", ()) if isinstance(declared, dict) else ()
        for record in records if isinstance(records, list | tuple) else [records]:
            target = getattr(record, "target_class", None)
            if target is not None and getattr(record, "layer_name", None) is None:  # else any module of its class
                found[target.__name__] = int(record.index)
    return found


def _suspects(modules: Mapping[str, nn.Module], routers: Mapping[str, int]) -> Iterator[str]:
    """Give the names of modules that score experts or are called so."""
    for name, module in modules.items():
        if type(module).__name__ in routers or name.rpartition(".")[2] == "experts":
            yield name


def _completed(modules: Mapping[str, nn.Module], indices: Mapping[str, int], place: Place, name: str) -> Place:
    """Add the router and the selection bias of the block around a place."""
    parent = _parent(name)
    block = modules[parent] if name else place.module
    bias = next(
        (
            tensor
            for source in (block.named_parameters(), block.named_buffers())
            for path, tensor in source
            if path.rpartition(".")[2] in BIASES and tensor.ndim >= 1
        ),
        None,
    )
    if place.reader is not None:
        return Place(place.name, place.module, place.reader, bias=bias)
    siblings = [(child, module) for child, module in block.named_children() if module is not place.module]
    declared = [module for _, module in siblings if type(module).__name__ in indices]
    guessed = [module for child, module in siblings if child in _ROUTERS]
    router = next(iter(declared + guessed), None)
    index = None if router is None else indices.get(type(router).__name__)
    return Place(place.name, place.module, None, router, index, bias)


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _inside(place: str, parent: str) -> bool:
    """Whether a place lies in a block: beside the module that was looked at, or further in."""
    return place == parent or place.startswith(parent + ".") if parent else True
