"""A report to write, and what was written."""

from datetime import UTC, datetime
from functools import cache

from moecusp.report import Figure, Plan, Report, Section, Table, Verdict, collect, judge, student
from moecusp.report.figures import canvas, style, svg


def finding(samples=(1.0, 1.01, 0.99, 1.0), **more):
    return judge("a.claim", "the ratio is 1 & <more>", "ratio", student(samples), (0.9, 1.1), **more)


def picture(label="A <line>"):
    with style():
        figure, axes = canvas()
        axes.plot([0, 1], [0, 1], label="a line")
        return svg(figure, label)


@cache
def provenance():
    return collect("python -m demo", 3, datetime.now(UTC))


@cache
def drawn(label):
    return picture(label)


def report():
    return Report(
        title="A title <b>",
        summary="A summary.",
        study="demo",
        profile="quick",
        plan=Plan("0" * 64, "2026-01-01T00:00:00+00:00"),
        provenance=provenance(),
        parameters={"decay": 1.0},
        findings=(finding(), finding([1.0, 1.0], expected=Verdict.INCONCLUSIVE)),
        figures=(Figure("line", "A line", drawn("A <line>"), "Fixed: decay = 1."),),
        tables=(Table("t", "A table", ("a", "b"), (("1", "2 | <i>3</i>"),)),),
        sections=(
            Section("more", "A section", "Its text.", (finding([2.0] * 3),), (Figure("two", "2", drawn("b"), "."),)),
        ),
        notes=("A note.",),
        data={"missing": float("nan"), "deep": [{"x": float("inf")}]},
    )


def contents(top):
    return {p.relative_to(top).as_posix(): p.is_file() and p.read_bytes() for p in sorted(top.rglob("*"))}
