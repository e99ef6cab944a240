"""What a bad file must do: be refused for its reason, soon, and with little memory."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest

from moecusp.trace import TraceFileError, load


def refused_import(read, path, reason, *arguments):
    """Refused for this reason, soon, and with little memory."""
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        with pytest.raises(TraceFileError, match=reason) as caught:
            read(path, *arguments)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
        assert time.perf_counter() - begin < 20
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def refused_trace(path, reason, read=load):
    """Refused for this reason, with little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(TraceFileError, match=reason):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert not (Path(tempfile.gettempdir()) / "moecusp-was-here").exists()
