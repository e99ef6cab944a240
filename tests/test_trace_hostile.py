"""A hostile file of a trace is refused before it costs anything."""

import io
import json
import os
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from moecusp.trace import RoutingTrace, Sample, TraceFile, TraceFileError, load, save
from moecusp.trace.storage import blamed
from tests.refusals import refused_trace
from tests.traces import record


def sitewise(path):
    """Read a file site by site."""
    file = TraceFile(path)
    with blamed(path):
        return RoutingTrace(list(file), file.source, file.notes)


READERS = [(".npz", load), (".safetensors", load), (".safetensors", sitewise)]


class _Bomb:
    """What a pickle would run."""

    def __reduce__(self):
        return os.mkdir, (str(Path(tempfile.gettempdir()) / "moecusp-was-here"),)


def _pack(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)


def _npy(array=None, header=None, body=b""):
    stream = io.BytesIO()
    if header is not None:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(body)
    else:
        np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def _entries(path):
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.fixture
def archive(tmp_path):
    return save(RoutingTrace([record(sample=Sample([[0, 1]]))]), tmp_path / "t.npz")


class TestHostileArchives:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (
                _npy(header={"descr": "<i8", "fortran_order": False, "shape": (10**12, 3)}),
                "claims 24000000000000 bytes",
            ),
            (_npy(header={"descr": "<i8", "fortran_order": False, "shape": (2**62, 2**62)}), "claims"),
            (_npy(header={"descr": "<i8", "fortran_order": False, "shape": (-2, -3)}, body=bytes(48)), "claims"),
            (_npy(np.array([[_Bomb()] * 3] * 2)), "type object"),
            (_npy(np.array([["a"] * 3] * 2)), "type"),
            (_npy(np.zeros((2, 3), ">i8")), "type"),
            (_npy(np.asfortranarray(np.zeros((2, 3), np.int64))), "type"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.int64))[:-1], "claims 48 bytes and holds 47"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.int64)) + b"\0", "claims 48 bytes and holds 49"),
            (_npy(np.array([[4, 3, 3], [2, -5, 0]], np.int64)), r"counts\[1, 1\] = -5"),
            (_npy(np.array([[4, 3, 3], [2, 5, 0]], np.float64)), "counts.dtype"),
            (_npy(np.array([[4, 3, 3], [2, 6, 0]], np.int64)), "tokens times k"),
            (b"\x93NUMPY\x03\0", "version"),
            (b"", "not a whole"),
            (b"\x93NUMPY\x01\0\x10\0" + b"__import__('os')", "not a whole"),
        ],
    )
    def test_counts(self, archive, content, reason):
        _pack(archive, [(n, content if n == "0/counts.npy" else c) for n, c in _entries(archive)])
        refused_trace(archive, reason)

    def test_entries(self, archive):
        entries = _entries(archive)
        by_name = dict(entries)
        for bad, reason in [
            ([*entries, ("0/more.npy", by_name["0/tokens.npy"])], "belongs to no site"),
            ([*entries, ("1/counts.npy", by_name["0/counts.npy"])], "belongs to no site"),
            ([*entries, ("../../evil.npy", by_name["0/tokens.npy"])], "belongs to no site"),
            ([e for e in entries if e[0] != "0/unrouted.npy"], "unrouted"),
            ([e for e in entries if e[0] != "0/counts.npy"], "counts"),
            ([e for e in entries if e[0] != "0/sample/chosen.npy"], "sample/chosen"),
            ([e for e in entries if e[0] != "header.npy"], "not a routing trace"),
            ([("header.npy", _npy(np.zeros(3))), *entries[1:]], "not a routing trace"),
            ([("header.npy", _npy(np.full(3, 255, np.uint8))), *entries[1:]], "UTF-8"),
            ([], "not a routing trace"),
        ]:
            _pack(archive, bad)
            refused_trace(archive, reason)
        with pytest.warns(UserWarning, match="Duplicate"):
            _pack(archive, [*entries, entries[1]])
        refused_trace(archive, "twice")

    def test_bombs(self, archive):
        entries = _entries(archive)
        _pack(archive, [("bomb.npy", bytes(50_000_000)), *entries], zipfile.ZIP_DEFLATED)
        assert archive.stat().st_size < 100_000
        refused_trace(archive, "compressed")
        _pack(archive, [(f"{i:01000}", b"") for i in range(5000)])
        refused_trace(archive, "table of contents")
        # one body listed many times: entries that overlap claim more than there is
        _pack(archive, [("a.npy", bytes(100_000))])
        content = archive.read_bytes()
        start = content.rindex(b"PK\1\2")
        one = content[start : content.rindex(b"PK\5\6")]
        many = b"".join(one.replace(b"a.npy", b"%05d" % i) for i in range(1000))
        end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1000, 1000, len(many), start, 0)
        archive.write_bytes(content[:start] + many + end)
        refused_trace(archive, "claim more than the file holds")

    def test_every_truncation_and_flipped_byte_is_refused_or_harmless(self, archive):
        whole, right = archive.read_bytes(), load(archive)
        for length in range(0, len(whole), 37):
            archive.write_bytes(whole[:length])
            with pytest.raises(TraceFileError):
                load(archive)
        contents = whole.rindex(b"0/counts.npy") - 200
        for place in [*range(0, contents, 11), *range(contents, len(whole))]:
            archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
            try:
                assert load(archive) == right  # dates and permissions of entries
            except TraceFileError:
                pass


