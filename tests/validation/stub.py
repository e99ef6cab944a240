"""A study of nothing, to test the frame with: what is measured is the prediction with noise from the part's stream.

Command: ``python -m tests.validation.stub OUTPUT MOMENT`` runs it and kills itself (SIGKILL) at a moment: while a part
runs ("part"), between writing its file and renaming it ("rename"), between that and the next part ("kept"), in "judge",
or never ("").
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from moecusp.report import Table, Verdict
from validation import work
from validation.studies import Page, Part, Picture, Study, cases, execute


@dataclass(frozen=True)
class Profile:
    name: str = "smoke"
    cases: int = 3
    offset: float = 0.0
    band: tuple[float, float] = (0.9, 1.1)
    control_band: tuple[float, float] = (1.9, 2.1)
    moment: str = ""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def predict(profile, seed):
    return {"value": 2.0, "grid": np.arange(3.0)}


def parts(profile, plan):
    def run(case, source, tick):
        if profile.moment == "part" and case == 1:
            die()
        tick(10)
        noise = source.numpy().normal(size=6)
        return {"value": plan.number("value") + profile.offset + 0.01 * noise, "integer": source.integer() >> 1}

    return [Part(f"values/{case}", 10, partial(run, case)) for case in range(profile.cases)]


def judge_all(profile, plan, measured):
    from moecusp.report import judge, student

    if profile.moment == "judge":
        die()
    ratio = student(np.concatenate([each["value"] for each in cases(measured, "values")]) / plan["value"])
    return (
        judge("stub.value", "The value is 2.", "ratio", ratio, profile.band),
        judge("stub.control", "Planted: it is 1.", "ratio", ratio, profile.control_band, expected=Verdict.REFUTED),
    )


def present(profile, plan, measured, findings):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(plan["grid"], label="grid")
    data = {name: {key: value.tolist() for key, value in part.items()} for name, part in sorted(measured.items())}
    return Page(
        "A stub.",
        (Picture("grid", "Grid", figure, "Fixed: nothing."),),
        (Table("t", "T", ("a",), (("1",),)),),
        (),
        data,
    )


STUDY: Study[Any] = Study(
    "stub", "A stub", {"smoke": Profile(), "quick": Profile("quick", cases=4)}, predict, parts, judge_all, present
)


def run(output, *, profile=None, study=STUDY, seed=0, say=lambda _: None, **more):
    return execute(
        study, profile or Profile(), seed, Path(output), command="stub", say=say,
        progress=lambda _title, _size, _done: nullcontext(lambda _: None), **more,
    )[0]  # fmt: skip


def main() -> None:
    output, moment = sys.argv[1:]
    keep, calls = work.keep, []

    def slain(folder, name, *rest):
        calls.append(name)
        if moment == "rename" and len(calls) == 2:
            Path.replace = lambda *_: die()  # type: ignore[method-assign,assignment]
        stored = keep(folder, name, *rest)
        if moment == "kept" and len(calls) == 2:
            die()
        return stored

    import validation.studies as frame

    frame.keep = slain  # type: ignore[attr-defined]
    judge, inner = STUDY.judge, STUDY.parts
    dying = Profile(moment=moment)

    def judged(profile, *rest):
        return judge(dying, *rest)

    study: Study[Any] = Study(
        "stub", "A stub", STUDY.profiles, predict, lambda _, plan: inner(dying, plan), judged, present
    )
    run(output, study=study)


if __name__ == "__main__":
    main()
