"""Arrays on disk: the digest sees every word and bit, and what is damaged or cannot be stored is refused by name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validation.storage import DamagedError, digest, load, save


def test_the_digest_sees_names_types_shapes_bytes_and_the_header() -> None:
    x = np.arange(4.0)
    changed: list[tuple[dict[str, int], dict[str, Any]]] = [
        ({"h": 1}, {"x": x}),
        ({"h": 2}, {"x": x}),
        ({"h": 1}, {"y": x}),
        ({"h": 1}, {"x": x.reshape(2, 2)}),
        ({"h": 1}, {"x": x.view(np.int64)}),
        ({"h": 1}, {"x": np.nextafter(x, 9.0)}),
    ]
    assert len({digest(header, arrays) for header, arrays in changed}) == len(changed)


@pytest.mark.parametrize("name", ["header", "sha256", "x"])
def test_what_cannot_be_stored_is_named(tmp_path: Path, name: str) -> None:
    value = np.array([object()]) if name == "x" else np.zeros(1)
    with pytest.raises(ValueError, match=f"'{name}' cannot be stored: {value.dtype}"):
        save(tmp_path / "a.npz", {}, {name: value})
    assert list(tmp_path.iterdir()) == []


def test_names_on_disk_and_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the program must read them: the file under its temporary name until it is whole."""
    header, seen = {"b": 1, "a": [2.5]}, []
    monkeypatch.setattr(Path, "replace", lambda *given: seen.append(given))
    save(tmp_path / "a.npz", header, {"x": np.arange(2.0)})
    ((written, target),) = seen
    assert (written, target) == (tmp_path / "a.npz.tmp", tmp_path / "a.npz")
    with np.load(written, allow_pickle=False) as file:
        assert sorted(file.files) == ["header", "sha256", "x"]
        assert str(file["header"]) == '{"a": [2.5], "b": 1}'
        assert str(file["sha256"]) == digest(header, {"x": np.arange(2.0)})


def test_the_digest_is_the_same_tomorrow() -> None:
    """Plans and parts stored by earlier runs must be known again."""
    text = b'{"a": 1, "h": [2]}["x", "<f8", [2]]' + np.arange(2.0).tobytes() + b'["y", "<i8", []]' + bytes(8)
    expected = hashlib.sha256(text).hexdigest()
    assert digest({"h": [2], "a": 1}, {"y": np.array(0), "x": [0.0, 1.0]}) == expected


def test_what_comes_back_is_what_was_stored_and_cannot_be_changed(tmp_path: Path) -> None:
    save(tmp_path / "a.npz", {"h": 1}, {"x": [[1, 2]], "y": True, "z": 2.5})
    stored = load(tmp_path / "a.npz")
    assert {name: array.tolist() for name, array in stored.arrays.items()} == {"x": [[1, 2]], "y": True, "z": 2.5}
    assert stored.sha256 == digest({"h": 1}, stored.arrays)
    assert dict(stored.header) == {"h": 1}
    assert not any(array.flags.writeable for array in stored.arrays.values())
    for frozen in (stored.header, stored.arrays):
        with pytest.raises(TypeError):
            frozen["h"] = 1  # type: ignore[index]


@pytest.mark.parametrize("lost", ["header", "sha256", "whole", "none"])
def test_what_is_none_of_ours_is_damage(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "a.npz"
    save(path, {"h": 1}, {"x": np.zeros(2)})
    with np.load(path) as file:
        whole = dict(file)
    if lost == "whole":
        np.save(path.with_suffix(".npy"), np.zeros(2))
        path.with_suffix(".npy").replace(path)
    elif lost == "none":
        path.write_bytes(b"")
    else:
        np.savez(path, **{key: array for key, array in whole.items() if key != lost})
    with pytest.raises(DamagedError, match=r"^a\.npz is damaged$"):
        load(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        load(path)


def test_a_changed_array_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save(path, {"h": 1}, {"x": np.zeros(2)})
    with np.load(path) as file:
        whole = dict(file)
    np.savez(path, **{**whole, "x": np.ones(2)})
    with pytest.raises(DamagedError, match=r"^a\.npz is damaged$"):
        load(path)
