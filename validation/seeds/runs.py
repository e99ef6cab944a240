"""One study at many seeds: each is measured and judged by itself, and kept as one file as it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from moecusp import ParameterError
from moecusp.report import Finding
from moecusp.report import Plan as Stored
from validation.claims import Claim
from validation.ledger import Run, entries
from validation.predictions import silent
from validation.storage import digest, write_text
from validation.studies import Profile, Study, Tick, measure, plan_of, request
from validation.work import discard, opened

P = TypeVar("P", bound=Profile)


class SeedError(Exception):
    """Two seeds measured the same numbers: the seed does not reach the runs, so they are one seed."""


@dataclass(frozen=True)
class Result:
    """What one seed gave.

    Attributes
    ----------
    seed : int
    seconds : float
        That it took, since the last interruption.
    measured : mapping
        Part to the SHA-256 over what it measured.
    claims : mapping
        Claim to its verdict in the ledger.
    findings : mapping
        Id to verdict, estimate, low, high, n, unit, method, accepted, and expected (of a planted control).
    """

    seed: int
    seconds: float
    measured: Mapping[str, str]
    claims: Mapping[str, str]
    findings: Mapping[str, Mapping[str, Any]]


def run(
    study: Study[P],
    profile: P,
    seeds: Sequence[int],
    folder: Path,
    claims: Sequence[Claim],
    bar: Callable[[float], object],
    say: Callable[[str], object],
    fresh: bool = False,
    device: str = "cpu",
) -> list[Result]:
    """Run a study at each seed that the work folder does not have, and return the results of all.

    Parameters
    ----------
    study, profile, seeds
        What to run.
    folder : Path
        Of the work: a file a seed that has ended, and the work folder of the one at work.
    claims : sequence of Claim
        That the ledger of each seed is to judge.
    bar, say : callable
        bar(part) is told what part of one seed has been done since it was last told; say(text) complains.
    fresh : bool
        Discard what the folder holds.
    device : str
        In use, for the record: see `validation.studies.computing`.

    Raises
    ------
    ParameterError
        If the folder holds results of another study, profile or source, or another run is at work in it.
    SeedError
        If two seeds measured the same numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        clear(folder)
    loaded = request(study, profile, 0, device)  # once: what is on disk may change under a long run
    results: list[Result] = []
    for seed in seeds:
        asked = {**loaded, "seed": seed}
        path = folder / f"seed-{seed}.json"
        if path.exists():
            results.append(_read(path, asked))
            bar(1.0)
        else:
            with opened(folder / f"seed-{seed}", fresh=False):
                results.append(_judged(study, profile, seed, folder / f"seed-{seed}", asked, claims, bar, say))
                write_text(path, json.dumps({"request": asked, **asdict(results[-1])}))
                discard(folder / f"seed-{seed}")
        _distinct(results)
    return results


def clear(folder: Path) -> None:
    """Remove what runs have put into a work folder."""
    for path in folder.glob("seed-*"):
        if path.is_dir():
            discard(path)
        else:
            path.unlink()


def _judged(
    study: Study[P],
    profile: P,
    seed: int,
    folder: Path,
    asked: Mapping[str, Any],
    claims: Sequence[Claim],
    bar: Callable[[float], object],
    say: Callable[[str], object],
) -> Result:
    """Predict, measure and judge at one seed."""

    @contextmanager
    def progress(_title: str, size: int, done: int) -> Iterator[Tick]:
        whole = size * (1.0 + 1e-12)  # the sum of rounded parts must not pass the bar's end
        bar(done / whole)
        yield lambda more: bar(more / whole)

    shown: Callable[[str, int, int], AbstractContextManager[Tick]] = progress
    began = time.monotonic()
    plan = plan_of(study, profile, seed, asked, folder, silent, say)
    measured, _ = measure(study, profile, plan, seed, folder, shown, say, device=str(asked["device"]))
    findings = study.judge(profile, plan, measured)
    ledger = entries(claims, [Run(study.name, Stored(plan.sha256, plan.written), findings)])
    return Result(
        seed,
        round(time.monotonic() - began, 1),
        {name: digest({}, arrays) for name, arrays in measured.items()},
        {entry.claim.id: entry.verdict.value for entry in ledger},
        {finding.id: _plain(finding) for finding in findings},
    )


def _plain(finding: Finding) -> dict[str, Any]:
    interval = finding.interval
    ends = (interval.estimate, interval.low, interval.high)
    return {
        "verdict": finding.verdict.value,
        **dict(zip(("estimate", "low", "high"), map(_finite, ends), strict=True)),
        "n": interval.n,
        "unit": interval.unit,
        "method": interval.method,
        "accepted": [float(end) for end in finding.accepted],
        "expected": finding.expected.value if finding.expected else None,
    }


def _finite(value: float) -> float | None:
    return float(value) if abs(value) < float("inf") else None


def _read(path: Path, asked: Mapping[str, Any]) -> Result:
    """Return a result that an earlier run kept."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kept = content.pop("request")
        result = Result(**content)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ParameterError("output", path.name, "what a run has written: this is not; --fresh discards it") from error
    if kept != asked:
        differs = next(key for key in asked if kept.get(key) != asked[key])
        raise ParameterError("output", path.name, f"of the same {differs} as is asked for; --fresh discards it")
    return result


def _distinct(results: Sequence[Result]) -> None:
    *earlier, last = results
    for each in earlier:
        if each.measured == last.measured:
            raise SeedError(f"seeds {each.seed} and {last.seed} measured the same numbers: the runs ignore the seed")
