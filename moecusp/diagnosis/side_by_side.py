"""The layers of a trace, one after the other, or those of a file in several processes."""

from __future__ import annotations

import copyreg
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, resource_tracker
from types import MappingProxyType
from typing import Any

from moecusp._numerics.threads import one_thread
from moecusp.diagnosis.layers import LayerDiagnosis, layer
from moecusp.trace import SiteTrace, TraceFile

Looked = tuple[LayerDiagnosis, SiteTrace]


def layers(
    trace: Iterable[SiteTrace], processes: int, feedback: float | None, most: int, noise: float
) -> Iterator[Looked]:
    """Yield the diagnosis of each site, and its record without tokens."""
    look = partial(_look, feedback=feedback, most=most, noise=noise)
    if not isinstance(trace, TraceFile) or min(processes, len(trace)) < 2:
        yield from map(look, trace)
        return
    work = partial(_read, look, trace)
    with ProcessPoolExecutor(min(processes, len(trace)), get_context("spawn"), _start) as pool:
        try:
            with _quiet():  # the processes start here, and inherit it
                found = pool.map(work, range(len(trace)))
            yield from found
        except BrokenProcessPool as error:
            raise MemoryError("a process that looked at a layer was killed: ask for fewer at a time") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _look(record: SiteTrace, feedback: float | None, most: int, noise: float) -> Looked:
    with one_thread():
        return layer(record, feedback, most, noise), record.without_sample()


def _read(look: partial[Looked], file: TraceFile, index: int) -> Looked:
    return look(file[index])


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold an interruption back: it is for the process that asked, not for those that start inside, imports and all."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its own start would let interruptions through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """Leave interruptions, and let views of mappings go back, to the process that asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    copyreg.pickle(MappingProxyType, _view)


def _view(view: MappingProxyType[Any, Any]) -> tuple[Any, tuple[dict[Any, Any]]]:
    return _viewed, (dict(view),)


def _viewed(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)
