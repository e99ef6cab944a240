"""CIFAR's pickles and records: hostile, cut short, of another set; nothing of a pickle runs."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.validation.training import written
from tests.validation.training.refusals import refused
from validation.training.data import pickles
from validation.training.data import resolve as resolving

resolve: Any = resolving.resolve  # which says Pictures or Passages


GOOD = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2], b"batch_label": b"training batch 1 of 5"}


class Touch:
    """What a pickle would run."""

    def __init__(self, path, how=None):
        self.path, self.how = path, how

    def __reduce__(self):
        return self.how or __import__("os").mkdir, (str(self.path),)


class TestPickles:
    @pytest.fixture(name="root")
    def _root(self, tmp_path):
        written.cifar10_python(tmp_path, *written.cifar10())
        return tmp_path

    def put(self, root, raw):
        (root / "data_batch_1").write_bytes(raw)
        said = refused("cifar-10", root)
        assert said.startswith("data_batch_1: ")
        return said.removeprefix("data_batch_1: ")

    @pytest.mark.parametrize("protocol", range(6))
    def test_code_is_not_run(self, root, tmp_path, protocol):
        place = tmp_path / "was-here"
        raw = pickle.dumps({**GOOD, b"x": Touch(place)}, protocol)
        assert "not a pickle of plain arrays: " in self.put(root, raw)
        assert not place.exists()
        pickle.loads(raw)  # which would have run it
        assert place.exists()

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
            (b"cbuiltins\neval\n(S'1'\ntR.", "asks for builtins.eval"),
            (b"\x80\x02cnumpy\nload\n.", "asks for numpy.load"),
            (b"\x80\x02cnumpy\ndtype.__class__\n.", "asks for numpy.dtype.__class__"),
            (b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.", "asks for numpy.dtype.__init__"),
            (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", "asks for os.system"),
            (b"(S'true'\nios\nsystem\n.", "instruction INST at byte 9"),
            (b"(cnumpy\ndtype\no.", "instruction OBJ at byte 14"),
            (b"\x80\x02\x82\x01.", "instruction EXT1 at byte 2"),
            (b"Pmodule\n.", "instruction PERSID at byte 0"),
            (b"\x80\x02)Q.", "instruction BINPERSID at byte 3"),
            (b"\x80\x02cnumpy\ndtype\n)\x81.", "instruction NEWOBJ at byte 16"),
            (b"\x80\x05\x96" + bytes(8) + b".", "instruction BYTEARRAY8 at byte 2"),
            (b"\x80\x05\x97.", "instruction NEXT_BUFFER at byte 2"),
            (b"\x80\x02c_codecs\nencode\n(X\x01\x00\x00\x00aX\x04\x00\x00\x00zlibtR.", "encoding by 'zlib'"),
        ],
    )
    def test_names_and_instructions(self, root, raw, said):
        assert self.put(root, raw) == f"not a pickle of plain arrays: {said}"

    def test_nothing_of_the_reader_can_be_set(self, root):
        """A state for a name would change the next pickle's reading."""
        for name in (b"numpy\nndarray", b"numpy\ndtype", b"_codecs\nencode", b"numpy.core.multiarray\n_reconstruct"):
            for state in (b"}(X\x04\x00\x00\x00makeK\x01u", b"N}(X\x04\x00\x00\x00makeK\x01u\x86"):
                said = self.put(root, b"\x80\x02c" + name + b"\n" + state + b"b.")
                assert said == "not a pickle of plain arrays: a state for a name"
        written.cifar10_python(root, *written.cifar10())
        assert len(resolve("cifar-10", root, whole=False).test) == 2

    @pytest.mark.parametrize(
        "raw", [b"\x80\x02r\xff\xff\xff\xff.", b"p4000000000\n.", b"\x80\x02K\x01r\x00\x00\x00\x70."]
    )
    def test_a_memo_that_would_fill_the_memory(self, root, raw):
        tracemalloc.start()
        assert ": memo " in self.put(root, raw)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()

    def test_bytes_that_are_not_there(self, root):
        for raw in (
            b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f.",
            b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
            b"\x80\x02T\xff\xff\xff\x7f.",
        ):
            assert self.put(root, raw).startswith("not a pickle of plain arrays: ")

    def test_cut_short_and_continued(self, root):
        raw = (root / "data_batch_1").read_bytes()
        for part in (raw[:1], raw[:100], raw[: len(raw) // 2], raw[:-1]):
            assert self.put(root, part).startswith("not a pickle of plain arrays: ")
        assert self.put(root, raw + b"N.") == "not a pickle of plain arrays: 2 bytes after its end"
        (root / "data_batch_1").write_bytes(b"")
        assert refused("cifar-10", root) == "data_batch_1: empty"

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ([1, 2], "a pickled list, expected a dict"),
            ({}, "without data and labels: it has nothing"),
            ({1: 2}, "a key of type int, expected bytes"),
            ({b"data": GOOD[b"data"], b"fine_labels": [1, 2]}, "without labels: it has data, fine_labels"),
            ({**GOOD, b"labels": [1, 2, 3]}, "3 labels for 2 images"),
            ({**GOOD, b"labels": [1, 10]}, "labels 10 of item 1, expected 0 to 9"),
            ({**GOOD, b"labels": [1, -1]}, "labels -1 of item 1, expected 0 to 9"),
            ({**GOOD, b"labels": [1, 2.0]}, "labels is not a list of integers"),
            ({**GOOD, b"labels": [1, True]}, "labels is not a list of integers"),
            ({**GOOD, b"labels": [[1], 2]}, "a list of something else than numbers and bytes"),
            ({**GOOD, b"more": {b"a": 1}}, "a value of type dict"),
            ({**GOOD, b"data": [0] * 6144}, "data of shape list, expected (n, 3072)"),
            ({**GOOD, b"data": np.zeros((2, 3073), np.uint8)}, "data of shape (2, 3073), expected (n, 3072)"),
            ({**GOOD, b"data": np.zeros((2, 3072))}, "an array of type 'f8', expected u1, bytes"),
            ({**GOOD, b"data": np.zeros((2, 3072), object)}, "an array of type 'O8', expected u1, bytes"),
            ({**GOOD, b"batch_label": b"testing batch 1 of 1"},
             "calls itself 'testing batch 1 of 1', expected 'training batch 1'"),
            ({**GOOD, b"batch_label": b"training batch 2 of 5"},
             "calls itself 'training batch 2 of 5', expected 'training batch 1'"),
        ],
    )  # fmt: skip
    def test_other_contents(self, root, value, said):
        assert self.put(root, pickle.dumps(value, 2)) == said

    def test_nothing_in_it(self, root):
        empty = {**GOOD, b"data": np.zeros((0, 3072), np.uint8), b"labels": []}
        assert self.put(root, written.pickled(empty)) == "0 images, expected 1 to 10,000"

    def test_an_array_that_says_it_is_larger(self, root):
        raw = written.pickled(GOOD)
        shape = b"(" + written._number(2) + written._number(3072) + b"t"
        assert raw.count(shape) == 1
        for rows in (3, 10**6):
            larger = b"(" + written._number(rows) + written._number(3072) + b"t"
            assert self.put(root, raw.replace(shape, larger)) == f"an array of shape ({rows}, 3072) with 6,144 bytes"
        negative, true, nothing = b"(J\xfe\xff\xff\xffJ\x00\xf4\xff\xfft", b"(\x88J\x00\x18\x00\x00t", b"N"
        for size in (negative, true, nothing):
            said = self.put(root, raw.replace(shape, size))
            assert said.startswith("an array of shape ")

    def test_a_number_that_cannot_be_written(self, root):
        for many in (10**30, -(10**600)):
            said = self.put(root, pickle.dumps({**GOOD, b"labels": [1, many]}, 2))
            assert said.startswith("not a pickle of plain arrays: a number of too many digits at byte ")

    def test_an_array_by_columns(self, tmp_path):
        """Order of the other kind is read as it is meant."""
        square = np.asfortranarray(written.drawn(3, 5))
        found = pickles.load(tmp_path, pickle.dumps({b"x": square}, 2))
        assert np.array_equal(found[b"x"], square)

    def test_two_files_with_the_same_images(self, root):
        raw = (root / "data_batch_4").read_bytes()
        (root / "data_batch_2").write_bytes(raw.replace(b"training batch 4", b"training batch 2"))
        assert refused("cifar-10", root).endswith(": data_batch_4 holds the images of data_batch_2")

    def test_names_of_classes(self, root):
        (root / "batches.meta").write_bytes(written.pickled({b"label_names": [b"a", b"b"]}))
        assert refused("cifar-10", root) == "batches.meta: 2 names of classes, expected 10"

    def test_larger_than_it_can_be(self, root, monkeypatch):
        monkeypatch.setattr("validation.training.data.cifar._SPARE", 10)
        (root / "data_batch_1").write_bytes(bytes(33_000_000))
        assert refused("cifar-10", root) == "data_batch_1: more than the 32,730,010 bytes that it can have"