class TestHostileHeaders:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda h: {**h, "version": 2}, "schema version 2; this moecusp reads 1"),
            (lambda h: {**h, "version": "\x1b"}, "schema version '.x1b'"),
            (lambda h: {**h, "version": True}, "must hold"),
            (lambda h: {**h, "format": "pickle"}, "not a routing trace"),
            (lambda h: [h], "not a routing trace"),
            (lambda h: {**h, "more": 1}, "must hold"),
            (lambda h: {**h, "sites": {}}, "must hold"),
            (lambda h: {**h, "sites": []}, "belongs to no site"),
            (lambda h: {**h, "sites": [3]}, "a site must hold"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "experts": 10**12}]}, "experts = 1000000000000"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "experts": 2**16}]}, "counts.shape"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "k": -2}]}, "k = -2"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "kind": "raw"}]}, "kind"),
            (lambda h: {**h, "sites": [{**h["sites"][0], "__class__": "os"}]}, "a site must hold"),
            (lambda h: {**h, "sites": h["sites"] * 2}, "1/unrouted"),
            (lambda h: {**h, "notes": ["\x1b]0;"]}, "notes"),
            (lambda h: {**h, "source": {"a": float("nan")}}, "NaN"),
        ],
    )
    @pytest.mark.parametrize(("suffix", "read"), READERS)
    def test_refused(self, archive, suffix, read, change, reason):
        entries = dict(_entries(archive))
        header = change(json.loads(entries["header.npy"][128:]))
        self.write(archive.with_suffix(suffix), entries, json.dumps(header))
        refused_trace(archive.with_suffix(suffix), reason, read)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('{"format": 1, "format": 2}', "'format' is there twice"),
            ("[" * 200_000, "JSON"),
            ("9" * 5000, "JSON"),
            ("", "JSON"),
            (f'"{"a" * 5_000_000}"', "header"),
        ],
    )
    @pytest.mark.parametrize(("suffix", "read"), READERS)
    def test_text(self, archive, suffix, read, text, reason):
        self.write(archive.with_suffix(suffix), dict(_entries(archive)), text)
        refused_trace(archive.with_suffix(suffix), reason, read)

    def write(self, path, entries, text):
        if path.suffix == ".npz":
            _pack(path, {**entries, "header.npy": _npy(np.frombuffer(text.encode(), np.uint8))}.items())
        else:
            arrays = {n.removesuffix(".npy"): np.load(io.BytesIO(c)) for n, c in entries.items() if n != "header.npy"}
            safetensors.numpy.save_file(arrays, path, {"header": text})


@pytest.mark.parametrize("read", [load, sitewise])
class TestHostileSafetensors:
    @pytest.mark.parametrize(
        ("header", "body", "reason"),
        [
            ('{"0/counts":{"dtype":"I64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}', 8, "not a whole"),
            ('{"0/counts":{"dtype":"I64","shape":[2],"data_offsets":[0,8]}}', 8, "not a whole"),
            (
                '{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}',
                8,
                "twice",
            ),
            ('{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}', 2, "not a whole|type"),
            ('{"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]}}', 2, "type (int16|I16)"),
            ('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', 8, "not a routing trace"),
            ('{"__metadata__":{"header":3}}', 0, "not a whole"),
            ("[]", 0, "no mapping"),
            ("\xff\xff", 0, "JSON"),
        ],
    )
    def test_header(self, tmp_path, read, header, body, reason):
        path, content = tmp_path / "t.safetensors", header.encode("latin-1")
        path.write_bytes(struct.pack("<Q", len(content)) + content + bytes(body))
        refused_trace(path, reason, read)

    @pytest.mark.parametrize(
        "start", [b"", b"\0" * 8, b"\xff" * 8, struct.pack("<Q", 10**8), struct.pack("<Q", 50) + b"{"]
    )
    def test_start(self, tmp_path, read, start):
        path = tmp_path / "t.safetensors"
        path.write_bytes(start)
        refused_trace(path, "safetensors|JSON", read)
