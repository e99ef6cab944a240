"""Files of traces: they come back as they went, whole or not at all."""

import json
import os
import pickle
import sys
import tempfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given

import moecusp as mc
import moecusp.trace.archive
from moecusp.trace import UNROUTED, RoutingTrace, TraceFileError, load, save
from moecusp.trace.parquet import load_counts, save_counts
from tests.examples import examples
from tests.traces import SUFFIXES, record, traces


class TestFiles:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    @given(trace=traces())
    @examples(60)
    def test_come_back_as_they_went(self, suffix, trace):
        with tempfile.TemporaryDirectory() as folder:
            path = save(trace, f"{folder}/trace{suffix}")
            again = load(path)
            assert again == trace
            assert os.listdir(folder) == [path.name]
            assert all(not array.flags.writeable for r in again if r.sample for array in r.sample.arrays().values())

    @given(trace=traces())
    @examples(60)
    def test_counts_come_back_from_parquet(self, trace):
        with tempfile.TemporaryDirectory() as folder:
            assert load_counts(save_counts(trace, f"{folder}/t.parquet")) == trace.without_samples()

    def test_parquet_is_a_table_for_others(self, tmp_path):
        rows = pyarrow.parquet.read_table(save_counts(RoutingTrace([record()]), tmp_path / "t.parquet")).to_pylist()
        assert len(rows) == 2 * (3 + len(UNROUTED))
        usual = {"site": "mlp", "layer": 0, "batch": 1, "step": None, "tokens": 4, "bias": None}
        assert {**usual, "slot": "expert", "expert": 1, "count": 5} in rows
        assert {**usual, "slot": "dropped", "expert": None, "count": 1} in rows

    def test_npz_is_what_numpy_reads(self, tmp_path):
        with np.load(save(RoutingTrace([record()]), tmp_path / "t.npz")) as archive:
            assert archive["0/counts"].tolist() == [[4, 3, 3], [2, 5, 0]]
            assert json.loads(archive["header"].tobytes())["version"] == 1

    @pytest.mark.parametrize("suffix", [*SUFFIXES, ".parquet"])
    def test_same_content_same_bytes_and_nothing_half_written(self, suffix, tmp_path, monkeypatch):
        write = save_counts if suffix == ".parquet" else save
        mine = RoutingTrace([record()])
        paths = [write(mine, tmp_path / f"{name}{suffix}") for name in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].stat().st_mode & 0o777 == 0o666 & ~_umask()
        before = paths[0].read_bytes()
        monkeypatch.setattr(os, "fsync", _fails)
        with pytest.raises(TraceFileError, match="full"):
            write(RoutingTrace([record(steps=[0, 1])]), paths[0])
        assert paths[0].read_bytes() == before
        assert len(os.listdir(tmp_path)) == 2

    def test_paths(self, tmp_path):
        mine = RoutingTrace([record()])
        for path in (tmp_path / "t.pt", tmp_path / "no" / "t.npz", tmp_path):
            with pytest.raises(TraceFileError, match=str(path)):
                save(mine, path)
        (tmp_path / "folder.npz").mkdir()
        os.mkfifo(tmp_path / "pipe.npz")
        for name in ("t.npz", "t.pt", "folder.npz", "pipe.npz", "a\0b.npz"):
            with pytest.raises(TraceFileError):
                load(tmp_path / name)
        with pytest.raises(mc.ParameterError, match="path"):
            load(3)  # type: ignore[arg-type]
        with pytest.raises(mc.ParameterError, match="trace"):
            save(record(), tmp_path / "t.npz")
        path = save(mine, tmp_path / "t.npz")
        with pytest.raises(TraceFileError, match="max_bytes"):
            load(path, max_bytes=path.stat().st_size - 1)

    def test_npz_has_an_end(self, tmp_path, monkeypatch):
        """A zip of 2 GiB points to a second last record, which `load` would refuse."""
        monkeypatch.setattr(moecusp.trace.archive, "MOST_NPZ", 3000)
        with pytest.raises(TraceFileError, match=r"t\.npz: .*write \.safetensors"):
            save(RoutingTrace([record()]), tmp_path / "t.npz")
        assert os.listdir(tmp_path) == []

    def test_a_missing_package_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "safetensors", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        for call in (save, save_counts):
            with pytest.raises(ImportError, match=r"moecusp\[trace\]"):
                call(RoutingTrace([record()]), tmp_path / "t.safetensors")

    def test_errors_survive_pickling(self):
        error = TraceFileError("a.npz", "no")
        assert str(error) == str(pickle.loads(pickle.dumps(error))) == "a.npz: no"


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fails(handle):
    raise OSError(28, "full")
