"""Files cut short, of another set, swapped, too large or hostile: refused by name, and nothing of them runs."""

from __future__ import annotations

import gzip
import pickle
import struct
import tarfile
import tracemalloc
import zlib
from typing import Any

import pytest

from tests.validation.training import written
from tests.validation.training.refusals import refused
from validation.training.data import files
from validation.training.data import resolve as resolving
from validation.training.data.files import DataError

resolve: Any = resolving.resolve  # which says Pictures or Passages


FIVE = written.drawn(5, 28, 28)


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
