"""The frame of a study: predict and store it, measure part by part, judge, present.

A study is data and functions (`Study`). The order is the frame's, and so is the rule that keeps a study honest: the
run, the judge and the pictures see the plan only as it was stored before the first part began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import moecusp
from moecusp import ParameterError
from moecusp.report import Figure, Finding, Report, Table, check_folder, collect, write
from moecusp.report import Plan as Stored
from moecusp.report.figures import style, svg
from validation.claims import read
from validation.ledger import Run, section
from validation.pool import running
from validation.predictions import Predict, Progress, predicted
from validation.storage import Arrays
from validation.streams import Stream, stream
from validation.work import Plan, discard, keep, kept, opened, part_path, planned, sources, work_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas
    from numpy.typing import ArrayLike

__all__ = [
    "Arrays", "Measured", "Page", "Part", "Picture", "Plan", "Study", "cases", "computing", "execute", "measure",
    "parts_of", "plan_of", "request",
]  # fmt: skip

PACKAGES = (Path(moecusp.__file__).parent, Path(__file__).parent)

Tick = Callable[[int], object]
"""tick(n): n more of a part's size are done."""
Measured = Mapping[str, Arrays]
"""What was measured, by the name of the part."""


class Profile(Protocol):
    """Every fixed number of a run, the accepted bands among them: a frozen dataclass with a name."""

    @property
    def name(self) -> str:
        """Of the profile."""


P = TypeVar("P", bound=Profile)


@dataclass(frozen=True)
class Part:
    """A piece of a run that stands for itself: it may run in any order, anywhere.

    Attributes
    ----------
    name : str
        claim/case; no two parts of a study share it.
    size : int
        Work to do, in units that the parts of a study share (tokens routed).
    run : callable
        run(stream, tick) measures and returns arrays by name. The stream is the part's own, named after it.
    """

    name: str
    size: int
    run: Callable[[Stream, Tick], Mapping[str, ArrayLike]]


@dataclass(frozen=True)
class Picture:
    """A drawing (matplotlib) with its caption."""

    id: str
    title: str
    figure: Canvas
    caption: str


