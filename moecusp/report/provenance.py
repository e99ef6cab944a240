"""Where a report comes from: commit, versions, machine, seed, time."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import moecusp

_PACKAGES = ("numpy", "scipy", "torch", "scikit-learn", "matplotlib")


@dataclass(frozen=True)
class Provenance:
    """All that is needed to run a report again.

    Attributes
    ----------
    command : str
        The command line.
    seed : int
        From which every random number follows.
    commit : str
        Revision of the source tree, with "+" if it had uncommitted changes; "unknown" outside a checkout.
    versions : dict
        Of Python, moecusp and the packages that compute or draw.
    device : str
        Processor and the number of cores available.
    started : str
        UTC, ISO 8601.
    seconds : float
        From start to the writing of the report.
    """

    command: str
    seed: int
    commit: str
    versions: dict[str, str]
    device: str
    started: str
    seconds: float


def collect(command: str, seed: int, started: datetime) -> Provenance:
    """Return the provenance of a run that began at `started` (timezone-aware) and ends now."""
    now = datetime.now(UTC)
    return Provenance(
        command=command,
        seed=seed,
        commit=_commit(Path(moecusp.__file__).parent),
        versions=_versions(),
        device=f"{_processor()}, {cores()} cores",
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=round((now - started).total_seconds(), 1),
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "moecusp": moecusp.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _commit(folder: Path) -> str:
    def git(*arguments: str) -> str | None:
        try:
            done: Any = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return str(done.stdout).strip()

    # a checkout that merely contains an installed copy is not the copy's revision
    if git("ls-files", "--error-unmatch", "__init__.py") is None:
        return "unknown"
    revision = git("rev-parse", "HEAD")
    return "unknown" if revision is None else revision + ("+" if git("status", "--porcelain") else "")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
