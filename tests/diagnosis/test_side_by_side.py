"""A file diagnosed layer by layer, in one process or in several, gets the diagnosis of the trace."""

import json
import os
import signal
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from moecusp import ParameterError
from moecusp.cli.report import opened
from moecusp.cli.report import processes as asked
from moecusp.diagnosis import as_json, diagnose
from moecusp.diagnosis.side_by_side import layers
from moecusp.report.provenance import collect
from moecusp.trace import RoutingTrace, TraceFile, TraceFileError, load, save
from tests.diagnosis.planted import counted, site_trace, trace


@pytest.fixture(scope="module", name="path")
def _path(tmp_path_factory):
    records = (
        site_trace(batches=12, size=100),
        counted(np.array([0.0005, *[0.9995 / 7] * 7])),
        site_trace(batches=12, size=100, seed=3, bias=np.linspace(-0.2, 0.2, 8)),
    )
    made = trace(*records)
    noted = RoutingTrace(made, {"model": "planted"}, ["by hand"])
    return save(noted, tmp_path_factory.mktemp("file") / "t.safetensors")


def content(found):
    return json.dumps(as_json(found, collect("test", 0, datetime(2026, 1, 1, tzinfo=UTC))) | {"provenance": None})


@pytest.mark.parametrize("processes", [1, 2, 7])
def test_numbers_are_those_of_the_trace(path, processes):
    seen: list[int] = []
    found = diagnose(TraceFile(path), tokens=500, feedback=2.0, decay=1.0, processes=processes, progress=seen.append)
    assert content(found) == content(diagnose(load(path), tokens=500, feedback=2.0, decay=1.0))
    assert seen == [1, 1, 1]
    assert found.trace == load(path).without_samples()


def test_a_bad_site_is_named(path, tmp_path):
    """It is found by the process that reads it, and said by the one that asked."""
    content, bad = path.read_bytes(), tmp_path / "bad.safetensors"
    counts = TraceFile(path)[2].counts.tobytes()
    bad.write_bytes(content.replace(counts, b"\xff" * 8 + counts[8:]))
    for processes in (1, 2):
        with pytest.raises(TraceFileError, match=r"bad\.safetensors: counts\[0, 0\] = -1"):
            diagnose(TraceFile(bad), processes=processes)


class Deadly(TraceFile):
    """A file whose reader is killed."""

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_said(path):
    with pytest.raises(MemoryError, match="was killed: ask for fewer"):
        list(layers(Deadly(path), 2, None, 500, 0.01))


@pytest.mark.parametrize("processes", [0, 1.5, True])
def test_how_many_is_checked(path, processes):
    with pytest.raises(ParameterError, match=r"^processes = "):
        diagnose(TraceFile(path), processes=processes)


def test_the_command_asks_for_as_many_as_there_are_cores_for_a_large_file(path, monkeypatch):
    monkeypatch.setattr("moecusp.report.provenance.cores", lambda: 5)
    assert [asked(each) for each in (TraceFile(path), load(path))] == [1, 1]
    monkeypatch.setattr(sys.modules["moecusp.cli.report"], "LARGE", path.stat().st_size)
    assert [asked(each) for each in (TraceFile(path), load(path))] == [5, 1]
    assert isinstance(opened(str(path), 500), TraceFile)


class Asking(TraceFile):
    """A file whose reader says whether an interruption reaches it."""

    def __getitem__(self, index):
        raise ParameterError("interrupted", signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ()), "False")


def test_an_interruption_is_for_the_process_that_asked(path):
    with pytest.raises(ParameterError, match="interrupted = False"):
        list(layers(Asking(path), 2, None, 500, 0.01))
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
