"""Watching the routers of a model in training: numbers of each layer to any logger, never in the way of a step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from torch import nn

from moecusp._arguments import ParameterError, integer
from moecusp.metrics import METRICS
from moecusp.routing.adapters import Reader
from moecusp.routing.guarded import Guarded
from moecusp.routing.numbers import numbers
from moecusp.routing.ranks import anywhere, check
from moecusp.trace import RoutingTrace

Sink = Callable[[dict[str, float], int], object]

DEFAULT = ("max_vio", "dead_relative", "load_entropy", "drop_rate", "router_entropy", "balance_loss")
_NOTES = 20


class RoutingMonitor:
    """Numbers of each layer's routing while a model trains, from the tokens since the last report.

    Parameters
    ----------
    model : Module
        As for `record`.
    sink : callable, optional
        Called with a dictionary of numbers and the step: ``wandb.log``, or a function of your own.
    every : int
        Steps from one report to the next, >= 1. All tokens of these steps count.
    metrics : iterable of str
        Of `moecusp.metrics.METRICS`, the most important first.
    most : int
        Keys of a report at most: the worst layer's and pooled ones, then each metric of all layers. What does not fit
        is left out, and said once.
    prefix : str
        Of all keys.
    sample : int
        Tokens of each router kept for metrics of scores, between two reports; >= 0.
    evaluation : bool
        Whether passes in evaluation mode count too.
    sites, readers
        As for `record`.
    group : ProcessGroup, optional
        Of torch.distributed, such as `torch.distributed.group.WORLD` once that is initialised (before, it is None): the
        numbers are of the tokens of all its ranks, and the same on each. All ranks must make their reports at the same
        steps, as they do who call `step` once a training step; a sink is called on every rank that has one.

    Raises
    ------
    ParameterError
        If an argument is not as said or the model has no readable router: now, not in training.

    Notes
    -----
    Keys are ``prefix/layer_03/max_vio``, ``prefix/worst/max_vio`` (of the layer farthest from balance) and
    ``prefix/pooled/balance_loss`` (of all layers together, in which they may cancel: for comparison only). From its
    start on nothing raises into a training step: the first trouble is a warning, all are notes of `trace`. What fails
    on one rank of a group leaves out that report on all.

    Examples
    --------
    >>> import torch
    >>> from moecusp.routing import RoutingMonitor
    >>> class Experts(torch.nn.Module):
    ...     num_experts = 4
    ...     def forward(self, hidden_states, top_k_index, top_k_weights):
    ...         return hidden_states
    >>> model = Experts()
    >>> with RoutingMonitor(model, lambda numbers, step: print(step, numbers), metrics=["max_vio"]) as monitor:
    ...     _ = model(torch.ones(3, 8), torch.tensor([[0, 2], [2, 3], [2, 1]]), torch.ones(3, 2))
    ...     _ = monitor.step(7)
    7 {'moe/worst/max_vio': 1.0, 'moe/layer_00/max_vio': 1.0}
    """

    def __init__(
        self,
        model: nn.Module,
        sink: Sink | None = None,
        *,
        every: int = 1,
        metrics: Iterable[str] = DEFAULT,
        most: int = 256,
        prefix: str = "moe",
        sample: int = 1024,
        evaluation: bool = False,
        sites: str = "",
        readers: Mapping[str, Reader] | None = None,
        group: Any = None,
    ) -> None:
        if group is not None:
            check(group)
        if sink is not None and not callable(sink):
            raise ParameterError("sink", sink, "a function of a dictionary and a step")
        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        unknown = [name for name in self.metrics if name not in METRICS]
        if unknown or not self.metrics:
            raise ParameterError("metrics", unknown, f"among {', '.join(METRICS)}")
        self.most = integer("most", most, len(self.metrics) + 1)
        self.every, self.sink, self.prefix = integer("every", every, 1), sink, str(prefix)
        self.group = group
        self._recorder = Guarded(model, self._complain, evaluation, sample=sample, sites=sites, readers=readers)
        self._steps = 0
        self._last: RoutingTrace | None = None
        self._notes: list[str] = []

    def __enter__(self) -> RoutingMonitor:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Detach from the model."""
        self.close()

    def start(self) -> None:
        """Attach to the model; nothing happens if it is attached."""
        if not self._recorder.attached:
            self._recorder.restart()
            self._recorder.__enter__()

    def close(self) -> None:
        """Detach from the model; nothing happens if it is not attached."""
        self._recorder.__exit__(None, None, None)

    def step(self, step: int | None = None) -> dict[str, float]:
        """Say that a training step is over.

        Parameters
        ----------
        step : int, optional
            Its number. Default: steps are counted from 1.

        Returns
        -------
        dict of str to float
            The numbers, if they are due; else nothing.
        """
        self._steps += 1
        if self._steps % self.every:
            return {}
        return self.report(self._steps if step is None else step)

    def report(self, step: int) -> dict[str, float]:
        """Return the numbers of all tokens since the last report, after handing them to the sink."""
        found: dict[str, float] = {}
        try:
            seen = self._recorder.seen
            if seen if self.group is None else anywhere(seen, self.group):
                self._last = self._recorder.trace(self.group)
                found = self._numbers(self._last)
        except Exception as error:
            self._complain(f"step {step}: {type(error).__name__}: {error}")
        try:
            self._recorder.restart()
            if found and self.sink is not None:
                self.sink(dict(found), step)
        except Exception as error:
            self._complain(f"step {step}: the sink raised {type(error).__name__}: {error}")
        return found

    def trace(self) -> RoutingTrace:
        """Return what was recorded between the last two reports, with notes of everything that went wrong.

        Raises
        ------
        RuntimeError
            If there was no report yet, or none could be made.
        """
        if self._last is None:
            raise RuntimeError("; ".join(["nothing was reported yet", *self._notes]))
        return replace(self._last, notes=[*self._last.notes, *self._notes])

    def attach(self, trainer: Any) -> RoutingMonitor:
        """Add the numbers to everything that a Trainer of transformers logs of its training.

        They are added before any callback sees the log, so that loggers get them in whatever order they were
        registered, and `state.log_history` too. A report is made at each log of the trainer; `every` is not used.

        Parameters
        ----------
        trainer : Trainer
            Of transformers, or one derived from it, before it trains.

        Returns
        -------
        RoutingMonitor
            This one. It is attached to the model from the beginning to the end of training.
        """
        from moecusp.routing.trainers import attach

        attach(self, trainer)
        return self

    def lightning(self) -> Any:
        """Return a callback for a Trainer of Lightning, which logs the numbers by `log_dict` of its module."""
        from moecusp.routing.trainers import lightning

        return lightning(self)

    def _numbers(self, trace: RoutingTrace) -> dict[str, float]:
        every = {f"{self.prefix}/{key}": value for key, value in numbers(trace, self.metrics).items()}
        if len(every) > self.most:
            self._complain(f"{len(every) - self.most} of {len(every)} numbers are left out: most = {self.most}")
        return dict(list(every.items())[: self.most])

    def _complain(self, note: str) -> None:
        """Note what went wrong, and warn of the first."""
        note = " ".join(note.split())[:500]
        if note in self._notes or len(self._notes) == _NOTES:
            return
        self._notes.append(note)
        if len(self._notes) == 1:
            try:
                warnings.warn(f"RoutingMonitor: {note} (said once; the others are notes of trace())", stacklevel=3)
            except Warning:
                pass  # warnings are errors here, and no training step may end by one of this
