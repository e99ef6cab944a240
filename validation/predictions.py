"""What a study predicts, subject by subject: each is kept in the work folder as it ends, until the plan stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import ArrayLike

from validation.storage import DamagedError, Stored, load, save
from validation.work import now, part_path

P = TypeVar("P")

Predict = Callable[[P, int], Mapping[str, ArrayLike]]
"""predict(profile, seed): what is predicted, as arrays by name."""
Progress = Callable[[str, int, int], AbstractContextManager[Callable[[int], object]]]
"""progress(title, size, done) is a context that yields a tick: tick(n) says that n more of the size are done."""


def silent(title: str, size: int, done: int) -> AbstractContextManager[Callable[[int], object]]:
    """Show nothing."""
    return nullcontext(lambda n: None)


def joined(every: Iterable[Mapping[str, ArrayLike]]) -> dict[str, ArrayLike]:
    """Return the predictions of all subjects.

    Raises
    ------
    ValueError
        If two predict the same.
    """
    found: dict[str, ArrayLike] = {}
    for each in every:
        if twice := found.keys() & each.keys():
            raise ValueError(f"two subjects predict {sorted(twice)}")
        found |= each
    return found


def predicted(
    predictors: Sequence[Predict[P]],
    profile: P,
    seed: int,
    request: Mapping[str, Any],
    folder: Path,
    progress: Progress,
    say: Callable[[str], object],
) -> Mapping[str, ArrayLike]:
    """Return what all predict.

    Of several, each is stored as it ends, and read back after an interruption if it is of this request (what was asked
    for, and the digest of the sources).
    """
    if len(predictors) == 1:
        return predictors[0](profile, seed)
    found = []
    with progress("Predictions", len(predictors), 0) as tick:
        for number, predict in enumerate(predictors):
            path = part_path(folder, f"predicted/{number}")
            stored = _kept(path, request, say)
            if stored is None:
                save(path, {**request, "written": now()}, predict(profile, seed))
                stored = load(path)
            found.append(stored.arrays)
            tick(1)
    return joined(found)


def _kept(path: Path, request: Mapping[str, Any], say: Callable[[str], object]) -> Stored | None:
    try:
        stored = load(path)
    except FileNotFoundError:
        return None
    except DamagedError:
        say(f"{path.name} is damaged: it is predicted again")
        return None
    if any(stored.header.get(key) != asked for key, asked in request.items()):
        say(f"{path.name} is of another run: it is predicted again")
        return None
    return stored
