"""A trace in one file that may be larger than memory: its sites are read one at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from moecusp._arguments import integer
from moecusp.trace.archive import read_safetensors
from moecusp.trace.files import GIB, TraceFileError, existing
from moecusp.trace.sites import SiteTrace
from moecusp.trace.storage import blamed, checked, record_of


class TraceFile:
    """The sites of a .safetensors file that `save` wrote, of any size, read one at a time.

    Parameters
    ----------
    path : path
        Of the file.
    max_bytes : int
        Refuse a site that is larger.

    Attributes
    ----------
    source : dict
    notes : list of str
        As of the `RoutingTrace`.

    Raises
    ------
    TraceFileError
        As `load` does, for the whole file on opening and for a site on reading it.

    Notes
    -----
    Arrays stay in the file and are read as they are looked at: it must not change meanwhile.

    Examples
    --------
    >>> import tempfile
    >>> from moecusp.trace import RoutingTrace, Site, SiteTrace, TraceFile, save
    >>> sites = [SiteTrace(Site(f"layers.{i}", i, experts=2, k=1), [[3, 1]], [4]) for i in range(3)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = TraceFile(save(RoutingTrace(sites), f"{folder}/trace.safetensors"))
    ...     len(file), file[2] == sites[2]
    (3, True)
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int = 4 * GIB) -> None:
        self.path, self.max_bytes = existing(path, sys.maxsize), integer("max_bytes", max_bytes, 1)
        if self.path.suffix != ".safetensors":
            raise TraceFileError(path, "must end in .safetensors to be read site by site")
        content, arrays = read_safetensors(self.path, mapped=True)
        header = checked(path, content)
        self.source, self.notes = header["source"], header["notes"]
        self._sites = header["sites"]
        self._arrays = {str(index): dict[str, NDArray[Any]]() for index in range(len(self._sites))}
        for name, array in arrays.items():
            place = name.partition("/")[0]
            if place not in self._arrays:
                raise TraceFileError(path, f"entry {name[:100]!r} belongs to no site")
            self._arrays[place][name] = array
        for place, own in self._arrays.items():
            size = sum(array.nbytes for array in own.values())
            if size > self.max_bytes:
                raise TraceFileError(path, f"site {place} has {size} bytes, more than max_bytes = {self.max_bytes}")

    def __reduce__(self) -> tuple[type[TraceFile], tuple[Path, int]]:
        """Open it anew in another process."""
        return type(self), (self.path, self.max_bytes)

    def __len__(self) -> int:
        """Return the number of sites."""
        return len(self._sites)

    def __getitem__(self, index: int) -> SiteTrace:
        """Read a site; those from the end count from -1."""
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"site {index} of {len(self)}")
        rest = dict(self._arrays[str(place)])
        with blamed(self.path):
            record = record_of(place, dict(self._sites[place]), rest)
            if rest:
                raise TraceFileError(self.path, f"entry {next(iter(rest))[:100]!r} belongs to no site")
        return record

    def __iter__(self) -> Iterator[SiteTrace]:
        """Read one site after the other."""
        return (self[index] for index in range(len(self)))
