"""Files that others made: refused with a reason, never half-written."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moecusp._arguments import ParameterError

GIB = 2**30
MAX_HEADER = 4 * 2**20  # bytes of a file's own table of contents


class TraceFileError(ParameterError):
    """A file that cannot be read or written as asked; the message names it and says why."""

    def __init__(self, path: str | os.PathLike[str], problem: str) -> None:
        self.path, self.problem = os.fspath(path), problem
        super().__init__("path", self.path, problem)
        self.args = (f"{self.path}: {problem}",)

    def __reduce__(self) -> tuple[type[TraceFileError], tuple[str, str]]:  # type: ignore[override]
        """Survive pickling."""
        return type(self), (self.path, self.problem)


def existing(path: str | os.PathLike[str], max_bytes: int) -> Path:
    """Return the path of a regular file of at most max_bytes, or raise TraceFileError."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise TraceFileError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise TraceFileError(path, "not a file")
    if status.st_size > max_bytes:
        problem = f"{status.st_size} bytes, more than max_bytes = {max_bytes}; pass more if you trust the file"
        raise TraceFileError(path, problem)
    return Path(path)


@contextmanager
def written(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty file beside `path`, and rename it to `path` at the end if all went well."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise TraceFileError(path, f"cannot be written ({error.strerror})") from error
    try:
        yield Path(name)
        with open(name, "rb") as done:
            os.fsync(done.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, target)
    except OSError as error:
        raise TraceFileError(path, f"cannot be written ({error.strerror or error})") from error
    finally:
        Path(name).unlink(missing_ok=True)


def parsed(path: str | os.PathLike[str], content: str | bytes) -> Any:
    """Return JSON whose keys are all different and whose numbers are finite, or raise TraceFileError."""
    try:
        return json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TraceFileError(path, f"not JSON as it should be: {str(error)[:200]}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)[:100]!r} is there twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
