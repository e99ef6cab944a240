"""Arrays on disk: the digest sees every word and bit, and what is damaged or cannot be stored is refused by name."""

from __future__ import annotations

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


def test_a_changed_array_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save(path, {"h": 1}, {"x": np.zeros(2)})
    with np.load(path) as file:
        whole = dict(file)
    np.savez(path, **{**whole, "x": np.ones(2)})
    with pytest.raises(DamagedError, match=r"^a\.npz is damaged$"):
        load(path)
