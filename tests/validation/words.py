"""Every word that a study puts on its page and the look of its pictures, as text: `words/NAME.txt` has it.

Numbers with a point, most of them measured, are left out; other tests hold them against what was planted. After a
change of words: ``python -m tests.validation.words NAME``, and read the difference.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

FOLDER = Path(__file__).with_name("words")
_NUMBER = re.compile(r"[-+−]?\d+\.\d+(e[-+]?\d+)?")
TRUTHS = {"digits": "digits_truth", "mean_field": "mean_field_truth", "soft_hard": "soft_hard_truth"}


def words(found, page) -> str:
    """Return the words of the findings and of the page."""
    return "\n".join([*_findings(found), *_page(page)]) + "\n"


def stored_words(name: str) -> str:
    """Return the words that a study is to have."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def _masked(text: str) -> str:
    return _NUMBER.sub("#", text)


def _findings(found) -> Iterator[str]:
    for each in found:
        interval, accepted = each.interval, " to ".join(f"{end:.3g}" for end in each.accepted)
        yield f"{each.id}: {_masked(each.claim)}"
        yield f"    {_masked(each.effect)}, accepted {accepted}; {interval.confidence:g}, {interval.n} {interval.unit}"
        yield f"    {each.verdict.value}, expected {each.expected and each.expected.value}. {_masked(each.explanation)}"
        if each.remedy:
            yield f"    {_masked(each.remedy)}"


def _page(page) -> Iterator[str]:
    yield from ("", _masked(page.summary), *map(_masked, page.notes))
    for table in page.tables:
        yield from ("", f"table {table.id}: {table.title}", _masked(table.caption), " | ".join(table.columns))
        yield from (_masked(" | ".join(row)) for row in table.rows)
    for picture in page.pictures:
        yield from ("", f"picture {picture.id}: {picture.title}", _masked(picture.caption))
        width, height = picture.figure.get_size_inches()
        yield f"{width:g} x {height:g}"
        (axes,) = picture.figure.axes
        for side, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            low, high = getattr(axes, f"get_{side}lim")()
            limits = "free" if getattr(axes, f"get_autoscale{side}_on")() else f"{low:.3g} to {high:.3g}"
            minor = axis.get_minor_locator().__class__.__name__
            yield f"{side}: {axis.get_label_text()}; {axis.get_scale()}, {limits}, {minor}"
            yield f"    {' '.join(axis.get_major_formatter().format_ticks([0.25, 5.0]))}"
        yield f"aspect {axes.get_aspect()}"
        (shown,) = picture.figure.legends
        yield f"legend: {'; '.join(text.get_text() for text in shown.get_texts())}"
        for line in axes.get_lines():
            yield _line(line)
        for patch in (*axes.patches, *axes.collections):
            yield f"    {patch.get_label()}: {patch.__class__.__name__} {_colours(patch)} {patch.get_alpha()}"


def _line(line: Line2D) -> str:
    label = "" if str(line.get_label()).startswith("_") else line.get_label()
    look = f"{to_hex(line.get_color())} {line.get_linestyle()} {line.get_linewidth():g} {line.get_alpha()}"
    mark = f"{line.get_marker()} {line.get_markersize():g} {line.get_markeredgewidth():g}"
    filled = line.get_markerfacecolor()
    return f"    {label}: {look}, {mark} {filled if filled == 'none' else to_hex(filled)}"


def _colours(patch) -> str:
    faces = patch.get_facecolor()
    every = [faces] if isinstance(faces, tuple) else list(faces)
    return " ".join([*(to_hex(each, keep_alpha=True) for each in every), f"{patch.get_linewidth()}"])


def main(names: list[str]) -> None:
    """Write the words of some studies."""
    from tests.validation.planted import stored

    for name in names or TRUTHS:
        truth, study = (
            import_module(f"tests.validation.{TRUTHS[name]}"),
            import_module(f"validation.{name}.study").STUDY,
        )
        if name == "digits":
            plan = truth.planned(Path(mkdtemp()))
            measured = truth.planted()
        else:
            plan = stored(Path(mkdtemp()), study.predict(truth.PROFILE, 0))
            measured = truth.planted(plan)
        found = study.judge(truth.PROFILE, plan, measured)
        page = study.present(truth.PROFILE, plan, measured, found)
        (FOLDER / f"{name}.txt").write_text(words(found, page), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
