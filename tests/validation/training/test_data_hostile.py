"""Files cut short, of another set, swapped, too large or hostile: refused by name, and nothing of them runs."""

from __future__ import annotations

import gzip
import pickle
import struct
import tarfile
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest

from tests.validation.training import written
from validation.training.data import files, pickles
from validation.training.data import resolve as resolving
from validation.training.data.files import DataError

resolve: Any = resolving.resolve  # which says Pictures or Passages


FIVE = written.drawn(5, 28, 28)
GOOD = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2], b"batch_label": b"training batch 1 of 5"}


def refused(name, root):
    """Return what is said, after the set's folder; it names a file."""
    with pytest.raises(DataError) as caught:
        resolve(name, root, whole=False)
    return str(caught.value).removeprefix(f"{root}/")


def bomb(size=60_000_000):
    """Return a gzip file of zeros, a thousandth of its content."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1_000_000)
    return b"".join(pack.compress(block) for _ in range(size // len(block))) + pack.flush()


class TestIdx:
    @pytest.fixture(name="root")
    def _root(self, tmp_path):
        written.idx_set(tmp_path)
        return tmp_path

    IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"

    def put(self, root, name, raw):
        (root / name).write_bytes(gzip.compress(raw))

    def test_images_and_labels_swapped(self, root):
        images, labels = (root / self.IMAGES).read_bytes(), (root / self.LABELS).read_bytes()
        (root / self.IMAGES).write_bytes(labels)
        (root / self.LABELS).write_bytes(images)
        assert refused("mnist", root) == f"{self.IMAGES}: 13 bytes unpacked, expected at least 16"
        (root / self.IMAGES).write_bytes(images)
        assert refused("mnist", root) == f"{self.LABELS}: magic number 2051 (images), expected 2049 (labels)"

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (written.idx(2050, FIVE, 28, 28), "magic number 2050 (unknown), expected 2051 (images)"),
            (struct.pack("<4i", 2051, 5, 28, 28) + bytes(3920),
             "magic number 50855936 (unknown), expected 2051 (images)"),
            (written.idx(2051, written.drawn(5, 28, 32), 28, 32), "images of 28 x 32 pixels, expected 28 x 28"),
            (written.idx(2051, FIVE, 28, 28, count=6), "3,936 bytes, expected 4,720 for 6 items"),
            (written.idx(2051, FIVE, 28, 28, count=4), "3,936 bytes, expected 3,152 for 4 items"),
            (written.idx(2051, FIVE, 28, 28, count=-5), "-5 items by its header, expected 1 to 60,000"),
            (written.idx(2051, written.drawn(0, 28, 28), 28, 28), "0 items by its header, expected 1 to 60,000"),
            (written.idx(2051, FIVE, 28, 28, count=2**31 - 1),
             "2,147,483,647 items by its header, expected 1 to 60,000"),
            (b"", "0 bytes unpacked, expected at least 16"),
        ],
    )  # fmt: skip
    def test_headers(self, root, raw, said):
        self.put(root, self.IMAGES, raw)
        assert refused("mnist", root) == f"{self.IMAGES}: {said}"

    def test_counts_that_differ(self, root):
        self.put(root, self.LABELS, written.idx(2049, written.labels(4, 10)))
        assert refused("mnist", root) == f"{self.LABELS}: 4 labels for the 5 images of {self.IMAGES}"

    def test_a_label_of_another_set(self, root):
        self.put(root, self.LABELS, written.idx(2049, [1, 2, 47, 0, 9]))
        assert refused("mnist", root) == f"{self.LABELS}: label 47 of item 2, expected 0 to 9"

    def test_cut_short(self, root):
        raw = (root / self.IMAGES).read_bytes()
        (root / self.IMAGES).write_bytes(raw[: len(raw) // 2])
        assert refused("mnist", root).startswith(f"{self.IMAGES}: not a whole gzip file: ")
        (root / self.IMAGES).write_bytes(b"")
        assert refused("mnist", root).startswith(f"{self.IMAGES}: ")
        (root / self.IMAGES).write_bytes(raw[:-8] + bytes(8))
        assert refused("mnist", root).startswith(f"{self.IMAGES}: not a whole gzip file: ")

    def test_not_gzip(self, root):
        (root / self.IMAGES).write_bytes(written.idx(2051, FIVE, 28, 28))
        assert refused("mnist", root).startswith(f"{self.IMAGES}: not a whole gzip file: ")

    def test_missing(self, root):
        (root / self.LABELS).unlink()
        assert refused("mnist", root) == f"{self.LABELS}: not there"
        (root / self.LABELS).mkdir()
        assert refused("mnist", root) == f"{self.LABELS}: not a regular file"

    def test_a_bomb_is_not_unpacked(self, root):
        """60 million zeros in 60 kB: no more is unpacked than a set can have."""
        (root / self.LABELS).write_bytes(bomb())
        tracemalloc.start()
        assert refused("mnist", root) == f"{self.LABELS}: magic number 0 (unknown), expected 2049 (labels)"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()

    def test_more_than_the_header_says(self, root):
        raw = written.idx(2049, written.labels(5, 10))
        self.put(root, self.LABELS, raw + bytes(100_000))
        assert refused("mnist", root) == f"{self.LABELS}: more than 60,008 bytes, expected 13 for 5 items"


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


class TestArchives:
    FOLDER = "cifar-10-batches-bin"

    @pytest.fixture(name="contents")
    def _contents(self, tmp_path):
        written.cifar10_binary(tmp_path / "source", *written.cifar10())
        return {path.name: path.read_bytes() for path in sorted((tmp_path / "source").iterdir())}

    def pack(self, tmp_path, contents, *more, folder=FOLDER):
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        with tarfile.open(root / "cifar-10-binary.tar.gz", "w:gz") as tar:
            for each in more:
                written.member(tar, *each)
            for name, raw in contents.items():
                written.member(tar, f"{folder}/{name}", raw)
        return root

    def test_members_that_lead_out_are_not_written(self, tmp_path, contents):
        """Names with .., absolute ones and links are not asked for: the set is read, and no file appears."""
        before = sorted(p.name for p in tmp_path.iterdir())
        root = self.pack(
            tmp_path, contents,
            ("../escaped", b"x"), (str(tmp_path / "absolute"), b"x"), (f"{self.FOLDER}/../../escaped", b"x"),
            ("link", b"", tarfile.SYMTYPE, str(tmp_path)), ("link/escaped", b"x"),
        )  # fmt: skip
        assert len(resolve("cifar-10", root, whole=False).train) == 10
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "root"])
        assert [p.name for p in root.iterdir()] == ["cifar-10-binary.tar.gz"]

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    )
    def test_a_member_that_is_no_file(self, tmp_path, contents, kind):
        secret = tmp_path / "secret"
        secret.write_bytes(contents.pop("data_batch_2.bin"))
        root = self.pack(tmp_path, contents, (f"{self.FOLDER}/data_batch_2.bin", b"", kind, str(secret)))
        said = refused("cifar-10", root)
        assert said == f"cifar-10-binary.tar.gz: {self.FOLDER}/data_batch_2.bin in it is not a regular file"

    def test_members_twice_and_missing(self, tmp_path, contents):
        root = self.pack(tmp_path, contents, (f"{self.FOLDER}/test_batch.bin", b"x"))
        assert refused("cifar-10", root) == f"cifar-10-binary.tar.gz: holds {self.FOLDER}/test_batch.bin twice"
        del contents["test_batch.bin"]
        assert refused("cifar-10", self.pack(tmp_path, contents)).endswith(f": without {self.FOLDER}/test_batch.bin")
        assert ": without cifar-10-batches-bin/batches.meta.txt, " in refused(
            "cifar-10", self.pack(tmp_path, contents, folder="elsewhere")
        )

    def test_too_large_and_empty(self, tmp_path, contents):
        contents["data_batch_1.bin"] = bytes(30_730_001)
        said = refused("cifar-10", self.pack(tmp_path, contents))
        assert said.endswith("/data_batch_1.bin in it has 30,730,001 bytes, expected 1 to 30,730,000")
        contents["data_batch_1.bin"] = b""
        assert " has 0 bytes, " in refused("cifar-10", self.pack(tmp_path, contents))

    def test_names_that_begin_with_a_dot(self, tmp_path, contents):
        root = self.pack(tmp_path, contents, folder=f"./{self.FOLDER}")
        assert len(resolve("cifar-10", root, whole=False).train) == 10

    def test_damaged(self, tmp_path, contents):
        path = self.pack(tmp_path, contents) / "cifar-10-binary.tar.gz"
        raw = path.read_bytes()
        for changed in (raw[: len(raw) // 2], b"", b"no archive", raw[:2000] + bytes(4000) + raw[6000:]):
            path.write_bytes(changed)
            assert refused("cifar-10", path.parent).startswith("cifar-10-binary.tar.gz: ")

    def test_a_size_that_is_a_lie(self, tmp_path, contents):
        """The header promises more than there is."""
        path = self.pack(tmp_path, contents) / "cifar-10-binary.tar.gz"
        plain = gzip.decompress(path.read_bytes())
        cut = plain.rindex(b"test_batch.bin") + 512 + 1000
        path.write_bytes(gzip.compress(plain[:cut]))
        assert refused("cifar-10", path.parent).startswith("cifar-10-binary.tar.gz: ")


class TestTinyImageNet:
    @pytest.fixture(name="root")
    def _root(self, tmp_path):
        written.tiny_imagenet(tmp_path / "root")
        return tmp_path / "root"

    NAME = "tiny-imagenet-200"

    @pytest.mark.parametrize("wnid", ["../../etc", "/etc", "n0212407", "n02124075x", "", "n02124075/../n04067472"])
    def test_classes_that_are_no_names(self, root, wnid):
        (root / "wnids.txt").write_text(f"n01443537\n{wnid}\n")
        assert refused(self.NAME, root) == f"wnids.txt: {wnid!r}, expected n and eight digits"

    def test_classes_twice_and_missing(self, root):
        (root / "wnids.txt").write_text("n01443537\nn02124075\nn01443537\n")
        assert refused(self.NAME, root) == "wnids.txt: a class twice"
        (root / "wnids.txt").write_text("n01443537\nn00000001\n")
        assert refused(self.NAME, root) == "train/n00000001/images: not there, or not a folder"
        (root / "wnids.txt").write_bytes(b"\xff\xfe\n")
        assert refused(self.NAME, root).startswith("wnids.txt: not a text: ")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("../../x.JPEG\tn02124075\t0", "'../../x.JPEG\\tn02124075\\t0', expected a picture's name"),
            ("val_0.JPEG n02124075", "'val_0.JPEG n02124075', expected a picture's name"),
            ("val_0.JPEG\tn99999999", "class 'n99999999', which wnids.txt has not"),
        ],
    )  # fmt: skip
    def test_annotations(self, root, line, said):
        (root / "val" / "val_annotations.txt").write_text(f"val_1.JPEG\tn02124075\t0\n{line}\n")
        assert refused(self.NAME, root).startswith(f"val/val_annotations.txt: line 2: {said}")

    def test_annotations_twice_and_of_nothing(self, root):
        listing = root / "val" / "val_annotations.txt"
        listing.write_text("val_1.JPEG\tn02124075\n" * 2)
        assert refused(self.NAME, root) == "val/val_annotations.txt: a picture twice"
        listing.write_text("val_7.JPEG\tn02124075\n")
        assert refused(self.NAME, root) == "val/images/val_7.JPEG: not there"

    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (b"", "empty"),
            (b"GIF89a" + bytes(100), "not a whole JPEG picture: "),
            (written.jpeg((1, 2, 3))[:300], "not a whole JPEG picture: "),
            (written.jpeg((1, 2, 3), (32, 64)), "32 x 64 pixels, RGB; expected 64 x 64, RGB or L"),
            (written.jpeg(0, (4_000, 4_000), "L"), "4000 x 4000 pixels, L; expected 64 x 64, RGB or L"),
            (written.jpeg((1, 2, 3, 4), mode="CMYK"), "64 x 64 pixels, CMYK; expected 64 x 64, RGB or L"),
            (bytes(1_000_001), "more than the 1,000,000 bytes that it can have"),
        ],
        ids=["empty", "gif", "short", "small", "bomb", "cmyk", "large"],
    )
    def test_pictures(self, root, raw, said):
        name = "train/n01443537/images/n01443537_0.JPEG"
        (root / name).write_bytes(raw)
        assert refused(self.NAME, root).startswith(f"{name}: {said}")

    def test_another_kind_of_picture(self, root):
        from PIL import Image

        name = "train/n01443537/images/n01443537_0.JPEG"
        Image.new("RGB", (64, 64)).save(root / name, "PNG")
        assert refused(self.NAME, root).startswith(f"{name}: not a whole JPEG picture: ")

    def test_whole(self, root, monkeypatch):
        """With the numbers of the tiny set taken for the published ones."""
        from validation.training.data import imagenet

        for name, count in (("CLASSES", 3), ("TRAIN", 2), ("TEST", 1)):
            monkeypatch.setattr(imagenet, name, count)
        assert len(resolve(self.NAME, root).train) == 6
        monkeypatch.setattr(imagenet, "TEST", 2)
        with pytest.raises(DataError, match=r"val: 3 pictures, expected 6$"):
            resolve(self.NAME, root)
        monkeypatch.setattr(imagenet, "TRAIN", 3)
        with pytest.raises(DataError, match=r"train/n02124075/images: 2 pictures, expected 3$"):
            resolve(self.NAME, root)

    def test_a_class_without_pictures(self, root):
        for path in (root / "train" / "n01443537" / "images").iterdir():
            path.unlink()
        assert refused(self.NAME, root) == "train/n01443537/images: 0 pictures, expected some"


class TestText:
    @pytest.fixture(name="root")
    def _root(self, tmp_path):
        written.wikitext(tmp_path / "wikitext-2", "tokens")
        return tmp_path

    def test_another_text_in_its_place(self, root):
        folder = root / "wikitext-2"
        (folder / "wiki.test.tokens").write_bytes((folder / "wiki.valid.tokens").read_bytes())
        assert refused("wikitext-2", root).endswith(": two of train, valid and test are the same text")
        (folder / "wiki.test.tokens").write_text("")
        assert refused("wikitext-2", root) == "wikitext-2/wiki.test.tokens: empty"
        (folder / "wiki.test.tokens").write_text(" \n \n")
        assert refused("wikitext-2", root) == "wikitext-2/wiki.test.tokens: no text to test"
        (folder / "wiki.test.tokens").write_bytes(b"caf\xe9 \n")
        assert refused("wikitext-2", root).startswith("wikitext-2/wiki.test.tokens: not UTF-8: ")
        (folder / "wiki.test.tokens").unlink()
        assert refused("wikitext-2", root) == "wikitext-2/wiki.test.tokens: not there"

    def test_raw_in_the_place_of_tokens(self, root):
        (root / "wikitext-2" / "wiki.train.tokens").write_text("nothing replaced \n")
        assert refused("wikitext-2", root).endswith(
            "no <unk> in the training text, expected rare words to be replaced by it"
        )

    def test_parquet(self, tmp_path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = tmp_path / "wikitext-2-raw-v1"
        written.wikitext_parquet(folder)
        path = folder / "test-00000-of-00001.parquet"
        name = f"wikitext-2-raw-v1/{path.name}"
        raw = path.read_bytes()
        path.write_bytes(raw[: len(raw) // 2])
        assert refused("wikitext-2-raw", tmp_path).startswith(f"{name}: not a whole Parquet file: ")
        pq.write_table(pa.table({"text": ["a"], "label": [1]}), path)
        assert refused("wikitext-2-raw", tmp_path) == f"{name}: columns text, label, expected text, of strings"
        pq.write_table(pa.table({"text": [1, 2]}), path)
        assert refused("wikitext-2-raw", tmp_path).startswith(f"{name}: columns text, expected text")
        path.unlink()
        assert refused("wikitext-2-raw", tmp_path) == "wikitext-2-raw-v1: without test-*.parquet"

    def test_parquet_that_unpacks_to_too_much(self, tmp_path, monkeypatch):
        written.wikitext_parquet(tmp_path / "wikitext-2-raw-v1")
        monkeypatch.setattr("validation.training.data.wikitext._MOST", 30)
        assert "more than the 30 bytes that the text can have" in refused("wikitext-2-raw", tmp_path)

    def test_a_bomb_of_jargon(self, tmp_path):
        (tmp_path / "jargon.txt.gz").write_bytes(bomb(25_000_000))
        assert refused("jargon", tmp_path) == "jargon.txt.gz: more than the 20,000,000 bytes that it can have"


class TestErrors:
    def test_survive_the_way_between_processes(self):
        error = pickle.loads(pickle.dumps(DataError("a/b", "empty")))
        assert (str(error), error.path, error.problem) == ("a/b: empty", "a/b", "empty")

    def test_reading(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"1234")
        assert files.read(path, 4) == b"1234"
        with pytest.raises(DataError, match="more than the 3 bytes"):
            files.read(path, 3)
        with pytest.raises(DataError, match="not a regular file"):
            files.read(tmp_path, 3)
        assert (
            files.inflate(tmp_path / "y", 3) == b"abc"
            if (tmp_path / "y").write_bytes(gzip.compress(b"abcdef"))
            else None
        )
        assert files.md5(path) == "81dc9bdb52d04dc20036dbd8313ed055"

    def test_the_places_of_packages_are_those_of_debian(self):
        assert str(resolving.FASHION) == "/usr/share/datasets/fashion-mnist"
        assert str(resolving.JARGON) == "/usr/share/doc/jargon-text/jargon.txt.gz"
