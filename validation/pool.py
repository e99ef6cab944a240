"""Parts of a run side by side, by joblib: in processes, or wherever `joblib.parallel_config` says (dask, Ray)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from validation.streams import Stream
from validation.work import now

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Ran = tuple[str, str, Mapping[str, "ArrayLike"]]
"""A part that ran: its name, when it began, and what it measured."""


class Job(Protocol):
    """A part of a study."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def size(self) -> int:
        """Work to do."""

    @property
    def run(self) -> Callable[[Stream, Callable[[int], object]], Mapping[str, ArrayLike]]:
        """run(stream, tick) measures."""


def running(parts: Sequence[tuple[Job, Stream]], tick: Callable[[int], object], processes: int) -> Iterator[Ran]:
    """Run parts, so many at a time (-1: as many as there are cores, or as the backend has), and give each as it ends.

    Measured is what one after another would measure: every part has its own stream. What has been given is done; the
    others are lost where the run is killed, but not where a worker of the backend is, if the backend repeats its work.
    """
    if processes == 1 or len(parts) < 2:
        for part, source in parts:
            yield _run(part, source, tick)
        return
    import joblib

    sizes = {part.name: part.size for part, _ in parts}
    pool = joblib.Parallel(n_jobs=processes, return_as="generator_unordered", batch_size=1)
    for ran in pool(joblib.delayed(_run)(part, source, _silent) for part, source in parts):
        tick(sizes[ran[0]])
        yield ran


def _run(part: Job, source: Stream, tick: Callable[[int], object]) -> Ran:
    started = now()
    return part.name, started, part.run(source, tick)


def _silent(_: int) -> None:
    """Say nothing of what is done: another process has no bar."""
