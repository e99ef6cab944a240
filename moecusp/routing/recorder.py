"""Recording of a model at work: which expert really got which slot, at every router."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moecusp._arguments import ParameterError, integer
from moecusp.routing.adapters import READERS, Reader
from moecusp.routing.dispatch import Dispatch, Slots
from moecusp.routing.hooks import again, forget_compiled, outside
from moecusp.routing.padding import Frame, arguments_of, takes_tokens, valid
from moecusp.routing.ranks import together
from moecusp.routing.reservoir import Reservoir
from moecusp.routing.sites import places
from moecusp.routing.stream import Stream, Writer
from moecusp.routing.tally import Tally
from moecusp.trace import RoutingTrace


def record(
    model: nn.Module,
    *,
    sample: int = 4096,
    batches: int = 1024,
    sites: str = "",
    readers: Mapping[str, Reader] | None = None,
    seed: int = 0,
    stream: str | os.PathLike[str] | Stream | None = None,
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
    stream : path or Stream, optional
        A new folder to which all tokens are written whole, part by part, while the model runs; read it with
        `moecusp.trace.TraceStream`.

    Returns
    -------
    Recorder
        A context manager; `trace()` returns what was recorded.

    Raises
    ------
    ParameterError
        If the model has no router, or one that cannot be read; the message says how to write a reader. TraceFileError
        if the folder of the stream cannot be made or holds a stream.

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
    return Recorder(model, sample=sample, batches=batches, sites=sites, readers=readers, seed=seed, stream=stream)


class Recorder:
    """What `record` returns; its attribute `step` (int or None), if set, marks the batches that follow."""

    def __init__(
        self,
        model: nn.Module,
        *,
        sample: int = 4096,
        batches: int = 1024,
        sites: str = "",
        readers: Mapping[str, Reader] | None = None,
        seed: int = 0,
        stream: str | os.PathLike[str] | Stream | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ParameterError("model", model, "a torch.nn.Module")
        if not isinstance(sites, str):
            raise ParameterError("sites", sites, "a regular expression")
        self._sample, self._batches = integer("sample", sample, 0), integer("batches", batches, 2)
        self._seed = integer("seed", seed, 0)
        if stream is not None and not isinstance(stream, Stream):
            stream = Stream(stream)
        self.model, self.places = model, places(model, {**READERS, **(readers or {})}, sites)
        self.step: int | None = None
        self._writer = None if stream is None else Writer(stream, self.places, self.source)
        self._handles: list[Any] = []
        self._begin()

    def _begin(self) -> None:
        """Open new books."""
        randoms = [np.random.default_rng([self._seed, number]) for number in range(len(self.places))]
        keepers = [Reservoir(self._sample, random) if self._sample else None for random in randoms]
        self._tally = Tally(self.places, keepers, self._batches)
        self._frames: list[Frame] = []
        self._scores: dict[nn.Module, Tensor] = {}

    def __enter__(self) -> Recorder:
        """Attach to the model."""
        if self._handles:
            raise ParameterError("recorder", "attached", "entered once at a time")
        forget_compiled(self.model)
        attach = self._handles.append
        for module in self.model.modules():
            if module is self.model or takes_tokens(module):
                attach(module.register_forward_pre_hook(self._called(arguments_of(module)), with_kwargs=True))
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
        if self._writer is not None:
            self._writer.write()
        forget_compiled(self.model)

    def trace(self, group: Any = None, over: str = "tokens") -> RoutingTrace:
        """Return what was recorded so far.

        Parameters
        ----------
        group : ProcessGroup, optional
            Of torch.distributed, such as `torch.distributed.group.WORLD`: return what all of its ranks recorded, on
            each of them. All must call this, each with the same batches.
        over : {"tokens", "experts", "shards"}, optional
            What the ranks share out, as in `RoutingTrace.sum`. Over "tokens" the sample is a uniform part of all ranks'
            tokens, as large as one rank's may be; over the others there is none.

        Returns
        -------
        RoutingTrace
            One record for each router, with layers in the order of numbers.

        Raises
        ------
        RuntimeError
            If a router was never called, on whatever rank: the model did not run, or not through the modules that were
            watched.
        ParameterError
            If the group is none, or its ranks have other routers, batches, steps or biases.
        """
        if group is None:
            return self._trace()
        return together(self._trace, group, over, self._sample, self._seed)

    def _trace(self) -> RoutingTrace:
        notes = [] if self._writer is None or not self._writer.ended else [self._writer.ended]
        return self._tally.trace(self.source, notes)

    @property
    def source(self) -> dict[str, str]:
        """Where the trace comes from."""
        kind = getattr(getattr(self.model, "config", None), "model_type", None)
        named = {"model_type": str(kind)} if kind else {}
        return {"model": type(self.model).__name__, "torch": torch.__version__, **named}

    def _called(self, names: list[str]) -> Any:
        def called(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if again() or not self._handles:
                return
            if not self._frames:
                self._tally.open(self.step)
                if self._writer is not None:
                    self._writer.open(self.step)
            self._frames.append(Frame.of(names, arguments, named))

        return outside(called)

    def _returned(self) -> Any:
        def returned(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._frames and not again():
                self._frames.pop()

        return outside(returned)

    def _scored(self, index: int | None) -> Any:
        def scored(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._handles and not again():
                parts = output if isinstance(output, list | tuple) else (output,)
                part = parts[index or 0] if len(parts) > (index or 0) else None
                if isinstance(part, Tensor) and part.is_floating_point():
                    self._scores[module] = part.detach().reshape(-1, part.shape[-1])

        return outside(scored)

    def _dispatched(self, number: int) -> Any:
        place = self.places[number]

        def dispatched(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
            if self._handles and not again():
                scores = self._scores.pop(place.router, None) if place.router is not None else None
                self._count(number, place.dispatch(arguments, named, scores))

        return outside(dispatched)

    def _read(self, number: int) -> Any:
        place = self.places[number]
        assert place.reader is not None
        read = place.reader

        def returned(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
            if self._handles and not again():
                self._count(number, read(module, output))

        return outside(returned)

    @torch.no_grad()
    def _count(self, number: int, dispatch: Dispatch) -> None:
        slots = Slots(dispatch, *valid(self._frames, dispatch.tokens, self.places[number].stack))
        self._tally.add(number, slots)
        if self._writer is not None:
            self._writer.add(number, slots)