class TestRecords:
    def test_of_the_other_set(self, tmp_path):
        written.cifar10_binary(tmp_path, *written.cifar10())
        raw = written.records(written.drawn(2, 3072), [1, 2], [3, 4])
        (tmp_path / "data_batch_1.bin").write_bytes(raw)
        assert refused("cifar-10", tmp_path) == "data_batch_1.bin: 6,148 bytes, expected records of 1 + 3,072"
        (tmp_path / "data_batch_1.bin").write_bytes(written.records(written.drawn(2, 3072), [1, 47]))
        assert refused("cifar-10", tmp_path) == "data_batch_1.bin: labels 47 of item 1, expected 0 to 9"

    def test_labels_in_the_other_order(self, tmp_path):
        for part in ("train", "test"):
            (tmp_path / f"{part}.bin").write_bytes(written.records(written.drawn(2, 3072), [70, 2], [3, 4]))
        assert refused("cifar-100", tmp_path) == "train.bin: coarse_labels 70 of item 0, expected 0 to 19"

    def test_missing_and_doubled(self, tmp_path):
        written.cifar10_binary(tmp_path, *written.cifar10())
        (tmp_path / "test_batch.bin").write_bytes((tmp_path / "data_batch_5.bin").read_bytes())
        assert refused("cifar-10", tmp_path).endswith(": test_batch holds the images of data_batch_5")
        (tmp_path / "data_batch_3.bin").unlink()
        assert refused("cifar-10", tmp_path) == "data_batch_3.bin: not there"
