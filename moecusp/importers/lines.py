"""Text files of others, line by line: however long the file, one line of bounded length is in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator

from moecusp._arguments import integer
from moecusp.trace import TraceFileError
from moecusp.trace.files import GIB, existing

MAX_BYTES = 4 * GIB
MAX_LINE = 2**21  # bytes: 65,536 experts of up to 31 characters


def lines(path: str | os.PathLike[str], max_bytes: int) -> Iterator[tuple[int, str]]:
    """Give the number and the text of each line that is not empty; raise TraceFileError for what is no such text."""
    integer("max_bytes", max_bytes, 1)
    try:
        with open(existing(path, max_bytes), "rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise TraceFileError(path, f"line {number} is longer than {MAX_LINE} bytes")
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError as error:
                    raise TraceFileError(path, f"line {number} is not UTF-8") from error
                if text:
                    yield number, text
    except OSError as error:
        raise TraceFileError(path, f"cannot be read ({error.strerror})") from error
