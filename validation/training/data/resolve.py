"""The one way to a data set: where it may lie, in which form, and what to do where it is not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validation.training.data import cifar, idx, imagenet, wikitext
from validation.training.data.files import DataError, inflate, read
from validation.training.data.generated import generated
from validation.training.data.sets import Passages, Pictures
from validation.training.text import load_text
from validation.training.tokens import TRAIN_SHARE, shuffled

FASHION = Path("/usr/share/datasets/fashion-mnist")
JARGON = Path("/usr/share/doc/jargon-text/jargon.txt.gz")
"""Where Debian's packages dataset-fashion-mnist and jargon-text put them."""
_JARGON_MOST = 20_000_000
_GENERATED = re.compile(r"generated-(\d{1,3})(?:-at-(0?\.\d{1,6}))?")

NAMES = ("digits", "fashion-mnist", "mnist", *cifar.MAKES, imagenet.NAME, *wikitext.NAMES, "python-topics", "jargon")
"""The names of `resolve`; and generated-C, C classes of natural difficulty, generated-C-at-A of accuracy A at best."""
FORMS = {
    "fashion-mnist": "{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz] in fashion-mnist/; or "
    "apt-get install dataset-fashion-mnist",
    "mnist": "{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz] in mnist/",
    "cifar-10": "cifar-10-batches-bin/, cifar-10-batches-py/, cifar-10-binary.tar.gz or cifar-10-python.tar.gz",
    "cifar-100": "cifar-100-binary/, cifar-100-python/, cifar-100-binary.tar.gz or cifar-100-python.tar.gz",
    "tiny-imagenet-200": "tiny-imagenet-200/ with wnids.txt, train/ and val/",
    "jargon": "jargon.txt[.gz]; or apt-get install jargon-text",
    **{
        name: f"{name}/wiki.{{train,valid,test}}.{'raw' if name.endswith('raw') else 'tokens'}, or "
        f"{name}-v1/{{train,validation,test}}-*.parquet"
        for name in wikitext.NAMES
    },
}
"""What the user's folder is to hold."""


def resolve(name: str, root: str | Path | None = None, *, whole: bool = True, hub: bool = False) -> Pictures | Passages:
    """Return a data set from where it lies: the user's folder, then a system package's place.

    Parameters
    ----------
    name : str
        One of `NAMES`, or generated-C or generated-C-at-A.
    root : path, optional
        The user's folder: it holds the set's folder, file or archive by the name that it is published with, or is the
        set's folder itself.
    whole : bool
        Whether the set has to have as many items as it is published with, and an archive its published MD5.
    hub : bool
        Whether WikiText, where it does not lie, may be asked of the hub, through the library `datasets`. Nothing else
        uses the network.

    Returns
    -------
    Pictures or Passages

    Raises
    ------
    DataError
        If the set is not there, which says where to put it, or a file is not what it should be: damaged, cut short,
        of another set, larger than it can be. Nothing that a file holds is carried out.
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> from validation.training.data.resolve import resolve
    >>> digits = resolve("digits")
    >>> digits.train.shape, digits.form
    ((1347, 1, 8, 8), 'scikit-learn')
    """
    if match := _GENERATED.fullmatch(name):
        return generated(int(match[1]), None if match[2] is None else float(match[2]))
    if name not in NAMES:
        raise ValueError(f"no data set {name!r}: there are {', '.join(NAMES)}, generated-C and generated-C-at-A")
    if name == "digits":
        return _digits()
    if name == "python-topics":
        return _cut(name, "pydoc_data", "pydoc_data.topics", load_text())
    folder = None if root is None else Path(root)
    found = None if folder is None else _user(name, folder, whole)
    found = found or _system(name, whole)
    if found is None and hub and name in wikitext.NAMES:
        found = wikitext.ask(name)
    if found is None:
        looked = "no folder is named" if folder is None else f"{folder} has none"
        raise DataError(name, f"not there: put {FORMS[name]} into a folder, and name the folder ({looked})")
    return found


def _user(name: str, root: Path, whole: bool) -> Pictures | Passages | None:
    if name in idx.CLASSES:
        folder = next((place for place in (root / name, root) if idx.there(place)), None)
        return None if folder is None else idx.load(name, folder, whole)
    if name in cifar.MAKES:
        place = cifar.find(name, root)
        return None if place is None else cifar.load(name, *place, whole)
    if name == imagenet.NAME:
        folder = imagenet.find(root)
        return None if folder is None else imagenet.load(folder, whole)
    if name in wikitext.NAMES:
        place = wikitext.find(name, root)
        return None if place is None else wikitext.load(name, *place)
    return _jargon(root / "jargon.txt.gz") or _jargon(root / "jargon.txt")


def _system(name: str, whole: bool) -> Pictures | Passages | None:
    if name == "fashion-mnist" and idx.there(FASHION):
        return idx.load(name, FASHION, whole)
    return _jargon(JARGON) if name == "jargon" else None


def _jargon(path: Path) -> Passages | None:
    if not path.is_file():
        return None
    raw = inflate(path, _JARGON_MOST + 1) if path.suffix == ".gz" else read(path, _JARGON_MOST)
    if len(raw) > _JARGON_MOST:
        raise DataError(path, f"more than the {_JARGON_MOST:,} bytes that it can have")
    return _cut("jargon", "text", str(path), np.frombuffer(raw, np.uint8))


def _cut(name: str, form: str, place: str, text: NDArray[np.uint8]) -> Passages:
    """Return a text whose last quarter is for testing."""
    cut = int(TRAIN_SHARE * len(text))
    return Passages(name, form, place, text[:cut], text[:0], text[cut:])


def _digits() -> Pictures:
    """Return the digits with the pixels that they have, split as `load_tokens` splits them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order, cut = shuffled(len(digits.target))
    images, labels = digits.images[order].astype(np.uint8)[:, None], digits.target[order].astype(np.int64)
    names = tuple(map(str, digits.target_names))
    return Pictures(
        "digits", "scikit-learn", "scikit-learn", images[:cut], labels[:cut], images[cut:], labels[cut:], names, 16.0
    )