@dataclass(frozen=True)
class Page:
    """What a study shows besides its findings."""

    summary: str
    pictures: tuple[Picture, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study(Generic[P]):
    """A study.

    Attributes
    ----------
    name, title : str
        Its one name (command line, folder, page, tests), and the title of its page.
    profiles : mapping
        smoke, quick and full.
    predict : callable
        predict(profile, seed): everything that is predicted, as arrays by name.
    predictors : tuple of callable
        The same by several, each kept as it ends; empty where it does not take long.
    parts : callable
        parts(profile, plan): the parts of the run.
    judge : callable
        judge(profile, plan, measured): the findings.
    present : callable
        present(profile, plan, measured, findings): the page.
    devices : tuple of str
        What it can compute on; beyond "cpu", a study whose runs are torch's.
    side_by_side : tuple of str
        Profiles whose parts run on the CPU in as many processes as there are cores, unless told otherwise; those of
        others, and on another device, run one after another.
    """

    name: str
    title: str
    profiles: Mapping[str, P]
    predict: Predict[P]
    parts: Callable[[P, Plan], Sequence[Part]]
    judge: Callable[[P, Plan, Measured], tuple[Finding, ...]]
    present: Callable[[P, Plan, Measured, tuple[Finding, ...]], Page]
    predictors: tuple[Predict[P], ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    side_by_side: tuple[str, ...] = ()


def parts_of(study: Study[P], profile: P, plan: Plan, seed: int) -> list[tuple[Part, Stream]]:
    """Return the parts of a run, each with its stream.

    Raises
    ------
    ValueError
        If two parts share a name, or one has a name that is not claim/case.
    """
    found = [(part, stream(study.name, *_words(part.name), seed)) for part in study.parts(profile, plan)]
    names = [part.name for part, _ in found]
    if len(set(names)) < len(names):
        raise ValueError(f"two parts of {study.name} share a name: {sorted(names)}")
    return found


def cases(measured: Measured, claim: str) -> list[Arrays]:
    """Return what the parts claim/0, claim/1, ... of one claim measured, in the order of their cases."""
    found = {name.partition("/")[2]: part for name, part in measured.items() if name.partition("/")[0] == claim}
    return [found[case] for case in sorted(found, key=lambda case: (len(case), case))]


def request(study: Study[P], profile: P, seed: int, device: str = "cpu") -> dict[str, Any]:
    """Return what a run is asked for, and the digest of the sources that will answer: the header of its plan."""
    asked = {"study": study.name, "profile": _plain(profile), "seed": seed, "device": device}
    return {**asked, "sources": sources(PACKAGES)}


@contextmanager
def computing(study: Study[P], device: str) -> Iterator[str]:
    """Let a study compute on a device inside the context; yields what the device is called, "" for the CPU.

    Raises
    ------
    ParameterError
        If the study computes on the CPU only, or torch does not find the device on this machine.
    """
    if device == "cpu":
        yield ""
        return
    if device not in study.devices:
        raise ParameterError("device", device, f"cpu: what {study.name} runs is none of torch's")
    from validation.devices import called, on

    with on(device):
        yield called(device)


def plan_of(
    study: Study[P], profile: P, seed: int, asked: Mapping[str, Any], folder: Path, progress: Progress,
    say: Callable[[str], object],
) -> Plan:  # fmt: skip
    """Return the plan of a request (see `request`): as it was stored, or predicted now."""
    every = study.predictors or (study.predict,)
    return planned(folder, asked, lambda: predicted(every, profile, seed, asked, folder, progress, say))


def measure(
    study: Study[P],
    profile: P,
    plan: Plan,
    seed: int,
    folder: Path,
    progress: Progress,
    say: Callable[[str], object],
    processes: int | None = None,
    device: str = "cpu",
) -> tuple[Measured, str]:
    """Measure what is not kept in the work folder; return all of it as read back, and when the first part began.

    processes: how many parts run at a time, by joblib, in processes unless `joblib.parallel_config` names another
    backend (-1: as many as that has); by default as the study has it.
    """
    todo = parts_of(study, profile, plan, seed)
    found = {part.name: kept(folder, part.name, plan, say) for part, _ in todo}
    done = sum(part.size for part, _ in todo if found[part.name])
    if done:
        say(f"{sum(map(bool, found.values()))} of {len(found)} parts are kept from an interrupted run")
    with progress(study.title, sum(part.size for part, _ in todo), done) as tick:
        left = [(part, source) for part, source in todo if found[part.name] is None]
        several = device == "cpu" and profile.name in study.side_by_side  # others do not compute on the device
        for name, started, arrays in running(left, tick, processes or (-1 if several else 1)):
            found[name] = keep(folder, name, plan, started, arrays)
    stored = {name: each for name, each in found.items() if each is not None}
    return {name: each.arrays for name, each in stored.items()}, min(str(s.header["started"]) for s in stored.values())


def execute(
    study: Study[P],
    profile: P,
    seed: int,
    output: Path,
    *,
    command: str,
    progress: Progress,
    say: Callable[[str], object],
    fresh: bool = False,
    device: str = "cpu",
    processes: int | None = None,
) -> tuple[Report, Path]:
    """Run a study and write its report; return it with the path of its page.

    Parameters
    ----------
    study, profile, seed
        What to run.
    output : Path
        Folder of the report.
    command : str
        For the provenance.
    progress, say : callable
        For the one who waits.
    fresh : bool
        Discard an interrupted run instead of going on with it.
    device : str
        To compute on, one of the study's.
    processes : int, optional
        As for `measure`.

    Raises
    ------
    ParameterError
        Before any work, if the output cannot be written, the device is not there or not the study's, or the work
        folder holds an interrupted run of another study, profile, seed, device or source.
    """
    check_folder(output)
    began = datetime.now(UTC)
    source, asked = collect(command, seed, began), request(study, profile, seed, device)
    folder = work_folder(output)
    with computing(study, device) as accelerator, opened(folder, fresh):
        plan = plan_of(study, profile, seed, asked, folder, progress, say)
        measured, first = measure(study, profile, plan, seed, folder, progress, say, processes, device)
        findings = study.judge(profile, plan, measured)
        page = study.present(profile, plan, measured, findings)
        predicted = Stored(plan.sha256, plan.written)
        report = Report(
            title=study.title,
            summary=page.summary,
            study=study.name,
            profile=profile.name,
            plan=predicted,
            provenance=replace(
                source,
                commit=source.commit if request(study, profile, seed, device) == asked else _changed(source.commit),
                device=f"{accelerator}; {source.device}" if accelerator else source.device,
                seconds=round((datetime.now(UTC) - began).total_seconds(), 1),
            ),
            parameters=_plain(profile),
            findings=findings,
            figures=_rendered(page.pictures),
            tables=page.tables,
            sections=section(read().claims, [Run(study.name, predicted, findings)]),
            notes=(*page.notes, _stated(plan, first)),
            data=page.data,
        )
        written = write(report, output)
        discard(folder)
    return report, written


def _words(name: str) -> tuple[str, str]:
    part_path(Path(), name)  # complains of a bad name
    claim, _, case = name.partition("/")
    return claim, case


def _plain(profile: Any) -> dict[str, Any]:
    """Return a profile as JSON would: tuples as lists."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps(asdict(profile)))
    return plain


def _rendered(pictures: tuple[Picture, ...]) -> tuple[Figure, ...]:
    with style():
        return tuple(Figure(each.id, each.title, svg(each.figure, each.title), each.caption) for each in pictures)


def _changed(commit: str) -> str:
    """Return what to call the sources of a run that began at a commit and saw them change."""
    return commit.removesuffix("+") + "+"


def _stated(plan: Plan, first: str) -> str:
    return f"Plan {plan.sha256} stored at {plan.written}; the first run began at {first}."
