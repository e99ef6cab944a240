"""A recorder that stays on a model in training: whatever goes wrong in it stops its window, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from moecusp.routing.recorder import Recorder
from moecusp.trace import RoutingTrace


class Guarded(Recorder):
    """A recorder whose hooks never raise, and whose books can be begun anew.

    Parameters
    ----------
    model : Module
        As for `record`.
    complain : callable
        Called with what went wrong.
    evaluation : bool
        Whether passes in evaluation mode count.
    **options
        Of `record`.
    """

    def __init__(self, model: nn.Module, complain: Callable[[str], None], evaluation: bool, **options: Any) -> None:
        self._complain, self._evaluation = complain, evaluation
        super().__init__(model, **options)

    @property
    def attached(self) -> bool:
        """Whether it is on the model."""
        return bool(self._handles)

    @property
    def seen(self) -> bool:
        """Whether the model has run since the books were begun."""
        return bool(self._tally.opened)

    def restart(self) -> None:
        """Begin the books anew."""
        self._begin()

    def _begin(self) -> None:
        super()._begin()
        self._broken = ""

    def _trace(self) -> RoutingTrace:
        if self._broken:
            raise RuntimeError(self._broken)
        return super()._trace()

    def _called(self, *arguments: Any) -> Any:
        return self._safe(super()._called(*arguments))

    def _returned(self, *arguments: Any) -> Any:
        return self._safe(super()._returned(*arguments))

    def _scored(self, *arguments: Any) -> Any:
        return self._safe(super()._scored(*arguments))

    def _dispatched(self, *arguments: Any) -> Any:
        return self._safe(super()._dispatched(*arguments))

    def _read(self, *arguments: Any) -> Any:
        return self._safe(super()._read(*arguments))

    def _safe(self, hook: Callable[..., None]) -> Any:
        def safe(*arguments: Any) -> None:
            if self._broken or not (self._evaluation or self.model.training):
                return
            try:
                hook(*arguments)
            except Exception as error:
                self._broken = f"{type(error).__name__}: {error}"
                self._complain(self._broken)

        return torch.compiler.disable(safe)  # type: ignore[no-untyped-call]
