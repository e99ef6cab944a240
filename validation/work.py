"""The work folder of a run: its plan, and one file for each part as it ends (docs/studies.md).

It lies beside the output (``report`` and ``report.work``) and is removed once the report stands. Whatever interrupts a
run, the same command goes on from there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from moecusp import ParameterError
from validation.storage import SUFFIX, TEMPORARY, Arrays, DamagedError, Stored, digest, load, save

PLAN, LOCK, PARTS = "plan" + SUFFIX, "lock", "parts"
_PART = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)?")


@dataclass(frozen=True)
class Plan:
    """What was predicted before anything ran, as read back from the work folder; its arrays are read-only.

    Attributes
    ----------
    arrays : mapping
        The predictions by name; `plan["name"]` is short for `plan.arrays["name"]`.
    sha256 : str
        Over study, profile, seed and predictions: the same run makes the same plan.
    written : str
        When it was stored: UTC, ISO 8601.
    """

    arrays: Arrays
    sha256: str
    written: str

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def number(self, name: str) -> float:
        """Return a prediction that is one number."""
        return float(self.arrays[name])


def work_folder(output: Path) -> Path:
    """Return where the work for a report in `output` lies."""
    whole = Path(os.path.abspath(output))
    return whole.with_name(whole.name + ".work")


@contextmanager
def opened(folder: Path, fresh: bool) -> Iterator[None]:
    """Make the folder ready and keep other runs out of it.

    Raises
    ------
    ParameterError
        If it holds what no run puts there, or another run is at work in it.
    """
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and _ours(folder))):
        raise ParameterError("output", folder.name, f"free for the work: what lies in {folder} is not of a run")
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ParameterError("output", folder.name, "that of no other run, and one is at work in it") from error
        if fresh:
            (folder / PLAN).unlink(missing_ok=True)  # first: parts without a plan are nothing
            shutil.rmtree(folder / PARTS)
            (folder / PARTS).mkdir()
        yield


def discard(folder: Path) -> None:
    """Remove the folder of a finished run."""
    shutil.rmtree(folder)


def planned(folder: Path, request: Mapping[str, Any], predict: Callable[[], Mapping[str, ArrayLike]]) -> Plan:
    """Return the stored plan of this request; where there is none, predict, store, and read back.

    Parameters
    ----------
    folder : Path
        The work folder.
    request : mapping
        What was asked for (study, profile, seed) and the digest of the sources that predict.
    predict : callable
        Returns the predictions; called only where no plan is stored.

    Raises
    ------
    ParameterError
        If the stored plan is damaged, or that of another request.
    """
    path = folder / PLAN
    if not path.exists():
        save(path, {**request, "written": now()}, predict())
    try:
        stored = load(path)
    except DamagedError as error:
        raise ParameterError("output", folder.name, f"without the damaged {PLAN}: --fresh discards it") from error
    for key, asked in request.items():
        kept = stored.header.get(key)
        if kept != asked:
            raise ParameterError(
                key, _short(asked), f"{_short(kept)} as in the unfinished run of {folder}; --fresh discards that run"
            )
    return Plan(stored.arrays, plan_digest(stored), str(stored.header["written"]))


def plan_digest(stored: Stored) -> str:
    """Return the SHA-256 of a stored plan, over everything but when it was written and by which sources."""
    header = {key: stored.header[key] for key in ("study", "profile", "seed")}
    return digest(header, stored.arrays)


def part_path(folder: Path, name: str) -> Path:
    """Return the file of a part.

    Raises
    ------
    ValueError
        If the name is not lower-case words, claim/case.
    """
    if not _PART.fullmatch(name):
        raise ValueError(f"part {name!r}: a name is claim/case in lower-case letters, digits and '_.-'")
    return folder / PARTS / (name.replace("/", "@") + SUFFIX)


def kept(folder: Path, name: str, plan: Plan, say: Callable[[str], object]) -> Stored | None:
    """Return a part that an earlier run of this plan finished; None if it is missing, damaged or of another plan."""
    try:
        stored = load(part_path(folder, name))
    except FileNotFoundError:
        return None
    except DamagedError:
        say(f"part {name} is damaged: it is measured again")
        return None
    if (stored.header.get("plan"), stored.header.get("part")) != (plan.sha256, name):
        say(f"part {name} is of another plan: it is measured again")
        return None
    return stored


def keep(folder: Path, name: str, plan: Plan, started: str, arrays: Mapping[str, ArrayLike]) -> Stored:
    """Store what a part measured, and return it as read back."""
    path = part_path(folder, name)
    save(path, {"plan": plan.sha256, "part": name, "started": started}, arrays)
    return load(path)


def sources(packages: tuple[Path, ...]) -> str:
    """Return the SHA-256 over the code and the claims (Python and TOML) of some packages: what predicted and judges."""
    total = hashlib.sha256()
    for package in packages:
        for path in sorted(path for kind in ("*.py", "*.toml") for path in package.rglob(kind)):
            total.update(f"{path.relative_to(package.parent)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def now() -> str:
    """Return the time, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _ours(folder: Path) -> bool:
    ours = {PLAN, PLAN + TEMPORARY, LOCK, PARTS}
    parts = folder / PARTS
    if parts.is_symlink() or not set(os.listdir(folder)) <= ours:
        return False
    return not parts.exists() or all(name.endswith((SUFFIX, SUFFIX + TEMPORARY)) for name in os.listdir(parts))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
