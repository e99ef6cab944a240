"""Recording of a model at work: which expert really got which slot, at every router."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from moecusp._arguments import ParameterError, integer
from moecusp.routing.adapters import READERS, Reader
from moecusp.routing.dispatch import Dispatch
from moecusp.routing.padding import Frame, takes_tokens, valid
from moecusp.routing.sites import Place, places
from moecusp.routing.tally import Tally
from moecusp.trace import RoutingTrace

Hook = TypeVar("Hook", bound=Callable[..., None])


def record(
    model: nn.Module,
    *,
    sample: int = 4096,
    batches: int = 1024,
    sites: str = "",
    readers: Mapping[str, Reader] | None = None,
    seed: int = 0,
) -> Recorder:
    """Record which expert really gets which slot while a model runs.

    Counted is what the experts are called with, not what the router says: with capacity, groups, selection bias, skips
    or hashing the two differ. What autograd runs again under gradient checkpointing is not counted.

    Parameters
    ----------
    model : Module
        Any mixture of experts of transformers, or one with modules called as theirs are: with (hidden states, X,
        weights), X named `top_k_index`, `router_indices`, `selected_experts` or `router_mask`.
    sample : int
        Tokens of each router kept whole, a uniform part of all; >= 0.
    batches : int
        Most batches, >= 2. A batch is a call of the model; when there are more, every two become one.
    sites : str
        Regular expression: only routers whose path holds it.
    readers : mapping of str to callable, optional
        For routers that are not called so: from the name of a class to a function of such a module and its output that
        returns a `Dispatch`.
    seed : int
        Decides which tokens stay in the sample; >= 0.

    Returns
    -------
    Recorder
        A context manager; `trace()` returns what was recorded.

    Raises
    ------
    ParameterError
        If the model has no router, or one that cannot be read; the message says how to write a reader.

    Notes
    -----
    Counts and samples stay on the device of the router and are bounded, whatever the number of tokens. A model that was
    compiled by `torch.compile` is compiled anew, with a break at every router: code compiled before would not call
    what records. Padding is known from a two-dimensional attention mask.

    Examples
    --------
    >>> import torch
    >>> from moecusp.routing import record
    >>> class Experts(torch.nn.Module):
    ...     num_experts = 4
    ...     def forward(self, hidden_states, top_k_index, top_k_weights):
    ...         return hidden_states
    >>> model = Experts()
    >>> with record(model) as recorder:
    ...     _ = model(torch.ones(3, 8), torch.tensor([[0, 2], [2, 3], [2, 1]]), torch.ones(3, 2))
    >>> recorder.trace().records[0].counts.tolist()
    [[1, 1, 3, 1]]
    """
    if not isinstance(model, nn.Module):
        raise ParameterError("model", model, "a torch.nn.Module")
    if not isinstance(sites, str):
        raise ParameterError("sites", sites, "a regular expression")
    known = {**READERS, **(readers or {})}
    limits = integer("sample", sample, 0), integer("batches", batches, 2), integer("seed", seed, 0)
    return Recorder(model, places(model, known, sites), *limits)


class Recorder:
    """What `record` returns; its attribute `step` (int or None), if set, marks the batches that follow."""

    def __init__(self, model: nn.Module, found: list[Place], sample: int, batches: int, seed: int) -> None:
        self.model, self.places = model, found
        self.step: int | None = None
        self._tally = Tally(found, sample, batches, seed)
        self._frames: list[Frame] = []
        self._scores: dict[nn.Module, Tensor] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Recorder:
        """Attach to the model."""
        if self._handles:
            raise ParameterError("recorder", "attached", "entered once at a time")
        _forget_compiled(self.model)
        attach = self._handles.append
        for module in self.model.modules():
            if module is self.model or takes_tokens(module):
                attach(module.register_forward_pre_hook(self._called(), with_kwargs=True))
                attach(module.register_forward_hook(self._returned(), always_call=True))
        for router, index in {place.router: place.index for place in self.places if place.router is not None}.items():
            attach(router.register_forward_hook(self._scored(index)))
        for number, place in enumerate(self.places):
            if place.reader is None:
                attach(place.module.register_forward_pre_hook(self._dispatched(number), with_kwargs=True))
            else:
                attach(place.module.register_forward_hook(self._read(number)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Detach from the model."""
        while self._handles:
            self._handles.pop().remove()
        self._frames.clear()
        self._scores.clear()
        _forget_compiled(self.model)

    def trace(self) -> RoutingTrace:
        """Return what was recorded so far.

        Returns
        -------
        RoutingTrace
            One record for each router, with layers in the order of numbers.

        Raises
        ------
        RuntimeError
            If a router was never called: the model did not run, or not through the modules that were watched.
        """
        source = {"model": type(self.model).__name__, "torch": torch.__version__}
        kind = getattr(getattr(self.model, "config", None), "model_type", None)
        if kind:
            source["model_type"] = str(kind)
        return self._tally.trace(source)

    def _called(self) -> Any:
        def called(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if _again() or not self._handles:
                return
            if not self._frames:
                self._tally.open(self.step)
            self._frames.append(Frame.of(module, arguments, named))

        return _outside(called)

    def _returned(self) -> Any:
        def returned(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._frames and not _again():
                self._frames.pop()

        return _outside(returned)

    def _scored(self, index: int | None) -> Any:
        def scored(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._handles and not _again():
                parts = output if isinstance(output, list | tuple) else (output,)
                part = parts[index or 0] if len(parts) > (index or 0) else None
                if isinstance(part, Tensor) and part.is_floating_point():
                    self._scores[module] = part.detach().reshape(-1, part.shape[-1])

        return _outside(scored)

    def _dispatched(self, number: int) -> Any:
        place = self.places[number]

        def dispatched(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if self._handles and not _again():
                scores = self._scores.pop(place.router, None) if place.router is not None else None
                self._count(number, place.dispatch(arguments, named, scores))

        return _outside(dispatched)

    def _read(self, number: int) -> Any:
        place = self.places[number]
        assert place.reader is not None
        read = place.reader

        def returned(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._handles and not _again():
                self._count(number, read(module, output))

        return _outside(returned)

    @torch.no_grad()
    def _count(self, number: int, dispatch: Dispatch) -> None:
        known, unread = valid(self._frames, dispatch.tokens, self.places[number].stack)
        self._tally.add(number, dispatch, known, unread)


def _outside(hook: Hook) -> Hook:
    """Keep a hook out of compiled code, which would run it once and never again."""
    return cast(Hook, torch.compiler.disable(hook))  # type: ignore[no-untyped-call]


def _again() -> bool:
    """Whether autograd is at work: what runs now is a recomputation of what was counted before."""
    return torch._C._current_graph_task_id() != -1


def _forget_compiled(model: nn.Module) -> None:
    """Have compiled parts compiled anew: they hold on to the hooks that they were compiled with."""
    compiled = any(
        getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod")
        for module in model.modules()
    )
    if compiled:
        torch._dynamo.reset()
