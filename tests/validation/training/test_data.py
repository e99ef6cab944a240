"""Every form of every data set, from tiny ones written as they are published, by whatever way they may lie."""

from __future__ import annotations

import gzip
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.validation.training import written
from validation.training import fashion
from validation.training.data import cifar, idx, wikitext
from validation.training.data import resolve as resolving
from validation.training.data.files import DataError
from validation.training.data.resolve import FORMS, NAMES
from validation.training.data.sets import Pictures
from validation.training.text import load_text
from validation.training.tokens import load_tokens

resolve: Any = resolving.resolve  # which says Pictures or Passages


class TestIdx:
    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
    @pytest.mark.parametrize("inside", [True, False])
    def test_files(self, tmp_path, packed, name, inside):
        made = written.idx_set(tmp_path / name if inside else tmp_path, packed)
        found = resolve(name, tmp_path, whole=False)
        assert np.array_equal(found.train[:, 0], made["train"])
        assert np.array_equal(found.test[:, 0], made["t10k"])
        assert found.train_labels.tolist() == made["train labels"]
        assert found.test_labels.tolist() == made["t10k labels"]
        assert len(found.classes) == 10
        assert found.top == 255

    def test_whole(self, tmp_path, monkeypatch):
        written.idx_set(tmp_path)
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: 5 images, expected 60,000$"):
            resolve("mnist", tmp_path)
        monkeypatch.setattr(idx, "COUNTS", {"train": 5, "t10k": 3})
        assert len(resolve("mnist", tmp_path).train) == 5

    def test_fashion_as_other_studies_take_it(self, tmp_path, monkeypatch):
        made = written.idx_set(tmp_path)
        assert fashion.there(tmp_path)
        assert not fashion.there(tmp_path / "none")
        with pytest.raises(DataError, match="expected 60,000"):
            fashion.load_fashion(tmp_path)
        monkeypatch.setattr(idx, "COUNTS", {"train": 5, "t10k": 3})
        pixels, labels = fashion.load_fashion(tmp_path)
        every = np.concatenate([made["train"], made["t10k"]]).astype(float)
        small = np.sum([every[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0).reshape(8, 196) / 4 / 255
        assert pixels.numpy() == pytest.approx(small - small.mean(axis=0), abs=1e-6)
        assert labels.tolist() == made["train labels"] + made["t10k labels"]

    def test_the_system_s_place_comes_last(self, tmp_path, monkeypatch):
        monkeypatch.setattr(resolving, "FASHION", tmp_path / "system")
        system = written.idx_set(tmp_path / "system")
        assert np.array_equal(resolve("fashion-mnist", whole=False).train[:, 0], system["train"])
        own = written.idx_set(tmp_path / "own")
        assert np.array_equal(resolve("fashion-mnist", tmp_path / "own", whole=False).train[:, 0], own["train"])
        assert np.array_equal(resolve("fashion-mnist", tmp_path, whole=False).train[:, 0], system["train"])
        with pytest.raises(DataError, match=r"^mnist: not there"):  # whose place it is not
            resolve("mnist")


class TestCifar10:
    @pytest.fixture(name="made")
    def _made(self):
        return written.cifar10()

    def check(self, found, made):
        pixels, numbers = made
        train = np.concatenate([pixels[stem] for stem in written.CIFAR10[:5]])
        assert np.array_equal(found.train, train.reshape(-1, 3, 32, 32))
        assert np.array_equal(found.test, pixels["test_batch"].reshape(-1, 3, 32, 32))
        assert found.train_labels.tolist() == [n for stem in written.CIFAR10[:5] for n in numbers[stem]]
        assert found.test_labels.tolist() == numbers["test_batch"]
        assert found.classes == tuple(f"class{n}" for n in range(10))

    @pytest.mark.parametrize("inside", [True, False])
    @pytest.mark.parametrize("form", ["binary", "python"])
    def test_folders(self, tmp_path, made, form, inside):
        write = getattr(written, f"cifar10_{form}")
        write(
            tmp_path / {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}[form]
            if inside
            else tmp_path,
            *made,
        )
        found = resolve("cifar-10", tmp_path, whole=False)
        self.check(found, made)
        assert found.form == form

    @pytest.mark.parametrize("protocol", [2, 3, 4])
    def test_pickles_of_python_3(self, tmp_path, made, protocol):
        """Newer NumPy names its module otherwise, and protocol 2 writes bytes through a codec."""
        written.cifar10_python(tmp_path, made[0], made[1], written.python3(protocol))
        self.check(resolve("cifar-10", tmp_path, whole=False), made)

    def test_a_pickle_is_what_numpy_reads(self, tmp_path, made):
        """The pickles here, as Python 2 wrote them, are real ones: Python's own reader agrees."""
        import pickle

        written.cifar10_python(tmp_path, *made)
        found = pickle.loads((tmp_path / "data_batch_3").read_bytes(), encoding="bytes")
        assert np.array_equal(found[b"data"], made[0]["data_batch_3"])
        assert found[b"labels"] == made[1]["data_batch_3"]

    @pytest.mark.parametrize(
        ("folder", "form"), [("cifar-10-batches-bin", "binary"), ("cifar-10-batches-py", "python")]
    )
    def test_archives(self, tmp_path, made, folder, form):
        getattr(written, f"cifar10_{form}")(tmp_path / "x" / folder, *made)
        (tmp_path / "root").mkdir()
        path = written.archive(tmp_path / "root" / f"cifar-10-{form}.tar.gz", tmp_path / "x" / folder)
        self.check(resolve("cifar-10", tmp_path / "root", whole=False), made)
        assert [p.name for p in (tmp_path / "root").iterdir()] == [path.name]  # nothing is unpacked beside it
        with pytest.raises(DataError, match=rf"cifar-10-{form}\.tar\.gz: MD5 [0-9a-f]{{32}}, expected c"):
            resolve("cifar-10", tmp_path / "root")

    def test_binary_comes_first(self, tmp_path, made):
        written.cifar10_python(tmp_path / "cifar-10-batches-py", *written.cifar10())
        written.cifar10_binary(tmp_path / "cifar-10-batches-bin", *made)
        found = resolve("cifar-10", tmp_path, whole=False)
        self.check(found, made)
        assert found.form == "binary"

    def test_the_same_set_whatever_the_form(self, tmp_path, made):
        written.cifar10_python(tmp_path / "a", *made)
        written.cifar10_binary(tmp_path / "b", *made)
        one, other = (resolve("cifar-10", tmp_path / place, whole=False) for place in "ab")
        assert one.sha256 == other.sha256
        assert one.some(3, 1).sha256 != other.sha256

    def test_whole(self, tmp_path, made):
        written.cifar10_binary(tmp_path, *made)
        with pytest.raises(DataError, match=r"data_batch_1\.bin: 2 images, expected 10,000$"):
            resolve("cifar-10", tmp_path)


class TestCifar100:
    @pytest.fixture(name="made")
    def _made(self):
        return {
            part: (written.drawn(4, 3072), written.labels(4, 20), written.labels(4, 100)) for part in ("train", "test")
        }

    def check(self, found, made):
        for part, pixels, numbers in (
            ("train", found.train, found.train_labels),
            ("test", found.test, found.test_labels),
        ):
            assert np.array_equal(pixels.reshape(4, -1), made[part][0])
            assert numbers.tolist() == made[part][2]
        assert found.classes[:2] == ("fine0", "fine1")
        assert len(found.classes) == 100

    def test_python(self, tmp_path, made):
        folder = tmp_path / "cifar-100-python"
        folder.mkdir()
        for part, (pixels, coarse, fine) in made.items():
            value = {
                b"data": pixels,
                b"coarse_labels": coarse,
                b"fine_labels": fine,
                b"batch_label": b"training batch 1 of 1",
            }
            (folder / part).write_bytes(written.pickled(value))
        names = {b"fine_label_names": [b"fine%d" % n for n in range(100)], b"coarse_label_names": [b"c"] * 20}
        (folder / "meta").write_bytes(written.pickled(names))
        self.check(resolve("cifar-100", tmp_path, whole=False), made)

    def test_binary(self, tmp_path, made):
        for part, (pixels, coarse, fine) in made.items():
            (tmp_path / f"{part}.bin").write_bytes(written.records(pixels, coarse, fine))
        (tmp_path / "fine_label_names.txt").write_text("".join(f"fine{n}\n" for n in range(100)))
        self.check(resolve("cifar-100", tmp_path, whole=False), made)


class TestTinyImageNet:
    @pytest.mark.parametrize("resorted", [False, True])
    @pytest.mark.parametrize("inside", [False, True])
    def test_folders(self, tmp_path, resorted, inside):
        """Classes are numbered as wnids.txt lists them, which is not in order; grey pictures have three colours."""
        root = tmp_path / "root"
        made = written.tiny_imagenet(root / "tiny-imagenet-200" if inside else root, resorted)
        found = resolve("tiny-imagenet-200", root, whole=False)
        for part, pixels, numbers in (
            ("train", found.train, found.train_labels),
            ("test", found.test, found.test_labels),
        ):
            assert pixels.shape == (len(made[part]), 3, 64, 64)
            assert numbers.tolist() == [label for _, label in made[part]]
            for picture, (colour, _) in zip(pixels, made[part], strict=True):
                wanted = np.broadcast_to(np.array(colour).reshape(-1, 1, 1), (3, 64, 64))
                assert np.abs(picture.astype(int) - wanted).max() <= 2
        assert found.classes == ("Egyptian cat", "goldfish, Carassius auratus", "n04067472")

    def test_lists_without_a_last_end_of_line_and_with_others(self, tmp_path):
        written.tiny_imagenet(tmp_path / "root")
        one = resolve("tiny-imagenet-200", tmp_path / "root", whole=False)
        for name in ("wnids.txt", "words.txt", "val/val_annotations.txt"):
            path = tmp_path / "root" / name
            path.write_bytes(path.read_bytes().removesuffix(b"\n").replace(b"\n", b"\r\n"))
        other = resolve("tiny-imagenet-200", tmp_path / "root", whole=False)
        assert (one.sha256, one.classes) == (other.sha256, other.classes)

    def test_whole(self, tmp_path):
        written.tiny_imagenet(tmp_path / "root")
        with pytest.raises(DataError, match=r"wnids\.txt: 3 classes, expected 200$"):
            resolve("tiny-imagenet-200", tmp_path / "root")


class TestText:
    @pytest.mark.parametrize("name", wikitext.NAMES)
    @pytest.mark.parametrize("inside", [False, True])
    def test_wikitext(self, tmp_path, name, inside):
        root = tmp_path / "root"
        written.wikitext(root / name if inside else root, "raw" if name.endswith("raw") else "tokens")
        found = resolve(name, root)
        for split in ("train", "valid", "test"):
            assert getattr(found, split).tobytes().decode() == written.WIKI[split]

    @pytest.mark.parametrize("folder", ["wikitext-2-raw-v1", "wikitext/wikitext-2-raw-v1"])
    def test_parquet_is_the_same_text(self, tmp_path, folder):
        written.wikitext(tmp_path / "text", "raw")
        written.wikitext_parquet(tmp_path / "hub" / folder)
        one, other = (resolve("wikitext-2-raw", tmp_path / place) for place in ("text", "hub"))
        assert (one.form, other.form) == ("text", "parquet")
        assert one.sha256 == other.sha256

    def test_the_hub_is_asked_only_if_one_says_so(self, tmp_path, monkeypatch):
        asked = []

        def load_dataset(*names):
            asked.append(names)
            long = {"train": "train", "validation": "valid", "test": "test"}
            return {split: {"text": written.hub_rows(written.WIKI[short])} for split, short in long.items()}

        monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
        with pytest.raises(DataError, match="not there"):
            resolve("wikitext-103-raw", tmp_path)
        for name in ("mnist", "cifar-10"):
            with pytest.raises(DataError, match="not there"):
                resolve(name, tmp_path, hub=True)
        written.wikitext(tmp_path / "wikitext-2", "tokens")
        assert resolve("wikitext-2", tmp_path, hub=True).form == "text"
        assert asked == []
        found = resolve("wikitext-103-raw", tmp_path, hub=True)
        assert asked == [("Salesforce/wikitext", "wikitext-103-raw-v1")]
        assert (found.form, found.train.tobytes().decode()) == ("hub", written.WIKI["train"])
        monkeypatch.setitem(sys.modules, "datasets", None)
        with pytest.raises(DataError, match="the library datasets, which is not installed"):
            resolve("wikitext-103-raw", tmp_path, hub=True)

    @pytest.mark.parametrize("packed", [True, False])
    def test_jargon(self, tmp_path, monkeypatch, packed):
        raw = b"abacus\n" * 100 + b"zen \xe9 not UTF-8\n"
        path = tmp_path / f"jargon.txt{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(raw) if packed else raw)
        monkeypatch.setattr(resolving, "JARGON", path if packed else tmp_path / "none")
        found = resolve("jargon", None if packed else tmp_path)
        assert found.train.tobytes() + found.test.tobytes() == raw
        assert len(found.train) == 3 * len(raw) // 4
        assert len(found.valid) == 0

    def test_topics(self):
        found = resolve("python-topics")
        assert np.array_equal(np.concatenate([found.train, found.test]), load_text())
        text = found.text(32, most=1000)
        assert (len(text.test), text.context) == (1000, 32)
        assert text.train[:50].tolist() == list(load_text()[:50])


class TestInto:
    def test_digits_are_those_of_the_other_studies(self):
        images, tokens = resolve("digits").images(), load_tokens()
        assert torch.equal(images.train_labels, tokens.train_labels)
        assert torch.equal(images.test_labels, tokens.test_labels)
        assert torch.allclose(images.train, tokens.train, atol=1e-6)
        assert torch.allclose(images.test, tokens.test, atol=1e-6)

    def test_pooled(self):
        """Channel by channel; by the mean of blocks; about the mean of what is trained on."""
        train = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
        test = train[:1] + np.uint8(1)
        none = np.zeros(2, np.int64)
        images = Pictures("x", "y", "z", train, none, test, none[:1], ("a",), 100.0).images(pool=2)
        blocks = np.array([2.5, 4.5, 10.5, 12.5])
        first = np.concatenate([blocks, blocks + 16, blocks + 32])
        wanted = np.stack([first, first + 48]) / 100
        assert images.train.numpy() == pytest.approx(wanted - wanted.mean(axis=0), abs=1e-6)
        assert images.test.numpy() == pytest.approx((first + 1)[None] / 100 - wanted.mean(axis=0), abs=1e-6)
        with pytest.raises(ValueError, match="pool = 3 does not divide 4 x 4"):
            Pictures("x", "y", "z", train, none, test, none[:1], ("a",)).images(pool=3)


def test_every_row_has_a_way():
    """The rows of the table of docs/training.md, and what is said where one is missing."""
    assert set(FORMS) | {"digits", "python-topics"} == set(NAMES)
    assert set(cifar.MAKES) < set(NAMES)
    with pytest.raises(ValueError, match=r"^no data set 'cifar': there are digits, "):
        resolve("cifar")


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_set_that_is_not_there(name, tmp_path, monkeypatch):
    monkeypatch.setattr(resolving, "FASHION", tmp_path / "none")
    monkeypatch.setattr(resolving, "JARGON", tmp_path / "none")
    for root, said in (
        (tmp_path, f"{tmp_path} has none"),
        (None, "no folder is named"),
        (tmp_path / "none", "has none"),
    ):
        with pytest.raises(DataError) as caught:
            resolve(name, root)
        assert str(caught.value).startswith(f"{name}: not there: put {FORMS[name]} into a folder")
        assert str(caught.value).endswith(f"{said})")
