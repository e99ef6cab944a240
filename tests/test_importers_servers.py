"""Routed experts as inference servers record them: slot by slot, in parts, and what is refused."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moecusp as mc
from moecusp.importers import decoded_routed_experts, from_routed_experts, read_routed_experts, servers
from moecusp.trace import RoutingTrace, Sample, Site, SiteTrace, TraceFileError
from tests.examples import examples
from tests.refusals import refused_import


class TestRoutedExperts:
    @given(st.integers(0, 2**32 - 1), st.booleans())
    @examples(60)
    def test_slot_by_slot(self, seed, keep):
        """Against a loop over every slot; layer 1 is dense, a token without ids was not recorded."""
        random = np.random.default_rng(seed)
        requests = [random.integers(-1, 5, (int(random.integers(1, 20)), 3, 2)) for _ in range(3)]
        for request in requests:
            request[:, 1] = -1
        requests[0][0] = [[0, 1], [-1, -1], [2, 2]]
        trace = from_routed_experts(requests, 5, names=["x", "y", "z"], keep=keep)
        assert [record.site.name for record in trace] == ["x", "z"]
        for record, layer in zip(trace, (0, 2), strict=True):
            counts, tokens, null, padded = np.zeros((3, 5), int), [0] * 3, [0] * 3, [0] * 3
            for batch, request in enumerate(requests):
                for ids in request[:, layer].tolist():
                    if ids == [-1, -1]:
                        padded[batch] += 2
                        continue
                    tokens[batch] += 1
                    for chosen in ids:
                        if chosen < 0:
                            null[batch] += 1
                        else:
                            counts[batch, chosen] += 1
            sample = None
            if keep:
                rows = np.concatenate(requests)[:, layer]
                origin = np.repeat(range(3), [len(request) for request in requests])
                sample = Sample(rows, mask=(rows >= 0).any(axis=1), batch=origin)
            site = Site("xyz"[layer], layer, 5, 2)
            assert record == SiteTrace(site, counts, tokens, {"null": null, "padded": padded}, sample=sample)

    def test_in_parts_from_disk(self, tmp_path, monkeypatch):
        ids = np.random.default_rng(0).integers(-1, 8, (1000, 4, 2)).astype(np.int16)
        np.save(tmp_path / "t.npy", ids)
        monkeypatch.setattr(servers, "_CHUNK", 100)
        assert read_routed_experts(tmp_path / "t.npy", 8) == from_routed_experts([ids], 8)

    def test_base64_of_a_server(self):
        ids = np.random.default_rng(0).integers(-1, 8, (7, 3, 2)).astype("<i4")
        text = base64.b64encode(ids.tobytes()).decode()
        assert np.array_equal(decoded_routed_experts(text, layers=3, k=2), ids)
        for bad in ("", "a", "é", text[:-4], 3, text.replace("/", "!") + "!"):
            with pytest.raises(mc.ParameterError, match="text"):
                decoded_routed_experts(bad, layers=3, k=2)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("requests", "named"),
        [
            ([], "requests"),
            ([[[0, 1]]], "requests[0]"),
            ([[[[0.0, 1.0]]]], "requests[0]"),
            ([[[[0, 1]], [[0]]]], "requests[0]"),
            ([np.zeros((0, 1, 2), int)], "requests[0]"),
            ([[[[0, 4]]]], "requests[0]"),
            ([[[[0, 1]]], [[[0, -2]]]], "requests[1]"),
            ([[[[0, 1]]], [[[0, 1, 2]]]], "requests"),
            ([[[[-1, -1]]]], "records"),
        ],
    )
    def test_refuses(self, requests, named):
        with pytest.raises(mc.ParameterError) as caught:
            from_routed_experts(requests, 4)
        assert caught.value.name == named

    def test_refuses_other_arguments(self):
        for arguments in ({"experts": 0}, {"experts": 2**16 + 1}, {"experts": 4, "names": ["a", "b"]}):
            with pytest.raises(mc.ParameterError):
                from_routed_experts([[[[0, 1]]]], **arguments)

    def test_hostile_files(self, tmp_path):
        path = tmp_path / "t.npy"
        header = npy_header("<i8", (10**12, 3, 2))
        for content in (b"", b"\x80\x04\x95", header, header[:40], npy_header("|O", (1, 1, 1)) + b"x" * 8):
            path.write_bytes(content)
            refused_import(read_routed_experts, path, "no array of routed experts", 8)
        np.save(path, np.array([[[object()]]]), allow_pickle=True)
        refused_import(read_routed_experts, path, "no array", 8)
        np.save(path, np.full((5, 1, 1), 9))
        refused_import(read_routed_experts, path, "ids from 0 to 7", 8)
        with pytest.raises(TraceFileError, match="max_bytes"):
            read_routed_experts(path, 8, max_bytes=10)


def npy_header(descr, shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_an_import_is_a_trace():
    trace = from_routed_experts([[[[0, 1]], [[1, 2]]]], 4)
    assert isinstance(trace, RoutingTrace)
    assert trace.source["imported from"] == "routed experts"
