"""Running a model to see what it does, and leaving it as it was."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from moecusp._arguments import ParameterError
from moecusp.routing.sites import Place

COEFFICIENTS = ("router_aux_loss_coef", "aux_loss_coef")
SWITCH = "output_router_logits"
ROWS, LENGTH = 2, 32


def made_up(model: nn.Module, seed: int) -> dict[str, Tensor]:
    """Return random tokens for a model of transformers, without any that it has a special use for."""
    config: Any = getattr(model, "config", None)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    size = getattr(text, "vocab_size", None)
    if not isinstance(size, int) or size < 1:
        raise ParameterError("inputs", None, "what to call the model with: its configuration says no vocab_size")
    special = {v for c in (config, text) for n, v in vars(c).items() if n.endswith("token_id") and isinstance(v, int)}
    usual = torch.tensor([i for i in range(size) if i not in special] or [0])
    chosen = torch.randint(0, len(usual), (ROWS, LENGTH), generator=torch.Generator().manual_seed(seed))
    ids = usual[chosen].to(next(model.parameters()).device)
    found = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return found | ({"decoder_input_ids": ids} if getattr(config, "is_encoder_decoder", False) else {})


class Trial:
    """A model with a batch, run under changed circumstances, each of which ends with its `with`.

    Parameters
    ----------
    model : Module
        The model.
    inputs : mapping of str to object
        What it is called with.
    seed : int
        Every run draws the same random numbers (dropout, jitter).
    """

    def __init__(self, model: nn.Module, inputs: Mapping[str, Any], seed: int) -> None:
        self.model, self.seed = model, seed
        self.inputs = dict(inputs)
        self._forced: dict[str, Any] = {}

    def run(self, **more: Any) -> Any:
        """Return the model's output."""
        with torch.random.fork_rng(_devices(self.model)):
            torch.manual_seed(self.seed)
            return self.model(**{**self.inputs, **self._forced, **more})

    def loss(self) -> Tensor | None:
        """Return the training loss, with the tokens themselves as labels; None if the class computes none."""
        labels = {} if "labels" in self.inputs or "labels" not in _names(self.model) else self._labels()
        found = getattr(self.run(**labels), "loss", None)
        return found if isinstance(found, Tensor) and found.ndim == 0 else None

    def _labels(self) -> dict[str, Any]:
        return {"labels": self.inputs["input_ids"]} if "input_ids" in self.inputs else {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Give every buffer back what it held: selection biases may move in a forward pass."""
        before = [(buffer, buffer.detach().clone()) for buffer in self.model.buffers()]
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, value in before:
                    buffer.copy_(value)

    @contextmanager
    def mode(self, training: bool) -> Iterator[None]:
        """Put every module in training mode, as a training step finds it, or out of it."""
        before = {module: module.training for module in self.model.modules()}
        self.model.train(training)
        try:
            yield
        finally:
            for module, mode in before.items():
                module.training = mode

    @contextmanager
    def switched(self, on: bool) -> Iterator[None]:
        """Have the model compute its balance loss or not, whatever its configuration says."""
        with ExitStack() as stack:
            for config in configurations(self.model):
                if hasattr(config, SWITCH):
                    stack.enter_context(_set(config, SWITCH, on))
            self._forced = {SWITCH: True} if on and _takes(self.model, SWITCH) else {}
            try:
                yield
            finally:
                self._forced = {}

    @contextmanager
    def coefficient(self, value: float) -> Iterator[None]:
        """Give the balance loss this coefficient."""
        with ExitStack() as stack:
            for owner, name in coefficients(self.model):
                stack.enter_context(_set(owner, name, value))
            yield

    @contextmanager
    def checkpointed(self, reentrant: bool | None) -> Iterator[None]:
        """Have the layers run again in the backward pass, or not (None)."""
        kept = None if reentrant is None else partial(checkpoint, use_reentrant=reentrant)
        with ExitStack() as stack:
            for module in checkpointing(self.model):
                stack.enter_context(_set(module, "gradient_checkpointing", reentrant is not None))
                stack.enter_context(_set(module, "_gradient_checkpointing_func", kept))
            yield

    @contextmanager
    def only(self, parameters: list[nn.Parameter]) -> Iterator[None]:
        """Have gradients of these parameters alone computed, through layers whose inputs have one as in training."""
        every = list(self.model.parameters())
        before = [(each, each.requires_grad, each.grad) for each in every]
        for each in every:
            each.requires_grad_(False)
            each.grad = None
        for each in parameters:
            each.requires_grad_(True)
        embeddings = [module for module in self.model.modules() if isinstance(module, nn.Embedding)]
        handles = [embedding.register_forward_hook(_anchored) for embedding in embeddings]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for each, needed, grad in before:
                each.requires_grad_(needed)
                each.grad = grad


def checkpointing(model: nn.Module) -> list[nn.Module]:
    """Return the modules that transformers can run again in the backward pass."""
    return [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]


def configurations(model: nn.Module) -> list[Any]:
    """Return all configurations of a model, those inside of others too."""
    found: list[Any] = []
    rest = [config for module in model.modules() if (config := getattr(module, "config", None)) is not None]
    while rest:
        config = rest.pop()
        if not any(config is each for each in found):
            found.append(config)
            rest += [v for v in vars(config).values() if hasattr(v, "to_dict") and hasattr(v, "__dict__")]
    return found


def coefficients(model: nn.Module) -> list[tuple[Any, str]]:
    """Return where a model keeps the coefficient of its balance loss: modules first, then configurations."""
    owners = [*model.modules(), *configurations(model)]
    return [(o, n) for o in owners for n in COEFFICIENTS if isinstance(vars(o).get(n), int | float)]


@contextmanager
def cut(places: list[Place]) -> Iterator[None]:
    """Keep the gradient from reaching routers through the weights of their experts, where these are an argument."""
    handles = [
        place.module.register_forward_pre_hook(_detached, with_kwargs=True) for place in places if place.reader is None
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _detached(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    name = list(inspect.signature(module.forward).parameters)[2]
    if name in named:
        return arguments, {**named, name: named[name].detach()}
    return (*arguments[:2], arguments[2].detach(), *arguments[3:]), named


def _anchored(module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
    return output + torch.zeros((), dtype=output.dtype, device=output.device, requires_grad=True)


@contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    own = vars(owner)
    before = own.get(name, own)  # the dictionary itself: nothing was there
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is own:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _names(model: nn.Module) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(model.forward).parameters


def _takes(model: nn.Module, name: str) -> bool:
    names = _names(model)
    return name in names or any(each.kind is inspect.Parameter.VAR_KEYWORD for each in names.values())


def _devices(model: nn.Module) -> list[torch.device]:
    return sorted({p.device for p in model.parameters() if p.device.type == "cuda"}, key=str)
