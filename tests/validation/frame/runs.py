"""Runs of the stub that end early, and what a report says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.validation.stub import STUDY, run


def content(output):
    """Return report.json without what may differ between two runs of one command."""
    found = json.loads((output / "report.json").read_text())
    del found["files"]  # the pages show the times
    for stamp in ("started", "seconds"):
        del found["provenance"][stamp]
    found["notes"] = [note for note in found["notes"] if "stored at" not in note]
    if "plan" in found:
        found["plan"] = found["plan"]["sha256"]
    return found


def interrupted(output, after=2, **more):
    """Run until `after` parts are kept."""
    done: list[str] = []

    def cut(profile, plan):
        def wrapped(part):
            def inner(source, tick):
                if len(done) == after:
                    raise KeyboardInterrupt
                done.append(part.name)
                return part.run(source, tick)

            return replace(part, run=inner)

        return [wrapped(part) for part in STUDY.parts(profile, plan)]

    with pytest.raises(KeyboardInterrupt):
        run(output, study=replace(STUDY, parts=cut), **more)
    return done


def stated(report):
    """Return hash and times that the report states: of the plan, and of the first run."""
    (note,) = [note for note in report.notes if note.startswith("Plan ")]
    words = note.rstrip(".").split()
    return words[1], words[4].rstrip(";"), words[-1]
