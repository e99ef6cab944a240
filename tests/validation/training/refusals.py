"""What `resolve` says of a set that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.training.data.files import DataError
from validation.training.data.resolve import resolve


def refused(name: str, root: Path) -> str:
    """Return what is said, after the set's folder; it names a file."""
    with pytest.raises(DataError) as caught:
        resolve(name, root, whole=False)
    return str(caught.value).removeprefix(f"{root}/")
