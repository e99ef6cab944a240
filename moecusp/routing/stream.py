"""All tokens of a recording, written to disk part by part while the model runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from moecusp._arguments import ParameterError, integer
from moecusp.routing.dispatch import Slots
from moecusp.routing.reservoir import Whole
from moecusp.routing.sites import Place
from moecusp.routing.tally import Tally
from moecusp.trace.storage import encoded
from moecusp.trace.stream import append, create

_ENTRY = 400  # bytes that an array takes in a file besides its own, at most


@dataclass(frozen=True)
class Stream:
    """Where `record` writes all tokens whole, and how much.

    Parameters
    ----------
    path : path
        A folder that is new, or has no stream in it.
    part : int
        Bytes gathered before a part is written, between two batches; >= 1. A kill loses no more than these and the
        batch at work.
    most : int
        Most bytes on disk in all; the stream ends before it would take more, and the trace notes it; >= 1.

    Raises
    ------
    ParameterError
        If a bound is out of range.

    Examples
    --------
    >>> from moecusp.routing import Stream
    >>> Stream("run-1", part=2**20).most // 2**30
    16
    """

    path: str | os.PathLike[str]
    part: int = 2**26
    most: int = 2**34

    def __post_init__(self) -> None:
        """Check every argument."""
        integer("part", self.part, 1)
        integer("most", self.most, 1)
        if not isinstance(self.path, str | os.PathLike):
            raise ParameterError("stream", self.path, "a path, or a Stream")


class Writer:
    """Gathers batches on the device, and writes them as a part of the stream when they are enough.

    Attributes
    ----------
    ended : str
        Why nothing is written any more; "" while it is.
    """

    def __init__(self, stream: Stream, places: Sequence[Place], source: dict[str, str]) -> None:
        self.stream, self.places, self.source = stream, places, source
        self.folder = create(stream.path)
        self.ended = ""
        self._number = self._bytes = 0
        self._begin()

    def open(self, step: int | None) -> None:
        """Begin a batch."""
        if self._gathered >= self.stream.part:
            self.write()
        if not self.ended:
            self._tally.open(step)

    def add(self, number: int, slots: Slots) -> None:
        """Gather what one call of a router sent where."""
        if not self.ended:
            self._tally.add(number, slots)
            self._gathered += slots.row.nbytes + sum(column.nbytes for column in slots.tokens.values())

    def write(self) -> None:
        """Write what was gathered. Whatever the disk says, the model runs on: the stream ends, with a warning."""
        if not self._gathered or self.ended:
            return
        try:
            trace = self._tally.trace(self.source, silence=True)
            header, arrays = encoded(trace)
            size = len(header) + sum(array.nbytes + _ENTRY for array in arrays.values())
            if self._bytes + size > self.stream.most:
                self._end(f"another would be beyond most = {self.stream.most} bytes")
                return
            self._bytes += append(self.folder, self._number, trace).stat().st_size
        except (ParameterError, RuntimeError, OSError) as error:
            self._end(str(error))
            return
        self._number += 1
        self._begin()

    def _begin(self) -> None:
        self._gathered = 0
        self._tally = Tally(self.places, [Whole() for _ in self.places], 2**62)

    def _end(self, reason: str) -> None:
        self.ended = f"the stream in {self.folder} ended after {self._number} parts: {reason}"[:1000]
        self._begin()
        warnings.warn(self.ended, stacklevel=2)
