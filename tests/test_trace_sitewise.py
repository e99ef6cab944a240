"""A trace read site by site is the trace, and costs the memory of a site."""

import pickle
import tempfile
import tracemalloc

import numpy as np
import pytest
from hypothesis import given

from moecusp import ParameterError
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace, TraceFile, TraceFileError, save
from tests.examples import examples
from tests.traces import record, site, traces


@given(trace=traces())
@examples(40)
def test_sites_are_those_of_the_trace(trace):
    with tempfile.TemporaryDirectory() as folder:
        file = TraceFile(save(trace, f"{folder}/trace.safetensors"))
        assert RoutingTrace(list(file), file.source, file.notes) == trace
        assert [file[index] for index in range(-len(file), 0)] == list(trace)
        assert list(pickle.loads(pickle.dumps(file))) == list(trace)


def test_only_one_site_is_in_memory(tmp_path):
    tokens = 200_000
    logits = np.random.default_rng(0).normal(size=(tokens, 4)).astype(np.float32)
    chosen = logits.argmax(axis=1)[:, None]
    sample = Sample(chosen, scores=logits, kind="raw", batch=np.zeros(tokens, np.int64))
    counts = sample.counts(1, 4)
    sites = [SiteTrace(Site(f"layers.{i}", i, experts=4, k=1), counts, [tokens], sample=sample) for i in range(6)]
    path = save(RoutingTrace(sites), tmp_path / "t.safetensors")
    assert path.stat().st_size > 6 * logits.nbytes
    tracemalloc.start()
    found = [each.sample.arrays()["scores"][::1000].copy() for each in TraceFile(path) if each.sample]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * (logits.nbytes + chosen.nbytes)
    assert np.array_equal(found[5], logits[::1000])


def test_refusals(tmp_path):
    path = save(RoutingTrace([record(), record(site=site(name="other"))]), tmp_path / "t.safetensors")
    with pytest.raises(TraceFileError, match=r"site 0 has 1\d\d bytes, more than max_bytes = 100"):
        TraceFile(path, max_bytes=100)
    assert len(TraceFile(path, max_bytes=path.stat().st_size)) == 2
    with pytest.raises(ParameterError, match="max_bytes = 0"):
        TraceFile(path, max_bytes=0)
    with pytest.raises(TraceFileError, match=r"must end in \.safetensors"):
        TraceFile(save(RoutingTrace([record()]), tmp_path / "t.npz"))
    with pytest.raises(TraceFileError, match="cannot be read"):
        TraceFile(tmp_path / "missing.safetensors")
    with pytest.raises(IndexError, match="site 2 of 2"):
        TraceFile(path)[2]
