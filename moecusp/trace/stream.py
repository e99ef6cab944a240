"""A recording on disk in parts: a folder of traces of successive batches, each written whole and read alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from moecusp._arguments import ParameterError, integer
from moecusp.trace.archive import dumped
from moecusp.trace.files import GIB, TraceFileError, existing, parsed
from moecusp.trace.storage import load, save
from moecusp.trace.traces import RoutingTrace

HEADER, FORMAT, VERSION = "stream.json", "moecusp.routing-stream", 1
_PART = re.compile(r"(\d{8})\.npz")
_MOST = 10**8  # parts


class TraceStream:
    """Traces of successive batches in a folder, read one at a time.

    Parameters
    ----------
    path : path
        A folder that `moecusp.routing.record(model, stream=path)` wrote, or still writes.
    max_bytes : int
        Refuse a larger part.

    Raises
    ------
    TraceFileError
        If it is no such folder or a part is missing between others; on reading, if a part is not a whole trace.

    Notes
    -----
    Seen are the parts that are there when the object is made. A writer that is killed leaves whole parts: all but the
    last batches.

    Examples
    --------
    >>> import tempfile
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace, TraceStream
    >>> from moecusp.trace.stream import append, create
    >>> site = Site("mlp", 0, experts=2, k=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stream = create(f"{folder}/stream")
    ...     for number, counts in enumerate([[3, 1], [2, 2]]):
    ...         _ = append(stream, number, RoutingTrace([SiteTrace(site, [counts], [4])]))
    ...     found = TraceStream(stream)
    ...     len(found), [part["mlp"].counts.tolist() for part in found], found.counts()["mlp"].batches
    (2, [[[3, 1]], [[2, 2]]], 2)
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = 4 * GIB) -> None:
        self.path, self.max_bytes = Path(path), integer("max_bytes", max_bytes, 1)
        header = parsed(self.path, existing(self.path / HEADER, 1000).read_bytes())
        if header != _heading():
            raise TraceFileError(self.path, f"its {HEADER} does not say {FORMAT!r}, version {VERSION}")
        found = (_PART.fullmatch(entry.name) for entry in os.scandir(self.path))
        numbers = sorted(int(match[1]) for match in found if match)
        missing = next((n for n, number in enumerate(numbers) if n != number), None)
        if missing is not None:
            raise TraceFileError(self.path, f"part {_name(missing)} is missing")
        self._parts = len(numbers)

    def __len__(self) -> int:
        """Return the number of parts."""
        return self._parts

    def __getitem__(self, number: int) -> RoutingTrace:
        """Read a part; those from the end count from -1."""
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            raise IndexError(f"part {number} of {len(self)}")
        return load(self.path / _name(place), self.max_bytes)

    def __iter__(self) -> Iterator[RoutingTrace]:
        """Read one part after the other."""
        return (self[number] for number in range(len(self)))

    def counts(self) -> RoutingTrace:
        """Return the batches of all parts in one trace, without tokens; one part is in memory at a time."""
        if not len(self):
            raise TraceFileError(self.path, "no part is there yet")
        return RoutingTrace.concatenate(part.without_samples() for part in self)


def create(path: str | os.PathLike[str]) -> Path:
    """Make the folder of a new stream, or raise TraceFileError; its header is made once, so that none writes twice."""
    folder = Path(path)
    try:
        folder.mkdir(exist_ok=True)
        with open(folder / HEADER, "x", encoding="utf-8") as file:
            file.write(dumped(_heading()))
    except FileExistsError as error:
        raise TraceFileError(folder, "holds a stream already, or is a file: name a new folder") from error
    except OSError as error:
        raise TraceFileError(folder, f"cannot be written ({error.strerror or error})") from error
    return folder


def append(folder: Path, number: int, trace: RoutingTrace) -> Path:
    """Write the part of this number: all of it or nothing."""
    if not 0 <= number < _MOST:
        raise ParameterError("number", number, f"from 0 to {_MOST - 1}")
    return save(trace, folder / _name(number))


def _name(number: int) -> str:
    return f"{number:08d}.npz"


def _heading() -> dict[str, object]:
    return {"format": FORMAT, "version": VERSION}
