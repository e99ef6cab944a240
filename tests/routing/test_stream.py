"""All tokens written to disk while a model runs: nothing lost, nothing half-written, bounded in memory and on disk."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moecusp import ParameterError
from moecusp.routing import Stream, record
from moecusp.trace import RoutingTrace, TraceFileError, TraceStream
from tests.routing.own import Model, tokens

ROOT = Path(__file__).parents[2]
GROUPS = [tokens(rows=1 + n % 3, length=4 + n, seed=n) for n in range(6)]


def run(model, stream, groups=GROUPS, **more):
    with record(model, sample=10**6, stream=stream, **more) as recorder, torch.no_grad():
        for step, ids in enumerate(groups):
            mask = torch.ones_like(ids)
            mask[0, : step % 3] = 0
            recorder.step = step
            model(ids, attention_mask=mask)
    return recorder.trace()


@pytest.mark.parametrize("part", [1, 4000, 2**26])
def test_the_parts_are_the_whole_whatever_their_size(tmp_path, part):
    """Against a sample that keeps all tokens in memory."""
    whole = run(Model(), Stream(tmp_path / "s", part=part))
    found = TraceStream(tmp_path / "s")
    assert RoutingTrace.concatenate(found) == whole
    assert found.counts() == whole.without_samples()
    assert len(found) == {1: 6, 4000: 2, 2**26: 1}[part]
    assert found[-1]["layers.0.experts"].steps[-1] == 5
    with pytest.raises(IndexError):
        found[len(found)]


def test_what_is_gathered_in_memory_is_bounded_by_a_part_and_a_batch(tmp_path):
    model, ids = Model(layers=1), tokens(rows=4, length=64)
    with record(model, sample=0, stream=Stream(tmp_path / "s", part=2**16)) as recorder, torch.no_grad():
        writer: Any = recorder._writer
        most = 0
        for _ in range(40):
            model(ids)
            most = max(most, writer._gathered)
            kept = [column.nbytes for column in writer._tally.books[0].keeper.columns.values()]
            assert sum(kept) <= writer._gathered
    batch = 256 * (16 + 8 + 1 + 16) + 8 * (4 + 7)  # choices, weights, mask, scores; counts
    assert 2**16 <= most <= 2**16 + batch
    assert sum(r.counts.sum() for part in TraceStream(tmp_path / "s") for r in part) == 40 * 256 * 2


def test_what_is_on_disk_is_bounded_and_the_end_is_said(tmp_path):
    stream = Stream(tmp_path / "s", part=1, most=30_000)
    with pytest.warns(UserWarning, match="ended after [1-5] parts.*30000 bytes"):
        trace = run(Model(), stream)
    assert sum(part.stat().st_size for part in (tmp_path / "s").glob("*.npz")) <= 30_000
    found = TraceStream(tmp_path / "s")
    assert "30000 bytes" in trace.notes[0]
    assert trace.records[0].tokens.sum() == sum(g.numel() - n % 3 for n, g in enumerate(GROUPS))  # counted to the end
    assert found.counts().records[0].counts.tolist() == trace.records[0].counts[: len(found)].tolist()


def test_a_disk_that_fails_ends_the_stream_and_not_the_model(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.warns(UserWarning, match="ended after 0 parts.*No space left"):
        trace = run(Model(), Stream(tmp_path / "s", part=1))
    assert trace.records[0].batches == 6
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["stream.json"]


KILLED = """
import os, sys
import moecusp.trace.archive as archive
from moecusp.trace import RoutingTrace, Site, SiteTrace
from moecusp.trace.stream import append, create

write, calls = archive.npy.write_array, []
def killed(stream, *more, **named):
    calls.append(1)
    if len(calls) == 10:
        stream.write(b"half")
        os._exit(9)
    write(stream, *more, **named)
archive.npy.write_array = killed
stream = create(sys.argv[1])
for number in range(9):
    append(stream, number, RoutingTrace([SiteTrace(Site("mlp", 0, experts=2, k=1), [[number, 1]], [number + 1])]))
"""


def test_a_kill_in_the_middle_of_a_write_loses_the_part_at_work(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "s")], env=environment, check=False)
    assert done.returncode == 9
    assert len(list((tmp_path / "s").glob(".*.part"))) == 1  # what was half-written
    found = TraceStream(tmp_path / "s")
    assert [part["mlp"].counts.tolist() for part in found] == [[[0, 1]], [[1, 1]]]  # 4 entries a part


class TestFolder:
    def test_of_another_stream_is_not_written_to(self, tmp_path):
        run(Model(), tmp_path / "s")
        with pytest.raises(TraceFileError, match="holds a stream already"):
            record(Model(), stream=tmp_path / "s")

    def test_that_cannot_be_made(self, tmp_path):
        with pytest.raises(TraceFileError, match="cannot be written"):
            record(Model(), stream=tmp_path / "no" / "s")

    def test_with_a_part_missing_or_broken(self, tmp_path):
        run(Model(), Stream(tmp_path / "s", part=1))
        part = tmp_path / "s" / "00000002.npz"
        content = part.read_bytes()
        part.write_bytes(content[:-100])
        found = TraceStream(tmp_path / "s")
        assert found[1].records[0].batches == 1  # parts are read alone
        with pytest.raises(TraceFileError, match="00000002"):
            found[2]
        part.unlink()
        with pytest.raises(TraceFileError, match=r"00000002\.npz is missing"):
            TraceStream(tmp_path / "s")

    def test_without_parts_or_of_another_kind(self, tmp_path):
        record(Model(), stream=tmp_path / "s")
        assert len(TraceStream(tmp_path / "s")) == 0
        with pytest.raises(TraceFileError, match="no part"):
            TraceStream(tmp_path / "s").counts()
        with pytest.raises(TraceFileError, match="cannot be read"):
            TraceStream(tmp_path)
        (tmp_path / "s" / "stream.json").write_text('{"format":"moecusp.routing-stream","version":2}')
        with pytest.raises(TraceFileError, match="version 1"):
            TraceStream(tmp_path / "s")

    @pytest.mark.parametrize("bad", [{"part": 0}, {"most": 0}, {"path": 3}])
    def test_bad_arguments(self, bad):
        with pytest.raises(ParameterError, match=next(iter(bad)) if "path" not in bad else "stream"):
            Stream(**{"path": "s", **bad})


def test_a_router_that_is_first_called_later(tmp_path):
    """As those for images: parts before that are without it."""
    model = Model(layers=2)
    with record(model, stream=Stream(tmp_path / "s", part=1)) as recorder, torch.no_grad():
        model.layers[1].forward = lambda hidden: hidden
        model(GROUPS[0])
        del model.layers[1].forward
        model(GROUPS[1])
    assert [len(part) for part in TraceStream(tmp_path / "s")] == [1, 2]
    assert np.array_equal(recorder.trace()["layers.1.experts"].tokens, [0, GROUPS[1].numel()])
